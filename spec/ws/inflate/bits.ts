/** Compressed data bit by bit (RFC 1951 3.1.1). */

/** The data is no DEFLATE, or goes beyond what was agreed on; the message says why. */
export class Corrupt extends Error {}

export class Bits {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The next bits, the first one lowest; at most 16. */
  take(count: number): number {
    while (this.#count < count) this.#fetch()
    const value = this.#held & ((1 << count) - 1)
    this.#held >>>= count
    this.#count -= count
    return value
  }

  #fetch(): void {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Corrupt('data that ends within a block')
    this.#held |= byte << this.#count
    this.#count += 8
  }

  /** Leaves out what is left of a byte. */
  align(): void {
    this.take(this.#count & 7)
  }

  /** Whole bytes; only when aligned. */
  bytes(length: number): Uint8Array {
    const start = this.#at - this.#count / 8
    if (start + length > this.#bytes.length) throw new Corrupt('data that ends within a block')
    this.#held = 0
    this.#count = 0
    this.#at = start + length
    return this.#bytes.subarray(start, start + length)
  }

  /** bytes that have not been begun */
  get left(): number {
    return this.#bytes.length - this.#at + (this.#count >> 3)
  }

  get isAtEnd(): boolean {
    return this.left === 0 && this.#count === 0
  }
}
