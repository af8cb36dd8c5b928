/** The floor of `echo.ts`: an echo with nothing around it, of `ws` or of uWebSockets.js. Prints its URL. */
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

const host = '127.0.0.1'

if (process.argv[2] === 'uws') {
  const uWS = await import('uWebSockets.js')
  uWS.App().ws('/*', {
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: 0,
    message: (ws, message, isBinary) => {
      ws.send(message, isBinary)
    },
  }).listen(host, 0, (socket) => {
    if (!socket) throw new Error('no free port')
    process.stdout.write(`ws://${host}:${uWS.us_socket_local_port(socket)}/\n`)
  })
} else {
  const server = new WebSocketServer({ host, port: 0, maxPayload: 1024 * 1024, perMessageDeflate: false })
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })))
  server.on('listening', () => process.stdout.write(`ws://${host}:${(server.address() as AddressInfo).port}/\n`))
}
