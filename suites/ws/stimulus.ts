/**
 * How WebSocket targets are provoked, as data: what to open, what to send, when to stop. The harness performs it. A
 * stimulus is made once and judged by many rules.
 */
import type fc from 'fast-check'
import type { RuleId } from '../../spec/model.ts'

/** How an opening handshake differs from the ordinary one. */
export interface Handshake {
  readonly method?: string
  readonly version?: '1.0'
  /** fields to set; `null` leaves the ordinary one out, a list writes one line for each */
  readonly headers?: Readonly<Record<string, string | null | readonly string[]>>
  /** a Host field that HTTP forbids */
  readonly host?: 'absent' | 'twice'
  /** the request target in absolute form */
  readonly absolute?: true
  /** in place of the target's own path */
  readonly path?: string
  /** query fields to add */
  readonly query?: Readonly<Record<string, string>>
  /** all names in lower or upper case; all lines in reverse order */
  readonly names?: 'lower' | 'upper'
  readonly reversed?: true
  readonly body?: string
  /** the empty line behind the fields is never sent */
  readonly unfinished?: true
  /** the token of `--token` and the Authorization of `--header` are left out */
  readonly anonymous?: true
  /** how the request is cut into writes: one for each octet, or at these offsets */
  readonly chop?: Chop
  /** bytes in the same write as the end of the request */
  readonly early?: Uint8Array
}

/** How bytes are cut into writes, 1 ms apart: after each octet, or at these offsets. */
export type Chop = 'octets' | readonly number[]

/** What to wait for; waiting also ends when the target ends TCP. */
export type Event =
  /** a pong with this payload */
  | { readonly pong: string | Uint8Array }
  /** so many messages in all */
  | { readonly messages: number }
  /** a message of just these bytes: on an echo that may send more than it is sent */
  | { readonly message: Uint8Array }
  /** a message whose text contains this */
  | { readonly text: string }
  /** a Close frame */
  | { readonly close: true }
  /** the target ends TCP */
  | { readonly end: true }
  /** nothing: only the time */
  | { readonly ms: number }

/** What a connection is opened to. */
export type Address =
  /** the target's own URL; on a driver its echo */
  | 'target'
  /** an endpoint that sends every message back (contract: echo; `--echo`) */
  | 'echo'
  /** the channel socket of the contract, on the channel of this stimulus */
  | 'socket'

export type Step =
  /** opens a connection and goes on when the head has come, or cannot come any more */
  | { readonly do: 'open'; readonly link: string; readonly role: string; readonly to: Address; readonly asked?: Handshake }
  /** writes bytes, cut as `chop` says; `pauseMs` before it */
  | { readonly do: 'send'; readonly link: string; readonly bytes: Uint8Array; readonly chop?: Chop; readonly pauseMs?: number }
  /** waits on a connection, `withinMs` at most */
  | { readonly do: 'await'; readonly link: string; readonly for: Event; readonly withinMs: number }
  /** ends a connection: by a Close and waiting for the reply, by FIN, or by RST */
  | { readonly do: 'leave'; readonly link: string; readonly by: 'close' | 'fin' | 'rst' }
  /** sends FIN and reads on */
  | { readonly do: 'shut'; readonly link: string }
  /** reads nothing from now on, or reads on */
  | { readonly do: 'pause' | 'resume'; readonly link: string }
  /** asks a driver for stats until the number is as wanted or `withinMs` have passed; the last answer is kept */
  | { readonly do: 'stats'; readonly of: 'subscribers' | 'plays' | 'sockets'; readonly is: number; readonly withinMs: number }
  /** publishes on the channel of this stimulus (contract: publish) */
  | { readonly do: 'publish'; readonly events: readonly { readonly id?: string; readonly data: string }[] }
  /** the kit tells the process that it has started to stop (SIGTERM) */
  | { readonly do: 'signal' }
  /** branches that go on at the same time */
  | { readonly do: 'together'; readonly branches: readonly (readonly Step[])[] }

export interface Stimulus {
  /** `area/slug` */
  readonly id: string
  /** what `--plan` prints */
  readonly says: string
  readonly feeds: readonly RuleId[]
  readonly profile: 'safe' | 'full'
  /** what the target has to offer: `echo`, `socket`, a part of the contract, or what `--token`, `--origin` give */
  readonly needs?: readonly ('echo' | 'socket' | 'token' | 'origin' | 'stats' | 'publish')[]
  readonly loud?: true
  readonly final?: true
  readonly when?: (base: BaseFacts) => boolean
  readonly steps: readonly Step[]
  /** ms for all of it */
  readonly deadlineMs: number
}

/** What the first handshake showed. */
export interface BaseFacts {
  readonly status: number
  /** permessage-deflate is agreed on when it is offered */
  readonly deflates: boolean
  /** bytes; what the target says that a message may have */
  readonly maxMessageBytes?: number
  /** the target is on this machine */
  readonly isLocal: boolean
}

/** A generated case on an echo: what is sent after the handshake, and in how many writes. */
export interface Talk {
  readonly asked?: Handshake
  readonly frames: readonly Uint8Array[]
  readonly chop?: Chop
  /** how the kit knows that the target is through: a pong to a last ping, the end of TCP, or so many messages */
  readonly until: Event
}

/** A property of an echo, or of any target when `needs` is absent: each generated case is judged by the rules it feeds. */
export interface Property {
  readonly id: string
  readonly says: string
  readonly feeds: readonly RuleId[]
  readonly needs?: 'echo'
  readonly talks: fc.Arbitrary<Talk>
  /** always sent, before any generated one */
  readonly examples: readonly Talk[]
  /** generated cases, unless `--runs` says otherwise */
  readonly runs: number
  /** a right target takes none of the handshakes: that none opens is no reason to give up */
  readonly refused?: true
  readonly when?: (base: BaseFacts) => boolean
}

export interface Suite {
  readonly id: string
  readonly stimuli: readonly Stimulus[]
  /** stimuli that depend on what the target told */
  readonly measured?: (base: BaseFacts) => readonly Stimulus[]
  readonly properties: readonly Property[]
}

/** The connections that steps open, those of branches included. Pure. */
export function opens(steps: readonly Step[]): Extract<Step, { do: 'open' }>[] {
  return steps.flatMap((step) => (step.do === 'open' ? [step] : step.do === 'together' ? step.branches.flatMap(opens) : []))
}
