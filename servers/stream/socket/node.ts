/** WebSockets on a server of node:http, by the `ws` package. */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import { messageOf, requestOf } from '../node.ts'
import type { Service } from '../service.ts'
import { closeMs, maxMessageBytes } from './duplex.ts'
import type { Accepted, Duplex } from './duplex.ts'
import { deflateOffers } from './handshake.ts'

/**
 * Options of the server. Without this callback, which is there from Node 22.21 on, each request with an Upgrade field
 * goes to the `upgrade` event, and a client that offers h2c beside its GET would get no stream.
 */
export const upgrading = (service: Service): object => ({
  shouldUpgradeCallback: (req: IncomingMessage) => service.upgrade(requestOf(req)) !== undefined,
})

/**
 * Takes the upgrades of a server. They pass by its request listener, and with it by all middleware of a framework, so
 * who may connect is asked of the service here and not there.
 */
export function upgrades(server: Server, service: Service): void {
  const options = { noServer: true, clientTracking: false, maxPayload: maxMessageBytes, closeTimeout: closeMs, skipUTF8Validation: false }
  const plain = new WebSocketServer(options)
  const deflating = new WebSocketServer({ ...options, perMessageDeflate: { threshold: 0 } })
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    // Until `ws` listens itself a reset would end the process.
    socket.on('error', () => socket.destroy())
    const request = requestOf(req)
    const accepted = service.upgrade(request)
    if (!accepted) {
      const answer = service.answer(request)
      socket.end(messageOf('body' in answer ? answer : service.refuse(400, 'this resource has no WebSocket')))
      return
    }
    // `ws` compares the whole field, and aborts where an offer is only to be declined.
    req.headers.upgrade = 'websocket'
    const offers = accepted.deflate ? deflateOffers(request) : ''
    if (offers === '') delete req.headers['sec-websocket-extensions']
    else req.headers['sec-websocket-extensions'] = offers
    if (accepted.protocol === undefined) delete req.headers['sec-websocket-protocol']
    else req.headers['sec-websocket-protocol'] = accepted.protocol
    const wss = offers === '' ? plain : deflating
    wss.handleUpgrade(req, socket, head, (ws) => serve(ws, socket, accepted))
  })
}

function serve(ws: WebSocket, socket: Socket, accepted: Accepted): void {
  const listener = accepted.open(duplexOf(ws, socket))
  ws.on('message', (data, isBinary) => listener.message(isBinary ? data as Buffer : data.toString()))
  ws.on('pong', () => listener.pong())
  ws.on('close', () => listener.over())
  // What the peer does wrong: `ws` has answered it with the fitting Close.
  ws.on('error', () => {})
}

/** Bytes in a socket above which it wants no more: with compression `ws` writes later, and the socket cannot tell. */
const highWater = 64 * 1024

function duplexOf(ws: WebSocket, socket: Socket): Duplex {
  let drained = (): void => {}
  let full = false
  const settled = (): void => {
    if (!full || ws.bufferedAmount > 0) return
    full = false
    drained()
  }
  socket.on('drain', settled)
  return {
    send: (message) => {
      // what is lost takes no more: a producer must not run to its end into it
      if (ws.readyState !== ws.OPEN) return false
      ws.send(message, { binary: typeof message !== 'string' }, settled)
      // Once full it stays so until it has drained: a reply between must not take the drain from a stream that waits.
      full ||= ws.bufferedAmount > highWater
      return !full
    },
    onDrain: (listener) => { drained = listener },
    pending: () => ws.bufferedAmount,
    ping: () => {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    read: (on) => {
      if (ws.readyState !== ws.OPEN) return
      if (on) ws.resume()
      else ws.pause()
    },
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
  }
}
