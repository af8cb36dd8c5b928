/**
 * Removes content codings, and keeps for every decoded byte the time of the arrival that made it decodable: that is
 * what shows a missing flush. https://www.rfc-editor.org/rfc/rfc9110#section-8.4
 */
import { Buffer } from 'node:buffer'
import { BrotliDecompress, constants, Gunzip, Inflate, InflateRaw, ZstdDecompress } from 'minizlib'
import type { Body, Piece } from './http.ts'

/** 64 MiB */
const DEFAULT_LIMIT = 67_108_864

/**
 * Input given to a decompressor at once. It bounds what is decoded beyond need before the limit is noticed, and what
 * has to be decoded again byte by byte when a slice turns out to be corrupt.
 */
const SLICE = 4096

/** RFC 9659: a zstd window over 8 MiB (2^23) is refused by clients. */
const ZSTD_WINDOW_LOG = 23

/** A whole zstd frame that holds one `!`: see `endsInside`. */
const ZSTD_MARK = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0x00, 0x00, 0x21)

type Coding = 'gzip' | 'zlib' | 'deflate-raw' | 'br' | 'zstd'
type Stream = Gunzip | Inflate | InflateRaw | BrotliDecompress | ZstdDecompress

export interface Uncoded {
  /** decoded as far as it could be; `complete` and `completeAt` stay those of the message */
  readonly body: Body
  /** why decoding stopped; in the indicative */
  readonly fault?: string
  /** `deflate` came without its zlib wrapper, which RFC 9110 8.4.1.2 calls non-conformant and clients accept */
  readonly rawDeflate?: true
}

/**
 * Removes `codings` (in the order applied, as in Content-Encoding) from a body, the last one first. A body cut off
 * yields what can be decoded, and a fault only when the message itself is complete. Pieces of the result name the
 * arrival that made them decodable, with `wireLength` bytes on the wire.
 *
 * @param limit bytes of output; more is a fault, and the output up to it is kept as far as it is known
 */
export function uncode(body: Body, codings: readonly string[], limit = DEFAULT_LIMIT): Uncoded {
  let result: Uncoded = { body }
  for (const name of codings.toReversed()) {
    if (name.toLowerCase() === 'identity') continue
    const coding = codingOf(name, result.body.bytes)
    if (!coding) return { ...result, fault: 'a content coding that is not known' }
    // no coded bytes, no coding: HEAD, 204 and 304 name the coding of what they do not send
    if (result.body.framing === 'none') continue
    const { body: decoded, fault } = removed(result.body, coding, limit)
    result = { ...result, body: decoded, ...(coding === 'deflate-raw' && { rawDeflate: true }) }
    if (fault !== undefined) return { ...result, fault: `${name.toLowerCase()}: ${fault}` }
  }
  return result
}

function codingOf(name: string, bytes: Uint8Array): Coding | undefined {
  switch (name.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
      return hasZlibHeader(bytes) ? 'zlib' : 'deflate-raw'
    case 'br':
      return 'br'
    case 'zstd':
      return 'zstd'
    default:
      return undefined
  }
}

/** RFC 1950 2.2: method 8, window up to 32 KiB, and a check that makes the two bytes a multiple of 31. */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [method, flags] = bytes
  if (method === undefined || flags === undefined) return true
  return (method & 0x0f) === 8 && method >> 4 <= 7 && ((method << 8) | flags) % 31 === 0
}

function removed(body: Body, coding: Coding, limit: number): { body: Body; fault?: string } {
  const output = new Output(limit)
  let fault: string | undefined
  const decompressor = new Decompressor(coding, limit)
  try {
    for (const piece of body.pieces) {
      fault = decode(decompressor, body.bytes, piece, output)
      if (fault !== undefined) break
    }
    if (fault === undefined && body.complete && decompressor.endsInside()) fault = 'the coded data ends too early'
  } finally {
    decompressor.close()
  }
  const decoded = { ...body, bytes: output.bytes(), pieces: output.pieces }
  return fault === undefined ? { body: decoded } : { body: decoded, fault }
}

function decode(decompressor: Decompressor, bytes: Uint8Array, piece: Piece, output: Output): string | undefined {
  const end = piece.body + piece.length
  for (let start = piece.body; start < end; start += SLICE) {
    const slice = bytes.subarray(start, Math.min(start + SLICE, end))
    const fault = decompressor.write(slice)
    if (!decompressor.corrupt) {
      const stop = output.add(decompressor.taken(), piece) ?? fault
      if (stop !== undefined) return stop
      continue
    }
    // the library drops what a corrupt write had decoded: once more, byte by byte
    const again = decompressor.replayed(bytes.subarray(0, start))
    try {
      for (let i = 0; i < slice.length && again.write(slice.subarray(i, i + 1)) === undefined; i += 1) {
        const over = output.add(again.taken(), piece)
        if (over !== undefined) return over
      }
    } finally {
      again.close()
    }
    return fault
  }
  return undefined
}

