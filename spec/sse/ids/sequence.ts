/**
 * Ids of one event after the other, and of one event on several links.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { both, drop, onBody, swap } from '../../bytes.ts'
import type { Edit, Finding, Rule } from '../../model.ts'
import { isPing } from '../beats.ts'
import { quote, type Answer, type Exchange } from '../exchange.ts'
import { history } from '../history.ts'
import { arrivals, isDriven, told, unplayed, type Arrival } from './arrivals.ts'
import { asked, hasId, identified, idLines, whereGiven, type Identified } from './given.ts'
import { orderOf } from './scheme.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const interpretation = `${html}#event-stream-interpretation`
const lastEventIdHeader = `${html}#the-last-event-id-header`

const mostEvents = 5

/** A finding for each of the first bad events, or one good finding about the stream. */
function withoutEvents<T extends Identified>(
  answer: Answer, bad: readonly T[], expected: string, say: (one: T) => string,
): Finding[] {
  if (bad.length === 0) return [{ where: answer.where, ok: true, expected, actual: 'that' }]
  return bad.slice(0, mostEvents).map((one) =>
    ({ where: answer.eventPlace(one.event), ok: false, expected, actual: say(one) }))
}

/** An id line, whatever is in it: what is wrong there has other rules. */
const hasIdLine = ({ block }: Identified): boolean =>
  block.lines.some(({ kind, name }) => kind === 'field' && name === 'id')

export const onEveryEvent: Rule<Exchange> = {
  id: 'sse/ids/on-every-event',
  level: 'advice',
  promisedBy: 'ids',
  clause: interpretation,
  says: 'on a stream with ids every event has an id of its own',
  harm: 'a client keeps the id of an earlier event: after a reconnect the events behind it come again, or are lost',
  fix: 'give each event that may not be lost or repeated an id where it is logged, not where it is written',
  applies: whereGiven,
  check: (exchange) => {
    const published = history(exchange)
    return told(exchange).flatMap((answer) => {
      if (answer.stream.events.length === 0) return []
      const owed = isDriven(answer, published) ? owedIds(answer, arrivals(answer, published), exchange) : alike(answer)
      if (owed.length === 0) return []
      const bad = owed.filter((one) => !hasIdLine(one))
      return withoutEvents(answer, bad, 'an id line in every event', ({ event }) =>
        `none with ${event.type} ${quote(event.data, 40)}`)
    })
  },
  mutants: {
    'left out once': { edit: onBody('first', drop('id: 2\n')), fault: 'idMissingSometimes' },
    'left out once, on any stream': { edit: onBody('base', drop('id: 8\n')) },
  },
}

/** Published events that are to have an id: all where the target gives them, else those published with one. */
function owedIds(answer: Answer, came: readonly Arrival[], { declares }: Exchange): Arrival[] {
  const promised = declares.ids === 'client' || declares.ids === 'server'
  if (!promised && idLines(answer).length === 0) return []
  return came.filter(({ published: { id } }) => declares.ids === 'server' || Boolean(id && !/[\0\r\n]/.test(id)))
}

/**
 * Of a stream that nobody drives: the events of types that have ids, from the first one with an id. Types that never
 * have one (greetings, progress) are not meant to be resumed, nor is what says no more than "alive" or "done".
 */
function alike(answer: Answer): Identified[] {
  const all = identified(answer)
  const typesWithId = new Set(all.filter(hasId).map(({ event }) => event.type))
  const first = all.findIndex(hasId)
  const last = answer.isOpen ? undefined : all.at(-1)
  const isMeant = ({ type, data }: Identified['event']): boolean =>
    typesWithId.has(type) && !isPing(data) && data !== '[DONE]'
  return first < 0 ? [] : all.slice(first).filter((one) => hasId(one) || (isMeant(one.event) && one !== last))
}

