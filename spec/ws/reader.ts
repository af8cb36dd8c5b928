/**
 * Reads frames out of bytes, whatever is wrong with them: a frame is what its header says. Judging is elsewhere.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
import { Octets } from '../http/octets.ts'
import type { Span } from '../http.ts'
import type { Chunk } from '../model.ts'
import { masked } from './frame.ts'

/** One frame as it came. */
export interface Frame {
  readonly fin: boolean
  /** the reserved bits as one number: RSV1 is 4, RSV2 2, RSV3 1 */
  readonly rsv: number
  readonly opcode: number
  readonly mask?: Uint8Array
  /** bits of the length field */
  readonly lengthForm: 7 | 16 | 64
  /** the length that the header announces, bytes */
  readonly announced: bigint
  /** unmasked; of a frame that is cut off what came of it */
  readonly payload: Uint8Array
  /** offsets in the stream that the frame was read from */
  readonly span: Span
  /** offset of the first byte of the payload */
  readonly payloadAt: number
  /** all of it came */
  readonly complete: boolean
  /** ms; the first and the last byte came */
  readonly startedAt: number
  readonly at: number
}

interface Header extends Pick<Frame, 'fin' | 'rsv' | 'opcode' | 'mask' | 'lengthForm' | 'announced'> {
  /** bytes */
  readonly size: number
}

/** The header at the beginning of these bytes; undefined while it is not all there. */
function headerOf(view: Uint8Array): Header | undefined {
  const [first, second] = view
  if (first === undefined || second === undefined) return undefined
  const short = second & 0x7f
  const lengthForm = short === 127 ? 64 : short === 126 ? 16 : 7
  const lengthBytes = lengthForm === 7 ? 0 : lengthForm / 8
  const size = 2 + lengthBytes + (second & 0x80 ? 4 : 0)
  if (view.length < size) return undefined
  const long = view.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  return {
    fin: (first & 0x80) !== 0,
    rsv: (first >> 4) & 7,
    opcode: first & 15,
    lengthForm,
    announced: lengthForm === 7 ? BigInt(short) : long,
    size,
    ...(second & 0x80 ? { mask: view.slice(size - 4, size) } : {}),
  }
}

/** Takes bytes as they come. Synchronous, and total: every run of bytes is frames and a beginning of one. */
export class FrameReader {
  readonly frames: Frame[] = []
  readonly #buffer = new Octets()
  /** offset in the stream of the first byte that is not part of a complete frame */
  #start: number
  #startedAt = 0
  #header: Header | undefined
  #at = 0

  /** `start`: the offset in the stream of the first byte that will be pushed. */
  constructor(start = 0) {
    this.#start = start
  }

  /** Reads on. Returns how many frames were completed. */
  push({ at, bytes }: Chunk): number {
    const before = this.frames.length
    let from = 0
    this.#at = at
    while (from < bytes.length) {
      if (this.#buffer.length === 0) {
        this.#startedAt = at
        const whole = this.#whole(bytes.subarray(from))
        from += whole
        if (whole > 0) continue
      }
      const wanted = this.#wanted()
      const to = Math.min(bytes.length, from + Math.max(1, wanted - this.#buffer.length))
      this.#buffer.add(bytes, from, to)
      from = to
      this.#header ??= headerOf(this.#buffer.view)
      if (this.#header && this.#buffer.length >= this.#wanted()) this.#complete(this.#header)
    }
    return this.frames.length - before
  }

  /** The frame that has begun and is not all there; undefined between two frames, and within a header. */
  get partial(): Frame | undefined {
    return this.#header && this.#frame(this.#header, this.#buffer.view, this.#buffer.view.slice(this.#header.size), false)
  }

  /** Bytes behind the last complete frame. */
  get pending(): number {
    return this.#buffer.length
  }

  /** bytes that the next step needs in the buffer */
  #wanted(): number {
    if (!this.#header) return this.#buffer.length + 1
    const { size, announced } = this.#header
    return size + Number(announced)
  }

  /** Reads a frame that is all there, without the way through the buffer or a copy. Returns how long it is, or 0. */
  #whole(view: Uint8Array): number {
    const header = headerOf(view)
    const length = header ? header.size + Number(header.announced) : Infinity
    if (!header || length > view.length) return 0
    this.frames.push(this.#frame(header, view.subarray(0, length), view.subarray(header.size, length), true))
    this.#start += length
    return length
  }

  #complete(header: Header): void {
    this.frames.push(this.#frame(header, this.#buffer.view, this.#buffer.view.slice(header.size), true))
    this.#start += this.#buffer.length
    this.#buffer.clear()
    this.#header = undefined
  }

  #frame(header: Header, held: Uint8Array, body: Uint8Array, complete: boolean): Frame {
    const { size, ...told } = header
    return {
      ...told,
      payload: told.mask ? masked(body, told.mask) : body,
      span: { start: this.#start, end: this.#start + held.length },
      payloadAt: this.#start + size,
      complete,
      startedAt: this.#startedAt,
      at: this.#at,
    }
  }
}

/** The frames of a stream of chunks that begins at `start`; `partial` is the one that is cut off. */
export function readFrames(chunks: readonly Chunk[], start = 0): { frames: readonly Frame[]; partial: Frame | undefined; pending: number } {
  const reader = new FrameReader(start)
  for (const chunk of chunks) reader.push(chunk)
  return { frames: reader.frames, partial: reader.partial, pending: reader.pending }
}
