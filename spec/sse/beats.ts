/**
 * What keeps an idle stream alive: when its bytes came, which of them broke a silence, and what the target promised.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import type { Dispatched, Line } from './decode.ts'
import type { Answer, Exchange } from './exchange.ts'

/** ms; what comes after at least so long a silence broke it */
const silenceMs = 200

const ping = /^(?:ping|pong|heart-?beat|keep[-_ ]?alive|no-?op|hb)$/i

/** characters; JSON that says no more than a ping is shorter, and long data is dear to parse */
const mostPing = 200

/** Data that tells a reader no more than that the stream is alive: nothing, a word for it, or that word as `type`. */
export function isPing(data: string): boolean {
  const text = data.trim()
  if (text === '' || ping.test(text)) return true
  if (text.length > mostPing) return false
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string') return ping.test(value)
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return entries.length === 1 && entries.every(([name, of]) =>
      ['type', 'event', 'kind'].includes(name) && typeof of === 'string' && ping.test(of))
  } catch {
    return false
  }
}

/** The kit acts on this target, or it has declared something: it is a driver. */
export const isDriver = ({ acts, declares }: Exchange): boolean => acts.length > 0 || Object.keys(declares).length > 0

/** ms; until then nobody published on the channel of the link, as far as the kit knows */
export function quietUntil({ acts }: Exchange, { link }: Answer): number {
  const published = acts.filter(({ kind, to, at, doneAt }) => kind === 'publish' && to === undefined &&
    doneAt >= link.openedAt && at <= link.ended.at).map(({ at }) => at)
  return Math.min(link.ended.at, ...published)
}

/** The longest silence that the target promises on a link, ms: as tuned for its channel, else as declared. */
export function promisedMs({ acts, declares }: Exchange, { link }: Answer): number | undefined {
  const tuned = link.role === 'base' ? undefined : acts.findLast(({ kind, to, status, doneAt }) =>
    kind === 'tune' && to === undefined && status === 200 && doneAt <= link.openedAt)
  return (tuned && heartbeatOf(tuned.body)) ?? declares.heartbeatMs
}

function heartbeatOf(body: string): number | undefined {
  try {
    const { heartbeatMs } = JSON.parse(body) as { readonly heartbeatMs?: unknown }
    return typeof heartbeatMs === 'number' ? heartbeatMs : undefined
  } catch {
    return undefined
  }
}

/** least number of ticks that make a clock */
const fewTicks = 10
/** ms; what a tick counts at most */
const tickMs = 300

/** Publishes on the sibling channel, one after the other: each shows that the kit and the target were awake. */
const ticks = ({ acts }: Exchange): number[] =>
  acts.filter(({ kind, to, status }) => kind === 'publish' && to === 'sibling' && status > 0)
    .map(({ doneAt }) => doneAt).toSorted((a, b) => a - b)

/**
 * Measures time, in ms, in which both the kit and the target were awake, as far as ticks show it: on a busy machine
 * either may stand still for a second, and nothing is due in that time. Without ticks all time counts.
 */
export function awake(exchange: Exchange): (from: number, to: number) => number {
  const all = ticks(exchange)
  if (all.length < fewTicks) return (from, to) => to - from
  return (from, to) => {
    const points = [from, ...all.filter((at) => at > from && at < to), to]
    return points.slice(1).reduce((sum, at, i) => sum + Math.min(tickMs, at - (points[i] ?? at)), 0)
  }
}

/** A silence that breaks a promise of so many ms for certain. Timers are late; without ticks machines are, too. */
export const withSlack = (exchange: Exchange, promised: number): number =>
  promised + Math.max(ticks(exchange).length < fewTicks ? 10_000 : 500, promised)

/** What came together, and how long nothing had come before. */
export interface Burst {
  /** ms */
  readonly at: number
  /** ms without any complete line, from the head or the burst before */
  readonly silence: number
  readonly lines: readonly Line[]
  readonly events: readonly Dispatched[]
}

/** The lines that became readable before `until`, by the time at which they did. */
export function bursts(answer: Answer, until: number): Burst[] {
  const events = new Map(answer.stream.events.map((event) => [event.end, event]))
  const found: { at: number; silence: number; lines: Line[]; events: Dispatched[] }[] = []
  for (const line of answer.stream.lines) {
    const at = answer.arrival(line.next - 1)
    if (at > until) break
    const last = found.at(-1)
    const silence = at - (last?.at ?? answer.head?.at ?? answer.link.openedAt)
    const event = events.get(line.next)
    // one write may come in several reads
    if (last && silence < silenceMs) {
      last.at = at
      last.lines.push(line)
      if (event) last.events.push(event)
    } else {
      found.push({ at, silence, lines: [line], events: event ? [event] : [] })
    }
  }
  return found
}

/** What broke a silence. */
export const beats = (answer: Answer, until: number): Burst[] =>
  bursts(answer, until).filter(({ silence }) => silence >= silenceMs)

/** Comments and nothing else, or blank lines alone. */
export const isSilent = ({ lines, events }: Burst): boolean =>
  events.length === 0 && lines.every(({ kind }) => kind !== 'field')

/** The longest time without a byte, and where it began; while the stream is open the time after its last byte too. */
export function longestSilence(
  exchange: Exchange, answer: Answer, until: number,
): { readonly ms: number; readonly from: number; readonly span: number } {
  const from = answer.head?.at ?? answer.link.openedAt
  const came = answer.link.chunks.map(({ at }) => at).filter((at) => at > from && at <= until)
  const end = answer.isOpen || until < answer.link.ended.at ? [until] : []
  const times = [from, ...came, ...end]
  const between = awake(exchange)
  const silences = times.slice(1).map((at, i) => ({ ms: between(times[i] ?? at, at), from: times[i] ?? at }))
  const longest = silences.reduce((a, b) => (b.ms > a.ms ? b : a), { ms: 0, from })
  return { ...longest, span: (times.at(-1) ?? from) - from }
}
