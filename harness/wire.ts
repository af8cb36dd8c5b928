/** What goes out on a socket, and how much may come back. */
import type net from 'node:net'
import tls from 'node:tls'
import type { SentRequest } from '../spec/model.ts'
import type { Asked } from '../suites/stimulus.ts'

export interface Dial {
  readonly id: string
  readonly role: string
  readonly request: SentRequest
  readonly host?: Asked['host']
  /** `linkLimit` when absent */
  readonly limit?: Limit
  /** nothing is read until the first `read` */
  readonly stalled?: true
}

/** What a link may bring before it is left: a flood shows nothing new, and every line of it is kept and judged. */
export interface Limit {
  readonly bytes: number
  /** LF and CR, those of the head and of chunk sizes included */
  readonly lines: number
}

export const linkLimit: Limit = { bytes: 2 * 1024 * 1024, lines: 32_768 }

/** What a link may still bring. */
export class Allowance {
  #bytes: number
  #lines: number

  constructor({ bytes, lines }: Limit) {
    this.#bytes = bytes
    this.#lines = lines
  }

  /** Takes an arrival off. Returns how many of its bytes are within the limit: one arrival may hold 64 Ki lines. */
  covers(data: Uint8Array): number {
    const most = Math.max(0, Math.min(data.length, this.#bytes))
    let lines = this.#lines
    let covered = 0
    while (covered < most && lines > 0) {
      const byte = data[covered++]
      if (byte === 10 || byte === 13) lines -= 1
    }
    this.#bytes -= covered
    this.#lines = lines
    return covered
  }

  /** Nothing more may come. */
  get isSpent(): boolean {
    return this.#bytes <= 0 || this.#lines <= 0
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

/** The event of a socket that stands. */
export const opened = (socket: net.Socket): string => (socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect')
