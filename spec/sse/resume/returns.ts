/**
 * Clients that come back, beside what there was to get: what a link with `Last-Event-ID` asked for, what had been
 * published by then, and what came. On a target that the kit cannot publish on, what an earlier link saw stands in for
 * what was published.
 */
import type { Finding } from '../../model.ts'
import type { Dispatched } from '../decode.ts'
import { withRole, type Answer, type Exchange } from '../exchange.ts'
import { history, resumedFrom, type Published } from '../history.ts'

/** One event as it came, with the id that its own block sets. */
export interface Arrival {
  readonly event: Dispatched
  readonly ownId: string | undefined
  /** index in the history; undefined for what the target says on its own */
  readonly index: number | undefined
}

/** A client that came back to the channel with the id of an event that was published there. */
export interface Return {
  readonly answer: Answer
  /** what was published on the channel, first to last */
  readonly history: readonly Published[]
  /** index of the event that the client named */
  readonly from: number
  /** indexes of what was surely published behind that event before the client asked */
  readonly missed: readonly number[]
  /** those of them that no client had been sent before */
  readonly unsent: readonly number[]
  /** published events that came, in the order in which they came */
  readonly got: readonly (Arrival & { readonly index: number })[]
  /** more had been published behind the named event than the target keeps */
  readonly expired: boolean
}

/** Reconnects that must be served: one by one, and those of the chain beside steady publishing. */
const returnRoles = ['resume', 'cycle'] as const
/** Links of clients; what a witness sees is not delivered to anybody who comes back. */
const clientRoles = ['channel', ...returnRoles] as const
/** ms of silence after which what has not come is not coming */
export const patienceMs = 1500

/** The kit, or what stands before the target, asked too often: that says nothing about a rule. */
export const isOverload = ({ status }: Answer): boolean => status === 429 || status === 503

/** The kit publishes on this channel, so it knows what there was to get. */
export const isDriven = ({ acts }: Exchange): boolean => acts.some(({ kind }) => kind === 'publish')

/** Events of an answer, each with the id of its own block. */
export function arrivals(answer: Answer, published: readonly Published[]): Arrival[] {
  if (!answer.isEventStream) return []
  const byData = uniqueIndex(published.map(({ event }) => event.data))
  const byId = uniqueIndex(published.map(({ id }) => id))
  return answer.stream.blocks.flatMap(({ event, lines }): Arrival[] => {
    if (!event) return []
    const ownId = lines.findLast(({ name, value }) => name === 'id' && !value.includes('\0'))?.value
    // by data first: the ids may be what is wrong
    const index = byData.get(event.data) ?? (ownId === undefined ? undefined : byId.get(ownId))
    return [{ event, ownId, index }]
  })
}

/** Index of every text that occurs once. */
function uniqueIndex(texts: readonly (string | undefined)[]): Map<string, number> {
  const seen = new Map<string, number[]>()
  texts.forEach((text, i) => text !== undefined && seen.set(text, [...(seen.get(text) ?? []), i]))
  return new Map([...seen].flatMap(([text, [first, ...more]]) =>
    (first === undefined || more.length > 0 ? [] : [[text, first] as const])))
}

const known = new WeakMap<Exchange, readonly Return[]>()

/** The clients that came back with the id of a published event, in the order in which they did. */
export function returns(exchange: Exchange): readonly Return[] {
  const found = known.get(exchange) ?? (isDriven(exchange) ? read(exchange) : [])
  known.set(exchange, found)
  return found
}

function read(exchange: Exchange): Return[] {
  const published = history(exchange)
  const clients = clientRoles.flatMap((role) => withRole(exchange, role))
    .map((answer) => ({ answer, got: arrivals(answer, published).filter(isPublished) }))
  const back = clients.filter(({ answer }) => (returnRoles as readonly string[]).includes(answer.link.role))
  return back.flatMap(({ answer, got }): Return[] => {
    const { openedAt } = answer.link
    const named = resumedFrom(answer)
    const from = named === undefined ? -1 : published.findLastIndex(({ id }) => id === named)
    if (from < 0) return []
    const missed = published.flatMap(({ doneAt }, i) => (i > from && doneAt < openedAt ? [i] : []))
    const sent = new Set(clients.filter((other) => other.answer.link.openedAt < openedAt)
      .flatMap((other) => other.got.map(({ index }) => index)))
    return [{
      answer, history: published, from, missed, got,
      unsent: missed.filter((i) => !sent.has(i)),
      expired: missed.length > keeps(exchange, openedAt),
    }]
  }).toSorted((a, b) => a.answer.link.openedAt - b.answer.link.openedAt)
}

const isPublished = (arrival: Arrival): arrival is Arrival & { readonly index: number } => arrival.index !== undefined

