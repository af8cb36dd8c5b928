/**
 * What servers on node:http have in common: their requests and responses as the service sees them, answers to what
 * the parser turns away, listening and closing.
 */
import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer, Request, Sink, Whole } from './answer.ts'
import type { Running, Service, StartOptions } from './service.ts'

export function requestOf(req: IncomingMessage): Request {
  const target = /^https?:\/\/[^/?]*(?<rest>.*)$/i.exec(req.url ?? '/')?.groups?.['rest'] ?? req.url ?? '/'
  const mark = target.indexOf('?')
  return {
    method: req.method ?? 'GET',
    version: req.httpVersion === '1.0' ? '1.0' : '1.1',
    path: (mark < 0 ? target : target.slice(0, mark)) || '/',
    query: mark < 0 ? '' : target.slice(mark + 1),
    header: (name) => req.headers[name]?.toString(),
    hosts: hosts(req),
  }
}

/** req.headers keeps the first Host only; the raw list has all of them. */
function hosts({ httpVersion, rawHeaders }: IncomingMessage): number {
  if (httpVersion === '1.0') return 1
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
}

/** Writes an answer. A stream gets its head and whatever it has to say at once in one write to the socket. */
export function send(res: ServerResponse, answer: Answer): void {
  res.writeHead(answer.status, answer.fields)
  if (!('stream' in answer)) {
    res.end(answer.body)
    return
  }
  // Not res.cork(): it lets the zero chunk overtake what was written before it.
  const { socket } = res
  socket?.cork()
  if (!answer.headHeld) res.flushHeaders()
  const leave = answer.stream(sinkOf(res))
  // 'close' comes once the response is over: complete, cut, or left by the client.
  res.on('close', leave)
  socket?.uncork()
}

/** A response as a stream's way out. */
export function sinkOf(res: ServerResponse): Sink {
  const over = (): boolean => res.writableEnded || res.destroyed
  // A client that goes away between its last packet and 'close' makes a write fail; 'close' is what we act on.
  res.on('error', () => {})
  // Null while an earlier response of the connection lasts; the response then keeps what it is given.
  const { socket } = res
  let headOut = false
  return {
    write: (block) => {
      if (over() || block.length === 0) return true
      // Behind the head a chunk that was framed once for all subscribers goes straight to the socket; res.write() would
      // frame it for each of them.
      const framed = headOut && res.chunkedEncoding && typeof block !== 'string' && block.length <= chunkBytes
      if (framed && socket?.writable) return socket.write(chunkOf(block))
      headOut = true
      return res.write(block)
    },
    onDrain: (drained) => {
      // The response tells of a drain only if its own write() was refused.
      socket?.on('drain', drained)
      res.on('drain', drained)
      res.on('close', () => socket?.off('drain', drained))
    },
    pending: () => res.writableLength,
    end: () => {
      if (!over()) res.end()
    },
    // Not destroy(): that throws away what was written and not yet sent.
    cut: () => res.socket?.destroySoon(),
    abort: () => res.socket?.destroy(),
  }
}

/** Above this, copying a block into its chunk costs more than three writes. */
const chunkBytes = 64 * 1024

const chunks = new WeakMap<Uint8Array, Uint8Array>()

/** A block as a chunk of a chunked message (RFC 9112 section 7.1), made once for all who get the same block. */
function chunkOf(block: Uint8Array): Uint8Array {
  let chunk = chunks.get(block)
  if (!chunk) {
    chunk = Buffer.concat([Buffer.from(`${block.length.toString(16)}\r\n`), block, Buffer.from('\r\n')])
    chunks.set(block, chunk)
  }
  return chunk
}

/**
 * Reads a body. One that is longer than `limit` is read to its end and given as undefined: to answer and close while
 * the client still writes would reset the connection, and the client would never see the answer.
 */
export function readBody(req: IncomingMessage, limit: number, done: (body: Uint8Array | undefined) => void): void {
  const chunks: Uint8Array[] = []
  let length = 0
  req.on('data', (chunk: Uint8Array) => {
    length += chunk.length
    if (length <= limit) chunks.push(chunk)
    else chunks.length = 0
  })
  req.on('end', () => done(length <= limit ? Buffer.concat(chunks) : undefined))
}

/** What the parser's errors mean to the client; every other one is a 400. */
const parserErrors: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the header section is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request took too long'],
}

/** The parser calls any first word that it does not know an invalid method, also where no request line follows. */
const requestLine = /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?\n/

function refusalOf(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): readonly [status: number, detail: string] {
  if (error.code === 'HPE_INVALID_METHOD' && requestLine.test(error.rawPacket?.toString('latin1') ?? '')) {
    return [501, 'the server does not know this method']
  }
  return parserErrors[error.code ?? ''] ?? [400, 'the request is not HTTP']
}

/** A whole answer as it goes to a socket that has no response. */
export function messageOf({ status, fields, body = '' }: Whole): string {
  const head = Object.entries({ Date: new Date().toUTCString(), ...fields })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`
}

/**
 * Listens, answers what the parser turns away, and knows how to stop. Rejects when the address cannot be had. node:http
 * alone would answer a parser error with a bare status line, and close() alone would wait for connections that are
 * open and have not asked for anything.
 */
export function listen(server: Server, service: Service, version: string, options: StartOptions): Promise<Running> {
  const { port = 0, host = '127.0.0.1' } = options
  const idle = new Set<Duplex>()
  const answering = new Set<Duplex>()
  server.on('connection', (socket) => {
    idle.add(socket)
    socket.on('close', () => idle.delete(socket))
  })
  server.prependListener('request', ({ socket }, res) => {
    idle.delete(socket)
    answering.add(socket)
    res.on('close', () => {
      answering.delete(socket)
      if (!server.listening) socket.destroySoon()
      else if (!socket.destroyed) idle.add(socket)
    })
  })
  server.on('clientError', (error, socket) => {
    // Rubbish behind a request whose stream is open: an answer would be a second head inside the stream.
    if (!socket.writable || answering.has(socket)) socket.destroy()
    else socket.end(messageOf(service.refuse(...refusalOf(error))))
  })
  server.on('connect', (_, socket) => socket.end(messageOf(service.refuse(501, 'the server is no proxy'))))

  const close = async (): Promise<void> => {
    // Until the streams are out the server goes on listening: whoever comes meanwhile is told so, with 503.
    await service.close()
    await new Promise<void>((closed) => {
      server.close(() => closed())
      for (const socket of idle) socket.destroy()
      // Who has not taken what was left for it by now would keep its connection for ever.
      server.closeAllConnections()
    })
  }
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, host, () => {
      const { port: taken, family, address } = server.address() as AddressInfo
      const name = family === 'IPv6' ? `[${address}]` : address
      listening({ url: `http://${name}:${taken}/`, version, close })
    })
  })
}
