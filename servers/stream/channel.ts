/**
 * A live channel: what is published reaches everyone subscribed, and whoever comes back with the id of the last event
 * it saw gets what followed. Logging, replaying and registering are synchronous, so nothing can be published between
 * the replay and the subscription: no gap, no duplicate.
 */
import { encodeEvent } from '../../spec/sse/encode.ts'
import type { Tuning } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import type { Block, Sink } from './answer.ts'
import { bytesOf, framesOf } from './frame.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Hooks } from './hooks.ts'
import { Log } from './log.ts'
import type { Entry } from './log.ts'
import { Subscription } from './subscription.ts'

/**
 * `heartbeatMs` is the longest silence on a stream, `replayEvents` how many events the log keeps for those who come
 * back; `replayBytes` may make it fewer.
 */
export interface ChannelOptions extends Required<Tuning> {
  readonly hooks: Hooks
  /** gives an event the id that it has on the wire */
  readonly identify: (event: Event) => Event
  /** what every stream starts with; it reaches proxies that wait for a first byte */
  readonly opening: Event
  /** what somebody gets whose id is not in the log; it has no id, as there is nothing to resume after yet */
  readonly reset: Event
  /** the last event of a finished channel; it has no id, so it does not move the place to resume from */
  readonly endEvent: Event
  /** somebody who names no event gets all that is kept, and not only what comes */
  readonly fromStart?: true
}

/** Most bytes that a channel's log keeps. */
export const replayBytes = 8 * 1024 * 1024

export class Channel {
  readonly #options: ChannelOptions
  readonly #encode: (event: Event) => Block
  readonly #identify: (event: Event) => Event
  readonly #subscriptions = new Set<Subscription>()
  readonly #observers = new Set<(events: readonly Event[]) => void>()
  readonly #log: Log
  readonly #heartbeat: Heartbeat
  /** what was published in this tick and not sent yet */
  readonly #tick: Block[] = []
  #finished = false
  #last: Event

  constructor(options: ChannelOptions) {
    const { hooks, identify } = options
    this.#options = { ...options, ...hooks.bounds(options) }
    this.#last = options.endEvent
    const { heartbeatMs, replayEvents } = this.#options
    this.#encode = hooks.encoder()
    this.#identify = hooks.identifier(identify)
    this.#log = hooks.log(new Log(replayEvents, replayBytes))
    const comment = hooks.heartbeat(encodeEvent({ comment: '' }))
    this.#heartbeat = new Heartbeat(heartbeatMs, () => {
      for (const subscription of this.#subscriptions) subscription.beat(comment)
    })
  }

  get subscribers(): number {
    return this.#subscriptions.size
  }

  /** in force here */
  get bounds(): Required<Tuning> {
    return this.#options
  }

  /** bytes that are kept for those who come back */
  get bytes(): number {
    return this.#log.bytes
  }

  /** Nobody gets its events. */
  get isIdle(): boolean {
    return this.#subscriptions.size === 0 && this.#observers.size === 0
  }

  get finished(): boolean {
    return this.#finished
  }

  /** bytes that wait here for slow clients */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.#subscriptions) sum += waiting
    return sum
  }

  /** bytes that wait for slow clients, here and in their sockets */
  get held(): number {
    let sum = 0
    for (const { held } of this.#subscriptions) sum += held
    return sum
  }

  /** Logs the events and sends them within this tick. Returns each id as on the wire, null for an event without one. */
  publish(events: readonly Event[]): (string | null)[] {
    const identified = events.map(this.#identify)
    const entries = identified.map((event): Entry => ({ id: event.id?.toWellFormed(), block: bytesOf(this.#encode(event)) }))
    this.#log.append(entries)
    if (this.#subscriptions.size > 0) {
      this.#options.hooks.deliver(entries.map(({ block }) => block), (blocks) => this.#send(blocks))
    }
    for (const observer of this.#observers) observer(identified)
    return entries.map(({ id }) => id ?? null)
  }

  /** The event with this id is in the log. */
  knows(id: string): boolean {
    return this.#log.indexOf(id) >= 0
  }

  /** What followed the event with this id; nothing for an id that is not in the log. */
  rest(id: string | undefined): readonly Entry[] {
    return id !== undefined && this.knows(id) ? this.#missed(id) : []
  }

  /** Has `observer` called with all that is published from now on. Returns what ends that. */
  observe(observer: (events: readonly Event[]) => void): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  /** Opens a stream. Returns what to call when it is over. */
  subscribe(sink: Sink, lastEventId: string | undefined): () => void {
    const { hooks, opening } = this.#options
    // What waits for the end of this tick is for those who are here; who comes now has it from the log, if at all.
    this.flush()
    const subscription = new Subscription(sink, this.#options, hooks.overflow)
    let left = false
    sink.write(hooks.opening(encodeEvent(opening)))
    hooks.resume({
      missed: () => this.#missed(lastEventId),
      send: (entries) => subscription.replay(framesOf(entries.map(({ block }) => block))),
      register: () => {
        if (left) return
        this.#subscriptions.add(subscription)
        this.#heartbeat.start()
        if (this.#finished) this.#end(subscription)
      },
    })
    return () => {
      left = true
      subscription.leave()
      this.#remove(subscription)
    }
  }

  /** Ends every stream after the last event, usually the end event; from now on there is nothing to publish. */
  finish(last: Event = this.#options.endEvent): void {
    this.flush()
    this.#finished = true
    this.#last = last
    for (const subscription of this.#subscriptions) this.#end(subscription)
  }

  /** Sends what was published in this tick: one write to each subscriber. */
  flush(): void {
    if (this.#tick.length === 0) return
    const frames = framesOf(this.#tick.splice(0))
    this.#options.hooks.fanOut(this.#subscriptions, (subscription) => {
      if (!subscription.send(frames)) this.#remove(subscription)
    })
    this.#heartbeat.touch()
  }

  #send(blocks: readonly Block[]): void {
    if (this.#tick.length === 0) setImmediate(() => this.flush())
    this.#tick.push(...blocks)
  }

  #missed(id: string | undefined): readonly Entry[] {
    const { hooks, reset, fromStart } = this.#options
    if (id === undefined) return fromStart ? hooks.replay(this.#log.entries, -1) : []
    const at = this.#log.indexOf(id)
    if (at >= 0) return hooks.replay(this.#log.entries, at)
    return hooks.unknown({ id: undefined, block: encodeEvent(reset) }, this.#log.entries, id)
  }

  #end(subscription: Subscription): void {
    const { hooks } = this.#options
    subscription.enqueue(framesOf([hooks.tail(hooks.endMarker(this.#encode(this.#last)))]))
    subscription.end()
  }

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
    if (this.#subscriptions.size === 0) this.#heartbeat.stop()
  }
}
