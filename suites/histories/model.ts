/**
 * What a channel owes its subscribers: every event exactly once and in order, over all the connections of one client;
 * or a declared reset where the client was away for too long.
 */
import type { Event } from '../../spec/model.ts'
import { Answer } from '../../spec/sse/exchange.ts'
import { sequenceDiagram, type Line } from './diagram.ts'

/** A connection to the channel, as far as histories need one. */
export interface Connection {
  /** the target ended it, or the answer is complete */
  readonly isOver: boolean
  /** what has come so far */
  answer(): Answer
  /** from now on it is read; those that are not stalled are read from the start */
  goOn(): void
  /** resolves when that text has come, the answer is over, or so many ms have passed */
  until(text: string, withinMs: number): Promise<void>
  /** resolves when the answer is over, or so many ms have passed */
  over(withinMs: number): Promise<void>
  leave(by: 'FIN' | 'RST'): void
}

/** A channel of a real server; every promise resolves when the server has answered. */
export interface Channel {
  publish(events: readonly Event[]): Promise<void>
  /** resolves with the head, or at once when nobody reads */
  open(lastEventId: string, stalled: boolean): Promise<Connection>
  finish(): Promise<void>
}

/** What the server was told to keep, and how it names what it says by itself. */
export interface Promises {
  readonly replayEvents: number
  readonly resetEvent: string
  readonly endEvent: string
}

/** ms for what a right server does at once, on a busy machine */
const patienceMs = 8000

/** One client over all its connections. */
export class Subscriber {
  readonly name: string
  /** what it would send as Last-Event-ID */
  lastEventId = ''
  /** index of the event that it gets next */
  next = 0
  connection: Connection | undefined
  stalled = false
  /** it saw the end event */
  ended = false
  /** how many events had been published when it connected */
  connectedAt = 0

  constructor(name: string) {
    this.name = name
  }
}

/** The channel as it should be, beside the log of what was done to the real one. */
export class Model {
  readonly promises: Promises
  readonly published: Event[] = []
  readonly subscribers = new Map<string, Subscriber>()
  readonly lines: Line[] = []

  constructor(promises: Promises) {
    this.promises = promises
  }

  get diagram(): string {
    return sequenceDiagram(['publisher', 'server', ...[...this.subscribers.keys()].toSorted()], this.lines)
  }

  /** The next events, each with an id of its own; the text before the first space is its name. */
  nextEvents(count: number, filling = ''): Event[] {
    return Array.from({ length: count }, (_, i) => {
      const id = nameOf(this.published.length + i)
      return { id, data: id + filling }
    })
  }

  async publish(real: Channel, events: readonly Event[]): Promise<void> {
    const bytes = events.reduce((sum, { data = '' }) => sum + data.length, 0)
    const size = bytes > 1e6 ? ` (${Math.round(bytes / 2 ** 20)} MiB)` : ''
    this.lines.push({ from: 'publisher', to: 'server', text: `${listOf(events.map(({ id = '' }) => id))}${size}` })
    await real.publish(events)
    this.published.push(...events)
  }

  /** The client knows the newest event from an earlier visit. */
  remember(subscriber: Subscriber): void {
    subscriber.lastEventId = this.published.at(-1)?.id ?? ''
    subscriber.next = this.published.length
  }

  async connect(real: Channel, subscriber: Subscriber, stalled = false): Promise<void> {
    const { name, lastEventId } = subscriber
    const text = `GET${lastEventId ? ` after ${lastEventId}` : ''}${stalled ? ', not reading' : ''}`
    this.lines.push({ from: name, to: 'server', text })
    // without an id there is nothing to resume after: what is live from now on is all it gets
    if (!lastEventId) subscriber.next = this.published.length
    subscriber.connectedAt = this.published.length
    subscriber.stalled = stalled
    subscriber.connection = await real.open(lastEventId, stalled)
  }

  /** The client leaves after that share of the bytes that came; the rest was lost on the way. */
  async cut(subscriber: Subscriber, by: 'FIN' | 'RST', permille: number): Promise<void> {
    const { connection, name } = subscriber
    if (!connection) return
    // what a right server sends has come by then; what has not is as good as cut off
    if (!subscriber.stalled && this.published.length > subscriber.next) {
      await connection.until(nameOf(this.published.length - 1), 300)
    }
    connection.leave(by)
    subscriber.connection = undefined
    const { answer, cutIn } = truncated(connection.answer(), permille)
    this.take(subscriber, answer)
    this.lines.push({ at: name, note: `leaves by ${by}${cutIn ? `, ${cutIn}` : ''}` })
  }

