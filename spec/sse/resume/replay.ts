/**
 * What a client gets that comes back with the id of its last event: what it missed, once, in order, unchanged.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { append, drop, onBody, swap } from '../../bytes.ts'
import type { Rule, Scene } from '../../model.ts'
import { quote, withRole, type Exchange } from '../exchange.ts'
import { history, resumedFrom } from '../history.ts'
import { block, blocks } from './example.ts'
import {
  arrivals, came, finding, isAgain, isDriven, isSettled, nameOf, overlaps, owed, replays, type Overlap, type Return,
} from './returns.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
export const lastEventIdHeader = `${html}#the-last-event-id-header`
const interpretation = `${html}#event-stream-interpretation`

/** Resuming needs ids: on any URL one that was seen, on a driver those that it takes or gives. */
export function withIds({ kind, parts, declares, exchanges }: Scene<Exchange>): string | undefined {
  if (kind === 'driven') {
    if (!parts.has('channel') || !parts.has('publish')) return 'the target does not offer channel and publish'
    return declares.ids === 'none' ? 'the target declares that its events have no ids' : undefined
  }
  const seen = exchanges.flatMap(({ answers }) => answers).some((answer) =>
    answer.isEventStream && answer.stream.lines.some(({ name, value }) => name === 'id' && value !== ''))
  return seen ? undefined : 'no event with an id was seen'
}

/** Only a returning client that got something, or was open when something newer came, shows what it did not get. */
const served = (exchange: Exchange): Return[] => owed(exchange).filter(({ answer }) => answer.isEventStream)

const isServed = ({ arrivals: came }: Overlap): boolean => came.length > 0
const isCompared = ({ arrivals: came }: Overlap): boolean => came.length > 1

const listed = ({ history: published }: Return, indexes: readonly number[]): string =>
  indexes.slice(0, 6).map((index) => quote(nameOf(published, index))).join(', ') + (indexes.length > 6 ? ', …' : '')

const honoursLastEventId: Rule<Exchange> = {
  id: 'sse/resume/honours-last-event-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'a client that comes back with the id of an event gets the events after that one',
  harm: 'everything that happened while the client was away is lost, without a sign',
  fix: 'keep the last events; when a request has Last-Event-ID (req.get("last-event-id"), request.headers in ' +
    'FastAPI) send what follows that id before anything live',
  applies: withIds,
  check: (exchange) => [
    ...owed(exchange)
      // what another client had been sent is the business of after-partial-event
      .filter((one) => one.unsent.length > 0 && (one.answer.head ? !one.answer.isEventStream || isSettled(one) : false))
      .map((one) => finding(
        one.answer,
        `the events after ${quote(nameOf(one.history, one.from))}: ${listed(one, one.missed)}`,
        one.missed.some((index) => came(one, index)) ? undefined
          : { actual: one.answer.isEventStream ? 'none of them' : `status ${one.answer.status}` },
      )),
    ...overlaps(exchange).map(({ answer, seen, named, arrivals: came, earlier }) => {
      // the first event of a connection may be a greeting
      const anew = came.slice(0, 2).find((one) => one.ownId !== named && isAgain(seen.get(one.ownId), one)) ?? earlier
      return finding(answer, `events after ${quote(named)}`, anew && {
        event: anew.event, actual: `event ${quote(anew.ownId)} again, which came before that one`,
      })
    }),
  ],
  mutants: {
    'live events only': { edit: onBody('back', drop(blocks(3, 4, 5))), fault: 'lastEventIdIgnored' },
  },
}

const exclusive: Rule<Exchange> = {
  id: 'sse/resume/exclusive',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'the event that Last-Event-ID names is not sent again',
  harm: 'a client that appends what it gets shows the last event twice after every reconnect',
  fix: 'send what comes after the id: ">" and not ">=", slice(index + 1)',
  applies: withIds,
  check: (exchange) => [
    ...served(exchange).map((one) => finding(
      one.answer,
      `nothing up to ${quote(nameOf(one.history, one.from))} again`,
      one.got.filter(({ index }) => index <= one.from).slice(0, 1)
        .map(({ event, index }) => ({ event, actual: `event ${quote(nameOf(one.history, index))} again` }))[0],
    )),
    ...overlaps(exchange).filter(isServed).map(({ answer, seen, named, arrivals: came }) => {
      // a target that begins anew does not honour the header at all
      const again = came.slice(0, 2).find((one) => one.ownId === named && isAgain(seen.get(named), one))
      const wrong = again && { event: again.event, actual: 'that event again' }
      return finding(answer, `event ${quote(named)} not again`, wrong)
    }),
  ],
  mutants: {
    'the named event again': {
      edit: onBody('back', swap(block(3), blocks(2, 3))), fault: 'replayInclusive',
      // who has seen everything is sent the last event for ever
      alsoBreaks: ['sse/status/204-to-stop'],
    },
  },
}

