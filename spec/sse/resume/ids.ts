/**
 * What a request may carry as Last-Event-ID besides the id of a kept event: nothing, an empty one, one that is unknown,
 * expired, of the future, of another channel, beside another in the query, or written by an attacker.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { ended, both, onBody, onLink, swap, drop } from '../../bytes.ts'
import type { Finding, Note, Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { history, resumedFrom, type Published } from '../history.ts'
import { block, blocks, reset } from './example.ts'
import { lastEventIdHeader, withIds } from './replay.ts'
import { arrivals, came, finding, isDriven, isOverload, isSettled, nameOf, patienceMs, replays, returns, type Return } from './returns.ts'

const processing = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model'

/** ms without a head after which a request hangs */
const hangMs = 4000

const isRefusal = ({ status }: Answer): boolean => status >= 400 && status < 500

/** The kit waited for a head, and none came. */
const hangs = ({ head, link }: Answer): boolean =>
  !head && link.ended.by === 'kit' && link.ended.at - link.openedAt >= hangMs

/** The target took the request and closed without an answer. */
const isCut = ({ head, link }: Answer): boolean => !head && link.ended.by === 'target' && link.ended.how !== 'refused'

/** The request was decided: an answer, a hang or a cut. Overload says nothing about ids. */
const isDecided = (answer: Answer): boolean =>
  !isOverload(answer) && (answer.head !== undefined || hangs(answer) || isCut(answer))

const outcomeOf = (answer: Answer): string =>
  answer.head ? `status ${answer.status}` : isCut(answer) ? 'the connection was closed' : `no head in ${hangMs} ms`

/** Indexes of what was published before the request, and came. */
const oldOnes = (answer: Answer, published: readonly Published[]): number[] =>
  arrivals(answer, published.filter(({ doneAt }) => doneAt < answer.link.openedAt))
    .flatMap(({ index }) => (index === undefined ? [] : [index]))

const firstConnect: Rule<Exchange> = {
  id: 'sse/resume/first-connect',
  level: 'interop',
  clause: processing,
  says: 'a request without Last-Event-ID is served',
  harm: 'clients send the header only when they come back: the first connection never opens, and EventSource does not retry',
  fix: 'treat Last-Event-ID as optional: Header(default=None) in FastAPI, req.get() may be undefined in Express',
  applies: withIds,
  check: (exchange) => forEvery(
    ['base', 'first', 'channel'].flatMap((role) => withRole(exchange, role))
      .filter((answer) => resumedFrom(answer) === undefined && (answer.isEventStream || wantsHeader.has(answer.status))),
    'an event stream',
    (answer) => ({
      where: answer.where, ok: answer.isEventStream, actual: answer.isEventStream ? 'one' : `status ${answer.status}`,
    }),
  ),
  mutants: {
    '400 without the header': { edit: onLink('plain-get', swap('200 OK', '400 Bad Request')) },
    'precondition required': { edit: onLink('first', swap('200 OK', '428 Precondition Required')) },
  },
}

/** What servers say to a request that lacks something. */
const wantsHeader: ReadonlySet<number> = new Set([400, 412, 422, 428])

const emptyHeader: Rule<Exchange> = {
  id: 'sse/resume/empty-header',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an empty Last-Event-ID is as good as none',
  harm: 'a client library that always sends the header gets everything from the start, or an error, on its first connection',
  fix: 'test the header for being empty, not for being there; Number("") is 0',
  applies: withIds,
  check: (exchange) => {
    const published = history(exchange)
    const [newcomer] = withRole(exchange, 'newcomer')
    return withRole(exchange, 'empty-id').filter(isDecided).map((answer) => {
      const usual = new Set(newcomer && oldOnes(newcomer, published))
      const old = newcomer?.isEventStream ? oldOnes(answer, published).find((index) => !usual.has(index)) : undefined
      const served = answer.status === 200 || (newcomer !== undefined && answer.status === newcomer.status)
      return finding(answer, 'what a request without it gets', !served ? { actual: outcomeOf(answer) }
        : old === undefined ? undefined : { actual: `event ${quote(nameOf(published, old))} of the past` })
    })
  },
  mutants: {
    'everything again': { edit: onBody('empty', swap(': open\n\n', `: open\n\n${block(1)}`)), fault: 'emptyHeaderReplaysAll' },
    'an error': { edit: onLink('empty', swap('200 OK', '500 Internal Server Error')) },
  },
}

