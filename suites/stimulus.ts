/**
 * How targets are provoked, as data: what to open, what to do between, when to stop. The harness performs it; nothing
 * here opens a socket. A stimulus is made once and judged by many rules.
 */
import type fc from 'fast-check'
import type { Declares, Event, RuleId, SentRequest } from '../spec/model.ts'

/** How a request differs from the ordinary one of the target. */
export interface Asked {
  readonly method?: string
  readonly version?: '1.0'
  /** header fields to set; `null` leaves the ordinary one out */
  readonly headers?: Readonly<Record<string, string | null>>
  /** a Host field that HTTP forbids */
  readonly host?: 'absent' | 'twice'
  readonly body?: string
  /** `Last-Event-ID`: the last event ID that another link of the stimulus has committed (none: no header), the third that it has committed (fewer than five: the link is not opened), or UTF-8 text */
  readonly lastEventId?: { readonly of: string } | { readonly thirdOf: string } | { readonly text: string }
  /** query fields to add to the URL: a text, or the last event ID that another link has committed */
  readonly query?: Readonly<Record<string, string | { readonly of: string }>>
  /** the token of `--token` and the Authorization of `--header` are left out */
  readonly anonymous?: true
  /** wrong credentials of the same kind stand in their place */
  readonly forged?: true
  /**
   * a token instead of them: one that a `token` step obtained, or a text; `by` when it matters how it is sent. Without
   * that token, and where the target does not take one that way (`declares.auth`), the link is not opened
   */
  readonly token?: ({ readonly of: string } | { readonly text: string }) & { readonly by?: 'header' | 'query' }
  /** as a page of another origin: that of the run, unless `headers` has an Origin */
  readonly page?: true
  /** instead of the request the preflight for it, that asks for these header names: no credentials, no body */
  readonly preflight?: readonly string[]
}

/** When to stop reading a link, apart from the end of the message and the byte limit. */
export type Until =
  /** the observation window of the run (`--observe`) is over */
  | { readonly window: true }
  /** the head is complete, and this many ms after it */
  | { readonly head: true; readonly thenMs: number }
  /** the message is complete, and this many ms after it at most; the deadline otherwise */
  | { readonly end: true; readonly thenMs: number }
  /** that many events have been dispatched */
  | { readonly events: number }
  /** an event with this data has been dispatched: a sentinel */
  | { readonly sentinel: string }
  /** nothing more than this many ms */
  | { readonly ms: number }

/** What a request goes to: the target's own URL, or a part of the contract. */
export type Address =
  | 'target'
  /** the stream of the target: its own URL, or on a driver a channel of this stimulus */
  | 'stream'
  | 'play'
  | 'limited'
  /** the channel of this stimulus where it needs a token of the user of that name */
  | 'secure'
  /** the same of the sibling */
  | 'secure-sibling'
  /** another channel, whose name begins with that of this stimulus */
  | 'sibling'
  /** a channel whose name the contract forbids */
  | 'forbidden-channel'

/** What `stats` counts, and a stimulus waits for. */
export type StatName = 'subscribers' | 'plays' | 'works'

