/**
 * WebSocket frames as bytes, right ones and every kind of wrong one.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
import { bytes } from '../bytes.ts'

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Most bytes of payload that a control frame carries (RFC 6455 5.5). */
export const mostControlBytes = 125

/** How a frame is to be written; what is left out is as RFC 6455 wants it. */
export interface FrameShape {
  readonly opcode: number
  /** text is sent as UTF-8 */
  readonly payload?: string | Uint8Array
  readonly fin?: boolean
  /** the reserved bits as one number: RSV1 is 4, RSV2 2, RSV3 1 */
  readonly rsv?: number
  /** four bytes; without them the frame is not masked, as those of a server */
  readonly mask?: Uint8Array
  /** bits of the length field; without it the fewest that are enough */
  readonly lengthForm?: 7 | 16 | 64
  /** the length that is announced in place of the true one; in the 64-bit form unless `lengthForm` says otherwise */
  readonly announced?: bigint
}

/** The bytes of a frame. */
export function frame({ opcode, payload = '', fin = true, rsv = 0, mask, lengthForm, announced }: FrameShape): Uint8Array {
  const body = bytes(payload)
  const length = announced ?? BigInt(body.length)
  const form = lengthForm ?? (announced !== undefined ? 64 : body.length < 126 ? 7 : body.length < 65_536 ? 16 : 64)
  const head = Buffer.alloc(2 + (form === 7 ? 0 : form / 8))
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (mask ? 0x80 : 0) | (form === 7 ? Number(length) : form === 16 ? 126 : 127)
  if (form === 16) head.writeUInt16BE(Number(length), 2)
  if (form === 64) head.writeBigUInt64BE(length, 2)
  const parts = mask ? [head, mask, masked(body, mask)] : [head, body]
  return new Uint8Array(Buffer.concat(parts))
}

/** Masks or unmasks (RFC 6455 5.3); `from` is the offset of the first byte in the payload. */
export function masked(payload: Uint8Array, mask: Uint8Array, from = 0): Uint8Array {
  const out = new Uint8Array(payload.length)
  for (let i = 0; i < out.length; i++) out[i] = (payload[i] ?? 0) ^ (mask[(from + i) & 3] ?? 0)
  return out
}

/** The payload of a Close frame (RFC 6455 5.5.1). */
export function closeBody(code: number, reason: string | Uint8Array = ''): Uint8Array {
  return new Uint8Array(Buffer.concat([Uint8Array.of(code >> 8, code & 255), bytes(reason)]))
}

/** A key for a frame: any will do, and the same text gets the same one. */
export function keyFor(seed: string): Uint8Array {
  // FNV-1a
  let hash = 0x811c9dc5
  for (const byte of bytes(seed)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return Uint8Array.of(hash >>> 24, (hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255)
}

type Payload = string | Uint8Array
type Side = (opcode: number, payload: Payload, shape?: Partial<FrameShape>) => Uint8Array

const speaker = (write: Side) => ({
  frame: write,
  text: (payload: Payload, shape?: Partial<FrameShape>): Uint8Array => write(opcodes.text, payload, shape),
  binary: (payload: Payload, shape?: Partial<FrameShape>): Uint8Array => write(opcodes.binary, payload, shape),
  more: (payload: Payload, shape?: Partial<FrameShape>): Uint8Array => write(opcodes.continuation, payload, shape),
  ping: (payload: Payload = '', shape?: Partial<FrameShape>): Uint8Array => write(opcodes.ping, payload, shape),
  pong: (payload: Payload = '', shape?: Partial<FrameShape>): Uint8Array => write(opcodes.pong, payload, shape),
  /** without a code the payload is empty */
  close: (code?: number, reason: Payload = '', shape?: Partial<FrameShape>): Uint8Array =>
    write(opcodes.close, code === undefined ? '' : closeBody(code, reason), shape),
})

/** Frames of a client: masked, each payload with a key of its own. */
export const client = speaker((opcode, payload, shape) =>
  frame({ opcode, payload, mask: keyFor(`${opcode} ${bytes(payload).length} ${bytes(payload).slice(0, 8).join()}`), ...shape }))

/** Frames of a server: not masked. */
export const server = speaker((opcode, payload, shape) => frame({ opcode, payload, ...shape }))
