import type { Piece } from './message.ts'
import { Octets } from './octets.ts'

/**
 * The body bytes and the arrivals they came in. Columns instead of objects: a body of one-byte arrivals has millions
 * of runs.
 */
export class Runs {
  readonly #octets = new Octets()
  readonly #bodies: number[] = []
  readonly #wires: number[] = []
  readonly #times: number[] = []
  /** where the last run ends on the wire, and when it came */
  #wireEnd = -1
  #lastAt = -1

  /** Adds `source[from, to)`, which stands at offset `wire` of the link and came at `at` ms. */
  add(source: Uint8Array, from: number, to: number, wire: number, at: number): void {
    if (from === to) return
    // arrivals of one time that touch on the wire are one run: how the reads were cut is in the chunks of the link
    if (wire !== this.#wireEnd || at !== this.#lastAt) {
      this.#bodies.push(this.#octets.length)
      this.#wires.push(wire)
      this.#times.push(at)
      this.#lastAt = at
    }
    this.#wireEnd = wire + to - from
    this.#octets.add(source, from, to)
  }

  /** A copy of its own, of exactly the body's size. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#octets.view)
  }

  pieces(): Piece[] {
    return this.#bodies.map((body, i) => {
      const end = this.#bodies[i + 1] ?? this.#octets.length
      return { body, wire: this.#wires[i] as number, length: end - body, at: this.#times[i] as number }
    })
  }
}