const noGap: Rule<Exchange> = {
  id: 'sse/resume/no-gap',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'no event is missing between the named one and the live ones, also while publishing goes on',
  harm: 'an event that is published in the moment of a reconnect is lost, and nobody can tell',
  fix: 'subscribe first and hold live events back, then read the history, then send what was held back without what ' +
    'the history had; or do all of it in one synchronous step',
  applies: withIds,
  check: (exchange) => [...gapsSeen(exchange), ...(replays(exchange) ? served(exchange) : [])
    // nothing of what was missed came: that is no gap, the header had no effect
    .filter((one) => one.missed.some((index) => came(one, index)))
    .map((one) => {
      const last = Math.max(...one.got.map(({ index }) => index))
      // what another client had been sent is the business of after-partial-event
      const sent = new Set(one.missed.filter((index) => !one.unsent.includes(index)))
      const lost = one.history.flatMap(({ event }, i) =>
        (i > one.from && i < last && event.data !== undefined && !sent.has(i) && !came(one, i) ? [i] : []))
      const after = one.got.find(({ index }) => index > (lost[0] ?? Infinity))
      const [start, end] = [one.from, last].map((index) => quote(nameOf(one.history, index)))
      return finding(one.answer, `every event from ${start} to ${end}`,
        lost.length > 0 ? { event: after?.event, actual: `without ${listed(one, lost)}` } : undefined)
    })],
  mutants: {
    'what was published between replay and live': {
      edit: onBody('cycle-2', drop(block(10))), fault: 'replayGapOnRace',
    },
    'a hole in the history': { edit: onBody('back', drop(block(4))) },
  },
}

/** On any URL: an event that the first connection saw comes, and one that stood before it there does not. */
function gapsSeen(exchange: Exchange): ReturnType<typeof finding>[] {
  return overlaps(exchange).flatMap(({ answer, missed, named, arrivals: came }) => {
    const ids = [...missed.keys()]
    // what has the id and another payload may be a snapshot
    const last = came.findLast((one) => isAgain(missed.get(one.ownId), one))
    if (!last) return []
    const sent = new Set(came.map(({ ownId }) => ownId))
    const lost = ids.slice(0, ids.indexOf(last.ownId)).filter((id) => !sent.has(id))
    return [finding(answer, `every event from ${quote(named)} to ${quote(last.ownId)}`, lost.length > 0
      ? { event: last.event, actual: `without ${lost.slice(0, 6).map((id) => quote(id)).join(', ')}` } : undefined)]
  })
}

const noDuplicate: Rule<Exchange> = {
  id: 'sse/resume/no-duplicate',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'no event comes both from the history and live',
  harm: 'a client counts, appends or pays twice for what was published in the moment of a reconnect',
  fix: 'once you subscribe before you read the history, leave out of the live events those that the history had',
  applies: withIds,
  check: (exchange) => [
    ...served(exchange).filter(({ got }) => got.length > 0).map((one) => {
      const twice = one.got.find(({ index }, i) => one.got.slice(0, i).some((earlier) => earlier.index === index))
      return finding(one.answer, 'each event once on this connection',
        twice && { event: twice.event, actual: `event ${quote(nameOf(one.history, twice.index))} twice` })
    }),
    ...overlaps(exchange).filter(isCompared).map(({ answer, arrivals: came }) => {
      const twice = came.find((one, i) =>
        came.slice(1, i).some((earlier) => earlier.ownId === one.ownId && isAgain(earlier.event, one)))
      return finding(answer, 'each event once on this connection',
        twice && { event: twice.event, actual: `event ${quote(twice.ownId)} twice` })
    }),
  ],
  mutants: {
    'from the history and live': { edit: onBody('cycle-2', append(2, block(11))), fault: 'replayDuplicateOnRace' },
  },
}

const order: Rule<Exchange> = {
  id: 'sse/resume/order',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'missed events come in the order in which they were published, and before newer live ones',
  harm: 'text is put together in the wrong order, an old state overwrites a newer one, and the last id is an old one',
  fix: 'read the history in ascending order (not ORDER BY id DESC LIMIT n), and hold live events back until it is sent',
  applies: withIds,
  check: (exchange) => [
    ...served(exchange).filter(({ got }) => got.length > 1).map((one) => {
      // an event that comes twice may stand in either place
      const firsts = one.got.filter(({ index }, i) => one.got.findIndex((other) => other.index === index) === i)
      const lasts = one.got.filter(({ index }, i) => one.got.findLastIndex((other) => other.index === index) === i)
      const late = outOfOrder(firsts) && outOfOrder(lasts)
      return finding(one.answer, 'the order in which they were published',
        late && { event: late.event, actual: `event ${quote(nameOf(one.history, late.index))} after a newer one` })
    }),
    // the whole history in its order is no wrong order: the id had no effect
    ...overlaps(exchange).filter((one) => isCompared(one) && !one.earlier).map(({ answer, seen, named, arrivals: came }) => {
      const newer = came.findIndex(({ ownId }, i) => i > 0 && !seen.has(ownId))
      const late = newer < 0 ? undefined
        : came.slice(newer + 1).find((one) => one.ownId !== named && isAgain(seen.get(one.ownId), one))
      return finding(answer, 'nothing old after something new',
        late && { event: late.event, actual: `event ${quote(late.ownId)} of the first connection after a newer one` })
    }),
  ],
  mutants: {
    'newest first': { edit: onBody('back', swap(blocks(3, 4, 5), blocks(5, 4, 3))), fault: 'replayReversed' },
  },
}

