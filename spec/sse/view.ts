/**
 * Bytes of an event stream, looked at as latin1: there index and byte offset are the same, the search for a line end
 * runs at memory speed, and an ASCII value is a slice that costs nothing. Only other values are decoded, one by one.
 *
 * That gives what decoding the whole stream as UTF-8 gives, since the structure (line ends, colon, space, the four
 * names) is ASCII: no byte of a longer sequence is, and an ASCII byte ends a broken one and is then read for itself.
 */
import { Buffer, isAscii } from 'node:buffer'

declare global {
  /** What `toString` ends in after its checks of the arguments, which take a tenth of the time of a short event. */
  interface Buffer {
    latin1Slice(start: number, end: number): string
    utf8Slice(start: number, end: number): string
  }
}

/** Consecutive bytes of the body: a whole push, or a line put together from several. */
export interface View {
  readonly bytes: Buffer
  /** offset in the body of index 0 */
  readonly base: number
  /** the bytes as latin1; empty for a line put together, whose values are always decoded */
  readonly text: string
  /** from the last value looked at up to here all is ASCII; -1 before the first */
  asciiEnd: number
  /** the bytes again, to be read four at a time; made when needed */
  words: DataView | undefined
}

/** Bytes that an unfinished line may keep reserved for the next one. */
const KEPT = 1 << 20

export const LF = 0x0a
export const CR = 0x0d
export const COLON = 0x3a
const SPACE = 0x20
const BOM = Buffer.from([0xef, 0xbb, 0xbf])
export const EVENT = Buffer.from('event')
export const ID = Buffer.from('id')
export const RETRY = Buffer.from('retry')

export function bufferOf(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function viewOf(bytes: Buffer, base: number): View {
  return { bytes, base, text: bytes.latin1Slice(0, bytes.length), asciiEnd: -1, words: undefined }
}

/** A line put together in these bytes. */
export function lineView(bytes: Buffer, base: number): View {
  return { bytes, base, text: '', asciiEnd: 0, words: undefined }
}

/** The beginning of a line, brought by earlier pushes. Copied, for the caller may reuse what it pushed. */
export class UnfinishedLine {
  /** The line is in the first `length` bytes; what follows is stale. Good until the next `append`. */
  room = Buffer.alloc(0)
  length = 0

  append(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start
    if (length > this.room.length) {
      // Doubled, so that a long line in many pushes is copied a constant number of times.
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, 2 * length))
      this.room.copy(larger, 0, 0, this.length)
      this.room = larger
    }
    bytes.copy(this.room, this.length, start, end)
    this.length = length
  }

  toString(): string {
    return this.room.toString('utf8', 0, this.length)
  }

  /** How many of these bytes complete a BOM that the line up to now began; 0 when they do not. */
  completesBom(bytes: Buffer): number {
    const rest = BOM.length - this.length
    const first = Buffer.concat([this.room.subarray(0, this.length), bytes.subarray(0, rest)])
    return first.equals(BOM) ? rest : 0
  }

  clear(): void {
    this.length = 0
    if (this.room.length > KEPT) this.room = Buffer.alloc(0)
  }
}

export function hasLineEnd(bytes: Buffer): boolean {
  return bytes.includes(LF) || bytes.includes(CR)
}

export function indexOr(otherwise: number, text: string, sought: string, from: number): number {
  const index = text.indexOf(sought, from)
  return index === -1 ? otherwise : index
}

/** Where the blank line at `at` ends; -1 when there is another line, or nothing, or a CR that ends the push. */
export function blankLineEnd(bytes: Buffer, at: number): number {
  if (at >= bytes.length) return -1
  if (bytes[at] === LF) return at + 1
  return bytes[at] === CR && at + 1 < bytes.length && bytes[at + 1] === LF ? at + 2 : -1
}

/** Where the value of the line begins if its name is exactly `name`, else -1. Reads nothing outside the line. */
export function valueStart(bytes: Buffer, name: Buffer, start: number, end: number): number {
  if (end - start < name.length) return -1
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return -1
  return afterName(bytes, start + name.length, end)
}

/** The same for the name `data`, without the loop, which takes a quarter of the time of a short event. */
export function dataStart(bytes: Buffer, start: number, end: number): number {
  if (end - start < 4) return -1
  const isData =
    bytes[start] === 0x64 && bytes[start + 1] === 0x61 && bytes[start + 2] === 0x74 && bytes[start + 3] === 0x61
  return isData ? afterName(bytes, start + 4, end) : -1
}

/** Where the value begins: `colon` is the index after the name, where a colon or the end of the line stands. */
export function afterName(bytes: Buffer, colon: number, end: number): number {
  if (colon === end) return end
  if (bytes[colon] !== COLON) return -1
  return colon + 1 < end && bytes[colon + 1] === SPACE ? colon + 2 : colon + 1
}

/** The UTF-8 text of these bytes. Unlike TextDecoder, Buffer keeps a BOM at the start of a value. */
export function value(view: View, start: number, end: number): string {
  if (view.asciiEnd < start && view.text !== '') view.asciiEnd = asciiEnd(view, start)
  return end <= view.asciiEnd ? view.text.slice(start, end) : view.bytes.utf8Slice(start, end)
}

/** An index up to which all bytes from `start` are ASCII: at most 16 before one that is not, or before the end. */
function asciiEnd(view: View, start: number): number {
  const { bytes } = view
  if (view.asciiEnd === -1 && isAscii(bytes)) return bytes.length
  const words = (view.words ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length))
  const last = bytes.length - 16
  let at = start
  while (at <= last) {
    const bits = words.getInt32(at) | words.getInt32(at + 4) | words.getInt32(at + 8) | words.getInt32(at + 12)
    if ((bits & 0x80808080) !== 0) break
    at += 16
  }
  return at
}
