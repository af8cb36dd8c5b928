/** The demo stream: an event a second for as long as somebody listens. */
import type { Sink } from './answer.ts'
import { Channel } from './channel.ts'
import type { ChannelOptions } from './channel.ts'

export class Clock {
  readonly #channel: Channel
  // Ids start at the time of day so that they go on rising after a restart, and count from there: two ticks never
  // share one, however late a timer fires.
  #tick = Math.floor(Date.now() / 1000)
  #timer: NodeJS.Timeout | undefined

  /** `options` of the channel; the clock sets its own ids and keeps a minute. */
  constructor(options: ChannelOptions) {
    const opening = { ...options.opening, comment: 'one tick a second' }
    this.#channel = new Channel({ ...options, opening, replayEvents: 60, identify: (event) => event })
  }

  /** Opens a stream. Returns what to call when it is over; the clock stops with the last one. */
  subscribe(sink: Sink, lastEventId: string | undefined): () => void {
    const leave = this.#channel.subscribe(sink, lastEventId)
    this.#timer ??= setInterval(() => this.#publish(), 1000).unref()
    return () => {
      leave()
      if (this.#channel.subscribers > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #publish(): void {
    this.#tick += 1
    const data = JSON.stringify({ time: new Date().toISOString(), listeners: this.#channel.subscribers })
    this.#channel.publish([{ event: 'tick', id: String(this.#tick), data }])
  }
}
