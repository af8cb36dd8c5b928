/**
 * What a run of frames says: messages, pings, pongs, a Close, and the first thing that is wrong with it. One function
 * for both directions: it tells what a client that the kit plays has asked for, and what the target has sent.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5
 */
import { illFormed, type IllFormed } from '../utf8.ts'
import { mostControlBytes, opcodes } from './frame.ts'
import type { Frame } from './reader.ts'

export type FaultKind =
  // ---- the header ----
  | 'reserved-bit' | 'reserved-opcode' | 'not-masked' | 'masked' | 'length-not-minimal' | 'length-too-large'
  // ---- control frames ----
  | 'control-fragmented' | 'control-too-long' | 'control-length-form'
  // ---- fragments ----
  | 'orphan-continuation' | 'interleaved'
  // ---- content ----
  | 'utf8' | 'deflate'
  // ---- Close ----
  | 'close-length' | 'close-code' | 'close-reason'

/** The first thing that is wrong. What follows it is not read. */
export interface Fault {
  readonly kind: FaultKind
  readonly frame: Frame
  /** its place among the frames, from 0 */
  readonly index: number
  /** Close codes that fit it, the best one first (RFC 6455 7.4.1) */
  readonly codes: readonly number[]
  /** in the indicative */
  readonly says: string
  /** offset in the stream of the byte that makes it wrong */
  readonly byte: number
  /** `utf8`: the sequence, as an offset in the message; absent when it was compressed */
  readonly illFormed?: IllFormed
}

export interface Message {
  readonly kind: 'message'
  readonly type: 'text' | 'binary'
  /** whole, and decompressed */
  readonly payload: Uint8Array
  readonly compressed: boolean
  readonly frames: readonly Frame[]
}

export interface Control {
  readonly kind: 'ping' | 'pong'
  readonly payload: Uint8Array
  readonly frame: Frame
}

export interface Close {
  readonly kind: 'close'
  /** undefined when the payload is empty */
  readonly code: number | undefined
  readonly reason: string
  readonly frame: Frame
}

export type Happening = Message | Control | Close

/**
 * Decompresses the messages of one direction, one after the other (RFC 7692 7.2.2). Undefined: it cannot be done;
 * `too-large`: it could, but more would come of it than is read.
 */
export type Inflate = (payload: Uint8Array) => Uint8Array | undefined | 'too-large'

export interface Terms {
  readonly from: 'client' | 'server'
  /** permessage-deflate was agreed on */
  readonly inflate?: Inflate
}

export interface Reading {
  readonly happenings: readonly Happening[]
  readonly fault?: Fault
  /** reading ends before a message that is too large to be decompressed, which is no fault */
  readonly isCut?: true
  /** fragments of a message that has not ended */
  readonly open: readonly Frame[]
  /** complete frames behind a Close */
  readonly afterClose: readonly Frame[]
}

const isControl = ({ opcode }: Frame): boolean => opcode >= 8

/** Close codes that may be on the wire and have a meaning (RFC 6455 7.4, IANA WebSocket Close Code Number Registry). */
export const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)

/** Reads frames in order, up to the first fault. `partial` is one that is cut off: its header alone may be wrong. */
export function read(frames: readonly Frame[], { from, inflate }: Terms, partial?: Frame): Reading {
  const happenings: Happening[] = []
  let message: Frame[] = []
  let text = new Text()
  for (const [index, frame] of [...frames, ...(partial ? [partial] : [])].entries()) {
    if (happenings.at(-1)?.kind === 'close') {
      return { happenings, open: message, afterClose: frames.slice(index) }
    }
    const fault = headerFault(frame, index, from, inflate !== undefined, message)
      ?? (isControl(frame) ? closeFault(frame, index) : undefined)
    if (fault) return { happenings, fault, open: message, afterClose: [] }
    if (isControl(frame)) {
      if (frame.complete) happenings.push(controlOf(frame))
      continue
    }
    message.push(frame)
    const spoiled = text.fault(message, index)
    if (spoiled) return { happenings, fault: spoiled, open: message, afterClose: [] }
    if (!frame.complete || !frame.fin) continue
    const whole = messageOf(message, index, inflate)
    if (whole === 'too-large') return { happenings, isCut: true, open: message, afterClose: [] }
    if ('says' in whole) return { happenings, fault: whole, open: message, afterClose: [] }
    happenings.push(whole)
    message = []
    text = new Text()
  }
  return { happenings, open: message, afterClose: [] }
}

const faulty = (kind: FaultKind, frame: Frame, index: number, says: string, codes = [1002], byte = frame.span.start): Fault =>
  ({ kind, frame, index, codes, says, byte })

