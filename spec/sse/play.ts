/**
 * What a driver was asked to publish beside what arrived. A narrow rule looks only at payloads whose one peculiarity
 * is its own, so that a server with one fault fails one rule; `traits` names the peculiarities.
 */
import type { Event, Finding, Place } from '../model.ts'
import type { Dispatched } from './decode.ts'
import { quote, type Answer, type Exchange } from './exchange.ts'

export type Trait =
  | 'empty'
  | 'line-feed'
  | 'carriage-return'
  | 'blank-line'
  | 'leading-break'
  | 'trailing-break'
  | 'leading-space'
  | 'trailing-space'
  | 'nul'
  | 'control'
  | 'unicode-break'
  | 'bom'
  | 'surrogate'
  | 'non-ascii'
  | 'unnormalised'
  | 'field-like'
  | 'large'

const patterns: readonly (readonly [Trait, RegExp])[] = [
  ['empty', /^$/],
  ['line-feed', /\n/],
  ['carriage-return', /\r/],
  ['blank-line', /[\r\n](?:\r\n|\r|\n)[^]/],
  ['leading-break', /^[\r\n]/],
  ['trailing-break', /[\r\n]$/],
  ['leading-space', /(?:^|[\r\n])[ \t]/],
  ['trailing-space', /[ \t](?:$|[\r\n])/],
  ['nul', /\0/],
  // eslint-disable-next-line no-control-regex
  ['control', /[\u0001-\u0008\u000e-\u001f\u007f]/],
  // oxlint-disable-next-line no-control-regex
  ['unicode-break', /[\u000b\u000c\u0085\u2028\u2029]/],
  ['bom', /\ufeff/],
  ['surrogate', /\p{Surrogate}/u],
  ['non-ascii', /[^\0-\u007f]/],
  ['field-like', /(?:^|[\r\n])(?:data|event|id|retry)?:/],
]

/** From this many bytes an event counts as large. */
export const largeBytes = 32 * 1024

/** The peculiarities of a payload. */
export function traits(text: string): Set<Trait> {
  const found = new Set<Trait>()
  for (const [trait, pattern] of patterns) if (pattern.test(text)) found.add(trait)
  if (text !== text.normalize('NFC') || text !== text.normalize('NFD')) found.add('unnormalised')
  if (text.length >= largeBytes) found.add('large')
  return found
}

/** True when the payload has the first trait and none but those given. */
export function peculiar(text: string, first: Trait, ...beside: readonly Trait[]): boolean {
  const found = traits(text)
  if (!found.has(first)) return false
  for (const trait of found) if (trait !== first && !beside.includes(trait)) return false
  return true
}

/** What the format can carry of a string: every CRLF and CR comes out as LF, lone surrogates as U+FFFD. */
export function carried(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/\p{Surrogate}/gu, '\ufffd')
}

/** One published event and what arrived in its place. */
export interface Delivery {
  readonly answer: Answer
  readonly published: Event
  /** the payload meant: on a target that declares `data: json`, the value behind the JSON text */
  readonly payload: string | undefined
  readonly received: readonly Dispatched[]
  /** payloads of `received`, JSON read where the target declares it */
  readonly payloads: readonly string[]
  /** the whole batch was refused: a 4xx before any stream byte */
  readonly refused: boolean
  readonly where: Place
}

/** A 4xx by which a target says that it does not carry a value (design: refusal). */
export function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 403, 404, 408, 429].includes(status)
}

const plain = /^[\w.-]{1,64}$/

/** Every event that was played, with what came of it. Plays that were not served at all (401, 404, …) give none. */
export function deliveries(exchange: Exchange): Delivery[] {
  return exchange.answers.flatMap((answer) => {
    const { published } = answer
    if (!published || !answer.head || (!answer.isEventStream && !isRefusal(answer.status) && answer.status < 500)) return []
    // how much of it a producer that raises gets out is its own affair
    if (answer.playEnd === 'throw') return []
    const isJson = exchange.declares.data === 'json'
    const received = answer.isEventStream ? alignment(published, answer.stream.events) : published.map(() => [])
    return published.map((event, i) => {
      const events = received[i] ?? []
      return {
        answer,
        published: event,
        payload: event.data === undefined || !isJson ? event.data : readJson(event.data),
        received: events,
        payloads: events.map(({ data }) => (isJson ? readJson(unquoted(data, event.data)) : data)),
        refused: isRefusal(answer.status),
        where: events[0] ? answer.eventPlace(events[0]) : answer.where,
      }
    })
  })
}

/** A target that declares JSON may write the JSON text that was published, or the JSON of that text. */
function unquoted(data: string, published: string | undefined): string {
  const value = data === published ? undefined : readJson(data)
  return value !== undefined && value === published ? value : data
}

function readJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : JSON.stringify(value)
  } catch {
    return text
  }
}

/**
 * Which received events belong to which published one. Plain payloads that occur once on both sides hold the two
 * lists together; between two of them a fault can add or remove events without shifting the blame to its neighbours.
 */