export type Step =
  /**
   * opens a link and goes on when `until` says so; without `until` as soon as the head (or its absence) is certain.
   * `stalled`: not a byte is read until a `read` step; `stay`: the link stays open when `until` is reached
   */
  | {
      readonly do: 'open'; readonly link: string; readonly role: string; readonly asked?: Asked
      /** `work`: the stream of the work that the stimulus has started last */
      readonly to: Address | 'work'
      readonly until?: Until; readonly stalled?: true; readonly stay?: true
      /** where a flood has to be read to its end; without it the limit that every link has */
      readonly limitBytes?: number
    }
  /** reads an open link on; it stays open */
  | { readonly do: 'read'; readonly link: string; readonly until: Until }
  /** the kit leaves an open link: by FIN, or by RST */
  | { readonly do: 'leave'; readonly link: string; readonly by?: 'rst' }
  /** publishes batches on the channel of this stimulus (or its sibling): all at once, or one after the other, `everyMs` apart */
  | {
      readonly do: 'publish'; readonly batches: readonly (readonly Event[])[]; readonly to?: 'sibling'
      readonly everyMs?: number
    }
  /** publishes one plain event after the other, `sync-1`, `sync-2`, …, until one has arrived on that link: from then on it is live */
  | { readonly do: 'sync'; readonly link: string }
  /** finishes the channel of this stimulus */
  | { readonly do: 'finish' }
  /** sets the limits of the channel (contract: tune) */
  | { readonly do: 'tune'; readonly values: Readonly<Record<string, number>> }
  /** asks for stats, again and again until the number is as wanted or `withinMs` have passed; the last answer is kept as an act */
  | { readonly do: 'stats'; readonly of: StatName; readonly is: number; readonly withinMs: number }
  /** starts work that makes these events, so many ms apart (contract: work) */
  | { readonly do: 'work'; readonly events: readonly Event[]; readonly pauseMs: number }
  /** cancels the work that the stimulus has started last, or work that the target has never taken */
  | { readonly do: 'cancel'; readonly unknown?: true }
  /** obtains a token for the user that has the channel of this stimulus, or its sibling (contract: tokens) */
  | { readonly do: 'token'; readonly name: string; readonly ttlMs: number; readonly to?: 'sibling' }
  /** revokes a token that was obtained under that name */
  | { readonly do: 'revoke'; readonly token: string }
  /** the kit tells the process that it has started to stop (SIGTERM) */
  | { readonly do: 'signal' }
  /** branches that go on at the same time */
  | { readonly do: 'together'; readonly branches: readonly (readonly Step[])[] }

export interface Stimulus {
  /** `area/slug` */
  readonly id: string
  /** what `--plan` prints: "a second GET, to see whether …" */
  readonly says: string
  /** rules that have nothing to look at without it; others may look at it too */
  readonly feeds: readonly RuleId[]
  /** the least profile that sends it */
  readonly profile: 'safe' | 'full'
  /** parts of the contract it needs; without it runs on any URL */
  readonly needs?: readonly string[]
  /** only for targets whose ordinary request is a GET without a body */
  readonly getOnly?: true
  /** only for targets whose ordinary request is a POST with JSON */
  readonly postOnly?: true
  /** only when the target wants credentials (`--token` or an Authorization header was given) */
  readonly authorized?: true
  /** keeps target and kit so busy that others would be late: comes after them */
  readonly loud?: true
  /** ends a target that the kit has started; the very last of a run */
  readonly final?: true
  /** only when the base answer calls for it */
  readonly when?: (base: BaseFacts) => boolean
  readonly steps: readonly Step[]
  /** ms for all of it, the observation window not counted */
  readonly deadlineMs: number
}

/** What the first exchange with a target showed. */
export interface BaseFacts {
  readonly status: number
  readonly isEventStream: boolean
  /** events dispatched in the window */
  readonly events: number
  /** events with an id of their own */
  readonly ids: number
  /** ms from the head to the end of the message when the target ended it */
  readonly endedAfterMs?: number
  /** the ordinary request carries Authorization */
  readonly authorization?: true
  /** the page of another origin that asks; `meant`: the user or the target itself says that it is let in */
  readonly page?: { readonly origin: string; readonly meant: boolean }
  /** ms; the heartbeat that a driver declares and does not let the kit tune */
  readonly fixedHeartbeatMs?: number
}

/** What a driver is asked to play (contract: play). */
export interface Script {
  readonly events: readonly Event[]
  readonly pauseMs?: number
  readonly end?: 'close' | 'hold' | 'throw'
}

/** A driven property: generated scripts, each played once and judged by the rules it feeds. */
export interface Property {
  /** `area/slug` */
  readonly id: string
  readonly says: string
  readonly feeds: readonly RuleId[]
  /** scripts to generate; on a target with `data: json` payloads become JSON text before they are sent */
  readonly scripts: fc.Arbitrary<Script>
  /** scripts that are always played, before any generated one */
  readonly examples: readonly Script[]
  /** generated scripts, unless `--runs` says otherwise */
  readonly runs: number
  /** how it is asked for, when that matters (coding, version) */
  readonly asked?: Asked
  /** a connection of its own for each script; otherwise one is kept alive */
  readonly fresh?: true
  readonly applies?: (declares: Declares) => boolean
}

