/**
 * The nouns of the kit. Nothing here does anything: values that pass between the probe (which alone touches
 * sockets and the clock), the rooms (which judge) and the reports (which print).
 *
 * All times are milliseconds on one monotonic clock that starts with the run; all offsets are bytes.
 */

// ---- what was seen ---------------------------------------------------------------------------------------------

/** One arrival: the bytes that one read of the socket gave, and when. */
export interface Chunk {
  /** ms on the transcript's clock */
  readonly at: number
  readonly bytes: Uint8Array
}

/** The request as it went out. */
export interface SentRequest {
  readonly method: string
  /** absolute URL */
  readonly url: string
  readonly version: '1.0' | '1.1'
  /** in the order written, Host included */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string | Uint8Array
}

/**
 * How a link ended. `by` says who did it: a stream the kit left is judged differently from one the target cut.
 * - target: `fin` (TCP FIN), `rst` (reset), `refused` (no connection, `detail` says why)
 * - kit: `complete` (the message was complete), `window` (looked long enough), `deadline` (nothing came in time),
 *   `limit` (byte limit reached), `abort` (the stimulus or the user asked)
 */
export type Ended =
  | { readonly at: number; readonly by: 'target'; readonly how: 'fin' | 'rst' | 'refused'; readonly detail?: string }
  | { readonly at: number; readonly by: 'kit'; readonly how: 'complete' | 'window' | 'deadline' | 'limit' | 'abort' }

/** One request and everything that came back on its connection for it. */
export interface Link {
  readonly id: string
  /** what the stimulus opened it for: `base`, `head`, `play`, … A redirect on the way to `base` is `base/hop` */
  readonly role: string
  readonly request: SentRequest
  /** ms; when the request was written (the connection stood already) */
  readonly openedAt: number
  readonly chunks: readonly Chunk[]
  /** WebSocket: what the kit wrote behind the request, and when */
  readonly sent?: readonly Chunk[]
  readonly ended: Ended
}

/** Control traffic of a driver: what the kit asked the target to do, and what it said to that. */
export interface Act {
  /** ms; request written */
  readonly at: number
  /** ms; answer complete */
  readonly doneAt: number
  readonly kind: 'publish' | 'finish' | 'tune' | 'stats' | 'token' | 'signal' | 'work' | 'cancel'
  /** the act was on another channel than the links of the stimulus */
  readonly to?: 'sibling'
  readonly request: SentRequest
  /** 0 when no answer came */
  readonly status: number
  readonly body: string
}

/**
 * What can be known of an exchange. The probe sees all of it; a file that another tool wrote carries less:
 * - times: when each byte came
 * - framing: the transfer framing (chunk sizes, Content-Length against the body, what follows the message)
 * - coding: the body as its content codings left it, not as a client decoded it
 * - octets: the body byte for byte, not as text in which a decoder has replaced and dropped what was wrong
 * - head: status and fields; without them the body is read as an event stream
 * - wire-head: the head byte for byte in HTTP/1.x, not only its names and values
 * - body: whatever follows the head
 * - end: whether and how the answer ended
 * - request: what was asked
 */
export type Aspect = 'times' | 'framing' | 'coding' | 'octets' | 'head' | 'wire-head' | 'body' | 'end' | 'request'

/** One session with a target. The only value that crosses from I/O to logic; serialisable. */
export interface Transcript {
  /** id of the stimulus or property that made it */
  readonly stimulus: string
  readonly declares?: Declares
  /** what the source of the transcript did not carry; absent: the probe saw all of it */
  readonly lacks?: readonly Aspect[]
  readonly links: readonly Link[]
  readonly acts: readonly Act[]
}

// ---- what a driver promises (contract v1; the document is contract/openapi.yaml) --------------------------------

/** What a driver may be asked to publish. An absent member writes no field, `""` an empty one. */
export interface Event {
  readonly data?: string
  readonly event?: string
  readonly id?: string
  /** any JSON value: a target refuses what is not a whole number of ms */
  readonly retry?: unknown
  readonly comment?: string
}

/** Promises of a driver; an absent key promises nothing. Times in ms, sizes in bytes. */
export interface Declares {
  readonly data?: 'text' | 'json'
  readonly ids?: 'client' | 'server' | 'none'
  readonly heartbeatMs?: number
  readonly replayEvents?: number
  readonly replayMs?: number
  readonly bufferBytes?: number
  readonly bufferEvents?: number
  readonly overflow?: 'disconnect' | 'drop' | 'block'
  readonly stallMs?: number
  readonly maxSubscribers?: number
  readonly drainMs?: number
  readonly maxMessageBytes?: number
  readonly endEvent?: string
  readonly unknownId?: 'live' | 'all' | 'error' | { readonly event: string }
  readonly origins?: readonly string[]
  readonly credentials?: boolean
  readonly auth?: readonly string[]
  readonly tickets?: boolean
  readonly instances?: readonly string[]
}

// ---- what is judged --------------------------------------------------------------------------------------------

/** A place in a transcript. */
export interface Place {
  /** id of the link */
  readonly link: string
  /** byte offset in what the link received, head included */
  readonly byte?: number
  /** how many bytes are meant; 1 when absent */
  readonly length?: number
  /** ms on the transcript's clock */
  readonly at?: number
  /** line of the event stream, from 1 */
  readonly line?: number
}

