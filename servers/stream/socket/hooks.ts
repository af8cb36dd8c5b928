/**
 * The decisions that a server of channel sockets can get wrong, each as one function. `right` is what the reference
 * servers do; a fault replaces one of them (../faults/socket.ts).
 */
import type { SocketReply, StreamEnd } from '../../../spec/contract/contract.ts'
import type { Event } from '../../../spec/model.ts'
import { bearerToken } from '../auth.ts'
import type { Request } from '../answer.ts'
import type { Duplex } from './duplex.ts'
import { protocolOf, protocolToken } from './protocols.ts'
import type { Outlet, Stream } from './stream.ts'

export interface SocketHooks {
  // ---- who may connect ----
  /** whether a page of this origin may connect; `origin` is undefined for what is no browser */
  readonly admits: (origin: string | undefined, allowed: readonly string[]) => boolean
  /** the token that an opening handshake carries */
  readonly token: (request: Request) => string | undefined
  /** the subprotocol of the 101 */
  readonly protocol: typeof protocolOf
  /** what a client hears of the channel that has not said yet who it is */
  readonly stranger: (hear: () => void) => void
  /** what happens to one that does not say it in time */
  readonly silent: (close: () => void) => void
  /** what happens once a token of a first message is found valid */
  readonly known: (enter: () => void) => void
  /** the code that closes a socket without a token, or whose token is over */
  readonly unauthorized: number
  /** what happens when a token has opened a socket; `spend` is the end of one for one use */
  readonly spend: (spend: () => void) => void
  /** what happens when the token that opened a socket is over */
  readonly tokenOver: (close: () => void) => void

  // ---- what is sent and read ----
  /** every connection, the echo included */
  readonly duplex: (duplex: Duplex, request: Request) => Duplex
  /** every message of a channel socket on its way out */
  readonly reply: (reply: SocketReply) => SocketReply | undefined
  /** what an event of the channel becomes */
  readonly event: (event: Event) => SocketReply | undefined
  /** from when on messages of the client are read, once its socket is open */
  readonly attached: (read: () => void) => void
  /** from when on events of the channel are heard */
  readonly joined: (hear: () => void) => void
  /** whether a message is too much for a socket on which `pending` bytes wait, of `most` */
  readonly exceeds: (pending: number, next: number, most: number) => boolean
  /** what happens to a socket beyond its bounds */
  readonly overflow: (close: () => void) => void
  /** whether a producer waits, for a socket that wants no more */
  readonly waits: (full: boolean) => boolean
  /** what happens to a socket whose handler raises */
  readonly raised: (close: (code: number) => void, error: unknown) => void
  /** what happens to a message that is not understood; `tell` answers it */
  readonly misunderstood: (tell: () => void, close: (code: number) => void) => void

  // ---- streams ----
  /** what a cancellation does; `stop` ends the stream at once, `all` those of the socket */
  readonly cancel: (stop: () => void, all: () => void) => void
  /** what the cancellation of a stream does that is over, or never was */
  readonly pointless: () => void
  /** what a start does whose name is taken */
  readonly taken: (refuse: () => void) => void
  /** what shows that the id of a chunk came from here */
  readonly proof: (proof: string) => string
  /** what happens to a stream that can be resumed no longer */
  readonly expired: (drop: () => void) => void
  /** the messages that end a stream */
  readonly ending: (end: StreamEnd) => readonly SocketReply[]
  /** the chunk that a stream goes on with, from what its id says; undefined: the id is not known, and that is said */
  readonly resumeAt: (n: number | undefined) => number | undefined
  /** the stream that is resumed; `again` starts it anew */
  readonly resumed: (stream: Stream, again: () => Stream) => Stream
  /** whose stream it is may be cancelled by whom */
  readonly mayCancel: (owner: string | undefined, user: string | undefined) => boolean
  /** whose stream it is may be resumed by whom */
  readonly mayResume: (owner: string | undefined, user: string | undefined) => boolean
  /** what writes to a stream from now on, when another socket has it already */
  readonly takeover: (old: Outlet, fresh: Outlet) => Outlet
  /** what happens to the streams of a socket that is over; `keep` keeps them to be resumed */
  readonly left: (keep: () => void) => void

  /** what happens to a session whose connection is over, with a Close or without; `forget` counts it no more */
  readonly over: (forget: () => void) => void

  // ---- signs of life ----
  /** what a message or a pong says about its peer; `heard` is that it lives */
  readonly sign: (heard: () => void, of: 'message' | 'pong') => void
  readonly ping: (ping: () => void) => void
  /** what happens to a peer that does not answer */
  readonly dead: (terminate: () => void) => void

  /** ends all sockets when the server is told to stop */
  readonly shutdown: (duplexes: Iterable<Duplex>) => void
}

/** Scheme and host know no case (RFC 6454 section 4). Who sends no Origin is no browser: a page cannot leave it out. */
export const admits: SocketHooks['admits'] = (origin, allowed) =>
  origin === undefined || allowed.includes('*') || allowed.some((one) => one.toLowerCase() === origin.toLowerCase())

export const right: SocketHooks = {
  admits,
  token: (request) => bearerToken(request) ?? protocolToken(request),
  protocol: protocolOf,
  stranger: () => {},
  silent: (close) => close(),
  known: (enter) => enter(),
  unauthorized: 4401,
  spend: (spend) => spend(),
  tokenOver: (close) => close(),

  duplex: (duplex) => duplex,
  reply: (reply) => reply,
  event: ({ id, event, data }) =>
    (data === undefined ? undefined : { type: 'event', ...(id === undefined ? {} : { id }), ...(event === undefined ? {} : { event }), data }),
  attached: (read) => read(),
  joined: (hear) => hear(),
  exceeds: (pending, next, most) => pending > 0 && pending + next > most,
  overflow: (close) => close(),
  waits: (full) => full,
  raised: (close) => close(1011),
  misunderstood: (tell) => tell(),

  cancel: (stop) => stop(),
  pointless: () => {},
  taken: (refuse) => refuse(),
  proof: (proof) => proof,
  expired: (drop) => drop(),
  ending: (end) => [end],
  resumeAt: (n) => n,
  resumed: (stream) => stream,
  mayCancel: (owner, user) => owner === user,
  mayResume: (owner, user) => owner === user,
  takeover: (old, fresh) => {
    old.replaced()
    return fresh
  },
  left: (keep) => keep(),
  over: (forget) => forget(),

  sign: (heard) => heard(),
  ping: (ping) => ping(),
  dead: (terminate) => terminate(),

  shutdown: (duplexes) => {
    for (const duplex of duplexes) duplex.close(1001, 'the server is shutting down')
  },
}