/** One area: the provocations of the room of the same name. */
export interface Suite {
  readonly id: string
  readonly stimuli: readonly Stimulus[]
  readonly properties: readonly Property[]
}

/** The links that steps open, those of branches included. Pure. */
export function opens(steps: readonly Step[]): Extract<Step, { do: 'open' }>[] {
  return steps.flatMap((step) => (step.do === 'open' ? [step] : step.do === 'together' ? step.branches.flatMap(opens) : []))
}

/** ms that steps take however fast the target is; of branches the longest. Pure. */
export function leastMs(steps: readonly Step[], windowMs: number): number {
  const untilMs = (until: Until | undefined): number =>
    (!until ? 0 : 'window' in until ? windowMs : 'ms' in until ? until.ms : 0)
  return steps.reduce((sum, step) => {
    switch (step.do) {
      case 'open':
      case 'read': return sum + untilMs(step.until)
      case 'publish': return sum + (step.batches.length - 1) * (step.everyMs ?? 0)
      case 'together': return sum + Math.max(0, ...step.branches.map((branch) => leastMs(branch, windowMs)))
      default: return sum
    }
  }, 0)
}

/**
 * The request of a stimulus: the ordinary one, changed as asked. Host fields are left to the probe. Pure.
 *
 * @param page the origin of pages, where the ordinary request has none
 */
export function changed(ordinary: SentRequest, asked: Asked = {}, page?: string): SentRequest {
  if (asked.preflight) return preflight(ordinary, asked.preflight, page)
  const edits = Object.entries(asked.headers ?? {})
  const dropped = new Set(edits.map(([name]) => name.toLowerCase()))
  if (asked.anonymous) dropped.add('authorization').add('cookie')
  const { body: ordinaryBody, ...rest } = ordinary
  const body = asked.body ?? (asked.method && asked.method !== ordinary.method ? undefined : ordinaryBody)
  return {
    ...rest,
    method: asked.method ?? ordinary.method,
    version: asked.version ?? ordinary.version,
    headers: [
      ...ordinary.headers.filter(([name]) => !dropped.has(name.toLowerCase()))
        .map(([name, value]) => [name, asked.forged ? forged(name, value) : value] as const),
      ...edits.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
      ...(asked.page && !dropped.has('origin') ? originField(ordinary, page) : []),
    ],
    ...(body === undefined ? {} : { body }),
  }
}

/** The Origin that the ordinary request lacks. */
const originField = ({ headers }: SentRequest, page: string | undefined): [name: string, value: string][] =>
  (page === undefined || headers.some(([name]) => /^origin$/i.test(name)) ? [] : [['Origin', page]])

/** Fetch, "CORS-preflight fetch": of what the page sends only the names, as a list without spaces. */
function preflight(ordinary: SentRequest, names: readonly string[], page: string | undefined): SentRequest {
  const { url, version, method, headers } = ordinary
  return {
    url,
    version,
    method: 'OPTIONS',
    headers: [
      ...headers.filter(([name]) => /^(?:host|user-agent|accept-encoding|origin)$/i.test(name)),
      ...originField(ordinary, page),
      ['Accept', '*/*'],
      ['Access-Control-Request-Method', method],
      ['Access-Control-Request-Headers', names.join(',')],
    ],
  }
}

/** A field value with wrong credentials where it had some: of the same scheme, and cookies of the same names. */
function forged(name: string, value: string): string {
  const wrong = 'streamproof-wrong-credentials'
  if (/^cookie$/i.test(name)) return value.replace(/=[^;]*/g, `=${wrong}`)
  if (!/^authorization$/i.test(name)) return value
  const scheme = /^[!#$%&'*+.^`|~\w-]+ +(?=\S)/.exec(value)?.[0] ?? ''
  return scheme + (/^basic /i.test(scheme) ? Buffer.from(`streamproof:${wrong}`).toString('base64') : wrong)
}
