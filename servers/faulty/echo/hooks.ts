/**
 * The decisions that a WebSocket server can get wrong, each as one function. `right` does what RFC 6455 says; a fault
 * replaces one of them.
 */
import { opcodes, server } from '../../../spec/ws/frame.ts'
import type { Close, Control, Fault, Inflate, Message } from '../../../spec/ws/machine.ts'
import type { Frame } from '../../../spec/ws/reader.ts'
import type { Declares } from '../../../spec/model.ts'
import { deflating } from './deflating.ts'
import { acceptance, refusal, type Refusal, type Request } from './handshake.ts'

export { listOf, valuesOf, type Refusal, type Request } from './handshake.ts'

/** What a server does about a fault: a Close with this code, FIN without one, or it goes on as if the frame had not come. */
export type Reaction = number | 'drop' | 'ignore'

/** What both sides agreed on beside the protocol itself. */
export interface Terms {
  /** field lines for the 101 */
  readonly fields: readonly string[]
  readonly inflate?: Inflate
  /** compresses a message; without it messages go out as they are */
  readonly deflate?: (payload: Uint8Array) => Uint8Array
  /** what could not be decompressed last was too large */
  readonly isTooLarge?: () => boolean
}

export interface Hooks {
  /** why a handshake is not taken; undefined when it is */
  readonly refusal: (request: Request) => Refusal | undefined
  /** where the empty line behind the fields begins in what has come of a request; -1 while it is not there */
  readonly headEnd: (text: string) => number
  /** ms for a request; then it is answered by 408 */
  readonly patienceMs: number
  /** a refusal is an answer, not only the end of TCP */
  readonly rejects: boolean
  /** extensions; a decompressed message has `most` bytes */
  readonly terms: (request: Request, most: number) => Terms
  /** ms before a request is answered */
  readonly thinkMs: (request: Request) => number
  /** the field lines of the 101 */
  readonly accepted: (request: Request, terms: Terms) => readonly string[]
  /** bytes that came with the end of the request, before they are read as frames */
  readonly early: (bytes: Uint8Array) => Uint8Array
  /** what one read gave, before frames are read; `pending`: so many bytes of a frame came before */
  readonly arriving: (bytes: Uint8Array, pending: number) => Uint8Array
  /** a frame before it is judged: what a wrong server takes for right is put right here; undefined is not seen at all */
  readonly incoming: (frame: Frame) => Frame | undefined
  readonly react: (fault: Fault) => Reaction
  /** the frames that answer a message, a ping, a pong; `open` are the fragments of a message that has not ended */
  readonly answer: (happening: Message | Control, terms: Terms, open?: readonly Frame[]) => readonly Uint8Array[]
  /** ms before a message, a ping or a pong is answered */
  readonly lateMs: (happening: Message | Control) => number
  /** the frames that answer a Close within a message of which `open` came; TCP is ended behind them when `ends` says so */
  readonly closed: (close: Close, open: readonly Frame[]) => readonly Uint8Array[]
  /** the frames that answer FIN within this frame */
  readonly cut: (partial: Frame) => readonly Uint8Array[]
  /** whether the server ends TCP after FIN of the client */
  readonly endsToo: boolean
  /** whether the server ends TCP after both Closes, or after its own for a fault */
  readonly ends: () => boolean
  /** whether frames behind a Close or a fault are read on */
  readonly readsOn: () => boolean
  /** bytes on their way out */
  readonly outgoing: (frames: readonly Uint8Array[]) => readonly Uint8Array[]
  /** bytes that are sent as soon as a connection is open */
  readonly greeting: () => readonly Uint8Array[]
  /** most bytes of a message */
  readonly maxMessage: number
  /** bytes of a message of which these frames came, the last one perhaps in part */
  readonly sizeOf: (frames: readonly Frame[]) => bigint
  /** most fragments of a message */
  readonly maxFragments: number
  /** bytes that wait to be sent; with more of them nothing is read */
  readonly maxQueued: number
  /** what `/streamproof`, the descriptor of a driver, declares; without it there is none */
  readonly declares?: Declares
}

function answer(happening: Message | Control, { deflate }: Terms): Uint8Array[] {
  if (happening.kind !== 'message') return happening.kind === 'ping' ? [server.pong(happening.payload)] : []
  const opcode = opcodes[happening.type]
  return [deflate ? server.frame(opcode, deflate(happening.payload), { rsv: 4 }) : server.frame(opcode, happening.payload)]
}

export const right: Hooks = {
  refusal,
  terms: deflating(),
  thinkMs: () => 0,
  headEnd: (text) => text.indexOf('\r\n\r\n'),
  patienceMs: 1500,
  rejects: true,
  accepted: (request, { fields }) => [...acceptance(request), ...fields],
  early: (bytes) => bytes,
  arriving: (bytes) => bytes,
  incoming: (frame) => frame,
  react: ({ codes: [code = 1002] }) => code,
  answer,
  lateMs: () => 0,
  closed: ({ code }) => [server.close(code)],
  cut: () => [],
  endsToo: true,
  ends: () => true,
  readsOn: () => false,
  outgoing: (frames) => frames,
  greeting: () => [],
  maxMessage: 32 * 1024 * 1024,
  sizeOf: (frames) => frames.reduce((sum, { announced }) => sum + announced, 0n),
  maxFragments: 2048,
  maxQueued: 256 * 1024,
}

