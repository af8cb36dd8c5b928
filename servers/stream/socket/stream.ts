/**
 * A stream that a client has started: a producer, what it has made and has not been forgotten, and where the client is
 * in that. New chunks and missed ones take the same way, from the log to the socket, so that there is no seam between
 * them where one could be lost or sent twice.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { SocketStream, StreamEnd } from '../../../spec/contract/contract.ts'
import type { Message } from './duplex.ts'
import type { SocketHooks } from './hooks.ts'

/** Where chunks go: one socket. */
export interface Outlet {
  readonly send: (message: Message) => void
  /** it wants no more for now */
  readonly full: () => boolean
  /** another socket has the stream from now on */
  readonly replaced: () => void
}

export interface StreamOptions {
  readonly hooks: SocketHooks
  /** whose it is; undefined where nobody is asked who he is */
  readonly owner: string | undefined
  /** most bytes that are made ahead while no socket is connected */
  readonly bufferBytes: number
  /** ms that it can be resumed after nobody is connected to it any more, or after it has ended */
  readonly replayMs: number
  /** it is forgotten from now on */
  readonly dropped: () => void
}

interface Chunk {
  readonly message: Message
  readonly bytes: number
}

/** Most bytes of a log. What falls out was sent already, and who comes back for it is told that it is gone. */
export const replayBytes = 8 * 1024 * 1024

/** Chunks that are made at once before others get their turn. */
const slice = 64

export class Stream {
  readonly #request: SocketStream
  readonly #options: StreamOptions
  readonly #key = randomBytes(16)
  /** what tells the chunks of this stream from those of one that was run again */
  readonly #run = randomBytes(3).toString('hex')
  readonly #log: Chunk[] = []
  #logBytes = 0
  /** number of the first chunk in the log, of the next one to be sent, and of the next one to be made */
  #first = 0
  #next = 0
  #made = 0
  #aheadBytes = 0
  #end: StreamEnd | undefined
  #endSent = false
  #received = 0
  #outlet: Outlet | undefined
  #timer: NodeJS.Timeout | undefined
  #waiting = false
  #expiry: NodeJS.Timeout | undefined

  constructor(request: SocketStream, options: StreamOptions) {
    this.#request = request
    this.#options = options
    this.#timer = setTimeout(() => this.#produce(), 0)
  }

  get request(): SocketStream {
    return this.#request
  }

  get owner(): string | undefined {
    return this.#options.owner
  }

  /** The producer is at work. */
  get works(): boolean {
    return this.#end === undefined
  }

  /** bytes that were made and not sent */
  get waiting(): number {
    return this.#aheadBytes
  }

  /** Takes binary messages, as its own are. */
  get takesBytes(): boolean {
    return this.#request.binary === true && this.works
  }

  received(bytes: number): void {
    this.#received += bytes
  }

