/**
 * The only socket and the only clock. A request goes out byte by byte as asked; everything that comes back is kept
 * with its arrival time. Nothing is parsed here but where the message ends, and nothing is judged.
 */
import net from 'node:net'
import tls from 'node:tls'
import { KeptConnection } from './kept.ts'
import { Lateness } from './lateness.ts'
import { OpenLink } from './link.ts'
import type { Dial } from './wire.ts'
import { OpenSocket, type SocketDial } from './ws/socket.ts'

export { wire } from './wire.ts'

export interface ProbeOptions {
  /** accept any certificate */
  readonly insecure: boolean
  readonly signal?: AbortSignal
}

/** Opens links on one monotonic clock that starts with the probe. */
export class Probe {
  readonly #options: ProbeOptions
  readonly #began = performance.now()
  #ticks = -1
  readonly #open = new Set<{ abort(): void }>()
  links = 0
  readonly lateness = new Lateness()

  constructor(options: ProbeOptions) {
    this.#options = options
    options.signal?.addEventListener('abort', () => this.abort(), { once: true })
  }

  /**
   * ms since the probe began, in hundredths; later each time: who was first, and whether the kit reacted to the target or
   * the target to the kit, is told by nothing but these times.
   */
  now(): number {
    this.#ticks = Math.max(this.#ticks + 1, Math.round((performance.now() - this.#began) * 100))
    return this.#ticks / 100
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

  /** A WebSocket connection. */
  socket(dial: SocketDial): OpenSocket {
    this.links += 1
    const socket = new OpenSocket(dial, this.#connect(dial.request.url), () => this.now())
    this.#open.add(socket)
    void socket.over.then(() => this.#open.delete(socket))
    if (this.#options.signal?.aborted) socket.abort()
    return socket
  }

  /** A connection that is used for one request after the other. */
  keep(): KeptConnection {
    const kept = new KeptConnection((url) => this.#connect(url), () => this.now(), () => (this.links += 1))
    this.#open.add(kept)
    return kept
  }

  /** Leaves every open link at once. */
  abort(): void {
    this.lateness.stop()
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
