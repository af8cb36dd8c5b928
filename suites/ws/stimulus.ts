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
  /** a connection: `lastEventId` is the id of the last chunk that it got (contract: socket). Without one nothing is opened */
  readonly behind?: string
  /** to the second instance that the target names (declares.instances) */
  readonly elsewhere?: true
  /** all names in lower or upper case; all lines in reverse order */
  readonly names?: 'lower' | 'upper'
  readonly reversed?: true
  readonly body?: string
  /** the empty line behind the fields is never sent */
  readonly unfinished?: true
  /** the credentials of the command line are left out: of the fields, and of the query */
  readonly anonymous?: true
  /** in their place wrong ones of the same kind: made up, without their end, or with one character changed */
  readonly forged?: 'foreign' | 'cut' | 'altered'
  /**
   * a token in their place: one that a `token` step obtained, or a text. Without that token, and where the target does
   * not take one from the query, the connection is not opened
   */
  readonly token?: Token & { readonly by: 'header' | 'query' | 'subprotocol' }
  /** another spelling of the path, for guards that compare it and routers that do not */
  readonly spelled?: 'slash' | 'case' | 'encoded' | 'parameter'
  /** how the request is cut into writes: one for each octet, or at these offsets */
  readonly chop?: Chop
  /** bytes in the same write as the end of the request */
  readonly early?: Uint8Array
}

/** How bytes are cut into writes, 1 ms apart: after each octet, or at these offsets. */
export type Chop = 'octets' | readonly number[]

/** What a `token` step obtained under that name, or a text. */
export type Token = { readonly of: string } | { readonly text: string }

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
  /** the target has not taken the handshake, or sends a Close, or ends TCP */
  | { readonly refusal: true }
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
  /** the same behind authentication (contract: socketAuth) */
  | 'socketAuth'

export type Step =
  /** opens a connection and goes on when the head has come, or cannot come any more; `hasty`: as soon as it is written */
  | { readonly do: 'open'; readonly link: string; readonly role: string; readonly to: Address; readonly asked?: Handshake; readonly hasty?: true }
  /** writes bytes, cut as `chop` says; `pauseMs` before it. A target that takes nothing for `withinMs` gets no more */
  | {
    readonly do: 'send'; readonly link: string; readonly bytes: Uint8Array
    readonly chop?: Chop; readonly pauseMs?: number; readonly withinMs?: number
  }
  /** waits on a connection, `withinMs` at most */
  | { readonly do: 'await'; readonly link: string; readonly for: Event; readonly withinMs: number }
  /** ends a connection: by a Close and waiting for the reply, by FIN, or by RST */
  | { readonly do: 'leave'; readonly link: string; readonly by: 'close' | 'fin' | 'rst' }
  /** pings of the target are answered: those that have come, and those that come from now on */
  | { readonly do: 'answer'; readonly link: string }
  /** sends a token as the first message (contract: auth), and frames in the same write */
  | { readonly do: 'authenticate'; readonly link: string; readonly token: Token; readonly also?: Uint8Array }
  /** obtains a token for the user of the name of this channel, or for another one; `once`: for one use (contract: tokens) */
  | { readonly do: 'token'; readonly name: string; readonly ttlMs: number; readonly to?: 'sibling'; readonly once?: true }
  /** revokes a token that was obtained under that name */
  | { readonly do: 'revoke'; readonly token: string }
  /** sets the limits of the channel, before its first use (contract: tune) */
  | { readonly do: 'tune'; readonly values: Readonly<Record<string, number>> }
  /** sends FIN and reads on */
  | { readonly do: 'shut'; readonly link: string }
  /** reads nothing from now on, or reads on */
  | { readonly do: 'pause' | 'resume'; readonly link: string }
  /** asks a driver for stats until the number is as wanted or `withinMs` have passed; the last answer is kept */
  | { readonly do: 'stats'; readonly of: 'subscribers' | 'plays' | 'sockets' | 'bufferedBytes'; readonly is: number; readonly withinMs: number }
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
  readonly needs?: readonly ('echo' | 'socket' | 'socketAuth' | 'token' | 'tokens' | 'tickets' | 'origin' | 'cookie' | 'stats' | 'publish' | 'tune' | 'instances')[]
  /** keeps target and kit so busy that others would be late: comes after them; `alone`: and would itself be late beside another */
  readonly loud?: true | 'alone'
  /** ends a target that the kit has started; the very last of a run */
  readonly final?: true
  /** pings of the target are answered on all connections: whoever does not may be dropped for that */
  readonly alive?: true
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
  /** whose pages may connect, as the user or the target says; empty where nobody does, or where all may */
  readonly origins?: readonly string[]
  /** ms between two signs of life, as the target says; `tunes`: it lets the kit choose */
  readonly heartbeatMs?: number
  readonly tunes?: boolean
  /** ms to watch an idle connection */
  readonly observeMs?: number
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