function alignment(published: readonly Event[], received: readonly Dispatched[]): Dispatched[][] {
  const firing = published.flatMap((event, i) => (event.data === undefined ? [] : [i]))
  const slots: Dispatched[][] = published.map(() => [])
  const once = (text: string): boolean =>
    plain.test(text) &&
    published.filter((event) => event.data === text).length === 1 &&
    received.filter((event) => event.data === text).length === 1
  let open: number[] = []
  let from = 0
  const settle = (to: number): void => {
    const between = received.slice(from, to)
    between.forEach((event, i) => {
      const slot = open.length > 0 ? open[Math.min(i, open.length - 1)] : firing[0]
      if (slot !== undefined) slots[slot]?.push(event)
    })
    open = []
  }
  for (const index of firing) {
    const text = published[index]?.data ?? ''
    const at = once(text) ? received.findIndex((event, i) => i >= from && event.data === text) : -1
    if (at < 0) {
      open.push(index)
      continue
    }
    // events before an anchor with nothing open belong to nobody: keep them with the anchor, where they show
    if (open.length === 0) slots[index]?.push(...received.slice(from, at))
    else settle(at)
    from = at
    const anchor = received[at]
    if (anchor) slots[index]?.push(anchor)
    from = at + 1
  }
  if (open.length === 0 && firing.length > 0) open = firing.slice(-1)
  settle(received.length)
  return slots
}

/** What came of a delivery, in words. */
export function outcome({ answer, refused, payloads }: Delivery): string {
  if (refused) return `refused with ${answer.status}`
  if (!answer.isEventStream) return `status ${answer.status}`
  if (payloads.length === 0) return 'no event'
  return `${payloads.length === 1 ? 'data' : `${payloads.length} events:`} ${payloads.slice(0, 4).map((data) => quote(data)).join(', ')}`
}

/** What of an event is text that reaches the reader. */
export type Member = 'data' | 'event' | 'id'

/** Payloads played before others as a control: plain, so that a target that changes them is wrong about everything. */
export const plainControls = ['first', 'second'] as const
/** The same beyond ASCII: several bytes that no normalisation, case or trimming touches. */
export const wideControl = '例'

/** The controls of that play came through: their payloads, and their names or ids where they have one. */
export function controlsArrived(
  all: readonly Delivery[],
  answer: Answer,
  controls: readonly string[],
  member: Member = 'data',
): boolean {
  return all
    .filter((delivery) => delivery.answer === answer && !delivery.refused && controls.includes(delivery.payload ?? ''))
    .every((delivery) => arrived(delivery, 'data') &&
      (textOf(delivery, member) === undefined || arrived(delivery, member)))
}

/**
 * One finding about each published text that is the rule's own: it arrives, in one event. A refusal is as good where
 * the contract allows it, and says nothing about this text where another value of the batch may be refused.
 *
 * Where a control was changed too, the fault is a broader one and another rule's; `ignore` leaves out deliveries for
 * the same reason.
 */
export function textIntact(
  exchange: Exchange,
  member: Member,
  concerns: (text: string) => boolean,
  { controls = plainControls, controlMember = member, ignore }: {
    readonly controls?: readonly string[]
    /** `data` where the names or ids of the controls are the rule's own too */
    readonly controlMember?: Member
    readonly ignore?: (delivery: Delivery) => boolean
  } = {},
): Finding[] {
  const all = deliveries(exchange)
  return all.flatMap((delivery): Finding[] => {
    const text = textOf(delivery, member)
    if (delivery.payload === undefined || text === undefined || !concerns(text) || ignore?.(delivery)) return []
    const answered = delivery.refused || delivery.answer.isEventStream
    if (answered && !controlsArrived(all, delivery.answer, controls, controlMember)) return []
    const mayBeRefused = refusable({ [member]: text })
    if (delivery.refused && !mayBeRefused && delivery.answer.published?.some(refusable)) return []
    const want = wanted(text, member)
    const got = delivery.received.length === 1 ? received(delivery, member) : undefined
    const from = got === undefined ? 0 : Math.max(0, firstDifference(want, got) - 8)
    return [{
      where: delivery.where,
      ok: arrived(delivery, member) || (delivery.refused && mayBeRefused),
      expected: `one event with ${named[member]} ${quoteFrom(want, from)}${mayBeRefused ? ', or a refusal (4xx)' : ''}`,
      actual: got === undefined ? outcome(delivery) : `${named[member]} ${quoteFrom(got, from)}`,
    }]
  })
}

function firstDifference(a: string, b: string): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}

/** Short texts as they are, of long ones what begins at that character. */
const quoteFrom = (text: string, from: number): string =>
  text.length <= 72 || from === 0
    ? quote(text)
    : `… ${quote(text.slice(from))} from character ${from + 1} of ${text.length}`

const named: Readonly<Record<Member, string>> = { data: 'data', event: 'type', id: 'last event ID' }

const textOf = ({ payload, published }: Delivery, member: Member): string | undefined =>
  (member === 'data' ? payload : published[member])

/** An event without a name, or with an empty one, is a `message`. */
const wanted = (text: string, member: Member): string =>
  (member === 'data' ? carried(text) : (text || (member === 'event' ? 'message' : '')).toWellFormed())

const received = ({ received: [event], payloads: [payload] }: Delivery, member: Member): string | undefined =>
  (member === 'data' ? payload : member === 'event' ? event?.type : event?.lastEventId)

/** One event came, with this text in its place. */
export function arrived(delivery: Delivery, member: Member): boolean {
  if (delivery.received.length !== 1) return false
  const got = received(delivery, member)
  return got === wanted(textOf(delivery, member) ?? '', member) || (member === 'data' && got === delivery.payload)
}

/** A value that some target may rightly refuse (contract: refusal): what a field or the format cannot carry. */
export function refusable({ data = '', event = '', id = '', retry }: Event): boolean {
  return /\r|\p{Surrogate}/u.test(data) || /[\r\n]|\p{Surrogate}/u.test(event) || /[^\x20-\x7e]|^ | $/u.test(id) ||
    (retry !== undefined && !(Number.isSafeInteger(retry) && Number(retry) >= 0))
}
