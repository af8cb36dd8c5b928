/**
 * The channels of a server: each is there once somebody asks for it, and is forgotten when there are too many and nobody
 * uses it. Whoever comes back to a forgotten one is told that its last event is not known any more.
 */
import type { Channel } from './channel.ts'

/** bytes that all channels together keep for those who come back; one of them may have `replayBytes` */
const mostBytes = 64 * 1024 * 1024
const mostChannels = 1000
/** names of finished channels that are remembered: those who come back are to stay away */
const mostFinished = 10_000

export interface ChannelsOptions {
  readonly make: (c: string) => Channel
  /** something else than its subscribers still needs it */
  readonly isUsed: (c: string) => boolean
  /** called with the name of a channel that is not there any more */
  readonly forgotten: (c: string) => void
}

export class Channels {
  readonly #options: ChannelsOptions
  /** the one that was used last comes last */
  readonly #channels = new Map<string, Channel>()
  readonly #finished = new Set<string>()

  constructor(options: ChannelsOptions) {
    this.#options = options
  }

  get names(): Iterable<string> {
    return this.#channels.keys()
  }

  get all(): readonly Channel[] {
    return [...this.#channels.values()]
  }

  /** The channel, if somebody has asked for it already. */
  get(c: string): Channel | undefined {
    return this.#channels.get(c)
  }

  /** The channel, made where it is not there yet: one can subscribe before the first event. */
  open(c: string): Channel {
    const there = this.#channels.get(c)
    const channel = there ?? this.#options.make(c)
    this.#channels.delete(c)
    this.#channels.set(c, channel)
    if (!there) this.tidy()
    return channel
  }

  /** Finished for good, and so when it is forgotten too. */
  isFinished(c: string): boolean {
    return this.#finished.has(c) || (this.#channels.get(c)?.finished ?? false)
  }

  /** Forgets channels that nobody uses, the one that was used longest ago first, until there are few enough. */
  tidy(): void {
    let bytes = this.all.reduce((sum, channel) => sum + channel.bytes, 0)
    const last = [...this.#channels.keys()].at(-1)
    for (const [c, channel] of this.#channels) {
      if (bytes <= mostBytes && this.#channels.size <= mostChannels) return
      if (c === last || !channel.isIdle || this.#options.isUsed(c)) continue
      bytes -= channel.bytes
      this.#forget(c, channel)
    }
  }

  #forget(c: string, { finished }: Channel): void {
    this.#channels.delete(c)
    if (finished) this.#finished.add(c)
    const [oldest] = this.#finished
    if (oldest !== undefined && this.#finished.size > mostFinished) this.#finished.delete(oldest)
    this.#options.forgotten(c)
  }
}
