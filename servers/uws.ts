/**
 * A server of event streams on uWebSockets.js. It belongs into a process of its own: a handler that throws aborts the
 * process, and so does a listener that a worker thread leaves open.
 */
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import * as uWS from 'uWebSockets.js'
import type { CompressOptions, HttpRequest, HttpResponse, WebSocket, WebSocketBehavior } from 'uWebSockets.js'
import { encodeEvent } from '../spec/sse/encode.ts'
import type { Answer, Request, Sink } from './stream/answer.ts'
import { createService } from './stream/service.ts'
import type { Running, StartOptions } from './stream/service.ts'
import { maxMessageBytes } from './stream/socket/duplex.ts'
import type { Accepted, Duplex, Listener } from './stream/socket/duplex.ts'
import { deflateOffers } from './stream/socket/handshake.ts'

const manifest = new URL('../package.json', import.meta.resolve('uWebSockets.js'))
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

export function start(options: StartOptions = {}): Promise<Running> {
  const { host = '127.0.0.1', port = 0 } = options
  const service = createService({ ...options, name: 'uws', version, unresumable })
  const app = uWS.App()

  const answer = (res: HttpResponse, request: Request): void => {
    const given = service.answer(request)
    if ('limit' in given) readBody(res, given.limit, (body) => send(res, given.answer(body)))
    else send(res, given)
  }
  // Any GET with a key of 24 characters comes here, whatever else it says: it may be no handshake, or one for a stream.
  const upgrade: Upgrade = (res, req, context) => {
    const request = requestOf(req)
    const accepted = service.upgrade(request)
    if (!accepted) return answer(res, request)
    const extensions = accepted.deflate ? deflateOffers(request) : ''
    const key = req.getHeader('sec-websocket-key')
    res.upgrade<Peer>({ accepted }, key, accepted.protocol ?? '', extensions, context)
  }
  app.ws<Peer>('/*', { ...sockets, compression: SHARED_COMPRESSOR, upgrade })
  app.any('/*', (res, req) => answer(res, requestOf(req)))

  return new Promise((listening, failed) => {
    app.listen(host, port, (listener) => {
      if (!listener) {
        failed(new Error(`cannot listen on ${host} port ${port}`))
        return
      }
      const close = async (): Promise<void> => {
        await service.close()
        uWS.us_listen_socket_close(listener)
        app.close()
      }
      const name = host.includes(':') ? `[${host}]` : host
      listening({ url: `http://${name}:${uWS.us_socket_local_port(listener)}/`, version, close })
    })
  })
}

// The declarations have it as a type only.
const { SHARED_COMPRESSOR } = uWS as unknown as { readonly SHARED_COMPRESSOR: CompressOptions }

type Upgrade = NonNullable<WebSocketBehavior<Peer>['upgrade']>

/** What uWS keeps for a connection. */
interface Peer {
  readonly accepted: Accepted
  listener?: Listener
  drained?: () => void
  over?: true
}

/** What becomes of the WebSockets. Pings, bounds and stalled peers are looked after by the application. */
const sockets: WebSocketBehavior<Peer> = {
  maxPayloadLength: maxMessageBytes,
  // 0 is no bound: beyond one uWS would leave messages out.
  maxBackpressure: 0,
  // Also how long uWS waits, once it has ended a connection, for a peer that takes nothing.
  idleTimeout: 60,
  sendPingsAutomatically: false,
  open: (ws) => {
    const peer = ws.getUserData()
    peer.listener = peer.accepted.open(duplexOf(ws))
    // It may have been closed there, when nobody could be told yet.
    if (peer.over) peer.listener.over()
  },
  // uWS takes the memory back when this returns.
  message: (ws, message, isBinary) => {
    const bytes = Buffer.from(isBinary ? message.slice(0) : message)
    ws.getUserData().listener?.message(isBinary ? bytes : bytes.toString())
  },
  drain: (ws) => {
    const peer = ws.getUserData()
    // Behind the handler: of what a write within it leaves over, uWS sometimes never tells when it has gone.
    setImmediate(() => {
      if (!peer.over) peer.drained?.()
    })
  },
  pong: (ws) => ws.getUserData().listener?.pong(),
  close: (ws) => {
    const peer = ws.getUserData()
    peer.over = true
    peer.listener?.over()
  },
}

function duplexOf(ws: WebSocket<Peer>): Duplex {
  const peer = ws.getUserData()
  // uWS throws on any use of a connection that is over, and it is over as soon as it is closed from here.
  return {
    send: (message) => peer.over === true || ws.send(message, typeof message !== 'string', peer.accepted.deflate) === 1,
    onDrain: (drained) => { peer.drained = drained },
    pending: () => (peer.over ? 0 : ws.getBufferedAmount()),
    ping: () => {
      if (!peer.over) ws.ping()
    },
    close: (code, reason) => {
      if (!peer.over) ws.end(code, reason)
    },
    terminate: () => {
      if (!peer.over) ws.close()
    },
  }
}

