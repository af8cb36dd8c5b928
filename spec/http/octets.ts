/** Bytes that come in any number of parts. The first part is kept by reference: most heads and answers have one. */
export class Octets {
  length = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #owned = false

  /** Forgets what was added. */
  clear(): void {
    this.length = 0
    this.#owned = false
  }

  /** Adds `source[from, to)`; amortised O(to - from). */
  add(source: Uint8Array, from: number, to: number): void {
    const length = this.length + to - from
    if (this.length === 0) {
      this.#bytes = source.subarray(from, to)
      this.#owned = false
    } else {
      if (!this.#owned || length > this.#bytes.length) this.#grow(2 * length)
      // a view per byte would cost more than the byte
      if (to - from === 1) this.#bytes[this.length] = source[from] as number
      else this.#bytes.set(source.subarray(from, to), this.length)
    }
    this.length = length
  }

  /** A view, valid until the next `add`. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  #grow(capacity: number): void {
    const grown = new Uint8Array(Math.max(1024, capacity))
    grown.set(this.view)
    this.#bytes = grown
    this.#owned = true
  }
}
