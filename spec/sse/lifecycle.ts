/**
 * When a stream begins, and how it ends.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
import {
  acted, append, bare, both, counted, delay, driven, ended, finite, lastChunk, later, live, onBody, onLink, opened,
  played, published, sent, swap,
} from '../bytes.ts'
import type { Chunk, Finding, Link, Room, Rule } from '../model.ts'
import { cited, valueOf } from '../thresholds.ts'
import { askedForStream, forEvery, streams, type Answer, type Exchange } from './exchange.ts'
import { history, unquoted } from './history.ts'
import {
  disconnectDetected, postAbort, resourcesReleased, survives, writeAfterCloseSafe,
} from './lifecycle/departures.ts'
import { endMarker, gracefulShutdown } from './lifecycle/endings.ts'
import { kindOf } from './lines.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const processing = `${html}#sse-processing-model`
const notes = `${html}#authoring-notes`

/** fewer single events say nothing about the slowest of a hundred */
const fewest = 10
/** ms; a stream that ends sooner after its last byte has ended with it */
const idleMs = 500

const as = (role: string, link: Link): Link => ({ ...link, role })
const left = (id: string, role: string, at: number): Link => ({
  ...later(live(role, sent(5, ': connected\n\n')), id, at),
  ended: { at: at + 200, by: 'kit', how: 'window' },
})

const timedAt = Array.from({ length: 12 }, (_, i) => 6100 + 20 * i)
const onTime: readonly Chunk[] = timedAt.map((at, i) => sent(at - 6000 + 5, `data: timed ${i + 1}\n\n`))