const unknownId: Rule<Exchange> = {
  id: 'sse/resume/unknown-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an id that the target does not know has a documented outcome: live events, everything, an event that says so, or ' +
    'a deliberate 4xx; as declared where it is declared',
  harm: 'a client that was away for long gets 500 for ever, waits for nothing, or goes on without knowing what it lost',
  fix: 'decide what an unknown id means, and document it; parse ids with a fallback, never let the parser throw',
  applies: withIds,
  check: (exchange) => withRole(exchange, 'unknown-id').filter(isDecided).map((answer) => {
    const deliberate = answer.head !== undefined && answer.status < 500
    const wrong = deliberate ? againstDeclaration(exchange, answer) : outcomeOf(answer)
    return finding(answer, promised(exchange), wrong === undefined ? undefined : { actual: wrong })
  }),
  mutants: {
    'a server error': { edit: onLink('unknown', swap('200 OK', '500 Internal Server Error')), fault: 'unknownId500' },
    'no answer': {
      edit: both(onLink('unknown', () => []), hungUp('unknown')), fault: 'unknownIdHangs',
    },
    'not what is declared': { edit: onBody('unknown', drop(reset)) },
  },
}

/** The kit gave that link up after it had waited long enough. */
function hungUp(id: string): ReturnType<typeof ended> {
  const left = ended(id, 'deadline', 'kit')
  return (transcript) => {
    const { links, ...rest } = left(transcript)
    return {
      ...rest,
      links: links.map((link) => (link.id === id ? { ...link, ended: { ...link.ended, at: link.openedAt + hangMs } } : link)),
    }
  }
}

function promised({ declares: { unknownId: outcome } }: Exchange): string {
  if (outcome === undefined) return 'a stream or a deliberate 4xx, in time'
  if (typeof outcome === 'object') return `an event of type ${quote(outcome.event)}`
  return { live: 'live events and none of the past', all: 'all that is kept', error: 'a 4xx' }[outcome]
}

/** What differs from the outcome that the target declares; only where something had been published. */
function againstDeclaration(exchange: Exchange, answer: Answer): string | undefined {
  const { unknownId: outcome } = exchange.declares
  const published = history(exchange).filter(({ doneAt }) => doneAt < answer.link.openedAt)
  // a target that does not read the header fails another rule
  if (outcome === undefined || published.length === 0 || !replays(exchange)) return undefined
  if (outcome === 'error') return isRefusal(answer) ? undefined : `status ${answer.status}`
  if (!answer.isEventStream) return `status ${answer.status}`
  const old = oldOnes(answer, published)
  if (outcome === 'live') return old[0] === undefined ? undefined : `event ${quote(nameOf(published, old[0]))} of the past`
  if (outcome === 'all') return old.includes(published.length - 1) ? undefined : 'not the last one published'
  const { events } = answer.stream
  if (events.some(({ type }) => type === outcome.event)) return undefined
  const waited = events.length > 0 || answer.link.ended.at - answer.link.openedAt >= patienceMs
  return waited ? `types ${[...new Set(events.map(({ type }) => quote(type)))].join(', ') || 'none'}` : undefined
}

const expiredId: Rule<Exchange> = {
  id: 'sse/resume/expired-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'a client whose last event has gone out of the history can tell: an event that says so comes first, or an error',
  harm: 'the client goes on at the oldest kept event and never learns of the hole',
  fix: 'when the id is older than the oldest kept event send a reset event (or a snapshot) first, or answer 4xx',
  applies: (scene) => withIds(scene) ??
    (scene.kind === 'driven' && scene.parts.has('tune') ? undefined : 'only a driver with tune can show it'),
  check: (exchange) => (replays(exchange) ? returns(exchange) : [])
    .filter((one) => one.expired && (one.answer.isEventStream ? isSettled(one) : isRefusal(one.answer)))
    .map((one) => {
      const lost = one.missed.filter((index) => !came(one, index))
      const told = isRefusal(one.answer) || lost.length === 0 || saysSo(exchange, one)
      return finding(one.answer, 'an event that says so before any other, or a 4xx', told ? undefined : {
        event: one.got[0]?.event,
        actual: one.got[0] ? `${quote(nameOf(one.history, one.got[0].index))} first, and no word about the ${lost.length} before it` : 'no event',
      })
    }),
  mutants: { 'silently from the oldest kept event': { edit: onBody('expired', drop(reset)), fault: 'expiredSilently' } },
}

/**
 * An event of the target's own comes before those of the past, or what came is what it declares for such ids. Live ones
 * may have overtaken it: that is the business of another rule.
 */
function saysSo({ declares: { unknownId: outcome } }: Exchange, { answer, missed, history: published }: Return): boolean {
  const past = (index: number | undefined): boolean => index !== undefined && missed.includes(index)
  const all = arrivals(answer, published)
  const first = all.findIndex(({ index }) => past(index))
  const before = all.slice(0, first < 0 ? all.length : first).filter(({ index }) => index === undefined)
  if (typeof outcome === 'object') return before.some(({ event }) => event.type === outcome.event)
  if (before.length > 0) return true
  return (outcome === 'live' && first < 0) || (outcome === 'all' && first >= 0)
}

