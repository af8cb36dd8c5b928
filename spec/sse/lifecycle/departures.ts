/**
 * What a server does about clients that leave, in time or out of it.
 * https://www.rfc-editor.org/rfc/rfc9112#section-9.5
 */
import { both, ended, onAct, onLink } from '../../bytes.ts'
import type { Act, Finding, Link, Rule } from '../../model.ts'
import { cited, valueOf } from '../../thresholds.ts'
import { forEvery, withRole, type Exchange } from '../exchange.ts'
import { around, countsOf } from '../stats.ts'

const closing = 'https://www.rfc-editor.org/rfc/rfc9112#section-9.5'

/** ms without an answer after which a server is taken for dead */
const answerMs = 2000
/** bytes; what other links of a run may have pending while this is looked at */
const pendingBytes = 32 * 1024 * 1024

const stats = (subscribers: number, plays = 0, bufferedBytes = 0): { readonly body: string } =>
  ({ body: JSON.stringify({ subscribers, plays, sockets: 0, bufferedBytes }) })

/** What is asked again and again is answered a moment after it has come true. */
const pollMs = 100

const isInTime = ({ thresholds }: Exchange, ms: number): boolean => ms <= thresholds['leave-noticed'] + pollMs

const inTime = ({ thresholds }: Exchange, of: string): string =>
  `within ${cited('leave-noticed', thresholds)} of ${of}`

export const disconnectDetected: Rule<Exchange> = {
  id: 'sse/lifecycle/disconnect-detected',
  level: 'should',
  promisedBy: 'stats',
  clause: closing,
  says: `a client that leaves, by FIN or by RST, is not counted any more within ${valueOf('leave-noticed')}`,
  harm: 'streams to nobody pile up, each with its timers and buffers, until a write fails or no socket is left',
  fix: 'unsubscribe on "close" of the response (node:http, Express: res.on("close")), or when the generator is ' +
    'cancelled (FastAPI)',
  check: (exchange) => {
    const counts = countsOf(exchange)
    return withRole(exchange, 'left').flatMap(({ where, isEventStream, link }): Finding[] => {
      const [before] = around(counts, link.openedAt)
      const [during] = around(counts, link.ended.at)
      const [, after] = around(counts, link.ended.at)
      const base = before?.subscribers ?? 0
      // a target that never counted this client cannot show that it has noticed
      if (!isEventStream || during?.subscribers === undefined || during.subscribers <= base) return []
      if (after?.subscribers === undefined) return []
      const ok = after.subscribers <= base && isInTime(exchange, after.at - link.ended.at)
      return [{
        where: { ...where, at: link.ended.at },
        ok,
        expected: `${base} subscribers ${inTime(exchange, `the ${link.ended.how === 'abort' ? 'RST' : 'FIN'}`)}`,
        actual: ok ? 'that' : after.subscribers <= base ? 'later' : `${after.subscribers} subscribers`,
      }]
    })
  },
  mutants: {
    'the end unnoticed': {
      edit: onAct('stats', 3500, stats(1)),
      fault: 'disconnectUnnoticed',
      alsoBreaks: ['sse/lifecycle/resources-released', 'sse/lifecycle/post-abort'],
    },
    'the reset unnoticed': { edit: onAct('stats', 3900, stats(1)) },
  },
}

export const resourcesReleased: Rule<Exchange> = {
  id: 'sse/lifecycle/resources-released',
  level: 'advice',
  promisedBy: 'stats',
  clause: closing,
  says: 'after many clients have come and gone nothing is left of them: no subscriber, and no bytes that wait for one',
  harm: 'memory and timers grow with every page view, and the server dies of visitors it has long lost',
  fix: 'whatever a subscription takes (timer, listener, queue, place in a set) is given back in one function, called ' +
    'from every way out',
  check: (exchange) => {
    const churn = withRole(exchange, 'churn').filter(({ isEventStream }) => isEventStream)
    const from = Math.min(...churn.map(({ link }) => link.openedAt))
    const to = Math.max(...churn.map(({ link }) => link.ended.at))
    const [before, after] = around(countsOf(exchange), from, to)
    const [first] = churn
    if (!first || before?.subscribers === undefined || after?.subscribers === undefined) return []
    const kept = after.subscribers - before.subscribers
    const waiting = (after.bufferedBytes ?? 0) - (before.bufferedBytes ?? 0)
    return [{
      where: { link: first.link.id, at: to },
      ok: kept <= 0 && waiting <= pendingBytes,
      expected: `no more subscribers than before ${churn.length} clients came and went, and nothing waiting for them`,
      actual: kept > 0 ? 'more subscribers' : waiting > pendingBytes ? `${waiting} bytes more` : 'that',
    }]
  },
  mutants: {
    'subscribers left behind': { edit: onAct('stats', 4500, stats(2)), fault: 'resourcesLeaked' },
    'queues left behind': { edit: onAct('stats', 4500, stats(0, 0, 64 * 1024 * 1024)) },
  },
}

