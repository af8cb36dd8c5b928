/**
 * What a request may carry as Last-Event-ID besides the id of a kept event: nothing, an empty one, one that is unknown,
 * expired, of the future, of another channel, beside another in the query, or written by an attacker.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { onBody, onLink, swap } from '../../bytes.ts'
import type { Finding, Note, Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Exchange } from '../exchange.ts'
import { history, resumedFrom } from '../history.ts'
import { block, blocks } from './example.ts'
import { isDecided, oldOnes, outcomeOf } from './outcomes.ts'
import { lastEventIdHeader, withIds } from './replay.ts'
import { arrivals, finding, nameOf } from './returns.ts'
import { expiredId, futureId, unknownId } from './unknown.ts'

const processing = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model'

const firstConnect: Rule<Exchange> = {
  id: 'sse/resume/first-connect',
  level: 'interop',
  clause: processing,
  says: 'a request without Last-Event-ID is served',
  harm: 'clients send the header only when they come back: the first connection never opens, and EventSource does ' +
    'not retry',
  fix: 'treat Last-Event-ID as optional: Header(default=None) in FastAPI, req.get() may be undefined in Express',
  applies: withIds,
  check: (exchange) => forEvery(
    ['base', 'first', 'channel'].flatMap((role) => withRole(exchange, role))
      .filter((answer) => resumedFrom(answer) === undefined)
      .filter((answer) => answer.isEventStream || wantsHeader.has(answer.status)),
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
  harm: 'a client library that always sends the header gets everything from the start, or an error, on its first ' +
    'connection',
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
    'everything again': {
      edit: onBody('empty', swap(': open\n\n', `: open\n\n${block(1)}`)), fault: 'emptyHeaderReplaysAll',
    },
    'an error': { edit: onLink('empty', swap('200 OK', '500 Internal Server Error')) },
  },
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
    return withRole(exchange, 'sibling')
      .filter((answer) => resumedFrom(answer) !== undefined && answer.head !== undefined)
      .map((answer) => {
        const event = answer.isEventStream ? answer.stream.events.find(({ data }) => foreign.has(data)) : undefined
        const wrong = event && { event, actual: quote(event.data) }
        return finding(answer, 'no event of the channel that the id is from', wrong)
      })
  },
  mutants: {
    'events of the other channel': {
      edit: onBody('foreign', swap(': open\n\n', `: open\n\n${block(12)}`)), fault: 'foreignChannelReplayed',
    },
  },
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
      const got = arrivals(answer, published)
        .flatMap(({ index, event }) => (index === undefined ? [] : [{ index, event }]))
      if (query < 0 || header <= query + 1 || got.length === 0) return []
      // the named event itself is the business of another rule
      const early = got.find(({ index }) => index > query && index < header)
      return [finding(answer, `what follows ${quote(nameOf(published, header))}`, early && {
        event: early.event, actual: `event ${quote(nameOf(published, early.index))}, after the id in the query`,
      })]
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
    const named = new URL(answer.link.request.url).searchParams.get('lastEventId')
    const query = published.findLastIndex(({ id }) => id === named)
    const follows = oldOnes(answer, published).some((index) => index > query)
    return `lastEventId in the query is ${follows ? 'accepted' : 'not read'}`
  }),
}

export const ids: readonly Rule<Exchange>[] = [
  firstConnect, emptyHeader, unknownId, expiredId, futureId, tenantScope, headerWins,
]
export const notes: readonly Note<Exchange>[] = [queryFallback]
