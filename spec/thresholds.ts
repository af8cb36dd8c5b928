/**
 * The numbers of rules that no standard gives one: each with its source, so that nobody takes convention for law, and
 * each open to another value for a run (`--threshold NAME=VALUE`).
 */
import type { RuleId } from './model.ts'

export type Unit = 'ms' | 'bytes' | 'percent'

export interface Threshold {
  readonly value: number
  readonly unit: Unit
  /** values that make sense: below the least every server fails, above the most the kit does not look long enough */
  readonly range: readonly [least: number, most: number]
  /** a URL, or `kit convention` where nobody has written a number down */
  readonly source: string
  /** what is bounded */
  readonly says: string
  /** the rules that read it */
  readonly rules: readonly RuleId[]
}

const authoringNotes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'
const nginxTimeout = 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout'
const nginxHeader = 'https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers'
const goScanner = 'https://pkg.go.dev/bufio#pkg-constants'
const convention = 'kit convention'

const hour = 3_600_000

/** Every threshold by its name. */
export const thresholds = {
  'head': {
    value: 2000, unit: 'ms', range: [1, 4900], source: convention,
    says: 'from the request to the end of the head', rules: ['sse/lifecycle/headers-promptly'],
  },
  'first-byte': {
    value: 2000, unit: 'ms', range: [1, 600_000], source: convention,
    says: 'from the head to the first byte behind it', rules: ['sse/lifecycle/first-bytes'],
  },
  'event-latency': {
    value: 1000, unit: 'ms', range: [1, 60_000], source: convention,
    says: 'from the publish of an event to its arrival, of 99 in 100, round trips added',
    rules: ['sse/lifecycle/event-latency'],
  },
  'leave-noticed': {
    value: 5000, unit: 'ms', range: [50, 5000], source: convention,
    says: 'until a client that has left is not counted, and the work for it has stopped',
    rules: ['sse/lifecycle/disconnect-detected', 'sse/lifecycle/post-abort'],
  },
  'heartbeat': {
    value: 15_000, unit: 'ms', range: [100, hour], source: authoringNotes,
    says: 'between two arrivals on an idle stream, where the target declares nothing; a sixth more is let pass',
    rules: ['sse/heartbeat/interval'],
  },
  'silence': {
    value: 30_000, unit: 'ms', range: [100, hour], source: nginxTimeout,
    says: 'the longest silence; half of what common proxies wait',
    rules: ['sse/heartbeat/silence-bounded'],
  },
  'id-length': {
    value: 4096, unit: 'bytes', range: [1, 65_536], source: nginxHeader,
    says: 'the longest id, which comes back in a request header', rules: ['sse/ids/length-bounded'],
  },
  'id-short': {
    value: 256, unit: 'bytes', range: [1, 65_536], source: convention,
    says: 'the longest id that is still short', rules: ['sse/ids/length-short'],
  },
  'retry-longest': {
    value: hour, unit: 'ms', range: [1, 2 ** 31 - 1], source: convention,
    says: 'the longest reconnection time that can be meant', rules: ['sse/retry/bounds'],
  },
  'retry-least': {
    value: 500, unit: 'ms', range: [1, hour], source: convention,
    says: 'the shortest moderate reconnection time', rules: ['sse/retry/moderate'],
  },
  'retry-most': {
    value: 60_000, unit: 'ms', range: [1, 2 ** 31 - 1], source: convention,
    says: 'the longest moderate reconnection time', rules: ['sse/retry/moderate'],
  },
  'flush': {
    value: 1000, unit: 'ms', range: [1, 2400], source: convention,
    says: 'until an event that nothing follows is on the wire', rules: ['sse/framing/flush-on-block'],
  },
  'compressed': {
    value: 500, unit: 'ms', range: [1, 60_000], source: convention,
    says: 'for which a compressor may hold an event back', rules: ['sse/headers/compression-flush'],
  },
  'burst-wait': {
    value: 1000, unit: 'ms', range: [100, hour], source: convention,
    says: 'without an event before events that come all at once look held back', rules: ['sse/delivery/burst'],
  },
  'burst-gap': {
    value: 5, unit: 'ms', range: [1, 1000], source: convention,
    says: 'between events that came in one write', rules: ['sse/delivery/burst'],
  },
  'burst-share': {
    value: 90, unit: 'percent', range: [50, 100], source: convention,
    says: 'of the gaps between events below which they were not one burst', rules: ['sse/delivery/burst'],
  },
  'end-after-terminator': {
    value: 2000, unit: 'ms', range: [1, 600_000], source: convention,
    says: 'from the last event of an answer to the end of the stream', rules: ['sse/delivery/ends-after-terminator'],
  },
  'line-length': {
    value: 65_536, unit: 'bytes', range: [80, 2 ** 31 - 1], source: goScanner,
    says: 'the longest line that line readers with a fixed buffer take', rules: ['sse/delivery/line-length'],
  },
  'work-cancelled': {
    value: 2000, unit: 'ms', range: [50, 4000], source: convention,
    says: 'from the cancellation of work to the end of its stream', rules: ['sse/delivery/work-cancelled'],
  },
} as const satisfies Readonly<Record<string, Threshold>>

export type ThresholdName = keyof typeof thresholds

/** The values in force. */
export type Thresholds = Readonly<Record<ThresholdName, number>>

export const thresholdNames = Object.keys(thresholds) as readonly ThresholdName[]

/** The values where nobody chose others. */
export const usual: Thresholds =
  Object.fromEntries(thresholdNames.map((name) => [name, thresholds[name].value])) as Thresholds

/** The usual values with some replaced. */
export const withThresholds = (chosen: Partial<Thresholds> = {}): Thresholds => ({ ...usual, ...chosen })

export const isThresholdName = (name: string): name is ThresholdName => Object.hasOwn(thresholds, name)

/** Why a value cannot be taken, in the indicative; undefined when it can. */
export function faultOfThreshold(name: ThresholdName, value: number): string | undefined {
  const { range: [least, most], unit } = thresholds[name]
  return Number.isSafeInteger(value) && value >= least && value <= most
    ? undefined
    : `${name} is a whole number of ${unit} from ${least} to ${most}`
}

/** A value with its unit: `2000 ms`, `15 s`. */
export function valueOf(name: ThresholdName, inForce: Thresholds = usual): string {
  const value = inForce[name]
  const { unit } = thresholds[name]
  if (unit === 'percent') return `${value} %`
  return unit === 'ms' && value >= 10_000 && value % 1000 === 0 ? `${value / 1000} s` : `${value} ${unit}`
}

/** The same as a report says it: with the name of the threshold, and where its value is from. */
export function cited(name: ThresholdName, inForce: Thresholds): string {
  const { value, source } = thresholds[name]
  const from = inForce[name] === value ? source : `set for this run; usually ${valueOf(name)}, ${source}`
  return `${valueOf(name, inForce)} (threshold ${name}: ${from})`
}

/** The thresholds that a rule reads. */
export const thresholdsOf = (rule: RuleId): ThresholdName[] =>
  thresholdNames.filter((name) => (thresholds[name].rules as readonly RuleId[]).includes(rule))
