/** One connection for one request after the other. */
import type net from 'node:net'
import { ResponseReader } from '../spec/http.ts'
import type { Chunk, Ended, Link } from '../spec/model.ts'
import { afterPatience } from './patience.ts'
import { Allowance, linkLimit, opened, wire, type Dial } from './wire.ts'

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
    const allowance = new Allowance(dial.limit ?? linkLimit)
    let openedAt = this.#now()
    const settle = (ended: Ended, reusable: boolean): void => {
      stop()
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
      const chunk = { at: this.#now(), bytes: new Uint8Array(data.subarray(0, allowance.covers(data))) }
      chunks.push(chunk)
      reader.push(chunk)
      if (reader.state === 'complete') settle({ at: chunk.at, by: 'kit', how: 'complete' }, true)
      else if (reader.state === 'not-http' || allowance.isSpent) settle({ at: chunk.at, by: 'kit', how: 'limit' }, false)
    }
    const fin = (): void => {
      reader.end()
      settle({ at: this.#now(), by: 'target', how: 'fin' }, false)
    }
    const failed = (error: NodeJS.ErrnoException): void =>
      settle({ at: this.#now(), by: 'target', how: fresh && openedAt === 0 ? 'refused' : 'rst', detail: error.code ?? error.message }, false)
    const stop = afterPatience(withinMs, () => settle({ at: this.#now(), by: 'kit', how: 'deadline' }, false))
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
