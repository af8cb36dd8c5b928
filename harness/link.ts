/** One request on a connection of its own: everything that comes back is kept with its arrival time. */
import type net from 'node:net'
import { ResponseReader } from '../spec/http.ts'
import type { Chunk, Link } from '../spec/model.ts'
import { Answer } from '../spec/sse/exchange.ts'
import type { Until } from '../suites/stimulus.ts'
import { Connection } from './connection.ts'
import { Allowance, linkLimit, wire, type Dial } from './wire.ts'

/** bytes; what is taken between our FIN and giving up on the rest */
const farewellBytes = 256 * 1024
/** bytes; what is decoded anew at each arrival that a sentinel is waited for */
const wholeBytes = 64 * 1024

/** One request on a connection of its own, and what has come back so far. */
export class OpenLink extends Connection {
  readonly #dial: Dial
  readonly #chunks: Chunk[] = []
  readonly #reader: ResponseReader
  readonly #allowance: Allowance
  #received = 0
  #drained = 0
  #completeAt: number | undefined
  #headAt: number | undefined

  constructor(dial: Dial, socket: net.Socket, now: () => number) {
    super(socket, now)
    this.#dial = dial
    this.#reader = new ResponseReader(dial.request.method)
    this.#allowance = new Allowance(dial.limit ?? linkLimit)
    void this.standing.then(() => !this.isOver && socket.write(wire(dial.request, dial.host)))
    if (!dial.stalled) this.#flow()
  }

  protected override finished(): void {
    this.#reader.end()
  }

  /** Without a reader the system takes in about 4 MiB and then pushes back; a pause would come one read too late. */
  #flow(): void {
    if (this.socket.listenerCount('data') === 0) this.socket.on('data', (data: Buffer) => this.#take(data))
  }

  #take(data: Buffer): void {
    if (this.isOver) return this.#drain(data.length)
    const chunk = { at: this.now(), bytes: new Uint8Array(data.subarray(0, this.#allowance.covers(data))) }
    this.#chunks.push(chunk)
    this.#received += chunk.bytes.length
    this.#reader.push(chunk)
    if (this.#reader.state !== 'head') this.#headAt ??= chunk.at
    if (this.#reader.state === 'complete' || this.#reader.state === 'not-http') this.#completeAt ??= chunk.at
    if (this.#allowance.isSpent) this.leave('limit')
    this.wake()
  }

  #drain(bytes: number): void {
    this.#drained += bytes
    if (this.#drained > farewellBytes) this.socket.destroy()
  }

  /** Resolves when the head is complete, or the link is over, or so many ms have passed since the request. */
  async head(withinMs: number): Promise<void> {
    await this.when(() => this.#headAt !== undefined, withinMs)
  }

  /**
   * Reads until the condition holds, the message is complete, the link is over, or `withinMs` have passed, and leaves
   * the link unless `stay`. What made it stop stands in `ended`.
   */
  async read(until: Until, withinMs: number, stay = false): Promise<void> {
    this.#flow()
    const lingerMs = 'thenMs' in until ? until.thenMs : 0
    const done = 'head' in until ? () => this.#headAt !== undefined : this.#condition(until)
    await this.when(() => this.#completeAt !== undefined || done(), withinMs)
    if (lingerMs > 0 && !this.isOver) await this.when(() => false, lingerMs)
    if (stay || this.isOver) return
    const window = 'window' in until || 'ms' in until || done()
    this.leave(this.#reader.state === 'complete' ? 'complete' : this.#headAt === undefined || !window ? 'deadline' : 'window')
  }

  /** Waits until what has arrived looks as wanted, the link is over, or so many ms have passed; the link stays. */
  async arrival(wanted: (answer: Answer) => boolean, withinMs: number): Promise<void> {
    await this.when(() => wanted(this.answer()), withinMs)
  }

  #condition(until: Until): () => boolean {
    if ('events' in until) return () => this.answer().stream.events.length >= until.events
    if ('sentinel' in until) {
      const text = Buffer.from(until.sentinel)
      let looked = 0
      let near = false
      return () => {
        const fresh = this.#chunks.slice(Math.max(0, looked - 2))
        looked = this.#chunks.length
        // of a long stream the raw bytes are searched first: to decode all of it at each arrival would be quadratic
        if (this.#received > wholeBytes) near ||= Buffer.concat(fresh.map(({ bytes }) => bytes)).includes(text)
        return (near || this.#received <= wholeBytes) && this.#saw(until.sentinel)
      }
    }
    return () => false
  }

  #saw(data: string): boolean {
    // a target that declares JSON may write the JSON string of a JSON text
    return this.answer().stream.events.some((event) => event.data === data || event.data === JSON.stringify(data))
  }

  /** What has been seen so far, as a value. */
  link(): Link {
    const { id, role, request } = this.#dial
    return { id, role, request, openedAt: this.openedAt, chunks: [...this.#chunks], ended: this.ended }
  }

  answer(): Answer {
    return new Answer(this.link())
  }
}
