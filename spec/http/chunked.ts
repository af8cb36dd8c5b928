import type { ChunkLine, FaultKind, Field, Report } from './message.ts'
import type { Runs } from './runs.ts'
import { fieldLines, lines, SECTION_LIMIT, Section } from './section.ts'

const LF = 10
const CR = 13
const SEMICOLON = 0x3b
const EXTENSION_LIMIT = 16_384

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"'
const EXTENSIONS = new RegExp(`^(?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)+$`)

/** Fields that say how to frame, route or decode the message come too late in a trailer section. RFC 9110 6.5.1 */
const FORBIDDEN_TRAILERS = new Set([
  'transfer-encoding', 'content-length', 'host', 'content-encoding', 'content-type', 'content-range', 'trailer',
  'cache-control', 'www-authenticate', 'location', 'retry-after',
])

type Step = 'start' | 'size' | 'space' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'over'

/**
 * Removes the chunked coding, byte by byte outside the data, so that how the bytes were cut cannot matter. RFC 9112 7.1
 *
 * After a fault that leaves the next size line unknown nothing more is read. LF alone after chunk data is such a
 * fault too: an event stream's own line ends follow there when a size counts characters instead of bytes.
 */
export class ChunkedBody {
  readonly sizes: ChunkLine[] = []
  trailers: Field[] = []
  complete = false
  /** offset in the link of the first byte that could not be read, after a fault that ended the reading */
  stoppedAt = 0
  readonly #runs: Runs
  readonly #report: Report
  readonly #trailer = new Section()
  #trailerReported = false
  #step: Step = 'start'
  #line = 0
  #size = 0
  #left = 0
  #spaces = false
  #extension = ''

  constructor(runs: Runs, report: Report) {
    this.#runs = runs
    this.#report = report
  }

  /** No more is read: the body is complete or its framing broke. */
  get over(): boolean {
    return this.#step === 'over'
  }

