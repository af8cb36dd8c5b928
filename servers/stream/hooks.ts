/**
 * The decisions that a server can get wrong, each as one function. `right` is what the reference servers do; a fault
 * replaces one of them (faults.ts).
 */
import { encodeEvent, refusal } from '../../spec/sse/encode.ts'
import type { Tuning } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import type { Refusal } from '../../spec/sse/encode.ts'
import { bearerToken } from './auth.ts'
import type { Answer, Block, Request, Sink, Whole } from './answer.ts'
import type { Frame } from './frame.ts'
import type { Entry, Log } from './log.ts'
import { right as socket } from './socket/hooks.ts'
import type { SocketHooks } from './socket/hooks.ts'
import type { Subscription } from './subscription.ts'

export interface Hooks {
  // ---- what is written ----
  /** an encoder for one play or one channel; each has its own so that a wrong one may remember */
  readonly encoder: () => (event: Event) => Block
  /** why an event is not taken */
  readonly refusal: (event: unknown) => Refusal | undefined
  /** what gives the events of one channel their ids; `identify` is the right way */
  readonly identifier: (identify: (event: Event) => Event) => (event: Event) => Event
  /** the first block of a subscription */
  readonly opening: (block: Block) => Block
  /** what breaks the silence */
  readonly heartbeat: (block: Block) => Block
  /** the block that says that nothing will follow */
  readonly endMarker: (block: Block) => Block
  /** the last block before a clean end */
  readonly tail: (block: Block) => Block

  // ---- who gets it, and when ----
  /** which other channels get what is published to `c` */
  readonly alsoTo: (c: string, channels: Iterable<string>) => Iterable<string>
  /** hands the blocks of one publish on to the subscribers */
  readonly deliver: (blocks: readonly Block[], write: (blocks: readonly Block[]) => void) => void
  /** sends to every subscriber */
  readonly fanOut: (subscriptions: ReadonlySet<Subscription>, send: (subscription: Subscription) => void) => void
  /** the bounds that a channel keeps, from those that are in force */
  readonly bounds: (tuning: Required<Tuning>) => Required<Tuning>
  /** what happens to a client beyond that, when `frames` come */
  readonly overflow: (subscription: Subscription, frames: readonly Frame[]) => void

  // ---- resuming ----
  /** the id that a request resumes after */
  readonly lastEventId: (request: Request) => string | undefined
  /** the log of one channel */
  readonly log: (log: Log) => Log
  /** what a resumed subscriber gets first; `at` is the index of its last event in the log, -1 for all of it */
  readonly replay: (log: readonly Entry[], at: number) => readonly Entry[]
  /** what one gets whose id is not in the log; `reset` is the event that says so */
  readonly unknown: (reset: Entry, log: readonly Entry[], id: string) => readonly Entry[]
  /** the order in which a subscription comes about */
  readonly resume: (steps: ResumeSteps) => void
  /** the answer to a subscription; `known` unless it names an id that is not in the log */
  readonly subscribed: (answer: Answer, known: boolean) => Answer

  // ---- tokens ----
  /** the token that a request carries */
  readonly token: (request: Request) => string | undefined
  /** the status that keeps a token from the channel `c`; `user` is whose it is, undefined when it is not valid */
  readonly admission: (user: string | undefined, c: string, request: Request) => 401 | 403 | undefined
  /** what happens to a stream when the token that opened it is over */
  readonly tokenOver: (sink: Sink) => void

  // ---- work ----
  /** what a cancellation does; `stop` ends the work and its streams */
  readonly cancel: (stop: () => void) => void

  // ---- answers ----
  /** what HEAD gets, from what GET would get */
  readonly head: (answer: Answer) => Answer
  /** every answer, complete, on its way to the transport */
  readonly answer: (answer: Answer, request: Request) => Answer
  /** ends all streams; `refuse` turns new requests away from now on */
  readonly shutdown: (streams: Iterable<Sink>, refuse: () => void) => void | Promise<void>

  // ---- WebSockets ----
  readonly socket: SocketHooks
}

export interface ResumeSteps {
  /** what the log has for this client, as of now */
  readonly missed: () => readonly Entry[]
  readonly send: (entries: readonly Entry[]) => void
  /** from now on the client gets what is published */
  readonly register: () => void
}

/**
 * The id to resume after. The header wins, because a browser that reconnects repeats the URL unchanged; an empty one is
 * as good as none. The header is UTF-8 on the wire (HTML 9.2.4), but HTTP libraries hand it over as latin1.
 */
function lastEventId(request: Request): string | undefined {
  const header = Buffer.from(request.header('last-event-id') ?? '', 'latin1').toString()
  return header || new URLSearchParams(request.query).get('lastEventId') || undefined
}

export const right: Hooks = {
  encoder: () => encodeEvent,
  refusal,
  identifier: (identify) => identify,
  opening: (block) => block,
  heartbeat: (block) => block,
  endMarker: (block) => block,
  tail: (block) => block,

  alsoTo: () => [],
  deliver: (blocks, write) => write(blocks),
  fanOut: (subscriptions, send) => subscriptions.forEach(send),
  bounds: (bounds) => bounds,
  overflow: (subscription) => subscription.cut(),

  lastEventId,
  log: (log) => log,
  replay: (log, at) => log.slice(at + 1),
  unknown: (reset) => [reset],
  resume: ({ missed, send, register }) => {
    send(missed())
    register()
  },
  subscribed: (answer) => answer,

  token: bearerToken,
  admission: (user, c) => (user === undefined ? 401 : user === c ? undefined : 403),
  tokenOver: (sink) => sink.end(),

  cancel: (stop) => stop(),

  head: ({ status, fields }): Whole => ({ status, fields }),
  answer: (answer) => answer,
  shutdown: (streams, refuse) => {
    refuse()
    for (const stream of streams) stream.end()
  },

  socket,
}
