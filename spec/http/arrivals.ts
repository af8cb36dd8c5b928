/** Which byte of a link came when. */
export class Arrivals {
  readonly #starts: number[] = []
  readonly #times: number[] = []
  #endedAt: number | undefined
  /** bytes received so far */
  length = 0

  /** Notes `bytes` more bytes at `at` (ms, never less than before). */
  add(bytes: number, at: number): void {
    if (at !== this.#times.at(-1)) {
      this.#starts.push(this.length)
      this.#times.push(at)
    }
    this.length += bytes
  }

  /** Notes when the link ended: ms; without it, when the last byte came. */
  end(at: number | undefined): void {
    this.#endedAt = at
  }

  /** ms, when the byte at this offset came; for an offset not received, when the link ended or the last byte came. */
  timeOf(offset: number): number {
    if (offset >= this.length) return this.#endedAt ?? this.#times.at(-1) ?? 0
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return this.#times[low] ?? 0
  }
}