  /** Reads `bytes` from index `i` on; `bytes[0]` is at offset `base` of the link. Returns the index it stopped at. */
  take(bytes: Uint8Array, i: number, base: number, at: number): number {
    while (i < bytes.length && this.#step !== 'over') {
      if (this.#step === 'data') {
        const length = Math.min(this.#left, bytes.length - i)
        this.#runs.add(bytes, i, i + length, base + i, at)
        this.#left -= length
        i += length
        if (this.#left === 0) this.#step = 'data-cr'
      } else if (this.#step === 'trailer') {
        i = this.#takeTrailer(bytes, i)
      } else {
        this.#takeByte(bytes[i] as number, base + i)
        i += 1
      }
    }
    return i
  }

  #takeByte(byte: number, wire: number): void {
    switch (this.#step) {
      case 'start':
        this.#line = wire
        this.#size = 0
        this.#spaces = false
        this.#extension = ''
        this.#step = 'size'
        if (hexDigit(byte) < 0 && byte !== 0x20 && byte !== 9) this.#withoutSize(byte, wire)
        else if (hexDigit(byte) < 0) this.#leadingSpace(wire)
        else this.#size = hexDigit(byte)
        return
      case 'size':
        if (this.#spaces && hexDigit(byte) < 0) {
          // still before the first digit
          if (byte !== 0x20 && byte !== 9) this.#withoutSize(byte, wire)
          return
        }
        this.#spaces = false
        if (hexDigit(byte) < 0) return this.#afterSize(byte, wire)
        this.#size = this.#size * 16 + hexDigit(byte)
        if (Number.isSafeInteger(this.#size)) return
        return this.#stop('chunk-size-too-large', wire + 1, 'a chunk size over 2^53 - 1')
      case 'space':
        return this.#afterSize(byte, wire)
      case 'extension':
        if (byte === CR || byte === LF) return this.#lineEnd(byte, wire)
        this.#extension += String.fromCharCode(byte)
        if (this.#extension.length > EXTENSION_LIMIT) {
          this.#stop('chunk-extension', wire + 1, `chunk extensions over ${EXTENSION_LIMIT} bytes`)
        }
        return
      case 'size-lf':
        if (byte === LF) return this.#endLine(wire)
        return this.#stop('chunk-line-bare-cr', wire, 'CR without LF in a chunk-size line', wire - 1)
      case 'data-cr':
      case 'data-lf':
        if (byte !== (this.#step === 'data-cr' ? CR : LF)) {
          const from = this.#step === 'data-cr' ? wire : wire - 1
          return this.#stop('chunk-data-end', wire + 1, `no CRLF after ${this.#size} bytes of chunk data`, from)
        }
        this.#step = this.#step === 'data-cr' ? 'data-lf' : 'start'
    }
  }

  #leadingSpace(wire: number): void {
    this.#spaces = true
    this.#report('chunk-size-space', wire, wire + 1, 'whitespace before a chunk size')
  }

  #withoutSize(byte: number, wire: number): void {
    const empty = byte === CR || byte === LF || byte === SEMICOLON
    if (empty) this.#stop('chunk-size-empty', wire + 1, 'a chunk-size line without size')
    else this.#stop('chunk-size', wire + 1, `0x${hex(byte)} is not a hexadecimal digit`)
  }

  #afterSize(byte: number, wire: number): void {
    if (byte === CR || byte === LF) return this.#lineEnd(byte, wire)
    if (byte === SEMICOLON || byte === 0x20 || byte === 9) {
      this.#extension += String.fromCharCode(byte)
      this.#step = byte === SEMICOLON ? 'extension' : 'space'
      if (this.#extension.length > EXTENSION_LIMIT) this.#stop('chunk-size-space', wire + 1, 'endless whitespace')
      return
    }
    this.#stop('chunk-size', wire + 1, `0x${hex(byte)} after a chunk size`)
  }

  #lineEnd(byte: number, wire: number): void {
    const extension = this.#extension
    if (extension !== '' && !EXTENSIONS.test(extension)) {
      if (extension.includes(';')) {
        this.#report('chunk-extension', wire - extension.length, wire, 'a chunk extension is not ;name[=value]')
      } else this.#report('chunk-size-space', wire - extension.length, wire, 'whitespace after a chunk size')
    }
    this.#step = 'size-lf'
    if (byte === CR) return
    this.#report('chunk-line-bare-lf', wire, wire + 1, 'a chunk-size line ends with LF, not CRLF')
    this.#endLine(wire)
  }

  #endLine(wire: number): void {
    const extension = this.#extension.includes(';') ? this.#extension : ''
    this.sizes.push({ size: this.#size, extension, wire: this.#line })
    this.#left = this.#size
    this.#step = this.#size === 0 ? 'trailer' : 'data'
    if (this.#size === 0) this.#trailer.reset(wire + 1)
  }

  #takeTrailer(bytes: Uint8Array, from: number): number {
    const end = this.#trailer.take(bytes, from)
    const { start, length } = this.#trailer
    if (length > SECTION_LIMIT && !this.#trailerReported) {
      this.#trailerReported = true
      this.#report('trailer', start, start + SECTION_LIMIT, `a trailer section over ${SECTION_LIMIT} bytes`)
    }
    if (end < 0) return bytes.length
    this.trailers = fieldLines(lines(this.#trailer.text, start, this.#asTrailer), 0, this.#asTrailer)
    for (const { name, span } of this.trailers) {
      if (!FORBIDDEN_TRAILERS.has(name.toLowerCase())) continue
      this.#report('trailer-forbidden', span.start, span.end, 'a field that may not stand in a trailer section')
    }
    this.complete = true
    this.#step = 'over'
    return end
  }

  readonly #asTrailer: Report = (_kind, start, end, detail) => this.#report('trailer', start, end, detail)

  #stop(kind: FaultKind, end: number, detail: string, start = this.#line): void {
    this.#report(kind, start, end, detail)
    this.stoppedAt = start
    this.#step = 'over'
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
