/**
 * A live channel: what is published reaches everyone subscribed, and whoever comes back with the id of the last event
 * it saw gets what followed. All of it is synchronous, so nothing can be published between the replay and the
 * subscription: no gap, no duplicate.
 */
import { encodeEvent } from '../../spec/sse/encode.ts'
import type { Event } from '../../spec/model.ts'
import type { Block, Sink } from './answer.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Entry, Hooks } from './hooks.ts'

export interface ChannelOptions {
  readonly hooks: Hooks
  /** longest silence on a stream, ms */
  readonly heartbeatMs: number
  /** how many events the log keeps for those who come back */
  readonly replayEvents: number
  /** what every stream starts with; it reaches proxies that wait for a first byte */
  readonly opening: Event
  /** the last event of a finished channel; it has no id, so it does not move the place to resume from */
  readonly endEvent: Event
}

export class Channel {
  readonly #options: ChannelOptions
  readonly #encode: (event: Event) => Block
  readonly #sinks = new Set<Sink>()
  readonly #log: Entry[] = []
  readonly #heartbeat: Heartbeat
  #finished = false

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#encode = options.hooks.encoder()
    const comment = encodeEvent({ comment: '' })
    this.#heartbeat = new Heartbeat(options.heartbeatMs, () => this.#write(comment))
  }

  get subscribers(): number {
    return this.#sinks.size
  }

  get finished(): boolean {
    return this.#finished
  }

  /** Logs the events, then sends them. Returns each id as it is on the wire, null for an event without one. */
  publish(events: readonly Event[]): (string | null)[] {
    const entries = events.map((event): Entry => ({ id: event.id?.toWellFormed(), block: bytes(this.#encode(event)) }))
    this.#log.push(...entries)
    this.#log.splice(0, this.#log.length - this.#options.replayEvents)
    this.#options.hooks.deliver(entries.map(({ block }) => block), (part) => this.#write(part))
    this.#heartbeat.touch()
    return entries.map(({ id }) => id ?? null)
  }

  /** What someone who saw `lastEventId` last has missed; nothing for an id that is not in the log. */
  missed(lastEventId: string | undefined): readonly Entry[] {
    if (lastEventId === undefined) return []
    return this.#options.hooks.replay(this.#log, this.#log.findLastIndex(({ id }) => id === lastEventId))
  }

  /** Opens a stream. Returns what to call when it is over. */
  subscribe(sink: Sink, lastEventId: string | undefined): () => void {
    this.#sinks.add(sink)
    this.#heartbeat.start()
    sink.write(encodeEvent(this.#options.opening))
    for (const { block } of this.missed(lastEventId)) sink.write(block)
    if (this.#finished) this.#end(sink)
    return () => {
      this.#sinks.delete(sink)
      if (this.#sinks.size === 0) this.#heartbeat.stop()
    }
  }

  /** Ends every stream after the end event; from now on there is nothing to publish. */
  finish(): void {
    this.#finished = true
    for (const sink of this.#sinks) this.#end(sink)
  }

  #end(sink: Sink): void {
    sink.write(this.#options.hooks.tail(this.#encode(this.#options.endEvent)))
    sink.end()
  }

  #write(block: Block): void {
    for (const sink of this.#sinks) sink.write(block)
  }
}

/** Encoded once for all subscribers. */
const bytes = (block: Block): Uint8Array => (typeof block === 'string' ? Buffer.from(block) : block)