const outOfOrder = (got: Return['got']): Return['got'][number] | undefined =>
  got.find(({ index }, i) => i > 0 && index < (got[i - 1]?.index ?? -1))

const sameContent: Rule<Exchange> = {
  id: 'sse/resume/same-content',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an event that is sent again has the type and the data that it had when it was live',
  harm: 'handlers of a named event do not see it after a reconnect, and signed or compared data changes',
  fix: 'store the encoded block, or all its fields; do not parse and serialise payloads on the way through the store',
  applies: withIds,
  check: (exchange) => (isDriven(exchange) ? sameAsLive(exchange) : sameAsSeen(exchange)),
  mutants: {
    'the type lost': { edit: onBody('back', drop('event: note\n')), fault: 'replayTypeLost' },
    'JSON written anew': { edit: onBody('back', swap('{"n": 3}', '{"n":3}')), fault: 'replayReencoded' },
  },
}

/**
 * The originals are what links without Last-Event-ID got; what was changed on all links alike is no fault of the
 * history. Ids are looked at in their own area.
 */
function sameAsLive(exchange: Exchange): ReturnType<typeof finding>[] {
  const published = history(exchange)
  const live = new Map(['channel', 'cycle', 'witness'].flatMap((role) => withRole(exchange, role))
    .filter((answer) => resumedFrom(answer) === undefined)
    .flatMap((answer) => arrivals(answer, published))
    .flatMap((arrival) => (arrival.index === undefined ? [] : [[arrival.index, arrival] as const])))
  return served(exchange).flatMap((one) => {
    const pairs = one.got.flatMap((copy) => {
      const original = live.get(copy.index)
      return original ? [{ copy, original }] : []
    })
    if (pairs.length === 0) return []
    const wrong = pairs.find(({ copy, original }) => !isAgain(original.event, copy))
    return [finding(one.answer, 'events as they were live', wrong && {
      event: wrong.copy.event,
      actual: `${inWords(wrong.copy)}, which was ${inWords(wrong.original)}`,
    })]
  })
}

const inWords = ({ event }: ReturnType<typeof arrivals>[number]): string =>
  `type ${quote(event.type)}, data ${quote(event.data)}`

/** An id that means another event now; that of the named event, and another type, may be a snapshot's. */
function sameAsSeen(exchange: Exchange): ReturnType<typeof finding>[] {
  return overlaps(exchange).flatMap(({ answer, seen: upTo, missed, named, arrivals: came }) => {
    const seen = new Map([...upTo, ...missed])
    const again = came.slice(1).filter(({ ownId, event }) => ownId !== named && seen.get(ownId)?.type === event.type)
    const wrong = again.find((one) => !isAgain(seen.get(one.ownId), one))
    return again.length === 0 ? [] : [finding(answer, 'an event with a known id as it was before', wrong && {
      event: wrong.event,
      actual: `id ${quote(wrong.ownId)} with data ${quote(wrong.event.data)}, which was ` +
        quote(seen.get(wrong.ownId)?.data ?? ''),
    })]
  })
}

const afterPartialEvent: Rule<Exchange> = {
  id: 'sse/resume/after-partial-event',
  level: 'interop',
  clause: interpretation,
  says: 'what was written to a connection that broke is sent again to a client that names an earlier event',
  harm: 'a client drops an event that is cut before its blank line and asks for it again: it never comes',
  fix: 'let Last-Event-ID alone decide what a client has; do not count what was written to a socket as delivered',
  applies: withIds,
  check: (exchange) => (replays(exchange) ? served(exchange) : [])
    .filter((one) => isSettled(one) && one.missed.length > one.unsent.length)
    .map((one) => {
      const resent = one.missed.filter((index) => !one.unsent.includes(index))
      const lost = resent.filter((index) => !came(one, index))
      return finding(one.answer, `${listed(one, resent)} again, which an earlier connection was sent`,
        lost.length > 0 ? { actual: `not ${listed(one, lost)}` } : undefined)
    }),
  mutants: {
    'what was written counts as delivered': {
      edit: onBody('again', drop(blocks(3, 4, 5, 6))), fault: 'partialCommitted',
    },
  },
}

export const replay: readonly Rule<Exchange>[] = [
  honoursLastEventId, exclusive, noGap, noDuplicate, order, sameContent, afterPartialEvent,
]
