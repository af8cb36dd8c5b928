/**
 * The only socket and the only clock. A request goes out byte by byte as asked; everything that comes back is kept
 * with its arrival time. Nothing is parsed here but where the message ends, and nothing is judged.
 */
import net from 'node:net'
import tls from 'node:tls'
import { Answer } from '../spec/sse/exchange.ts'
import { ResponseReader } from '../spec/http.ts'
import type { Chunk, Ended, Link, SentRequest } from '../spec/model.ts'
import type { Asked, Until } from '../suites/stimulus.ts'

/** bytes; a link that sends more is left */
export const linkLimit = 16 * 1024 * 1024
/** ms; between our FIN and giving up on the rest */
const farewellMs = 50

export interface ProbeOptions {
  /** accept any certificate */
  readonly insecure: boolean
  readonly signal?: AbortSignal
}

export interface Dial {
  readonly id: string
  readonly role: string
  readonly request: SentRequest
  readonly host?: Asked['host']
  /** bytes; `linkLimit` when absent */
  readonly limit?: number
}

/** Opens links on one monotonic clock that starts with the probe. */
export class Probe {
  readonly #options: ProbeOptions
  readonly #began = performance.now()
  readonly #open = new Set<{ abort(): void }>()
  links = 0

  constructor(options: ProbeOptions) {
    this.#options = options
    options.signal?.addEventListener('abort', () => this.abort(), { once: true })
  }