  /**
   * Finishes the channel once everybody is back, and waits until everybody has been told that it is over.
   * @throws Error for the first thing that a subscriber is owed and does not get
   */
  async finish(real: Channel): Promise<void> {
    const all = [...this.subscribers.values()]
    for (const subscriber of all) {
      if (!subscriber.connection) await this.connect(real, subscriber)
      subscriber.connection?.goOn()
    }
    this.lines.push({ from: 'publisher', to: 'server', text: 'DELETE' })
    await real.finish()
    for (const subscriber of all) await this.#conclude(real, subscriber)
  }

  async #conclude(real: Channel, subscriber: Subscriber): Promise<void> {
    const { name } = subscriber
    // every disconnect is visible, and each brings the client forward
    for (let connections = 0; !subscriber.ended && connections < 20; connections++) {
      if (!subscriber.connection) await this.connect(real, subscriber)
      const { connection } = subscriber
      if (!connection) break
      await connection.over(patienceMs)
      subscriber.connection = undefined
      const answer = connection.answer()
      if (answer.status === 204) {
        this.lines.push({ from: 'server', to: name, text: '204' })
        break
      }
      this.take(subscriber, answer)
      if (!connection.isOver) throw this.#wrong(name, 'the stream does not end')
      if (!subscriber.ended) this.lines.push({ at: name, note: 'is disconnected' })
    }
    // a client that was told to stop may have been away for too long; one that saw the end has been sent everything
    if (subscriber.next < this.published.length && (subscriber.ended || !this.#mayHaveExpired(subscriber))) {
      throw this.#wrong(name, `${nameOf(subscriber.next)} never comes`)
    }
    await this.#returnAfterEnd(real, subscriber)
  }

  async #returnAfterEnd(real: Channel, subscriber: Subscriber): Promise<void> {
    await this.connect(real, subscriber)
    const { connection, name } = subscriber
    await connection?.over(patienceMs)
    const answer = connection?.answer()
    if (answer?.isEventStream) this.take(subscriber, answer)
    this.lines.push({ from: 'server', to: name, text: String(answer?.status) })
    if (answer?.status !== 204) throw this.#wrong(name, `status ${answer?.status} after the end, not 204`)
  }

  /** What one connection brought, event by event. @throws Error for the first event that is not the next one */
  take(subscriber: Subscriber, answer: Answer): void {
    const { name } = subscriber
    const { resetEvent, endEvent } = this.promises
    const { events, lastEventId } = answer.stream
    const names = events.map(({ type, data }) => (type === 'message' ? data.split(' ', 1)[0] ?? '' : type))
    if (names.length > 0) this.lines.push({ from: 'server', to: name, text: listOf(names) })
    for (const [i, event] of events.entries()) {
      if (event.type === endEvent) {
        subscriber.ended = true
      } else if (event.type === resetEvent) {
        if (!this.#mayHaveExpired(subscriber)) throw this.#wrong(name, `a reset, and ${subscriber.lastEventId} is kept`)
        subscriber.next = subscriber.connectedAt
      } else if (event.data !== this.published[subscriber.next]?.data) {
        throw this.#wrong(name, `${names[i]} comes where ${this.#due(subscriber)} is next`)
      } else {
        subscriber.next += 1
      }
    }
    subscriber.lastEventId = lastEventId || subscriber.lastEventId
  }

  #due({ next }: Subscriber): string {
    return next < this.published.length ? nameOf(next) : 'nothing'
  }

  /** More than is kept has been published since the client's last event. */
  #mayHaveExpired({ lastEventId }: Subscriber): boolean {
    const newer = this.published.slice(this.published.findIndex(({ id }) => id === lastEventId) + 1)
    // bounded in bytes as well: a flood may push out what is older
    return newer.length >= this.promises.replayEvents || newer.some(({ data = '' }) => data.length > 1000)
  }

  #wrong(name: string, what: string): Error {
    this.lines.push({ at: name, note: `WRONG: ${what}` })
    return new Error(`${name}: ${what}\n\n${this.diagram}\n`)
  }
}

const nameOf = (index: number): string => `e${String(index + 1).padStart(3, '0')}`

/** Long lists by their ends. */
const listOf = (names: readonly string[]): string =>
  (names.length > 4 ? `${names[0]} ${names[1]} .. ${names.at(-1)}` : names.join(' '))

/** The answer up to a share of what came behind its head, and what the cut went through. */
function truncated(answer: Answer, permille: number): { answer: Answer; cutIn?: string } {
  const { link, head } = answer
  const total = link.chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const start = head?.span.end ?? 0
  let left = start + Math.floor(((total - start) * permille) / 1000)
  const chunks = link.chunks.map(({ at, bytes }) => {
    const kept = bytes.subarray(0, Math.max(0, left))
    left -= bytes.length
    return { at, bytes: kept }
  })
  const cut = new Answer({ ...link, chunks })
  const next = answer.stream.events[cut.stream.events.length]
  return next ? { answer: cut, cutIn: `${next.data.split(' ', 1)[0]} is lost on the way` } : { answer: cut }
}