/** How many events the target keeps at that time, as it said itself. */
function keeps({ acts, declares }: Exchange, at: number): number {
  const tuned = acts.findLast(({ kind, to, status, doneAt }) =>
    kind === 'tune' && to === undefined && status === 200 && doneAt < at)
  return (tuned && inForce(tuned.body)) ?? declares.replayEvents ?? Infinity
}

function inForce(body: string): number | undefined {
  try {
    const { replayEvents } = JSON.parse(body) as { replayEvents?: unknown }
    return typeof replayEvents === 'number' ? replayEvents : undefined
  } catch {
    return undefined
  }
}

/** Returns that are owed what they missed: nothing of it has gone out of the history. */
export const owed = (exchange: Exchange): Return[] =>
  returns(exchange).filter(({ expired, answer }) => !expired && !isOverload(answer))

/** The event of that index came. */
export const came = ({ got }: Return, index: number): boolean => got.some((arrival) => arrival.index === index)

/** Somebody in this exchange got events that had been missed: the target replays at all. */
export const replays = (exchange: Exchange): boolean =>
  owed(exchange).some((one) => one.missed.some((index) => came(one, index)))

/** What has not come by now is not coming: something newer came, the target ended it, or it was quiet for long. */
export function isSettled({ answer, got, missed }: Return): boolean {
  const { link } = answer
  const newest = missed.at(-1) ?? -1
  // heartbeats are no events: they do not show that anything is still coming
  const last = answer.stream.events.at(-1)
  const waited = link.ended.at - (last ? answer.arrival(last.end - 1) : answer.head?.at ?? link.openedAt)
  return got.some(({ index }) => index > newest) || link.ended.by === 'target' || link.ended.how === 'complete' ||
    waited >= patienceMs
}

/** An event of the history as a report names it. */
export const nameOf = (published: readonly Published[], index: number): string =>
  published[index]?.id ?? `number ${index + 1}`

// ---- targets that the kit cannot publish on ----------------------------------------------------------------------

/** What an earlier link saw, and what came to the client that returned with the last id of it. */
export interface Overlap {
  readonly answer: Answer
  /** up to the named one, events with an id that occurs once on the first link; the first, often a greeting, left out */
  readonly seen: ReadonlyMap<string, Dispatched>
  /** the same of what came after the named one */
  readonly missed: ReadonlyMap<string, Dispatched>
  /** the id that the client named */
  readonly named: string
  readonly arrivals: readonly Identified[]
  /** what the first link got before the named event, sent again right before that: the history from an earlier place */
  readonly earlier: Identified | undefined
}

type Identified = Arrival & { readonly ownId: string }

/** The reconnect that is made on any URL with ids, as far as both links can be compared. */
export function overlaps(exchange: Exchange): Overlap[] {
  if (isDriven(exchange)) return []
  const [first] = withRole(exchange, 'first').filter(({ isEventStream }) => isEventStream)
  if (!first) return []
  const before = arrivals(first, []).filter(hasId)
  const counts = Map.groupBy(before, ({ ownId }) => ownId)
  const all = new Map(before.slice(1).filter(({ ownId }) => counts.get(ownId)?.length === 1)
    .map(({ ownId, event }) => [ownId, event]))
  return withRole(exchange, 'resume').flatMap((answer): Overlap[] => {
    const named = resumedFrom(answer)
    if (named === undefined || !all.has(named) || !answer.isEventStream) return []
    const came = arrivals(answer, []).filter(hasId)
    const ids = [...all.keys()]
    const place = ids.indexOf(named)
    const [seen, missed] = [new Map([...all].slice(0, place + 1)), new Map([...all].slice(place + 1))]
    const previous = ids[place - 1]
    const isBoth = (one: Identified, i: number): boolean =>
      one.ownId === previous && isAgain(all.get(previous), one) && came[i + 1]?.ownId === named
    return [{ answer, seen, missed, named, arrivals: came, earlier: came.find(isBoth) }]
  })
}

const hasId = (arrival: Arrival): arrival is Identified => Boolean(arrival.ownId)

/** The same event again: a target may well use the id of its last event for a greeting or a snapshot. */
export const isAgain = (before: Dispatched | undefined, { event }: Arrival): boolean =>
  before !== undefined && before.type === event.type && before.data === event.data

/** One finding about a client that came back. */
export function finding(
  answer: Answer,
  expected: string,
  wrong: { readonly actual: string; readonly event?: Dispatched | undefined } | undefined,
): Finding {
  return {
    where: wrong?.event ? answer.eventPlace(wrong.event) : answer.where,
    ok: wrong === undefined,
    expected,
    actual: wrong?.actual ?? 'that',
  }
}