const futureId: Rule<Exchange> = {
  id: 'sse/resume/future-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an id beyond the newest does not hold back live events',
  harm: 'after a restart that begins to count anew all clients that come back wait for ever on an open stream',
  fix: 'compare ids only to choose what is replayed; send live events whatever the id was',
  applies: withIds,
  check: (exchange) => withRole(exchange, 'future-id').flatMap((answer): Finding[] => {
    const expected = 'live events, as a client beside it gets them'
    if (!answer.isEventStream) return []
    const published = history(exchange)
    const any = isDriven(exchange) ? arrivals(answer, published).some(({ index }) => index !== undefined) : answer.stream.events.length > 0
    if (any) return [finding(answer, expected, undefined)]
    return answer.link.ended.by === 'kit' && missedBeside(exchange, answer) ? [finding(answer, expected, { actual: 'none' })] : []
  }),
  mutants: { 'no live event up to that id': { edit: onBody('future', () => []), fault: 'futureIdBlocksLive' } },
}

/** Another client got an event long before that one was left; not of what it was greeted with. */
function missedBeside(exchange: Exchange, answer: Answer): boolean {
  const settleMs = isDriven(exchange) ? 0 : 300
  return [...withRole(exchange, 'witness'), ...withRole(exchange, 'newcomer')].filter(({ isEventStream }) => isEventStream)
    .some((beside) => {
      const since = Math.max(answer.head?.at ?? 0, beside.head?.at ?? 0) + settleMs
      const until = answer.link.ended.at - patienceMs
      return beside.stream.events.some(({ start, end }) => beside.arrival(start) >= since && beside.arrival(end - 1) <= until)
    })
}

const tenantScope: Rule<Exchange> = {
  id: 'sse/resume/tenant-scope',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an id of one channel reveals nothing of it to a client of another',
  harm: 'whoever knows or guesses an id reads the events of other users',
  fix: 'look the id up among the events of this channel alone: WHERE channel = ? AND id > ?',
  applies: withIds,
  check: (exchange) => {
    const own = new Set(history(exchange, 'sibling').map(({ event }) => event.data))
    const foreign = new Set(history(exchange).map(({ event }) => event.data).filter((data) => !own.has(data)))
    return withRole(exchange, 'sibling').filter((answer) => resumedFrom(answer) !== undefined && answer.head !== undefined)
      .map((answer) => {
        const event = answer.isEventStream ? answer.stream.events.find(({ data }) => foreign.has(data)) : undefined
        return finding(answer, 'no event of the channel that the id is from', event && { event, actual: quote(event.data) })
      })
  },
  mutants: { 'events of the other channel': { edit: onBody('foreign', swap(': open\n\n', `: open\n\n${block(12)}`)), fault: 'foreignChannelReplayed' } },
}

const headerWins: Rule<Exchange> = {
  id: 'sse/resume/header-wins',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'the header wins over an id in the query',
  harm: 'a browser that reconnects repeats the URL unchanged: every reconnect begins again at the id in the query',
  fix: 'read the header first, the query only without it',
  applies: withIds,
  check: (exchange) => {
    const published = history(exchange)
    const indexOf = (id: string | null | undefined): number => published.findLastIndex((one) => one.id === id)
    return withRole(exchange, 'two-ids').flatMap((answer): Finding[] => {
      const header = indexOf(resumedFrom(answer))
      const query = indexOf(new URL(answer.link.request.url).searchParams.get('lastEventId'))
      const got = arrivals(answer, published).flatMap(({ index, event }) => (index === undefined ? [] : [{ index, event }]))
      if (query < 0 || header <= query + 1 || got.length === 0) return []
      // the named event itself is the business of another rule
      const early = got.find(({ index }) => index > query && index < header)
      return [finding(answer, `what follows ${quote(nameOf(published, header))}`,
        early && { event: early.event, actual: `event ${quote(nameOf(published, early.index))}, after the id in the query` })]
    })
  },
  mutants: { 'the query wins': { edit: onBody('two-ids', swap(block(12), blocks(4, 5, 6, 12))), fault: 'queryWins' } },
}

const queryFallback: Note<Exchange> = {
  id: 'sse/resume/query-fallback',
  clause: lastEventIdHeader,
  says: 'an id in the query (lastEventId) may be accepted for clients that cannot set the header',
  record: (exchange) => withRole(exchange, 'query-id').filter(({ isEventStream }) => isEventStream).map((answer) => {
    const published = history(exchange)
    const query = published.findLastIndex(({ id }) => id === new URL(answer.link.request.url).searchParams.get('lastEventId'))
    const follows = arrivals(answer, published).some(({ index = -1 }) => index > query && (published[index]?.doneAt ?? Infinity) < answer.link.openedAt)
    return `lastEventId in the query is ${follows ? 'accepted' : 'not read'}`
  }),
}

export const ids: readonly Rule<Exchange>[] = [firstConnect, emptyHeader, unknownId, expiredId, futureId, tenantScope, headerWins]
export const notes: readonly Note<Exchange>[] = [queryFallback]
export { hangs, isCut, outcomeOf }
