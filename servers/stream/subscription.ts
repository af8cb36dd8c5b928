/**
 * One client of a channel, and what is held back for it while it reads more slowly than is published. It keeps up, or
 * it is closed and resumes by id: never is something left out on an open stream.
 */
import type { Block, Sink } from './answer.ts'
import type { Frame } from './frame.ts'
import type { Hooks } from './hooks.ts'
import { Stall } from './stall.ts'

export interface Bounds {
  /** most bytes that may be pending when more comes: what is held is never more than this and one publish */
  readonly bufferBytes: number
  /** the same in events */
  readonly bufferEvents: number
  /** how long, in ms, what is pending may stay as it is */
  readonly stallMs: number
}

export class Subscription {
  readonly #sink: Sink
  readonly #bounds: Bounds
  readonly #overflow: Hooks['overflow']
  readonly #stall: Stall
  /** Of the log, which is bounded by itself; a client that catches up must not be cut for what it has missed. */
  readonly #replay: Frame[] = []
  readonly #live: Frame[] = []
  #liveBytes = 0
  #liveEvents = 0
  /** events handed to the socket since it was last empty */
  #handed = 0
  /** the socket wants no more for now */
  #full = false
  #ending = false
  #closed = false

  constructor(sink: Sink, bounds: Bounds, overflow: Hooks['overflow']) {
    this.#sink = sink
    this.#bounds = bounds
    this.#overflow = overflow
    this.#stall = new Stall(() => sink.pending(), bounds.stallMs, () => sink.abort())
    sink.onDrain(() => {
      this.#full = false
      this.#handed = 0
      this.#stall.look()
      this.#pump()
    })
  }

  /** bytes that wait for the socket to take them from here */
  get waiting(): number {
    return this.#replay.reduce((sum, { bytes }) => sum + bytes, this.#liveBytes)
  }

  /** bytes that wait here and in the socket */
  get held(): number {
    return this.waiting + this.#sink.pending()
  }

  /** Something is pending, here or in the socket. */
  get behind(): boolean {
    return this.#live.length > 0 || this.#replay.length > 0 || this.#sink.pending() > 0
  }

  /** Sends what the client has missed. */
  replay(frames: readonly Frame[]): void {
    this.#replay.push(...frames)
    this.#pump()
  }

  /** Sends what was published. Returns whether the client is still subscribed: one that is too far behind is closed. */
  send(frames: readonly Frame[]): boolean {
    if (this.#closed) return false
    if (this.behind) {
      this.#stall.watch()
      if (this.#overflows()) {
        this.#overflow(this, frames)
        return !this.#closed
      }
    }
    this.enqueue(frames)
    if (this.#sink.pending() > 0) this.#stall.watch()
    return true
  }

  /** As send, whatever waits already. */
  enqueue(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#live.push(frame)
      this.#liveBytes += frame.bytes
      this.#liveEvents += frame.events
    }
    this.#pump()
  }

  /** Sends a heartbeat; not to a client that has something to read already. */
  beat(comment: Block): void {
    if (this.behind) this.#stall.watch()
    else this.#write(comment)
  }

  /** Ends the stream behind everything that waits. */
  end(): void {
    this.#ending = true
    this.#pump()
  }

  /** Closes the connection behind the last block that the socket has; what waits here is dropped. */
  cut(): void {
    this.#closed = true
    this.discard()
    this.#sink.cut()
    this.#stall.watch()
  }

  /** Forgets what waits here. */
  discard(): void {
    this.#replay.length = 0
    this.#live.length = 0
    this.#liveBytes = 0
    this.#liveEvents = 0
  }

  /** The response is over. */
  leave(): void {
    this.#closed = true
    this.discard()
    this.#stall.stop()
  }

  #overflows(): boolean {
    const { bufferBytes, bufferEvents } = this.#bounds
    return this.#liveBytes + this.#sink.pending() > bufferBytes || this.#liveEvents + this.#handed > bufferEvents
  }

  #pump(): void {
    while (!this.#full && !this.#closed) {
      const frame = this.#replay.shift() ?? this.#nextLive()
      if (!frame) break
      this.#handed += frame.events
      this.#write(frame.block)
      if (!this.#full) this.#handed = 0
    }
    if (this.#full) this.#stall.watch()
    else if (this.#ending && !this.#closed) {
      this.#closed = true
      this.#sink.end()
      this.#stall.watch()
    }
  }

  #nextLive(): Frame | undefined {
    const frame = this.#live.shift()
    if (frame) {
      this.#liveBytes -= frame.bytes
      this.#liveEvents -= frame.events
    }
    return frame
  }

  #write(block: Block): void {
    this.#stall.look()
    this.#full = !this.#sink.write(block)
    this.#stall.wrote()
  }
}
