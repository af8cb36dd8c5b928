/** Huffman codes of compressed blocks. https://www.rfc-editor.org/rfc/rfc1951#section-3.2.2 */
import { Corrupt, type Bits } from './bits.ts'

/** bits of the longest code */
const longest = 15

/** A canonical code: symbols in the order of their codes, and how many have which length. */
class Huffman {
  readonly #counts = new Uint16Array(longest + 1)
  readonly #symbols: Uint16Array

  /** `lengths`: bits of the code of each symbol, 0 for one that does not occur. */
  constructor(lengths: ArrayLike<number>, mayBeIncomplete = false) {
    this.#symbols = new Uint16Array(lengths.length)
    for (let i = 0; i < lengths.length; i++) this.#count(lengths[i] ?? 0)
    const used = lengths.length - (this.#counts[0] ?? 0)
    let free = 1
    const next = new Uint16Array(longest + 2)
    for (let bits = 1; bits <= longest; bits++) {
      const count = this.#counts[bits] ?? 0
      free = 2 * free - count
      if (free < 0) throw new Corrupt('a code with too many symbols')
      next[bits + 1] = (next[bits] ?? 0) + count
    }
    // one symbol alone has one bit: half of the code stays free
    if (free > 0 && !(mayBeIncomplete && used <= 1)) throw new Corrupt('a code with too few symbols')
    for (let i = 0; i < lengths.length; i++) {
      const bits = lengths[i] ?? 0
      const place = next[bits] ?? 0
      if (bits > 0) this.#symbols[place] = i
      next[bits] = place + 1
    }
  }

  #count(bits: number): void {
    this.#counts[bits] = (this.#counts[bits] ?? 0) + 1
  }

  read(bits: Bits): number {
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= longest; length++) {
      code |= bits.take(1)
      const count = this.#counts[length] ?? 0
      if (code - count < first) return this.#symbols[index + code - first] ?? 0
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw new Corrupt('bits that are no code')
  }
}

export interface Codes {
  readonly literals: Huffman
  readonly distances: Huffman
}

/** RFC 1951 3.2.6 */
export const fixedCodes: Codes = {
  literals: new Huffman(Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
  distances: new Huffman(Array.from({ length: 32 }, () => 5)),
}

/** the order in which the lengths of the code of lengths come */
const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** The codes at the beginning of a block (RFC 1951 3.2.7). */
export function dynamicCodes(bits: Bits): Codes {
  const literalCount = bits.take(5) + 257
  const distanceCount = bits.take(5) + 1
  const lengthCount = bits.take(4) + 4
  if (literalCount > 286 || distanceCount > 30) throw new Corrupt('more codes than there are symbols')
  const first = new Uint8Array(19)
  for (const symbol of order.slice(0, lengthCount)) first[symbol] = bits.take(3)
  const lengthCode = new Huffman(first)
  const lengths = new Uint8Array(literalCount + distanceCount)
  for (let i = 0; i < lengths.length;) {
    const symbol = lengthCode.read(bits)
    if (symbol < 16) {
      lengths[i++] = symbol
      continue
    }
    if (symbol === 16 && i === 0) throw new Corrupt('a repeated length before the first')
    const value = symbol === 16 ? lengths[i - 1] ?? 0 : 0
    const times = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7)
    if (i + times > lengths.length) throw new Corrupt('more lengths than codes')
    lengths.fill(value, i, i + times)
    i += times
  }
  if (lengths[256] === 0) throw new Corrupt('a block that cannot end')
  return { literals: new Huffman(lengths.subarray(0, literalCount), true), distances: new Huffman(lengths.subarray(literalCount), true) }
}

interface Extra {
  readonly base: readonly number[]
  readonly bits: readonly number[]
}

/** RFC 1951 3.2.5 */
const extras: Readonly<Record<'length' | 'distance', Extra>> = {
  length: {
    base: [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
    bits: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
  },
  distance: {
    base: [
      1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
      8193, 12_289, 16_385, 24_577,
    ],
    bits: [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
  },
}

/** The length or distance that a symbol and the bits behind it mean. */
export function extraOf(kind: 'length' | 'distance', symbol: number, bits: Bits): number {
  const { base, bits: more } = extras[kind]
  const least = base[symbol]
  if (least === undefined) throw new Corrupt(`a ${kind} that does not exist`)
  return least + bits.take(more[symbol] ?? 0)
}
