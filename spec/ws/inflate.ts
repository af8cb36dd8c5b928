/**
 * Decompresses messages (RFC 7692 7.2.2, RFC 1951). It is our own and not zlib's: that one takes distances beyond the
 * agreed window when they are near enough by chance, and does not tell what a stream relies on.
 * https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2
 */
import { Bits, Corrupt } from './inflate/bits.ts'
import { dynamicCodes, extraOf, fixedCodes, type Codes } from './inflate/huffman.ts'
import type { Inflate } from './machine.ts'
import type { Deflate } from './upgrade.ts'

/** What a sender strips from the end of a message. */
const tail = Uint8Array.of(0, 0, 0xff, 0xff)

/** bytes; what is decompressed of one side of a connection: kilobytes can hold gigabytes */
export const mostInflated = 16 * 1024 * 1024

/** bytes; the farthest that DEFLATE can look back */
const mostHistory = 32_768

/** A run of compressed data within a message (RFC 1951 3.2.3). */
export interface Block {
  readonly type: 'stored' | 'fixed' | 'dynamic'
  /** BFINAL */
  readonly final: boolean
  /** bytes that it yields */
  readonly length: number
}

/** One message, and what its compressed form relies on. */
export interface Inflated {
  readonly payload: Uint8Array
  /** the empty one that ends every message left out */
  readonly blocks: readonly Block[]
  /** bytes; the farthest that a copy goes back */
  readonly farthest: number
  /** a copy goes back into an earlier message */
  readonly reachesBack: boolean
}

/** Why a message cannot be decompressed, in the indicative. */
export interface Unreadable {
  readonly fault: string
  /** more than the limit came of it */
  readonly tooLarge?: true
}

/** What a reader of one side keeps from message to message. */
export interface Memory {
  /** 8 to 15 */
  readonly windowBits: number
  /** the history of earlier messages is kept (RFC 7692 7.1.1) */
  readonly takeover: boolean
}

/** Reads the messages of one side, in order. After a fault it has forgotten everything; one that is too large is none. */
export class Inflater {
  readonly #memory: Memory
  #history = new Uint8Array(0)

  constructor(memory: Memory) {
    this.#memory = memory
  }

  /** `most`: bytes that the message may hold. Never throws. */
  read(payload: Uint8Array, most = mostInflated): Inflated | Unreadable {
    const { windowBits, takeover } = this.#memory
    const history = takeover ? this.#history : new Uint8Array(0)
    const output = new Output(history, 2 ** windowBits, most)
    this.#history = new Uint8Array(0)
    try {
      const blocks = blocksOf(new Bits(new Uint8Array(Buffer.concat([payload, tail]))), output)
      this.#history = output.history()
      return { payload: output.payload(), blocks, farthest: output.farthest, reachesBack: output.reachesBack }
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error
      if (!output.isFull) return { fault: error.message }
      this.#history = history
      return { fault: error.message, tooLarge: true }
    }
  }
}

/** What a reader of that side keeps after this agreement. */
export const memoryOf = (agreed: Deflate, from: 'client' | 'server'): Memory => ({
  windowBits: from === 'client' ? agreed.clientMaxWindowBits : agreed.serverMaxWindowBits,
  takeover: !(from === 'client' ? agreed.clientNoContextTakeover : agreed.serverNoContextTakeover),
})

/**
 * Decompresses the messages of one side in order, with the history and the window that were agreed on: as many bytes as
 * `most` in all, and once they are used up as many as `more` says beyond them.
 */
export function inflater(agreed: Deflate, from: 'client' | 'server', more: () => number = () => 0, most = mostInflated): Inflate {
  const reader = new Inflater(memoryOf(agreed, from))
  let left = most
  let isExtended = false
  return (payload) => {
    let read = reader.read(payload, left)
    if ('tooLarge' in read && !isExtended) {
      isExtended = true
      left += more()
      read = reader.read(payload, left)
    }
    if ('fault' in read) return read.tooLarge ? 'too-large' : undefined
    left -= read.payload.length
    return read.payload
  }
}

/** The blocks up to the end of the data, which is that of the empty block whose length the sender has stripped. */
function blocksOf(bits: Bits, output: Output): Block[] {
  const blocks: Block[] = []
  for (;;) {
    const final = bits.take(1) === 1
    const type = (['stored', 'fixed', 'dynamic'] as const)[bits.take(2)]
    const before = output.length
    if (type === undefined) throw new Corrupt('a block of type 3')
    if (type === 'stored') copyStored(bits, output)
    else inflateBlock(bits, type === 'fixed' ? fixedCodes : dynamicCodes(bits), output)
    const length = output.length - before
    if (bits.isAtEnd) return length === 0 ? blocks : [...blocks, { type, final, length }]
    blocks.push({ type, final, length })
    if (final) bits.align()
    // zlib stops behind BFINAL: some senders rely on it and leave out the empty block that RFC 7692 7.2.3.4 adds
    if (final && bits.left === tail.length) return blocks
  }
}

function copyStored(bits: Bits, output: Output): void {
  bits.align()
  const length = bits.take(16)
  if (bits.take(16) !== (length ^ 0xffff)) throw new Corrupt('a stored block whose lengths disagree')
  output.add(bits.bytes(length))
}

function inflateBlock(bits: Bits, { literals, distances }: Codes, output: Output): void {
  for (;;) {
    const symbol = literals.read(bits)
    if (symbol < 256) {
      output.byte(symbol)
      continue
    }
    if (symbol === 256) return
    const length = extraOf('length', symbol - 257, bits)
    output.copy(extraOf('distance', distances.read(bits), bits), length)
  }
}

/** What has been decompressed, behind the history that copies may go back into. */
class Output {
  #bytes: Uint8Array<ArrayBuffer>
  #end: number
  readonly #start: number
  readonly #window: number
  readonly #most: number
  farthest = 0
  reachesBack = false
  isFull = false

  constructor(history: Uint8Array, window: number, most: number) {
    this.#bytes = new Uint8Array(Math.max(1024, 2 * history.length))
    this.#bytes.set(history)
    this.#start = history.length
    this.#end = history.length
    this.#window = window
    this.#most = most
  }

  get length(): number {
    return this.#end - this.#start
  }

  #room(more: number): void {
    if (this.length + more > this.#most) {
      this.isFull = true
      throw new Corrupt(`more than ${this.#most} bytes`)
    }
    if (this.#end + more <= this.#bytes.length) return
    const larger = new Uint8Array(2 * (this.#end + more))
    larger.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = larger
  }

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#end++] = value
  }

  add(values: Uint8Array): void {
    this.#room(values.length)
    this.#bytes.set(values, this.#end)
    this.#end += values.length
  }

  copy(distance: number, length: number): void {
    if (distance > this.#window) throw new Corrupt(`a distance of ${distance} in a window of ${this.#window} bytes`)
    if (distance > this.#end) throw new Corrupt(`a distance of ${distance} after ${this.#end} bytes`)
    this.#room(length)
    this.farthest = Math.max(this.farthest, distance)
    this.reachesBack ||= distance > this.length
    // byte by byte: a copy may run into what it writes
    for (let i = 0; i < length; i++) this.#bytes[this.#end + i] = this.#bytes[this.#end + i - distance] ?? 0
    this.#end += length
  }

  payload(): Uint8Array {
    return this.#bytes.slice(this.#start, this.#end)
  }

  history(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(Math.max(0, this.#end - Math.min(this.#window, mostHistory)), this.#end)
  }
}
