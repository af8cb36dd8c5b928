/**
 * An EventSource on fetch and the kit's decoder: small enough to read, whole enough to be judged. Its habits are those
 * of the standard; the kit's own proof replaces one at a time, to show that each rule can fail.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { EventStreamDecoder } from '../spec/sse/decode.ts'

export interface Message {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
  /** of the URL that answered */
  readonly origin: string
}

/** What one body means; made anew for each connection. */
export interface Decoder {
  /** @throws RangeError when a line or an event is too long */
  push(bytes: Uint8Array): void
  /** the body has ended as it should */
  end?(): void
  readonly lastEventId: string
}

export interface Hearing {
  onEvent(event: Omit<Message, 'origin'>): void
  /** ms */
  onRetry(ms: number): void
  /** the last event ID of the connection before */
  readonly carried: string
  /** value of the header */
  readonly contentType: string
}

/** What a source decides. */
export interface Habits {
  readonly decode: (hearing: Hearing) => Decoder
  /** whether an answer is read; otherwise the source is closed */
  readonly accepts: (status: number, contentType: string) => boolean
  /** whether the source asks again after the end of a body, or a break */
  readonly returns: (after: 'end' | 'break') => boolean
  /** the ms it waits, of the reconnection time */
  readonly waits: (ms: number) => number
  /** the value of Last-Event-ID, one byte a character; undefined for no header */
  readonly lastEventId: (id: string) => string | undefined
  readonly redirect: 'follow' | 'manual'
  /** further headers of each request */
  readonly headers: Readonly<Record<string, string>>
  /** what ends with close() */
  readonly closes: { readonly request: boolean; readonly wait: boolean; readonly events: boolean }
  /** error events for one end of a connection */
  readonly errors: number
}

/** bytes of one line, and of the data of one event */
const maxEventBytes = 16 * 2 ** 20
/** ms, until a stream says another */
const usualRetry = 3000
/** ms; a timer of Node that is set for longer fires at once */
const longestWait = 2 ** 31 - 1

export const standardHabits: Habits = {
  decode: decodeAfter,
  accepts: (status, contentType) => status === 200 && essence(contentType) === 'text/event-stream',
  returns: () => true,
  waits: (ms) => ms,
  lastEventId: (id) => (id === '' ? undefined : Buffer.from(id).toString('latin1')),
  redirect: 'follow',
  headers: {},
  closes: { request: true, wait: true, events: true },
  errors: 1,
}

/** The media type that counts, without parameters: of several values, which fetch joins by commas, the last. */
function essence(contentType: string): string {
  return (contentType.split(',').at(-1) ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** The decoder begins without an id; the one of the connection before holds until a block has set another. */
export function decodeAfter({ onEvent, onRetry, carried }: Hearing): Decoder {
  let named = false
  let committed = false
  const decoder = new EventStreamDecoder({
    onLine: ({ kind, name, value }) => {
      named ||= kind === 'field' && name === 'id' && !value.includes('\0')
      committed ||= named && kind === 'blank'
    },
    onEvent: (event) => onEvent({ ...event, lastEventId: committed ? event.lastEventId : carried }),
    onRetry: (ms) => onRetry(ms),
  }, { maxEventBytes })
  return {
    push: (bytes) => decoder.push(bytes),
    get lastEventId() {
      return committed ? decoder.lastEventId : carried
    },
  }
}

type Listener = (event: { readonly type: string; readonly data?: string; readonly lastEventId?: string; readonly origin?: string }) => void

/** CONNECTING 0, OPEN 1, CLOSED 2, and the events of an EventSource. */
export class Source {
  readyState = 0
  onopen: (() => void) | null = null
  readonly #url: string
  readonly #habits: Habits
  readonly #listeners = new Map<string, Listener[]>()
  #request = new AbortController()
  readonly #wait = new AbortController()
  #retry = usualRetry
  #lastEventId = ''

  constructor(url: string, habits: Habits = standardHabits) {
    this.#url = url
    this.#habits = habits
    void this.#run()
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  close(): void {
    this.readyState = 2
    const { request, wait: waiting } = this.#habits.closes
    if (request) this.#request.abort()
    if (waiting) this.#wait.abort()
  }

  #fire(event: Parameters<Listener>[0]): void {
    for (const listener of this.#listeners.get(event.type) ?? []) listener(event)
  }

  #isOver(): boolean {
    return this.readyState === 2 && this.#habits.closes.wait
  }

  async #run(): Promise<void> {
    for (;;) {
      const after = await this.#connect()
      if (this.#isOver()) return
      if (after === 'refused' || !this.#habits.returns(after)) return this.#fail(2)
      this.#fail(0)
      // close() in the error handler ends the wait
      if (this.#isOver()) return
      await wait(Math.min(this.#habits.waits(this.#retry), longestWait), undefined, { signal: this.#wait.signal }).catch(() => {})
      if (this.#isOver()) return
    }
  }

  #fail(readyState: number): void {
    this.readyState = readyState
    for (let i = 0; i < this.#habits.errors; i++) this.#fire({ type: 'error' })
  }

  async #connect(): Promise<'end' | 'break' | 'refused'> {
    const id = this.#habits.lastEventId(this.#lastEventId)
    this.#request = new AbortController()
    try {
      const response = await fetch(this.#url, {
        headers: { Accept: 'text/event-stream', ...this.#habits.headers, ...(id === undefined ? {} : { 'Last-Event-ID': id }) },
        redirect: this.#habits.redirect, signal: this.#request.signal,
      })
      const contentType = response.headers.get('content-type') ?? ''
      if (!this.#habits.accepts(response.status, contentType)) {
        await response.body?.cancel()
        return 'refused'
      }
      this.readyState = 1
      this.onopen?.()
      return await this.#read(response, contentType)
    } catch {
      return 'break'
    }
  }

  async #read({ body, url }: Response, contentType: string): Promise<'end' | 'refused'> {
    const { origin } = new URL(url)
    const decoder = this.#habits.decode({
      onEvent: (event) => {
        if (this.readyState !== 2 || !this.#habits.closes.events) this.#fire({ ...event, origin })
      },
      onRetry: (ms) => (this.#retry = ms),
      carried: this.#lastEventId,
      contentType,
    })
    try {
      for await (const bytes of body ?? []) {
        decoder.push(bytes)
        this.#lastEventId = decoder.lastEventId
      }
      decoder.end?.()
      this.#lastEventId = decoder.lastEventId
      return 'end'
    } catch (error) {
      if (error instanceof RangeError) return 'refused'
      throw error
    }
  }
}