  /** ms since the probe began */
  now(): number {
    return Math.round((performance.now() - this.#began) * 100) / 100
  }

  /** A link on a connection of its own. */
  open(dial: Dial): OpenLink {
    this.links += 1
    const link = new OpenLink(dial, this.#connect(dial.request.url), () => this.now())
    this.#open.add(link)
    void link.over.then(() => this.#open.delete(link))
    if (this.#options.signal?.aborted) link.abort()
    return link
  }

  /** A connection that is used for one request after the other. */
  keep(): KeptConnection {
    const kept = new KeptConnection((url) => this.#connect(url), () => this.now(), () => (this.links += 1))
    this.#open.add(kept)
    return kept
  }

  /** Leaves every open link at once. */
  abort(): void {
    for (const link of this.#open) link.abort()
  }

  #connect(url: string): net.Socket {
    const { protocol, hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    if (protocol !== 'https:') return net.connect({ host, port: Number(port || 80), noDelay: true })
    return tls.connect({
      host,
      port: Number(port || 443),
      rejectUnauthorized: !this.#options.insecure,
      ALPNProtocols: ['http/1.1'],
      ...(net.isIP(host) ? {} : { servername: host }),
    })
  }
}

/** The request as bytes (RFC 9112 3). */
export function wire(request: SentRequest, host?: Asked['host']): Buffer {
  const { pathname, search } = new URL(request.url)
  const hosts = host === 'absent' ? [] : host === 'twice' ? ['Host', 'Host'] : ['Host']
  const body = request.body === undefined ? undefined : Buffer.from(request.body)
  const named = request.headers.filter(([name]) => name.toLowerCase() !== 'host')
  const head = [
    `${request.method} ${pathname}${search} HTTP/${request.version}`,
    ...hosts.map((name) => `${name}: ${hostOf(request)}`),
    ...named.map(([name, value]) => `${name}: ${value}`),
    ...(body && !named.some(([name]) => name.toLowerCase() === 'content-length') ? [`Content-Length: ${body.length}`] : []),
    '\r\n',
  ].join('\r\n')
  return body ? Buffer.concat([Buffer.from(head, 'latin1'), body]) : Buffer.from(head, 'latin1')
}

function hostOf({ url, headers }: SentRequest): string {
  return headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? new URL(url).host
}

const opened = (socket: net.Socket): string => (socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect')

/** One request on a connection of its own, and what has come back so far. */
export class OpenLink {
  readonly #dial: Dial
  readonly #socket: net.Socket
  readonly #now: () => number
  readonly #chunks: Chunk[] = []
  readonly #reader: ResponseReader
  readonly #watchers = new Set<() => void>()
  readonly over: Promise<void>
  #openedAt: number
  #received = 0
  #ended: Ended | undefined
  #completeAt: number | undefined
  #headAt: number | undefined
  #finish: () => void = () => {}

  constructor(dial: Dial, socket: net.Socket, now: () => number) {
    this.#dial = dial
    this.#socket = socket
    this.#now = now
    this.#openedAt = now()
    this.#reader = new ResponseReader(dial.request.method)
    this.over = new Promise((resolve) => (this.#finish = resolve))
    let connected = false
    socket.once(opened(socket), () => {
      connected = true
      this.#openedAt = now()
      socket.write(wire(dial.request, dial.host))
    })
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.once('end', () => {
      this.#reader.end()
      this.#end({ at: now(), by: 'target', how: 'fin' })
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const how = connected ? 'rst' : 'refused'
      this.#end({ at: now(), by: 'target', how, detail: error.code ? `${error.code}: ${error.message}` : error.message })
    })
    socket.once('close', () => this.#end({ at: now(), by: 'target', how: connected ? 'fin' : 'refused' }))
  }

  #take(data: Buffer): void {
    if (this.#ended) return
    const chunk = { at: this.#now(), bytes: new Uint8Array(data) }
    this.#chunks.push(chunk)
    this.#received += data.length
    this.#reader.push(chunk)
    if (this.#reader.state !== 'head') this.#headAt ??= chunk.at
    if (this.#reader.state === 'complete' || this.#reader.state === 'not-http') this.#completeAt ??= chunk.at
    if (this.#received > (this.#dial.limit ?? linkLimit)) this.leave('limit')
    this.#wake()
  }

  #end(ended: Ended): void {
    if (this.#ended) return
    this.#ended = ended
    this.#wake()
    this.#finish()
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
  }

  get isOver(): boolean {
    return this.#ended !== undefined
  }

  /** Resolves when the head is complete, or the link is over, or so many ms have passed since the request. */
  async head(withinMs: number): Promise<void> {
    await this.#when(() => this.#headAt !== undefined, withinMs)
  }

  /**
   * Reads until the condition holds, the message is complete, the link is over, or `withinMs` have passed, and leaves
   * the link unless `stay`. What made it stop stands in `ended`.
   */
  async read(until: Until, withinMs: number, stay = false): Promise<void> {
    const lingerMs = 'thenMs' in until ? until.thenMs : 0
    const done = 'head' in until ? () => this.#headAt !== undefined : this.#condition(until)
    await this.#when(() => this.#completeAt !== undefined || done(), withinMs)
    if (lingerMs > 0 && !this.isOver) await this.#when(() => false, lingerMs)
    if (stay || this.isOver) return
    const window = 'window' in until || done()
    this.leave(this.#reader.state === 'complete' ? 'complete' : this.#headAt === undefined || !window ? 'deadline' : 'window')
  }

  #condition(until: Until): () => boolean {
    if ('events' in until) return () => this.answer().stream.events.length >= until.events
    if ('sentinel' in until) {
      const text = Buffer.from(until.sentinel)
      let looked = 0
      return () => {
        // the raw bytes are searched first: decoding everything anew at each arrival would be quadratic
        const recent = Buffer.concat(this.#chunks.slice(Math.max(0, looked - 2)).map(({ bytes }) => bytes))
        looked = this.#chunks.length
        if (!recent.includes(text)) return this.#sentinelNear && this.#saw(until.sentinel)
        this.#sentinelNear = true
        return this.#saw(until.sentinel)
      }
    }
    return () => false
  }

  /** the sentinel's bytes have come, its blank line perhaps not */
  #sentinelNear = false

  #saw(data: string): boolean {
    return this.answer().stream.events.some((event) => event.data === data)
  }

  #when(holds: () => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#watchers.delete(look)
        resolve()
      }
      const look = (): void => {
        if (this.isOver || holds()) settle()
      }
      const timer = setTimeout(settle, Math.max(0, withinMs))
      this.#watchers.add(look)
      look()
    })
  }

  /** Leaves by FIN; what had arrived stays. */
  leave(how: Extract<Ended, { by: 'kit' }>['how']): void {
    if (this.isOver) return
    this.#end({ at: this.#now(), by: 'kit', how })
    const socket = this.#socket
    if (socket.connecting) return void socket.destroy()
    socket.resume()
    socket.end()
    setTimeout(() => socket.destroy(), farewellMs)
  }

  abort(): void {
    this.leave('abort')
    this.#socket.destroy()
  }

  /** What has been seen so far, as a value. */
  link(): Link {
    const { id, role, request } = this.#dial
    const ended: Ended = this.#ended ?? { at: this.#now(), by: 'kit', how: 'window' }
    return { id, role, request, openedAt: this.#openedAt, chunks: [...this.#chunks], ended }
  }

  answer(): Answer {
    return new Answer(this.link())
  }
}

/** A connection for one request after the other, opened anew whenever the target closed it. */
export class KeptConnection {
  readonly #connect: (url: string) => net.Socket
  readonly #now: () => number
  readonly #count: () => void
  #socket: net.Socket | undefined
  #aborted = false
  #leaveCurrent: (() => void) | undefined

  constructor(connect: (url: string) => net.Socket, now: () => number, count: () => void) {
    this.#connect = connect
    this.#now = now
    this.#count = count
  }

  /**
   * Sends one request and reads its answer to the end of the message, `withinMs` at most. A kept connection that the
   * target closed before it answered is replaced once.
   */
  async send(dial: Dial, withinMs: number): Promise<Link> {
    const reused = this.#socket !== undefined
    const link = await this.#exchange(dial, withinMs)
    const unanswered = link.chunks.length === 0 && link.ended.by === 'target' && link.ended.how !== 'refused'
    return reused && unanswered && !this.#aborted ? this.#exchange(dial, withinMs) : link
  }

  #exchange(dial: Dial, withinMs: number): Promise<Link> {
    const { promise, resolve } = Promise.withResolvers<Link>()
    const fresh = this.#socket === undefined
    if (fresh) this.#count()
    const socket = (this.#socket ??= this.#connect(dial.request.url))
    const reader = new ResponseReader(dial.request.method)
    const chunks: Chunk[] = []
    let openedAt = this.#now()
    let received = 0
    const settle = (ended: Ended, reusable: boolean): void => {
      clearTimeout(timer)
      socket.off('data', take).off('end', fin).off('error', failed).off('close', fin)
      this.#leaveCurrent = undefined
      if (!reusable) {
        socket.on('error', () => {})
        socket.destroy()
        this.#socket = undefined
      }
      resolve({ id: dial.id, role: dial.role, request: dial.request, openedAt, chunks, ended })
    }
    const take = (data: Buffer): void => {
      const chunk = { at: this.#now(), bytes: new Uint8Array(data) }
      chunks.push(chunk)
      received += data.length
      reader.push(chunk)
      if (reader.state === 'complete') settle({ at: chunk.at, by: 'kit', how: 'complete' }, true)
      else if (reader.state === 'not-http' || received > (dial.limit ?? linkLimit)) settle({ at: chunk.at, by: 'kit', how: 'limit' }, false)
    }
    const fin = (): void => {
      reader.end()
      settle({ at: this.#now(), by: 'target', how: 'fin' }, false)
    }
    const failed = (error: NodeJS.ErrnoException): void =>
      settle({ at: this.#now(), by: 'target', how: fresh && openedAt === 0 ? 'refused' : 'rst', detail: error.code ?? error.message }, false)
    const timer = setTimeout(() => settle({ at: this.#now(), by: 'kit', how: 'deadline' }, false), withinMs)
    this.#leaveCurrent = () => settle({ at: this.#now(), by: 'kit', how: 'abort' }, false)
    socket.on('data', take).once('end', fin).once('error', failed).once('close', fin)
    const send = (): void => {
      openedAt = this.#now()
      socket.write(wire(dial.request, dial.host))
    }
    if (fresh) {
      openedAt = 0
      socket.once(opened(socket), send)
      // the target may close between two requests, when nobody listens
      socket.once('close', () => {
        if (this.#socket === socket) this.#socket = undefined
      })
    } else send()
    if (this.#aborted) this.#leaveCurrent()
    return promise
  }

  abort(): void {
    this.#aborted = true
    this.#leaveCurrent?.()
    this.#socket?.destroy()
    this.#socket = undefined
  }
}
