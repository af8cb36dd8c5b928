/** Notices that a client has stopped taking what is there for it. */
export class Stall {
  readonly #pending: () => number
  readonly #stallMs: number
  readonly #stalled: () => void
  #timer: NodeJS.Timeout | undefined
  #least = 0
  #progressAt = 0

  /** `pending`: bytes not yet taken. `stalled` is called when they have not become fewer for `stallMs`. */
  constructor(pending: () => number, stallMs: number, stalled: () => void) {
    this.#pending = pending
    this.#stallMs = stallMs
    this.#stalled = stalled
  }

  /** Something is pending: look after it until nothing is. Costs no timer as long as clients keep up. */
  watch(): void {
    if (this.#timer) return
    this.#least = this.#pending()
    this.#progressAt = performance.now()
    this.#timer = setInterval(() => this.look(), this.#stallMs / 4).unref()
  }

  /** To be called before a write adds to what is pending, or its growth would hide the progress. */
  look(): void {
    if (!this.#timer) return
    const pending = this.#pending()
    if (pending < this.#least) this.#progressAt = performance.now()
    this.#least = pending
    if (pending === 0) this.stop()
    else if (performance.now() - this.#progressAt >= this.#stallMs) {
      this.stop()
      this.#stalled()
    }
  }

  /** To be called after that write. */
  wrote(): void {
    if (this.#timer) this.#least = this.#pending()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
