/**
 * How late the kit itself is. A machine with other work, or a host that gives its processor to others, holds up the kit
 * and a local target alike: no time that is measured of a target is better than this.
 */

/** ms between two looks at the clock */
const tickMs = 25
/** ms; times within a range that holds such a delay say nothing of the target */
export const doubtfulMs = 500
/** ms of work that is done again, and of all such work of one run: what is long waits for a target that does not answer */
const mostAgain = { each: 5000, all: 20_000 }

/** Watches the clock from its making until `stop`. */
export class Lateness {
  readonly #timer = setInterval(() => this.#look(), tickMs).unref()
  #last = performance.now()
  #mostMs = 0
  #againMs = 0
  /** those that are worth to be remembered, in order */
  readonly #delays: { readonly until: number; readonly ms: number }[] = []

  #look(): void {
    const until = performance.now()
    const ms = until - this.#last - tickMs
    if (ms > tickMs) this.#delays.push({ until, ms })
    this.#last = until
  }

  /** ms of the longest delay since then, in ms of `performance.now()`; one that is not over counts too. */
  since(from: number): number {
    const now = performance.now() - this.#last - tickMs
    return this.#delays.reduce((most, { until, ms }) => (until > from ? Math.max(most, ms) : most), Math.max(0, now))
  }

  /** ms of the longest delay within work whose result counts */
  get mostMs(): number {
    return Math.round(this.#mostMs)
  }

  /**
   * Does the work, and once more when the kit was late meanwhile, `may` allows it and not too much was done again: the
   * last time counts.
   * @param doubtful ms of a delay from which on it is done again
   */
  async punctually<T>(work: (round: number) => Promise<T>, may: () => boolean = () => true, doubtful: number = doubtfulMs): Promise<T> {
    let from = performance.now()
    let result = await work(0)
    const took = performance.now() - from
    if (this.since(from) >= doubtful && took <= mostAgain.each && this.#againMs <= mostAgain.all && may()) {
      this.#againMs += took
      from = performance.now()
      result = await work(1)
    }
    this.#mostMs = Math.max(this.#mostMs, this.since(from))
    return result
  }

  /** Looks no more: what has not been seen until now is no delay. */
  stop(): void {
    clearInterval(this.#timer)
    this.#last = Infinity
  }
}

/** What a report says of it: nothing while times can be trusted. */
export function latenessOf({ mostMs }: Lateness): { readonly lateMs?: number } {
  return mostMs < doubtfulMs ? {} : { lateMs: mostMs }
}