export const postAbort: Rule<Exchange> = {
  id: 'sse/lifecycle/post-abort',
  level: 'advice',
  promisedBy: 'stats',
  clause: closing,
  says: `the work behind a stream stops within ${valueOf('leave-noticed')} when its reader aborts`,
  harm: 'an answer nobody reads is generated to its end, and paid for',
  fix: 'hand an AbortSignal to the producer and abort it on "close" of the response; in FastAPI let the cancellation ' +
    'of the generator through instead of catching it',
  check: (exchange) => {
    const counts = countsOf(exchange)
    return withRole(exchange, 'aborted').flatMap((one): Finding[] => {
      const [before] = around(counts, one.link.openedAt)
      const [, after] = around(counts, one.link.ended.at)
      if (!one.isEventStream || !one.isOpen || !before || !after) return []
      const ok = after.plays <= before.plays && isInTime(exchange, after.at - one.link.ended.at)
      return [{
        where: { ...one.where, at: one.link.ended.at },
        ok,
        expected: `no more plays than before, ${inTime(exchange, 'the abort')}`,
        actual: ok ? 'that' : after.plays <= before.plays ? 'later' : `${after.plays - before.plays} more`,
      }]
    })
  },
  mutants: { 'the work goes on': { edit: onAct('stats', 4900, stats(0, 1)), fault: 'postWorkGoesOn' } },
}

/** The connection broke, or nothing came for long; not the end of the kit's own patience. */
const isDecided = ({ at, doneAt, body }: Act): boolean => !/timeout/i.test(body) || doneAt - at >= answerMs

/** A server that is gone breaks whatever is looked at afterwards. */
const deadServer = [
  'sse/lifecycle/stays-open', 'sse/lifecycle/headers-promptly', 'sse/http1/last-chunk', 'sse/http1/host-required',
  'sse/http1/host-once', 'sse/concurrency/many-streams', 'sse/concurrency/streams-independent',
  'sse/backpressure/isolation', 'sse/resume/unknown-id', 'sse/resume/hostile-id', 'sse/status/head',
  'sse/status/options',
] as const

export const writeAfterCloseSafe: Rule<Exchange> = {
  id: 'sse/lifecycle/write-after-close-safe',
  level: 'advice',
  promisedBy: 'publish',
  clause: closing,
  says: 'writes to clients that are gone harm nobody: publishing goes on, and the server answers',
  harm: 'one reader who closes a laptop at the wrong moment takes down everybody\'s stream',
  fix: 'listen for "error" on every response, test writableEnded and destroyed before a write, and catch per client, ' +
    'never around the whole fan-out',
  check: (exchange) => {
    const gone = exchange.answers.filter(({ isEventStream, link }) => isEventStream && link.ended.by === 'kit')
    const from = Math.min(...gone.map(({ link }) => link.ended.at))
    const burst = exchange.acts.filter((act) =>
      act.kind === 'publish' && act.at >= from && (act.status > 0 || isDecided(act)))
    const [first] = gone
    if (!first || burst.length === 0) return []
    const ok = burst.every(({ status }) => status > 0 && status < 500)
    return [{
      where: { link: first.link.id, at: from },
      ok,
      expected: 'an answer to every publish after a reader has left',
      actual: ok ? 'that' : burst.some(({ status }) => status >= 500) ? 'errors' : 'none to some',
    }]
  },
  mutants: {
    'it crashes': {
      edit: onAct('publish', 5210, { status: 0, body: '' }),
      fault: 'crashOnWriteAfterClose',
      alsoBreaks: deadServer,
    },
    'it fails': { edit: onAct('publish', 5210, { status: 500, body: 'write after end' }) },
  },
}

export const survives: Rule<Exchange> = {
  id: 'sse/lifecycle/survives',
  level: 'advice',
  promisedBy: 'channel',
  clause: closing,
  says: 'the server still answers after what a client did to it',
  harm: 'anybody on the network can end the service for all the others',
  fix: 'look at what came before in the report: an exception that nobody catches, a lock that nobody gives back, or ' +
    'a worker that waits for a client who is gone',
  umbrella: true,
  check: (exchange) => alive(exchange),
  mutants: {
    'no connection': {
      edit: both(onLink('alive', () => []), ended('alive', 'refused')),
      fault: 'crashOnWriteAfterClose',
      alsoBreaks: ['sse/lifecycle/write-after-close-safe', ...deadServer],
    },
    'silence': { edit: both(onLink('alive', () => []), ended('alive', 'deadline', 'kit', 8000)) },
  },
}

const waitedFor = ({ ended: { at }, openedAt }: Link): number => at - openedAt

/** Requests that only ask whether somebody is there. What they are answered is another matter. */
function alive(exchange: Exchange): Finding[] {
  const asked = withRole(exchange, 'alive').filter(({ head, link }) =>
    link.ended.how !== 'abort' && (head !== undefined || link.ended.by === 'target' || waitedFor(link) >= answerMs))
  return forEvery(asked, 'an answer to an ordinary request', (one) => {
    const ok = one.head !== undefined && (one.status < 500 || one.status === 503)
    const { where, head, status, link } = one
    return { where, ok, actual: ok ? 'one' : head ? `status ${status}` : `none (${link.ended.how})` }
  })
}