/** One subject that a check looked at, and what it saw. */
export interface Finding {
  readonly where: Place
  readonly ok: boolean
  /** in the indicative: "a blank line after the last field" */
  readonly expected: string
  readonly actual: string
}

/**
 * - `must`: the standard binds the sender
 * - `interop`: the standard binds the client, so a conforming client drops, alters or refuses what was sent
 * - `contract`: the driver contract or the target's own `declares` promise it
 * - `should`: the standard recommends it
 * - `advice`: convention; no standard asks it
 */
export type Level = 'must' | 'interop' | 'contract' | 'should' | 'advice'

/** `client` rules are about clients; the kit is the server then */
export type RuleId = `${'sse' | 'ws' | 'client'}/${string}/${string}`

/** What `applies` may look at: the target, and everything that was seen of it. */
export interface Scene<X> {
  readonly kind: 'observed' | 'driven'
  /** the method of an ordinary request to this target */
  readonly method: string
  /** parts of the contract the descriptor names (`play`, `channel`, …) */
  readonly parts: ReadonlySet<string>
  readonly declares: Declares
  readonly exchanges: readonly X[]
}

/** Pure and total: one finding per subject examined, none when there was nothing to look at. */
export type Check<X> = (exchange: X) => Finding[]

/** A wrong twin: the room's example, changed so that the named rule fails. */
export interface Mutant {
  readonly edit: Edit
  /** other rules this change cannot help breaking */
  readonly alsoBreaks?: readonly RuleId[]
  /** the named `Fault` of `servers/stream` that does the same live, for rules that only a driver can show */
  readonly fault?: string
}

/** `(transcript) => transcript`; throws when there is nothing to change: an inert mutant proves nothing. */
export type Edit = (transcript: Transcript) => Transcript

export interface Rule<X> {
  readonly id: RuleId
  readonly level: Level
  /** a contract part or a `declares` key; on a driver that has it the effective level is `contract` */
  readonly promisedBy?: string
  /** URL of the clause */
  readonly clause: string
  /** what is true of a right server, in the indicative */
  readonly says: string
  /** what a client does with a server that breaks it */
  readonly harm: string
  /** what to change in the server */
  readonly fix: string
  /** why the rule cannot apply to this target, or undefined when it can */
  readonly applies?: (scene: Scene<X>) => string | undefined
  /** why what was seen does not decide, asked only when the check gave no finding; undefined when nothing was seen */
  readonly inconclusive?: (scene: Scene<X>) => { readonly why: Why; readonly note: string } | undefined
  readonly check: Check<X>
  /** without these an exchange does not decide: it is not shown to the check */
  readonly needs?: readonly Aspect[]
  /** by a name that says what is wrong */
  readonly mutants: Readonly<Record<string, Mutant>>
  /** fails together with narrower rules; other rules' mutants may break it */
  readonly umbrella?: true
}

/** A recorded fact without verdict: what the standard leaves open (MAY). */
export interface Note<X> {
  readonly id: RuleId
  readonly clause: string
  readonly says: string
  /** facts worth a line in the report; empty when nothing was seen */
  readonly record: (exchange: X) => string[]
}

/** One rule area: an example that is right in every rule, and the rules. */
export interface Room<X> {
  readonly id: `${'sse' | 'ws'}/${string}`
  readonly clause: string
  readonly example: Transcript
  readonly rules: readonly Rule<X>[]
  readonly notes?: readonly Note<X>[]
}

// ---- verdicts --------------------------------------------------------------------------------------------------

export type Outcome = 'pass' | 'fail' | 'not-exercised' | 'not-applicable' | 'broken'

/** Why a rule was not exercised. */
export type Why = 'no-subject' | 'window' | 'budget' | 'profile' | 'refused' | 'inconclusive' | 'blocked'

/** A finding that is not ok, as a report carries it. */
export interface Deviation {
  readonly expected: string
  readonly actual: string
  readonly where: Place
  /** the bytes around the place, secrets already masked */
  readonly excerpt?: Excerpt
}

export interface Excerpt {
  /** byte offset in the link of the first byte shown */
  readonly offset: number
  readonly hex: string
  /** offset in the link and number of the bytes that are meant */
  readonly mark: { readonly offset: number; readonly length: number }
}

/** How to see a failure of a driven property again. */
export interface Replay {
  /** `rule:seed:path`, for `--replay` */
  readonly id: string
  /** the shrunk case as it was published */
  readonly counterexample: string
}

/** Why a verdict does not count: a baseline that the user keeps. Dates are YYYY-MM-DD in UTC. */
export interface Excuse {
  /** known: it fails, and does not fail the run; flaky: whatever it is, it does not count */
  readonly as: 'known' | 'flaky'
  /** empty when nobody has given one */
  readonly reason: string
  readonly since?: string
  /** the last day of the excuse */
  readonly expires?: string
}

export interface Verdict {
  readonly rule: RuleId
  readonly level: Level
  readonly effectiveLevel: Level
  readonly outcome: Outcome
  readonly why?: Why
  readonly note?: string
  /** subjects looked at */
  readonly examined: number
  readonly deviations: readonly Deviation[]
  readonly replay?: Replay
  readonly excused?: Excuse
}