  /** The number of the chunk behind the one with this id; undefined when it is not in the log, or no longer. */
  after(id: string): number | undefined {
    const [, digits = ''] = /^([0-9a-z]{6})\.[\w-]{16}$/.exec(id) ?? []
    const n = parseInt(digits, 36)
    // No id is out that has not been sent, so a chunk that is only made is of the future too.
    if (!(n >= this.#first - 1 && n < this.#made) || n < 0) return undefined
    return timingSafeEqual(Buffer.from(this.#id(n)), Buffer.from(id)) ? n + 1 : undefined
  }

  /** Writes to this socket from now on: from that chunk, or without one nothing of the past, an end included. */
  attach(outlet: Outlet, from: number | undefined): void {
    const { hooks } = this.#options
    this.#outlet = this.#outlet ? hooks.takeover(this.#outlet, outlet) : outlet
    this.#endSent = from === undefined && !this.works
    this.#next = Math.max(from ?? this.#made, this.#first)
    this.#aheadBytes = this.#log.slice(this.#next - this.#first).reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.works) clearTimeout(this.#expiry)
    this.go()
  }

  /** Nobody is connected any more: it is kept for a while. */
  detach(outlet: Outlet): void {
    if (this.#outlet !== outlet) return
    this.#outlet = undefined
    this.#expire()
    this.go()
  }

  /** Ends at once; what was made and not sent is nobody's any more. */
  cancel(): void {
    if (this.#end) return
    for (const { bytes } of this.#log.splice(this.#next - this.#first)) this.#logBytes -= bytes
    this.#made = this.#next
    this.#finish({ type: 'cancelled', stream: this.#request.stream })
  }

  /** Stops the producer and forgets everything. */
  drop(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#expiry)
    this.#end ??= { type: 'cancelled', stream: this.#request.stream }
    this.#log.length = 0
    this.#options.dropped()
  }

  /** Sends what can be sent, and makes more when that is all. To be called when the socket has room again. */
  go(): void {
    this.#send()
    if (!this.#waiting || !this.#hasRoom()) return
    this.#waiting = false
    this.#produce()
  }

  #send(): void {
    const outlet = this.#outlet
    while (outlet && outlet === this.#outlet && !outlet.full() && this.#next < this.#made) {
      const chunk = this.#log[this.#next - this.#first]
      if (!chunk) return
      this.#next += 1
      this.#aheadBytes -= chunk.bytes
      outlet.send(chunk.message)
    }
    if (!outlet || outlet !== this.#outlet || !this.#end || this.#endSent || this.#next < this.#made || outlet.full()) return
    this.#endSent = true
    for (const reply of this.#options.hooks.ending(this.#end)) outlet.send(JSON.stringify(reply))
  }

  /** A client that does not read makes the producer wait; without one it works ahead, as far as may be kept. */
  #hasRoom(): boolean {
    if (!this.#outlet) return this.#aheadBytes < this.#options.bufferBytes
    return this.#next >= this.#made && !this.#outlet.full()
  }

  #produce(): void {
    const { stream, count, everyMs, failAt } = this.#request
    for (let i = 0; i < slice; i += 1) {
      if (this.#end) return
      if (!this.#hasRoom()) {
        this.#waiting = true
        return
      }
      if (this.#made === failAt) return this.#finish({ type: 'error', stream, message: 'the producer raised, as the request asked' })
      if (this.#made < count) this.#make()
      if (this.#made >= count && this.#made !== failAt) return this.#finish({ type: 'done', stream, count, received: this.#received })
      if (everyMs > 0) {
        this.#timer = setTimeout(() => this.#produce(), everyMs)
        return
      }
    }
    setImmediate(() => this.#produce())
  }

  #make(): void {
    const n = this.#made
    const { stream, bytes, binary } = this.#request
    const data = `${this.#run}.${n}.`.padEnd(bytes, 'streamproof').slice(0, bytes)
    const message: Message = binary ? numbered(n, data) : JSON.stringify({ type: 'chunk', stream, n, id: this.#id(n), data })
    const chunk = { message, bytes: message.length }
    this.#made += 1
    this.#log.push(chunk)
    this.#logBytes += chunk.bytes
    this.#aheadBytes += chunk.bytes
    this.#send()
    while (this.#logBytes > replayBytes && this.#first < this.#next) {
      this.#logBytes -= this.#log.shift()?.bytes ?? 0
      this.#first += 1
    }
  }

  #finish(end: StreamEnd): void {
    clearTimeout(this.#timer)
    this.#end = end
    this.#expire()
    this.#send()
  }

  #expire(): void {
    clearTimeout(this.#expiry)
    this.#expiry = setTimeout(() => {
      // A slow client has not had all of it yet.
      if (this.#outlet && !this.#endSent) this.#expire()
      else this.#options.hooks.expired(() => this.drop())
    }, this.#options.replayMs).unref()
  }

  /** Rising as texts too, and nobody's guess: it says which chunk it is, and proves that it came from here. */
  #id(n: number): string {
    const proof = createHmac('sha256', this.#key).update(String(n)).digest('base64url').slice(0, 16)
    return `${n.toString(36).padStart(6, '0')}.${this.#options.hooks.proof(proof)}`
  }
}

/** A chunk as a binary message: its number in 4 bytes, most significant first, then the data. */
function numbered(n: number, data: string): Uint8Array {
  const bytes = Buffer.alloc(4 + data.length)
  bytes.writeUInt32BE(n)
  bytes.write(data, 4, 'latin1')
  return bytes
}