function headerFault(frame: Frame, index: number, from: Terms['from'], deflates: boolean, message: readonly Frame[]): Fault | undefined {
  const { fin, rsv, opcode, mask, lengthForm, announced } = frame
  const fault = (kind: FaultKind, says: string): Fault => faulty(kind, frame, index, says)
  const mayCompress = deflates && (opcode === opcodes.text || opcode === opcodes.binary)
  if (rsv !== 0 && !(mayCompress && rsv === 4)) return fault('reserved-bit', `reserved bits ${rsv.toString(2).padStart(3, '0')}`)
  if ((opcode > 2 && opcode < 8) || opcode > 10) return fault('reserved-opcode', `opcode ${opcode}`)
  if (from === 'client' && !mask) return fault('not-masked', 'a frame of a client without mask')
  if (from === 'server' && mask) return fault('masked', 'a frame of a server with a mask')
  if (opcode >= 8) {
    if (!fin) return fault('control-fragmented', 'a control frame without FIN')
    if (announced > BigInt(mostControlBytes)) return fault('control-too-long', `a control frame of ${announced} bytes`)
    if (lengthForm !== 7) return fault('control-length-form', `a control frame with a length of ${lengthForm} bits`)
    return undefined
  }
  if (announced >= 2n ** 63n) return fault('length-too-large', 'a length with its highest bit set')
  const fewest = announced < 126n ? 7 : announced < 65_536n ? 16 : 64
  if (lengthForm !== fewest) return fault('length-not-minimal', `a length of ${announced} in ${lengthForm} bits`)
  if (opcode === opcodes.continuation && message.length === 0) return fault('orphan-continuation', 'a continuation of no message')
  if (opcode !== opcodes.continuation && message.length > 0) return fault('interleaved', 'a new message within another')
  return undefined
}

function closeFault(frame: Frame, index: number): Fault | undefined {
  const { opcode, payload, complete, payloadAt } = frame
  if (opcode !== opcodes.close || !complete || payload.length === 0) return undefined
  const fault = (kind: FaultKind, says: string, codes?: number[], byte = payloadAt): Fault =>
    faulty(kind, frame, index, says, codes, byte)
  if (payload.length === 1) return fault('close-length', 'a Close with one byte of payload')
  const code = codeOf(payload)
  if (!isCloseCode(code)) return fault('close-code', `the Close code ${code}`)
  const [bad] = illFormed(payload.subarray(2))
  return bad && fault('close-reason', 'a reason that is not UTF-8', [1007, 1002], payloadAt + 2 + bad.start)
}

const codeOf = (payload: Uint8Array): number => (payload[0] ?? 0) * 256 + (payload[1] ?? 0)

function controlOf(frame: Frame): Control | Close {
  const { opcode, payload } = frame
  if (opcode !== opcodes.close) return { kind: opcode === opcodes.ping ? 'ping' : 'pong', payload, frame }
  return {
    kind: 'close',
    code: payload.length >= 2 ? codeOf(payload) : undefined,
    reason: Buffer.from(payload.subarray(2)).toString('utf8'),
    frame,
  }
}

const isCompressed = ([first]: readonly Frame[]): boolean => first?.rsv === 4

/** UTF-8 over the fragments of one message: each is looked at once, however many there are. */
class Text {
  /** the beginning of a character that the fragments so far end with */
  #begun: Uint8Array = new Uint8Array()
  /** bytes of the message before it */
  #read = 0

  /** What is wrong with the text as far as it came, whatever may follow. */
  fault(message: readonly Frame[], index: number): Fault | undefined {
    const [first] = message
    const last = message.at(-1)
    if (first?.opcode !== opcodes.text || !last || isCompressed(message)) return undefined
    const text = this.#begun.length === 0 ? last.payload : new Uint8Array(Buffer.concat([this.#begun, last.payload]))
    const found = illFormed(text)
    const [bad] = found.filter(({ atEnd }) => (last.complete && last.fin) || !atEnd)
    if (!bad) {
      const end = found[0]?.start ?? text.length
      this.#begun = text.slice(end)
      this.#read += end
      return undefined
    }
    const shown = Buffer.from(text.subarray(bad.start, bad.start + bad.length)).toString('hex')
    const start = this.#read + bad.start
    return { ...faulty('utf8', last, index, `text that is not UTF-8 (${shown})`, [1007], placeOf(message, start)), illFormed: { ...bad, start } }
  }
}

/** Offset in the stream of a byte of the payload of a message. */
function placeOf(message: readonly Frame[], offset: number): number {
  let left = offset
  for (const { payload, payloadAt } of message) {
    if (left < payload.length) return payloadAt + left
    left -= payload.length
  }
  return message.at(-1)?.span.end ?? 0
}

const join = (message: readonly Frame[]): Uint8Array => {
  const [only] = message
  return message.length === 1 && only ? only.payload : new Uint8Array(Buffer.concat(message.map(({ payload }) => payload)))
}

function messageOf(message: readonly Frame[], index: number, inflate: Inflate | undefined): Message | Fault | 'too-large' {
  const compressed = isCompressed(message)
  const last = message.at(-1)
  const first = message[0]
  if (!first || !last) throw new RangeError('a message has frames')
  const payload = compressed ? inflate?.(join(message)) : join(message)
  if (payload === 'too-large') return payload
  if (!payload) return faulty('deflate', last, index, 'compressed data that cannot be decompressed', [1007, 1002], first.payloadAt)
  const type = first.opcode === opcodes.text ? 'text' : 'binary'
  if (compressed && type === 'text' && illFormed(payload).length > 0) {
    return faulty('utf8', last, index, 'text that is not UTF-8 when it is decompressed', [1007], first.payloadAt)
  }
  return { kind: 'message', type, payload, compressed, frames: message }
}