/** The decoded bytes and their pieces. */
class Output {
  readonly pieces: Piece[] = []
  readonly #parts: Uint8Array[] = []
  readonly #limit: number
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Adds what the arrival `from` made decodable, up to the limit. Returns the fault when it is over. */
  add(parts: readonly Uint8Array[], from: Piece): string | undefined {
    for (const part of parts) {
      const room = this.#limit - this.#length
      this.#append(part.length > room ? part.subarray(0, room) : part, from)
      if (part.length > room) return tooLarge(this.#limit)
    }
    return undefined
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length)
    let offset = 0
    for (const part of this.#parts) {
      whole.set(part, offset)
      offset += part.length
    }
    return whole
  }

  #append(part: Uint8Array, from: Piece): void {
    if (part.length === 0) return
    const { wire, at } = from
    const wireLength = from.wireLength ?? from.length
    const last = this.pieces.at(-1)
    if (last && last.wire === wire && last.at === at) {
      this.pieces[this.pieces.length - 1] = { ...last, length: last.length + part.length }
    } else this.pieces.push({ body: this.#length, wire, length: part.length, wireLength, at })
    this.#parts.push(part)
    this.#length += part.length
  }
}

/** A synchronous decompressor that gives out whatever is decodable after every write. */
class Decompressor {
  readonly #coding: Coding
  readonly #limit: number
  readonly #stream: Stream
  #parts: Uint8Array[] = []
  #begun = false
  #error: (Error & { code?: string }) | undefined

  constructor(coding: Coding, limit: number) {
    this.#coding = coding
    this.#limit = limit
    this.#stream = stream(coding, limit)
    this.#stream.on('data', (part) => this.#parts.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))
    this.#stream.on('error', (error) => {
      this.#error = error as Error & { code?: string }
    })
  }

  /** The data is wrong, not only too large. */
  get corrupt(): boolean {
    return this.#error !== undefined && this.#error.code !== 'ERR_BUFFER_TOO_LARGE'
  }

  /** Decodes; returns a fault when the data is corrupt, too large, or goes on after its end. */
  write(bytes: Uint8Array): string | undefined {
    this.#begun ||= bytes.length > 0
    for (let rest = bytes; rest.length > 0;) {
      this.#stream.write(Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength))
      if (this.#error) return this.corrupt ? 'the coded data is corrupt' : tooLarge(this.#limit)
      // Node stops at the end of a zstd frame although more may follow (RFC 8878 3), and at the end of the data
      const read = this.#stream.handle?.bytesWritten ?? 0
      if (read === 0) return 'bytes after the end of the coded data'
      rest = rest.subarray(read)
    }
    return undefined
  }

  /** What was decoded since the last call. */
  taken(): Uint8Array[] {
    const parts = this.#parts
    this.#parts = []
    return parts
  }

  /** Whether the data so far stops before its own end. Nothing can be written afterwards. */
  endsInside(): boolean {
    if (!this.#begun) return true
    if (this.#coding === 'zstd') {
      // Node finishes a cut frame without a word. At the end of a frame another one is decoded; inside one, its bytes
      // are taken for header or block data: an error, nothing, or other output. One byte at a time, because libzstd
      // decodes a frame that it gets whole at once even when the header of another one is half read
      for (let i = 0; i < ZSTD_MARK.length && !this.#error; i += 1) this.write(ZSTD_MARK.subarray(i, i + 1))
      const [mark, ...more] = this.taken()
      return this.#error !== undefined || more.length > 0 || mark?.length !== 1 || mark[0] !== 0x21
    }
    this.#stream.end()
    return this.#error !== undefined
  }

  /** A new decompressor that has read `bytes`, their output dropped. */
  replayed(bytes: Uint8Array): Decompressor {
    const again = new Decompressor(this.#coding, this.#limit)
    for (let start = 0; start < bytes.length; start += SLICE) again.write(bytes.subarray(start, start + SLICE))
    again.taken()
    return again
  }

  close(): void {
    this.#stream.close()
  }
}

function stream(coding: Coding, maxOutputLength: number): Stream {
  // maxOutputLength bounds one write: some hundred bytes of brotli can hold gigabytes
  const zlib = { flush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, maxOutputLength) }
  switch (coding) {
    case 'gzip':
      return new Gunzip(zlib)
    case 'zlib':
      return new Inflate(zlib)
    case 'deflate-raw':
      return new InflateRaw(zlib)
    case 'br':
      return new BrotliDecompress({ ...zlib, flush: constants.BROTLI_OPERATION_FLUSH })
    case 'zstd': {
      const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG }
      const options = { ...zlib, flush: constants.ZSTD_e_flush, params }
      return new ZstdDecompress(options)
    }
  }
}

function tooLarge(limit: number): string {
  return `more than ${limit} bytes when decoded`
}
