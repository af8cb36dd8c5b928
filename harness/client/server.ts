/** The server that a client under test talks to: it answers as a scenario says, and keeps what came. Loopback only. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Log } from './log.ts'

/** What a request is answered with. */
export interface Answer {
  /** 200 when absent; 0 resets the connection before any byte */
  readonly status?: number
  /** instead of `Content-Type: text/event-stream` */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** each is written by itself, as one chunk */
  readonly pieces?: readonly (string | Uint8Array)[]
  /** keep the message open after the pieces */
  readonly hold?: true
}

/** The nth request, from 0, in ms of `performance.now()`. */
export interface Received {
  readonly kind: 'request'
  readonly at: number
  readonly method: string
  /** values as they came, one byte a character; undefined when the header is not there */
  header(name: string): string | undefined
}

export type Happened =
  | Received
  /** the answer is written, as far as the scenario says; before the end of the message, so that no wait looks too short */
  | { readonly kind: 'answered'; readonly at: number }
  /** the client went first */
  | { readonly kind: 'left'; readonly at: number }

/** One URL of the server, made for one client. Requests past the script are answered with 204, which ends a source. */
export interface Visit {
  readonly url: string
  readonly log: Log<Happened>
  /** the nth request, from 0; undefined when it does not come within so many ms */
  request(n: number, withinMs: number): Promise<Received | undefined>
  /** more bytes on the answer that is held; resolves when they are handed over, false when the client has gone */
  send(bytes: string | Uint8Array): Promise<boolean>
  /** what follows on the answer that is held */
  finish(how: Ending): void
}

/** The end of the message, a reset, or a FIN without the last chunk. */
export type Ending = 'end' | 'reset' | 'cut'

export type Script = (n: number, request: Received) => Answer

/**
 * ms between two of so many pieces: there is no event that tells that the other side has read one. A cut that counts
 * is one of few, and a busy client has to see it.
 */
const betweenMs = (pieces: number): number => (pieces <= 4 ? 60 : Math.max(1, Math.min(20, 60 / pieces)))

const streamType = [['Content-Type', 'text/event-stream']] as const
/** A browser opens streams from this page; its cookie shows where credentials go. */
const page = '<!doctype html><meta charset=utf-8><title>streamproof</title>'

/** Two origins: pages are at the first, `elsewhere` is the second. */
export class ClientServer {
  /** by path */
  readonly #visits = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()
  readonly #servers = [0, 1].map(() => http.createServer((request, response) => this.#meet(request, response)))
  #origins: readonly string[] = []
  #next = 0

  async listen(): Promise<void> {
    this.#origins = await Promise.all(this.#servers.map(async (server) => {
      // a client that asks for a stream may keep quiet for as long as it likes
      server.requestTimeout = 0
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }))
  }

  /** URL of a page of the first origin. */
  get page(): string {
    return `${this.#origins[0]}/`
  }

  /** A new URL with this script. */
  visit(script: Script, { elsewhere = false, query = '' } = {}): Visit {
    const path = `/stream/${this.#next++}`
    const log = new Log<Happened>()
    let n = 0
    let held: ServerResponse | undefined
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      const received: Received = {
        kind: 'request', at: performance.now(), method: request.method ?? '', header: (name) => headerOf(request, name),
      }
      log.add(received)
      const answer = script(n++, received)
      held = response
      response.once('close', () => response.writableFinished || log.add({ kind: 'left', at: performance.now() }))
      void reply(response, answer, () => log.add({ kind: 'answered', at: performance.now() }))
    }
    const visit: Visit = {
      url: `${this.#origins[elsewhere ? 1 : 0]}${path}${query}`,
      log,
      request: (index, withinMs) => log.until((items) => items.filter((item) => item.kind === 'request')[index], withinMs),
      send: async (bytes) => held !== undefined && write(held, bytes),
      finish: (how) => {
        log.add({ kind: 'answered', at: performance.now() })
        if (held) finish(held, how)
      },
    }
    this.#visits.set(path, handle)
    return visit
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
    await Promise.all(this.#servers.map((server) => server.listening && once(server, 'close')))
  }

  #meet(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {})
    const { pathname } = new URL(request.url ?? '/', this.page)
    const handle = this.#visits.get(pathname)
    if (handle) return handle(request, response)
    const found = pathname === '/'
    response.writeHead(found ? 200 : 404, { 'Content-Type': 'text/html', 'Set-Cookie': 'streamproof=1; SameSite=Lax' })
    response.end(found ? page : '')
  }
}

function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1]
  return undefined
}

async function reply(response: ServerResponse, answer: Answer, written: () => void): Promise<void> {
  const { status = 200, headers = streamType, pieces = [], hold } = answer
  if (status === 0) {
    written()
    return finish(response, 'reset')
  }
  const named = headers.some(([name]) => /^access-control-allow-origin$/i.test(name))
  response.writeHead(status, [...headers, ...(named ? [] : [['Access-Control-Allow-Origin', '*'] as const])].flat())
  response.flushHeaders()
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, betweenMs(pieces.length)))
    if (!await write(response, piece)) return
  }
  if (hold) return
  written()
  finish(response, 'end')
}

function finish(response: ServerResponse, how: Ending): void {
  if (how === 'end') response.end()
  else if (how === 'cut') response.socket?.end()
  else response.socket?.resetAndDestroy()
}

function write(response: ServerResponse, bytes: string | Uint8Array): Promise<boolean> {
  if (!response.writable || response.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const gone = (): void => resolve(false)
    response.once('close', gone)
    response.write(bytes, (error) => {
      response.off('close', gone)
      resolve(!error)
    })
  })
}
