/** One TCP connection: how it ends, by whom, and waiting for what arrives on it. */
import type net from 'node:net'
import tls from 'node:tls'
import type { Ended } from '../spec/model.ts'
import { afterPatience } from './patience.ts'
import { opened } from './wire.ts'

/** ms between our FIN and giving up on the rest */
const farewellMs = 50

/** What a link and a WebSocket have in common. Those who know what the bytes mean read them, and `wake` the others. */
export abstract class Connection {
  protected readonly socket: net.Socket
  /** ms on the clock of the run */
  protected readonly now: () => number
  /** ms; the connection stood, or was begun */
  protected openedAt: number
  /** the connection stands, or never will */
  protected readonly standing: Promise<void>
  /** the connection is over */
  readonly over: Promise<void>
  readonly #watchers = new Set<() => void>()
  #ended: Ended | undefined
  #finish: () => void = () => {}

  constructor(socket: net.Socket, now: () => number) {
    this.socket = socket
    this.now = now
    this.openedAt = now()
    this.over = new Promise((resolve) => (this.#finish = resolve))
    let connected = false
    this.standing = new Promise((resolve) => {
      socket.once(opened(socket), () => {
        connected = true
        this.openedAt = now()
        resolve()
      })
      socket.once('close', resolve)
    })
    socket.once('end', () => {
      this.finished()
      this.end({ at: now(), by: 'target', how: 'fin' })
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const how = connected ? 'rst' : 'refused'
      this.end({ at: now(), by: 'target', how, detail: error.code ? `${error.code}: ${error.message}` : error.message })
    })
    socket.once('close', () => this.end({ at: now(), by: 'target', how: connected ? 'fin' : 'refused' }))
  }

  /** The target sent FIN, and nothing has been told of it yet. */
  protected finished(): void {}

  protected end(ended: Ended): void {
    if (this.#ended) return
    this.#ended = ended
    this.wake()
    this.#finish()
  }

  /** Something has arrived: those who wait look again. */
  protected wake(): void {
    for (const watcher of this.#watchers) watcher()
  }

  /** Resolves when it holds, the connection is over, or so many ms have passed. */
  protected when(holds: () => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        stop()
        this.#watchers.delete(look)
        resolve()
      }
      const look = (): void => {
        if (this.isOver || holds()) settle()
      }
      const stop = afterPatience(withinMs, settle)
      this.#watchers.add(look)
      look()
    })
  }

  get isOver(): boolean {
    return this.#ended !== undefined
  }

  /** How it ended; as if the kit left it now when it has not. */
  protected get ended(): Ended {
    return this.#ended ?? { at: this.now(), by: 'kit', how: 'window' }
  }

  /** Leaves by FIN; what had arrived stays. */
  leave(how: Extract<Ended, { by: 'kit' }>['how']): void {
    if (this.isOver) return
    this.end({ at: this.now(), by: 'kit', how })
    const { socket } = this
    if (socket.connecting) return void socket.destroy()
    socket.resume()
    socket.end()
    setTimeout(() => socket.destroy(), farewellMs)
  }

  abort(): void {
    this.leave('abort')
    this.socket.destroy()
  }

  /** Leaves by RST, as a crashed client does. */
  reset(): void {
    if (this.isOver) return
    this.end({ at: this.now(), by: 'kit', how: 'abort' })
    // a TLS socket has no reset; gone without its close_notify is as abrupt
    if (this.socket instanceof tls.TLSSocket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }
}