const example = driven(
  { endEvent: 'end', drainMs: 2000 },
  [
    acted(3000, 'finish'),
    counted(3100, { subscribers: 0, plays: 0 }),
    counted(3300, { subscribers: 1, plays: 0 }),
    counted(3500, { subscribers: 0, plays: 0 }),
    counted(3700, { subscribers: 1, plays: 0 }),
    counted(3900, { subscribers: 0, plays: 0 }),
    counted(4500, { subscribers: 0, plays: 0, bufferedBytes: 0 }),
    counted(4900, { subscribers: 0, plays: 0 }),
    ...[5050, 5190, 5210].map((at) => published(at, [{ data: `burst ${at}` }])),
    ...timedAt.map((at, i) => published(at, [{ data: `timed ${i + 1}` }])),
    acted(20_000, 'signal'),
  ],
  live('base', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
  live('channel', sent(5, ': connected\n\n')),
  live('quiet', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
  played('posted', [{ data: 'answer' }], 'data: answer\n\n'),
  later(finite('channel', sent(20, 'data: first\n\n'), sent(110, 'event: end\ndata:\n\n')), 'finished-reader', 2900),
  left('fin', 'left', 3200),
  left('rst', 'left', 3600),
  left('churn-1', 'churn', 4100),
  left('churn-2', 'churn', 4200),
  left('aborted', 'aborted', 4600),
  left('torn', 'torn', 5000),
  later(opened('alive'), 'alive', 5300),
  later(as('timed', live('base', ...onTime)), 'timed', 6000),
  later(finite('channel', sent(20, 'data: first\n\n'), sent(1100, 'data: last\n\n')), 'draining', 19_000),
  later(bare('late', {}, '503 Service Unavailable', 'Retry-After: 2', 'Content-Length: 0'), 'late', 20_200),
)

const headersPromptly: Rule<Exchange> = {
  id: 'sse/lifecycle/headers-promptly',
  level: 'advice',
  promisedBy: 'channel',
  clause: processing,
  says: `the head is sent at once, within ${valueOf('head')}, also when there is no event yet`,
  harm: 'EventSource fires "open", and fetch() resolves, with the head: until then nobody knows of the stream',
  fix: 'send the head when the subscription stands: res.flushHeaders() in node:http and Express, or a first comment',
  needs: ['times'],
  check: (exchange) => forEvery(
    askedForStream(exchange).filter((one) => one.head !== undefined || isHang(one, exchange.thresholds.head)),
    `the head within ${cited('head', exchange.thresholds)} of the request`,
    (one) => {
      const after = Math.round((one.head?.at ?? one.link.ended.at) - one.link.openedAt)
      const ok = one.head !== undefined && after <= exchange.thresholds.head
      return { where: one.where, ok, actual: ok ? 'in time' : `${one.head ? 'after' : 'none for'} ${after} ms` }
    },
  ),
  mutants: {
    'with the first event': { edit: onLink('channel', delay('HTTP/1.1', 2500)), fault: 'headWithFirstEvent' },
    'never': { edit: both(onLink('base', () => []), ended('base', 'deadline', 'kit')) },
  },
}

/** The kit waited longer than the bound and nothing came. A target that closed or refused is another matter. */
const isHang = ({ link }: Answer, boundMs: number): boolean =>
  link.ended.by === 'kit' && link.ended.at - link.openedAt > boundMs

/** Streams on which the kit waits for whatever comes. */
const watched = ({ link }: Answer): boolean => ['base', 'ordinary', 'channel', 'quiet'].includes(link.role)

const firstBytes: Rule<Exchange> = {
  id: 'sse/lifecycle/first-bytes',
  level: 'advice',
  clause: notes,
  says: `something follows the head within ${valueOf('first-byte')}, if only a comment`,
  harm: 'intermediaries wait for a first byte before they pass the answer on; the reader sees nothing, not even "open"',
  fix: 'write a comment (": open" and a blank line) right behind the head',
  needs: ['times'],
  check: (exchange) => streams(exchange).filter(watched).flatMap((one): Finding[] => {
    const [first] = one.message.body?.pieces ?? []
    // bytes that the chunk framing hides are another rule's
    if (!one.head || (!first && (!one.isOpen || one.message.faults.length > 0))) return []
    const after = Math.round((first?.at ?? one.link.ended.at) - one.head.at)
    const ok = after <= exchange.thresholds['first-byte']
    if (!first && ok) return []
    return [{
      where: first ? one.place(0, 1) : one.where,
      ok,
      expected: `a first byte within ${cited('first-byte', exchange.thresholds)} of the head`,
      actual: ok ? 'in time' : `${first ? 'after' : 'none for'} ${after} ms`,
    }]
  }),
  mutants: {
    'late': { edit: onBody('quiet', (chunks) => chunks.map((chunk) => ({ ...chunk, at: chunk.at + 2500 }))) },
    'never': { edit: onBody('base', () => []) },
  },
}

const eventLatency: Rule<Exchange> = {
  id: 'sse/lifecycle/event-latency',
  level: 'advice',
  promisedBy: 'publish',
  clause: notes,
  says: `99 of 100 events arrive within ${valueOf('event-latency')} of being published, and three round trips`,
  harm: 'words appear in bursts; progress bars and presence lag behind what has happened',
  fix: 'flush after each event, do not compress or poll, set TCP_NODELAY, and look for a proxy that buffers ' +
    '(X-Accel-Buffering: no)',
  needs: ['times'],
  check: (exchange) => streams(exchange).filter(({ link }) => link.role === 'timed').flatMap((one): Finding[] => {
    const byData = new Map(one.stream.events.map((event) => [unquoted(event.data), event]))
    const samples = history(exchange).flatMap(({ event: { data }, at, doneAt }) => {
      const event = data === undefined ? undefined : byData.get(unquoted(data))
      return event ? [{ after: one.arrival(event.end - 1) - at, trip: doneAt - at }] : []
    })
    if (samples.length < fewest) return []
    const trip = percentile(samples.map((sample) => sample.trip), 50)
    const bound = exchange.thresholds['event-latency'] + 3 * trip
    // what held up the answer to the publish itself, here or there, is no latency of the stream
    const latencies = samples.map((sample) => sample.after - Math.max(0, sample.trip - trip))
    const slow = percentile(latencies, 99)
    const ok = slow <= bound
    return [{
      where: one.where,
      ok,
      expected: `99 of 100 events within ${cited('event-latency', exchange.thresholds)} and three round trips of ` +
        'their publish',
      actual: ok ? 'in time'
        : `half of them within ${halves(percentile(latencies, 50))} s, 99 of 100 within ${halves(slow)} s`,
    }]
  }),
  mutants: {
    'slow': {
      edit: onBody('timed', delay('timed 1\n', 1500)),
      fault: 'latencySlow',
      alsoBreaks: ['sse/resume/no-duplicate', 'sse/resume/many-cycles'],
    },
  },
}

/** Nearest rank: the smallest value that so many percent do not exceed. */
const percentile = (values: readonly number[], percent: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil((percent / 100) * values.length) - 1] ?? 0

/** Seconds, to the half: reports of the same behaviour read the same. */
const halves = (ms: number): string => (Math.round(ms / 500) / 2).toFixed(1)

const staysOpen: Rule<Exchange> = {
  id: 'sse/lifecycle/stays-open',
  level: 'advice',
  clause: notes,
  says: 'a stream stays open while nothing happens on it',
  harm: 'clients come back again and again to a stream that has nothing for them, and miss what happens in between',
  fix: 'take the idle and request timeouts of server, framework and proxy off the route (server.requestTimeout, ' +
    'proxy_read_timeout), and send a comment every 15 s',
  applies: ({ exchanges }) => {
    const seen = exchanges.flatMap(streams).filter(watched)
    return seen.length > 0 && seen.every((one) => endsItself(one)) ? 'the stream is finite' : undefined
  },
  needs: ['times', 'end'],
  check: (exchange) => forEvery(
    streams(exchange).filter((one) => watched(one) && one.link.role !== 'channel' && !endsItself(one)),
    'an open stream',
    (one) => {
      const ok = !isOver(one)
      return {
        where: { ...one.where, at: one.link.ended.at },
        ok,
        actual: ok ? 'one'
          : `closed after ${Math.round(idleFor(one))} ms without a byte, and nothing said that it was over`,
      }
    },
  ),
  mutants: {
    'an idle timeout': {
      edit: both(onLink('quiet', (chunks) => [...chunks, sent(1200, lastChunk)]), ended('quiet', 'complete', 'kit')),
      fault: 'closesWhenIdle',
      alsoBreaks: ['sse/backpressure/recovers', 'sse/heartbeat/interval'],
    },
    'a reset': {
      edit: both(onBody('base', append(0, ': last words\n\n')), ended('base', 'rst')),
      alsoBreaks: ['sse/http1/last-chunk'],
    },
  },
}

const isOver = ({ link, message }: Answer): boolean => link.ended.by === 'target' || message.body?.complete === true

/** ms between the last byte of the body and the end. */
function idleFor(one: Answer): number {
  const last = one.message.body?.pieces.at(-1)?.at ?? one.head?.at ?? one.link.openedAt
  return (one.message.body?.completeAt ?? one.link.ended.at) - last
}

/** It ended with its last event, or after that event had said that it would. */
function endsItself(one: Answer): boolean {
  if (!isOver(one)) return false
  const { type = '', data = '' } = one.stream.events.at(-1) ?? {}
  return idleFor(one) < idleMs || ending.test(type) || ending.test(data.slice(-2000))
}

/** `[DONE]`, `event: end`, `{"type":"message_stop"}`, `{"finish_reason":"stop"}` and their like. */
const ending = new RegExp(`(?:^|[^a-z])(?:${[
  'done', 'end(?:ed)?', 'eo[fs]', 'clos(?:e|ed|ing)', 'finish(?:ed)?', 'completed?', 'stop(?:ped)?', '(?:good)?bye',
  'final', 'error', 'fail(?:ed|ure)', 'timeout', 'abort(?:ed)?', 'cancell?ed', 'terminated?', 'shutdown',
].join('|')})(?:$|[^a-z])`, 'i')

const postStream: Rule<Exchange> = {
  id: 'sse/lifecycle/post-stream',
  level: 'advice',
  promisedBy: 'play',
  clause: processing,
  says: 'an event stream that answers a POST is announced as one: 200 and text/event-stream',
  harm: 'clients over fetch() look at status and type before they parse: they give up, or take the text for JSON',
  fix: 'set status 200 and Content-Type: text/event-stream before the first write, on the branch that streams too',
  applies: ({ kind, method, parts }) => ((kind === 'driven' ? parts.has('play') : method === 'POST')
    ? undefined
    : 'only a target that is asked by POST can show it'),
  needs: ['head', 'request'],
  check: (exchange) => forEvery(
    exchange.answers.filter((one) => one.link.request.method === 'POST' && posted.has(one.link.role) &&
      one.status >= 200 && one.status < 300 && (one.isEventStream || readsLikeEvents(one))),
    '200 and text/event-stream',
    (one) => ({
      where: one.fieldPlace('content-type'),
      ok: one.isEventStream,
      actual: one.isEventStream ? 'that' : `events under ${one.status} and ${one.mimeType?.essence ?? 'no type'}`,
    }),
  ),
  mutants: {
    'typed as JSON': {
      edit: onLink('posted', swap('text/event-stream', 'application/json')),
      fault: 'playAsJson',
      alsoBreaks: ['sse/headers/content-type'],
    },
    'created': { edit: onLink('posted', swap('200 OK', '201 Created')), alsoBreaks: ['sse/status/200'] },
  },
}

const posted: ReadonlySet<string> = new Set(['base', 'quiet', 'play'])

/** Fields with data and nothing else: no JSON and no page looks like that. */
const readsLikeEvents = ({ stream }: Answer): boolean =>
  stream.events.length > 0 && stream.lines.every((line) => kindOf(line) === 'known')

export const lifecycle: Room<Exchange> = {
  id: 'sse/lifecycle',
  clause: processing,
  example,
  rules: [
    headersPromptly, firstBytes, eventLatency, staysOpen, gracefulShutdown, endMarker, disconnectDetected,
    resourcesReleased, writeAfterCloseSafe, postStream, postAbort, survives,
  ],
}
