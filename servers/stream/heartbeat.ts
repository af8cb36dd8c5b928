/** One timer that beats whenever nothing was sent for a while. */
export class Heartbeat {
  readonly #everyMs: number
  readonly #beat: () => void
  #timer: NodeJS.Timeout | undefined

  /** `withinMs`: the longest silence that was promised. Timers fire late, never early, so it beats a tenth sooner. */
  constructor(withinMs: number, beat: () => void) {
    this.#everyMs = withinMs * 0.9
    this.#beat = beat
  }

  start(): void {
    this.#timer ??= setInterval(this.#beat, this.#everyMs).unref()
  }

  /** Something was sent: the silence starts anew. */
  touch(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
