/**
 * What passes between a transport and the application of a WebSocket. Nothing here knows a library: the `ws` package and
 * uWebSockets.js are two ways to make a Duplex.
 */

/** A message: a text is text, bytes are binary. */
export type Message = string | Uint8Array

/**
 * An open connection, as the application sees it. Plain functions, so that `{...duplex, close}` replaces one of them.
 * After `close` or `terminate`, and once the connection is over, all of them do nothing.
 */
export interface Duplex {
  /** one message, now; false says that it is taken, and that no more should come before `onDrain` */
  readonly send: (message: Message) => boolean
  /** has `drained` called whenever a socket that wanted no more has room again */
  readonly onDrain: (drained: () => void) => void
  /** bytes that were sent and are still in the memory of this process */
  readonly pending: () => number
  readonly ping: () => void
  /** reads nothing from now on, or reads on; absent where the transport cannot */
  readonly read?: (on: boolean) => void
  /** a Close behind what was sent, then the end of TCP; a peer that does not answer it is dropped after a while */
  readonly close: (code: number, reason: string) => void
  /** drops the connection now */
  readonly terminate: () => void
}

/** What the application makes of what comes. */
export interface Listener {
  readonly message: (message: Message) => void
  readonly pong: () => void
  /** the connection is over, whoever ended it; called once */
  readonly over: () => void
}

/** The answer to an opening handshake that is taken: 101. */
export interface Accepted {
  /** the subprotocol, one of those that were offered */
  readonly protocol?: string
  /** offers of permessage-deflate may be taken */
  readonly deflate: boolean
  /** called once the connection is open, before anything is read */
  readonly open: (duplex: Duplex) => Listener
}

/**
 * Most bytes of a message; beyond it the connection is closed with 1009. The transport has to know it: it is kept where
 * a frame announces its length, not once the message is in memory.
 */
export const maxMessageBytes = 1024 * 1024

/** ms that a peer has to answer a Close before its connection is dropped */
export const closeMs = 2000
