/** The events that a channel keeps for those who come back. */
import type { Block } from './answer.ts'

/** An event that was published, ready to be sent again. */
export interface Entry {
  /** as on the wire; undefined for an event without one, which nobody can resume after */
  readonly id: string | undefined
  readonly block: Block
}

/**
 * Bounded in events and in bytes, whichever is met first: a bound in events alone would let one channel of large events
 * fill the memory. What falls out is forgotten with its id. The newest event stays however large it is, unless nothing
 * is to be kept at all.
 */
export class Log {
  readonly #events: number
  readonly #limit: number
  readonly #entries: Entry[] = []
  #bytes = 0

  /** `events` and `bytes`: the most that is kept. */
  constructor(events: number, bytes: number) {
    this.#events = events
    this.#limit = bytes
  }

  /** oldest first */
  get entries(): readonly Entry[] {
    return this.#entries
  }

  get bytes(): number {
    return this.#bytes
  }

  append(entries: readonly Entry[]): void {
    this.#entries.push(...entries)
    for (const { block } of entries) this.#bytes += block.length
    let out = 0
    while (this.#entries.length - out > this.#events || (this.#bytes > this.#limit && this.#entries.length - out > 1)) {
      this.#bytes -= this.#entries[out]?.block.length ?? 0
      out += 1
    }
    this.#entries.splice(0, out)
  }

  /** Where the event with this id is among the entries, the last one of several; -1 when it is not, or no longer. */
  indexOf(id: string): number {
    return this.#entries.findLastIndex((entry) => entry.id === id)
  }
}
