/**
 * A WebSocket server that sends every message back, frame by frame from its own bytes, so that it can be wrong in every
 * way. For proofs only: it is not how to write a server.
 */
import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { server as frames } from '../../../spec/ws/frame.ts'
import type { Declares } from '../../../spec/model.ts'
import { read, type Fault } from '../../../spec/ws/machine.ts'
import { FrameReader, type Frame } from '../../../spec/ws/reader.ts'
import { right, type Hooks, type Refusal, type Request } from './hooks.ts'

export interface Echo {
  /** ws URL */
  readonly url: string
  /** http URL of the descriptor, for servers that declare something */
  readonly driver: string
  close(): Promise<void>
}

const descriptorPath = '/streamproof'

/** Starts it on loopback, on a free port. */
export async function startEcho(fault: Partial<Hooks> = {}): Promise<Echo> {
  const hooks: Hooks = { ...right, ...fault }
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    shake(socket, hooks)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}/`,
    driver: `http://127.0.0.1:${port}${descriptorPath}`,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads the request; what follows it are frames. */
function shake(socket: net.Socket, hooks: Hooks): void {
  let text = ''
  const patience = setTimeout(() => turnAway(socket, hooks, { status: '408 Request Timeout' }), hooks.patienceMs)
  socket.once('close', () => clearTimeout(patience))
  const take = (data: Buffer): void => {
    text += data.toString('latin1')
    const end = hooks.headEnd(text)
    if (end < 0) return
    clearTimeout(patience)
    socket.off('data', take)
    const request = requestOf(text.slice(0, end))
    const ms = hooks.thinkMs(request)
    const rest = Buffer.from(text.slice(end + 4), 'latin1')
    if (ms > 0) setTimeout(() => answer(socket, hooks, request, rest), ms)
    else answer(socket, hooks, request, rest)
  }
  socket.on('data', take)
  socket.on('end', () => void (hooks.endsToo && socket.end()))
}

function answer(socket: net.Socket, hooks: Hooks, request: Request, rest: Uint8Array): void {
  if (hooks.declares && request.target === descriptorPath) return describe(socket, hooks.declares)
  const refused = hooks.refusal(request)
  if (refused) return turnAway(socket, hooks, refused)
  const terms = hooks.terms(request, hooks.maxMessage)
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${hooks.accepted(request, terms).join('\r\n')}\r\n\r\n`)
  new Peer(socket, hooks, terms).take(hooks.early(rest))
}

function describe(socket: net.Socket, declares: Declares): void {
  const body = JSON.stringify({ streamproof: 1, name: 'echo', version: '1', echo: '/', declares })
  socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
}

function turnAway(socket: net.Socket, hooks: Hooks, { status, fields = [] }: Refusal): void {
  if (!hooks.rejects) return void socket.end()
  const body = `${status}\n`
  const lines = ['Content-Type: text/plain', `Content-Length: ${body.length}`, 'Connection: close', ...fields]
  socket.end(`HTTP/1.1 ${status}\r\nDate: ${new Date().toUTCString()}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

function requestOf(head: string): Request {
  const [line = '', ...lines] = head.split('\r\n')
  const [method = '', target = '', version = ''] = line.split(' ')
  return {
    method, target, version,
    headers: lines.map((one) => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 1).trim()] as const),
  }
}

/** bytes of a frame that is cut off */
const mostLookedAt = 1024 * 1024

/** One open connection. */
class Peer {
  readonly #socket: net.Socket
  readonly #hooks: Hooks
  readonly #terms: ReturnType<Hooks['terms']>
  readonly #reader = new FrameReader()
  /** frames of the message that is open, and what stands between them */
  #open: Frame[] = []
  /** of them, how many have been answered */
  #answered = 0
  #looked = 0
  #over = false

  constructor(socket: net.Socket, hooks: Hooks, terms: ReturnType<Hooks['terms']>) {
    this.#socket = socket
    this.#hooks = hooks
    this.#terms = terms
    this.#write(hooks.greeting())
    socket.on('data', (data: Buffer) => {
      // one write for what came in one read: thousands of pongs would take as many system calls
      socket.cork()
      this.take(data)
      socket.uncork()
    })
    // before the one that ends TCP
    socket.prependListener('end', () => {
      const { partial } = this.#reader
      if (partial) this.#write(hooks.cut(partial))
    })
  }

  take(data: Uint8Array): void {
    if (this.#over && !this.#hooks.readsOn()) return
    this.#reader.push({ at: 0, bytes: this.#hooks.arriving(data, this.#reader.pending) })
    const { frames: all } = this.#reader
    while (this.#looked < all.length) {
      const frame = this.#hooks.incoming(all[this.#looked++] as Frame)
      if (frame) this.#read([...this.#open, frame], undefined)
      if (this.#over && !this.#hooks.readsOn()) return
    }
    // of a long frame the beginning has been looked at; to look again for each read would take a time that grows with the square
    if (this.#reader.pending > mostLookedAt) return
    const { partial } = this.#reader
    const begun = partial && this.#hooks.incoming(partial)
    if (begun) this.#read(this.#open, begun)
  }

  #read(open: readonly Frame[], partial: Frame | undefined): void {
    const { inflate } = this.#terms
    const reading = read(open, { from: 'client', ...(inflate ? { inflate } : {}) }, partial)
    for (const happening of reading.happenings.slice(this.#answered)) {
      if (happening.kind === 'close') {
        this.#write(this.#hooks.closed(happening, reading.open))
        return this.#end()
      }
      if (happening.kind === 'message' && this.#hooks.sizeOf(happening.frames) > BigInt(this.#hooks.maxMessage)) return this.#leave(1009)
      const answer = this.#hooks.answer(happening, this.#terms, reading.open)
      const ms = this.#hooks.lateMs(happening)
      if (ms > 0) setTimeout(() => this.#write(answer), ms)
      else this.#write(answer)
    }
    this.#answered = reading.happenings.length
    if (!partial) this.#open = [...open]
    if (reading.fault) return this.#fail(reading.fault)
    if (this.#hooks.sizeOf(reading.open) > BigInt(this.#hooks.maxMessage)) return this.#leave(1009)
    if (reading.open.length > this.#hooks.maxFragments) return this.#leave(1008)
    if (reading.open.length === 0) {
      this.#open = []
      this.#answered = 0
    }
  }

  #fail(fault: Fault): void {
    if (fault.kind === 'deflate' && this.#terms.isTooLarge?.()) return this.#leave(1009)
    const reaction = this.#hooks.react(fault)
    if (reaction === 'ignore') {
      this.#open = this.#open.filter((frame) => frame !== fault.frame)
      return
    }
    if (reaction === 'drop') return this.#end()
    this.#leave(reaction)
  }

  #leave(code: number): void {
    this.#write([frames.close(code)])
    this.#end()
  }

  #write(bytes: readonly Uint8Array[]): void {
    const out = this.#hooks.outgoing(bytes)
    if (out.length > 0 && this.#socket.writable) this.#socket.write(Buffer.concat(out))
    if (this.#socket.writableLength <= this.#hooks.maxQueued || this.#socket.isPaused()) return
    this.#socket.pause()
    this.#socket.once('drain', () => this.#socket.resume())
  }

  #end(): void {
    this.#over = true
    this.#open = []
    this.#answered = 0
    if (!this.#hooks.ends()) return
    // who reads on answers what came in the same read before it ends
    if (this.#hooks.readsOn()) setImmediate(() => this.#socket.end())
    else this.#socket.end()
  }
}