/** uWS takes bytes above 127 for white space and strips them from both ends of a header value. */
function unresumable(id: string): string | undefined {
  if (!/^[^\0-\x7f]|[^\0-\x7f]$/.test(id)) return undefined
  return 'uWebSockets.js cannot read back an id that starts or ends outside ASCII'
}

/** The request, copied: uWS keeps it for this tick only. */
function requestOf(req: HttpRequest): Request {
  const headers = new Map<string, string>()
  let hosts = 0
  req.forEach((name, value) => {
    if (name === 'host') hosts += 1
    const before = headers.get(name)
    // Of the first line not the value given here: it went through a UTF-8 decoder. Of others there is no other one.
    headers.set(name, before === undefined ? req.getHeader(name) : `${before}, ${value}`)
  })
  return {
    method: req.getCaseSensitiveMethod(),
    // uWS refuses 1.0 itself.
    version: '1.1',
    path: req.getUrl(),
    query: req.getQuery(),
    header: (name) => headers.get(name),
    hosts,
  }
}

function send(res: HttpResponse, answer: Answer): void {
  const whole = !('stream' in answer) && answer.body !== undefined
  const { Connection: connection = '', ...fields } = answer.fields
  const closing = /\bclose$/.test(connection)
  // With a body uWS writes these itself: Content-Length, and Connection where it is to close.
  const options = whole ? connection.replace(/(?:, )?close$/, '') : connection
  res.cork(() => {
    res.writeStatus(`${answer.status} ${STATUS_CODES[answer.status]}`)
    if (options !== '') res.writeHeader('Connection', options)
    for (const [name, value] of Object.entries(fields)) {
      if (!whole || name !== 'Content-Length') res.writeHeader(name, value)
    }
    if ('stream' in answer) stream(res, answer.stream)
    else if (answer.body !== undefined) res.end(answer.body, closing)
    // end() would add Content-Length: 0, which 204 must not have and HEAD does not mean. With a length of its own, or
    // an explicit undefined, this call would not end the response at all.
    else res.endWithoutBody()
  })
}

/** Starts a stream on a corked response. */
function stream(res: HttpResponse, run: (sink: Sink) => () => void): void {
  let leave: (() => void) | undefined
  let over = false
  let written = false
  let pending = 0
  let drained = (): void => {}
  // What is to be done once uWS holds nothing any more: after an end or a close it would not tell.
  let last: (() => void) | undefined
  const finish = (): void => {
    over = true
    leave?.()
  }
  const sink: Sink = {
    write: (block) => {
      if (over || last || block.length === 0) return true
      // A string would keep lone surrogates; and an empty write would end the response.
      const bytes = typeof block === 'string' ? Buffer.from(block) : block
      written = true
      res.cork(() => {
        if (!res.write(bytes)) pending += bytes.length
      })
      return pending === 0
    },
    onDrain: (listener) => { drained = listener },
    pending: () => pending,
    end: () => {
      // With a second argument or endWithoutBody() uWS writes a header line into the chunked body.
      last ??= () => {
        res.cork(() => res.end())
        finish()
      }
      if (pending === 0 && !over) last()
    },
    cut: () => {
      last ??= () => res.close()
      // Whatever is still corked would go down with the connection.
      if (pending === 0) setImmediate(() => !over && last?.())
    },
    abort: () => {
      if (!over) res.close()
    },
  }
  res.onAborted(finish)
  // uWS buffers what the client does not take and says neither how much nor when; with this handler it says when, and
  // it drains its buffer only if the handler corks. Whether all of it went out shows with the next write.
  res.onWritable(() => {
    res.cork(() => {})
    pending = 0
    if (last) last()
    // behind the handler, as with the WebSockets
    else setImmediate(() => !over && drained())
    return true
  })
  leave = run(sink)
  if (over) leave()
  // uWS sends the head with the first write, and a client that waits for events waits for the head.
  else if (!written) sink.write(encodeEvent({ comment: '' }))
}

/** Reads a body; one that is longer than `limit` is read to its end and given as undefined. */
function readBody(res: HttpResponse, limit: number, done: (body: Uint8Array | undefined) => void): void {
  const chunks: Uint8Array[] = []
  let length = 0
  res.onAborted(() => {})
  res.onData((chunk, last) => {
    length += chunk.byteLength
    if (length > limit) chunks.length = 0
    // uWS takes the memory back when this returns.
    else chunks.push(Buffer.from(chunk.slice(0)))
    if (last) done(length > limit ? undefined : Buffer.concat(chunks))
  })
}
