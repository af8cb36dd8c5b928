/**
 * A server below HTTP: its behaviour is a function of the request and the socket. For what no HTTP library would send.
 */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'

/** Answers one whole request (head and announced body), latin1. Called for each request of a connection. */
export type Behaviour = (request: string, socket: net.Socket) => void

export interface RawOptions {
  /** with it the server speaks TLS */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** 127.0.0.1 when absent */
  readonly host?: string
  /** what is done when a connection comes, before any request */
  readonly greet?: (socket: net.Socket) => void
}

export interface Raw {
  readonly url: string
  /** every whole request so far, latin1 */
  readonly requests: readonly string[]
  /** Ends every connection and stops listening. */
  close(): Promise<void>
}

/** Serves on a free port. */
export async function serveRaw(behave: Behaviour, { tls: secure, host = '127.0.0.1', greet }: RawOptions = {}): Promise<Raw> {
  const open = new Set<net.Socket>()
  const requests: string[] = []
  const meet = (socket: net.Socket): void => {
    open.add(socket)
    let received = ''
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', (data) => {
      received += data.toString('latin1')
      for (let end = requestEnd(received); end > 0; end = requestEnd(received)) {
        const request = received.slice(0, end)
        received = received.slice(end)
        requests.push(request)
        behave(request, socket)
      }
    })
    greet?.(socket)
  }
  const server = secure ? tls.createServer(secure, meet) : net.createServer(meet)
  server.on('tlsClientError', () => {})
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http${secure ? 's' : ''}://${name}:${port}/stream`,
    requests,
    close: async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Where the first whole request ends; 0 while it is not whole. */
function requestEnd(received: string): number {
  const head = received.indexOf('\r\n\r\n') + 4
  if (head < 4) return 0
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, head))?.[1]
  const end = head + Number(length ?? 0)
  return received.length >= end ? end : 0
}

/** Writes a piece so many times, as fast as the other side takes it, then calls `done`. */
export function flood(socket: net.Socket, piece: Uint8Array, times: number, done: () => void = () => socket.end()): void {
  let left = times
  const pump = (): void => {
    while (left > 0 && socket.writable) {
      left -= 1
      if (!socket.write(piece)) {
        socket.once('drain', pump)
        return
      }
    }
    done()
  }
  pump()
}

/** Writes the parts one after the other, so many ms apart, then calls `done`. Ends with the connection. */
export function drip(
  socket: net.Socket,
  parts: Iterable<string | Uint8Array>,
  everyMs: number,
  done: () => void = () => {},
): void {
  const iterator = parts[Symbol.iterator]()
  const step = (): void => {
    const { value, done: over } = iterator.next()
    if (over || value === undefined) {
      clearInterval(timer)
      done()
    } else if (socket.writable) socket.write(value)
  }
  const timer = setInterval(step, everyMs)
  socket.once('close', () => clearInterval(timer))
  step()
}