export const unique: Rule<Exchange> = {
  id: 'sse/ids/unique',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'no id is used for two different events, and no event is sent twice',
  harm: 'a client that comes back with such an id names two places: events are repeated, or lost',
  fix: 'take ids from one counter or log; milliseconds, or an id for a whole batch, are not unique',
  applies: whereGiven,
  check: (exchange) => {
    const published = history(exchange)
    const twice = givenTwice(exchange)
    const seen = new Map<string, number>()
    return unplayed(exchange).flatMap((answer) => {
      const ids = identified(answer).filter(hasId).filter(({ id }) => !twice.has(id))
      if (ids.length === 0) return []
      const came = new Map(arrivals(answer, published).map(({ event, index }) => [event, index]))
      const here = new Map<string, Identified>()
      const doubled = doubles(ids.filter(({ event }) => came.get(event) === undefined))
      const bad = ids.filter((one) => {
        const before = here.get(one.id)
        if (!before) here.set(one.id, one)
        // across links only events that the kit knows compare: what a replay makes of them has rules of its own
        const index = came.get(one.event)
        const elsewhere = seen.get(one.id)
        if (index !== undefined && elsewhere === undefined) seen.set(one.id, index)
        const isElsewhere = index !== undefined && elsewhere !== undefined && elsewhere !== index
        return isElsewhere || (before && isOther(before, one)) || doubled.has(one)
      })
      return withoutEvents(answer, bad, 'an id that no other event has', (one) =>
        `id ${quote(one.id, 40)} again, with ${doubled.has(one) ? 'the same ' : ''}${one.event.type} ${quote(one.event.data, 40)}`)
    })
  },
  mutants: {
    'the id of the event before': { edit: onBody('base', swap('id: 8', 'id: 7')) },
    'each event twice': {
      edit: onBody('base', swap('id: 8\ndata: b\n\n', ['8\ndata: b', '9\ndata: c', '10\ndata: d'].map((event) => `id: ${event}\n\n`.repeat(2)).join(''))),
    },
    'two events of one batch': {
      edit: onBody('first', swap('id: 3', 'id: 2')), fault: 'idsDuplicated', alsoBreaks: ['sse/ids/stable'],
    },
    'counted anew for each link': {
      edit: onBody('back', swap('id: 2', 'id: 1')), alsoBreaks: ['sse/ids/stable', 'sse/resume/same-content'],
    },
  },
}

/** events that come right behind themselves, before that is no accident any more */
const fewestDoubles = 3

/** Most events come right behind themselves, once; a state that is told again and again is another matter. */
function doubles(ids: readonly Identified[]): ReadonlySet<Identified> {
  const again = ids.filter((one, i) => {
    const before = ids[i - 1]
    return before !== undefined && before.id === one.id && !isOther(before, one)
  })
  const names = new Set(again.map(({ id }) => id))
  const isMost = names.size >= fewestDoubles && 2 * again.length >= ids.length - 1
  return new Set(isMost && names.size === again.length ? again : [])
}

const isOther = ({ event: a }: Identified, { event: b }: Identified): boolean => a.type !== b.type || a.data !== b.data

/** Ids under which the kit itself published more than one event. */
function givenTwice(exchange: Exchange): Set<string> {
  const byId = Map.groupBy(asked(exchange).filter(({ answer }) => !answer), ({ event }) => event.id ?? '')
  return new Set([...byId].filter(([, all]) => new Set(all.map(({ event }) => event.data)).size > 1).map(([id]) => id))
}

/** Other ids for the two events that have one. */
const pair = (first: string, second: string): Edit =>
  both(onBody('base', swap('id: 7', `id: ${first}`)), onBody('base', swap('id: 8', `id: ${second}`)))

