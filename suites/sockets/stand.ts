/** What the proofs of the WebSockets share: the reference servers, and a client that shares nothing with the kit, undici's. */
import { once } from 'node:events'
import http from 'node:http'
import type { Duplex } from 'node:stream'
import { Agent, WebSocket } from 'undici'
import type { SocketCommand, SocketReply, Stats } from '../../spec/contract/contract.ts'
import { NotReady, start, type Child } from '../../harness/child.ts'
import { command, exits, references, type Ready } from '../../servers/index.ts'

const startMs = 15_000

export const names = references.map(({ name }) => name)

/** A reference server in a process of its own. */
export interface Server {
  readonly child: Child
  readonly url: string
}

/** Starts it; a text says why it cannot run here. */
export async function started(name: string, flags: readonly string[] = []): Promise<Server | string> {
  const child = start(command(name, ['--port', '0', ...flags]))
  try {
    return { child, url: (JSON.parse(await child.firstLine(startMs)) as Ready).url }
  } catch (error) {
    if (!(error instanceof NotReady) || error.code !== exits.unavailable) throw error
    return error.message
  }
}

/** A client: what came, and waiting for it. */
export class Client {
  readonly socket: WebSocket
  readonly got: (SocketReply | Uint8Array | string)[] = []
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>

  constructor(url: string, options: { readonly protocols?: string[]; readonly headers?: Record<string, string> } = {}) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), { dispatcher: new Agent(), ...options })
    this.socket.binaryType = 'arraybuffer'
    this.socket.addEventListener('message', ({ data }: { readonly data: unknown }) => {
      const text = String(data)
      this.got.push(data instanceof ArrayBuffer ? new Uint8Array(data) : text.startsWith('{') ? JSON.parse(text) as SocketReply : text)
    })
    this.closed = once(this.socket as never as EventTarget, 'close').then(([{ code, reason }]) => ({ code, reason }))
  }

  async open(): Promise<this> {
    await Promise.race([once(this.socket as never as EventTarget, 'open'), this.closed.then(({ code }) => { throw new Error(`closed with ${code}`) })])
    return this
  }

  say(...commands: readonly SocketCommand[]): void {
    for (const one of commands) this.socket.send(JSON.stringify(one))
  }

  /** Until `is` holds for what came. */
  async until(is: (got: Client['got']) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(5000)
    while (!is(this.got)) {
      await once(this.socket as never as EventTarget, 'message', { signal }).catch(() => {
        throw new Error(`it did not come; what came: ${JSON.stringify(this.got).slice(0, 400)}`)
      })
    }
  }

  replies<T extends SocketReply['type']>(type: T): Extract<SocketReply, { type: T }>[] {
    return this.got.filter((one): one is Extract<SocketReply, { type: T }> => typeof one === 'object' && 'type' in one && one.type === type)
  }

  async end(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

/** of the chunks that came */
export const numbers = (client: Client): number[] => client.replies('chunk').map(({ n }) => n)
export const countTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
export const start20 = { type: 'start', stream: 's1', count: 20, bytes: 64, everyMs: 5 } as const

/** The fields of an opening handshake. */
const opening = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }

/** The status of the answer to an opening handshake with these fields. */
export function handshake(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((answered, failed) => {
    const request = http.get(url, {
      agent: false,
      headers: { ...opening, ...headers },
    })
    request.on('response', (response) => {
      response.resume()
      answered(response.statusCode ?? 0)
    })
    request.on('upgrade', (_, socket) => {
      socket.destroy()
      answered(101)
    })
    request.on('error', failed)
  })
}

/** A connection of a client that answers nothing by itself. */
export async function raw(url: string): Promise<Duplex> {
  const request = http.get(url, {
    agent: false,
    headers: opening,
  })
  const [, peer] = await once(request, 'upgrade') as [unknown, Duplex]
  peer.on('error', () => {})
  return peer
}

/** Of all channels, or of one. */
export const statsOf = async (url: string, c?: string): Promise<Stats> =>
  (await fetch(`${url}stats${c === undefined ? '' : `?c=${c}`}`)).json() as Promise<Stats>

let channels = 0

/** A reference server for all tests of a file; `at` gives its URL and a channel of its own, or skips where it cannot run. */
export class Stand {
  readonly #servers = new Map<string, Server | string>()

  async start(): Promise<void> {
    await Promise.all(names.map(async (name) => this.#servers.set(name, await started(name))))
  }

  async end(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => (typeof server === 'object' ? server.child.end() : undefined)))
  }

  at(name: string, { skip }: { readonly skip: (note?: string) => never }): { readonly url: string; readonly c: string; readonly socket: string; readonly secure: string } {
    const server = this.#servers.get(name)
    if (typeof server !== 'object') return skip(server ?? 'it was not started')
    const { url } = server
    const c = `t${(channels += 1)}`
    return { url, c, socket: `${url}channels/${c}/socket`, secure: `${url}secure/${c}/socket` }
  }
}
