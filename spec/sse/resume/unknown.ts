/**
 * Ids that the target does not know: never given, gone out of the history, or not reached yet.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { both, drop, ended, onBody, onLink, swap } from '../../bytes.ts'
import type { Finding, Link, Rule } from '../../model.ts'
import { quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { history } from '../history.ts'
import { reset } from './example.ts'
import { hangMs, isDecided, isRefusal, oldOnes, outcomeOf } from './outcomes.ts'
import { lastEventIdHeader, withIds } from './replay.ts'
import {
  arrivals, came, finding, isDriven, isSettled, nameOf, patienceMs, replays, returns, type Return,
} from './returns.ts'

export const unknownId: Rule<Exchange> = {
  id: 'sse/resume/unknown-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'an id that the target does not know has a documented outcome: live events, everything, an event that says ' +
    'so, or a deliberate 4xx; as declared where it is declared',
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
    const late = (link: Link): Link => ({ ...link, ended: { ...link.ended, at: link.openedAt + hangMs } })
    return { ...rest, links: links.map((link) => (link.id === id ? late(link) : link)) }
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
  if (outcome === 'live') {
    return old[0] === undefined ? undefined : `event ${quote(nameOf(published, old[0]))} of the past`
  }
  if (outcome === 'all') return old.includes(published.length - 1) ? undefined : 'not the last one published'
  const { events } = answer.stream
  if (events.some(({ type }) => type === outcome.event)) return undefined
  const waited = events.length > 0 || answer.link.ended.at - answer.link.openedAt >= patienceMs
  return waited ? `types ${[...new Set(events.map(({ type }) => quote(type)))].join(', ') || 'none'}` : undefined
}

export const expiredId: Rule<Exchange> = {
  id: 'sse/resume/expired-id',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'a client whose last event has gone out of the history can tell: an event that says so comes first, or a 4xx',
  harm: 'the client goes on at the oldest kept event and never learns of the hole',
  fix: 'when the id is older than the oldest kept event send a reset event (or a snapshot) first, or answer 4xx',
  applies: (scene) => withIds(scene) ??
    (scene.kind === 'driven' && scene.parts.has('tune') ? undefined : 'only a driver with tune can show it'),
  check: (exchange) => (replays(exchange) ? returns(exchange) : [])
    .filter((one) => one.expired && (one.answer.isEventStream ? isSettled(one) : isRefusal(one.answer)))
    .map((one) => {
      const lost = one.missed.filter((index) => !came(one, index))
      const [first] = one.got
      const told = isRefusal(one.answer) || lost.length === 0 || saysSo(exchange, one)
      return finding(one.answer, 'an event that says so before any other, or a 4xx', told ? undefined : {
        event: first?.event,
        actual: first
          ? `${quote(nameOf(one.history, first.index))} first, and no word about the ${lost.length} before it`
          : 'no event',
      })
    }),
  mutants: {
    'silently from the oldest kept event': { edit: onBody('expired', drop(reset)), fault: 'expiredSilently' },
  },
}

/**
 * An event of the target's own comes before those of the past, or what came is what it declares for such ids. Live ones
 * may have overtaken it: that is the business of another rule.
 */
function saysSo({ declares }: Exchange, { answer, missed, history: published }: Return): boolean {
  const { unknownId: outcome } = declares
  const past = (index: number | undefined): boolean => index !== undefined && missed.includes(index)
  const all = arrivals(answer, published)
  const first = all.findIndex(({ index }) => past(index))
  const before = all.slice(0, first < 0 ? all.length : first).filter(({ index }) => index === undefined)
  if (typeof outcome === 'object') return before.some(({ event }) => event.type === outcome.event)
  if (before.length > 0) return true
  return (outcome === 'live' && first < 0) || (outcome === 'all' && first >= 0)
}

export const futureId: Rule<Exchange> = {
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
    const live = isDriven(exchange)
      ? arrivals(answer, published).filter(({ index }) => index !== undefined)
      : answer.stream.events
    if (live.length > 0) return [finding(answer, expected, undefined)]
    if (answer.link.ended.by !== 'kit' || !missedBeside(exchange, answer)) return []
    return [finding(answer, expected, { actual: 'none' })]
  }),
  mutants: { 'no live event up to that id': { edit: onBody('future', () => []), fault: 'futureIdBlocksLive' } },
}

/** Another client got an event long before that one was left; not of what it was greeted with. */
function missedBeside(exchange: Exchange, answer: Answer): boolean {
  const settleMs = isDriven(exchange) ? 0 : 300
  return ['witness', 'newcomer'].flatMap((role) => withRole(exchange, role))
    .filter(({ isEventStream }) => isEventStream)
    .some((beside) => {
      const since = Math.max(answer.head?.at ?? 0, beside.head?.at ?? 0) + settleMs
      const until = answer.link.ended.at - patienceMs
      return beside.stream.events.some(({ start, end }) =>
        beside.arrival(start) >= since && beside.arrival(end - 1) <= until)
    })
}