export const ordered: Rule<Exchange> = {
  id: 'sse/ids/ordered',
  level: 'advice',
  clause: interpretation,
  says: 'ids that look ordered (integers, ULIDs, times) never go backwards on a connection',
  harm: 'a server that replays what is greater than Last-Event-ID leaves out events, or sends them twice',
  fix: 'give the id where events get their order, under the same lock or by the log, not in each producer',
  applies: whereGiven,
  check: (exchange) => {
    const published = history(exchange)
    return told(exchange).flatMap((answer): Finding[] => {
      const came = arrivals(answer, published).filter(({ event }) => !/^"?sync-\d+"?$/.test(event.data))
      if (!isAscending(came, exchange)) return []
      const ids = (isDriven(answer, published) ? came : identified(answer)).filter(hasId)
      const order = orderOf(ids.map(({ id }) => id))
      if (!order) return []
      const bad = ids.slice(order.backwards).slice(0, order.backwards < 0 ? 0 : 1)
      return withoutEvents(answer, bad, `${order.says} that never go backwards`, ({ id }) =>
        `${quote(id)} after ${quote(ids[order.backwards - 1]?.id ?? '')}`)
    })
  },
  mutants: {
    'an integer': { edit: onBody('base', swap('id: 8', 'id: 6')) },
    'a pair of integers': { edit: pair('1700-2', '1700-1') },
    'a ULID': { edit: pair('01HF7YAT4Z00000000000000ZZ', '01HF7YAT4Y00000000000000ZZ') },
    'a UUID of version 7': {
      edit: pair('018bcfe5-689f-7000-8000-000000000000', '018bcfe5-689e-7fff-8000-000000000000'),
    },
    'a time': { edit: pair('2026-11-22T12:00:01Z', '2026-11-22T12:00:00Z'), alsoBreaks: ['sse/ids/cors-safe-bytes'] },
    'on a channel': {
      edit: onBody('first', swap('id: 3', 'id: 0')), fault: 'idsBackwards', alsoBreaks: ['sse/ids/stable'],
    },
  },
}

/**
 * The events came in the order in which they were published, one batch after the other, and ids that the kit gave them
 * go that way too. Where batches overlapped nobody can say; an order of events that is wrong has other rules.
 */
function isAscending(came: readonly Arrival[], { declares }: Exchange): boolean {
  if (came.some(({ index }, i) => index <= (came[i - 1]?.index ?? -1))) return false
  if (declares.ids === 'server') return true
  const overlap = came.some(({ published }, i) => {
    const before = came[i - 1]?.published
    return before && before.at !== published.at && before.doneAt > published.at
  })
  const given = came.flatMap(({ published: { event } }) => event.id ?? [])
  const order = given.length === 0 ? undefined : orderOf(given)
  return !overlap && (given.length === 0 || order?.backwards === -1)
}

export const stable: Rule<Exchange> = {
  id: 'sse/ids/stable',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an event has the same id for every subscriber, and when it is replayed',
  harm: 'an id names one event here and another on the next connection: a client that comes back gets the wrong rest',
  fix: 'give the id once, when the event is logged, not for each connection',
  applies: whereGiven,
  check: (exchange) => {
    const published = history(exchange)
    const came = unplayed(exchange).flatMap((answer) => arrivals(answer, published).filter(hasId))
    return [...Map.groupBy(came, ({ index }) => index).values()].flatMap((same): Finding[] => {
      const [first, ...others] = same
      if (!first || new Set(same.map(({ answer }) => answer)).size < 2) return []
      const other = others.find(({ id }) => id !== first.id)
      return [{
        where: (other ?? first).answer.eventPlace((other ?? first).event),
        ok: other === undefined,
        expected: `the id that the event ${quote(first.event.data, 40)} has on other links: ${quote(first.id)}`,
        actual: other ? quote(other.id) : 'that',
      }]
    })
  },
  mutants: {
    'counted for each connection': {
      edit: onBody('second', swap('id: 3', 'id: 9')), fault: 'idPerConnection', alsoBreaks: ['sse/resume/same-content'],
    },
    'another one in the replay': {
      edit: onBody('back', swap('id: 2', 'id: 9')), alsoBreaks: ['sse/resume/same-content'],
    },
  },
}
