/** Pings a peer, and drops it once it does not answer: a peer that vanished sends neither FIN nor RST. */
import type { Duplex } from './duplex.ts'
import type { SocketHooks } from './hooks.ts'

/** Pings that may be unanswered when the next one is due. */
const mostUnanswered = 2

export class Pulse {
  readonly #duplex: Duplex
  readonly #hooks: Pick<SocketHooks, 'ping' | 'dead'>
  #timer: NodeJS.Timeout | undefined
  #unanswered = 0

  /** `withinMs`: the longest silence that was promised. Timers fire late, never early, so it pings a tenth sooner. */
  constructor(duplex: Duplex, withinMs: number, hooks: Pick<SocketHooks, 'ping' | 'dead'>) {
    this.#duplex = duplex
    this.#hooks = hooks
    this.#timer = setInterval(() => this.#beat(), withinMs * 0.9).unref()
  }

  /** Something came. Any message is a sign of life: behind a long upload a pong is late. */
  heard(): void {
    this.#unanswered = 0
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #beat(): void {
    // The ping would wait behind what the peer has not read yet; how long that may take is another bound (stallMs).
    if (this.#duplex.pending() > 0) return
    if (this.#unanswered >= mostUnanswered) {
      this.#hooks.dead(() => {
        this.stop()
        this.#duplex.terminate()
      })
      return
    }
    this.#unanswered += 1
    this.#hooks.ping(() => this.#duplex.ping())
  }
}
