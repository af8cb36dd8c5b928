/**
 * Echoes a second of the reference servers, beside bare `ws` and bare uWebSockets.js: `node bench/echo.ts`. Figures of
 * one machine at one time; only the ratios travel.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { command, references, type Ready } from '../servers/index.ts'
import { median, serve, type Server } from './server.ts'

/** clients side by side */
const clients = 8
const rounds = 3
/** bytes of a message, how many of each client make a round, and how many it has on their way */
const loads = [
  { bytes: 64, each: 8000, ahead: 32 }, { bytes: 16 * 1024, each: 2000, ahead: 32 }, { bytes: 512 * 1024, each: 60, ahead: 4 },
] as const

const bare = (name: string): Promise<Server | undefined> =>
  serve([process.execPath, fileURLToPath(new URL('bare.ts', import.meta.url)), name])

/** Echoes a second. */
async function perSecond(url: string, { bytes, each, ahead }: (typeof loads)[number]): Promise<number> {
  const payload = Buffer.alloc(bytes, 'x')
  const sockets = await Promise.all(Array.from({ length: clients }, async () => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await once(socket, 'open')
    return socket
  }))
  const began = performance.now()
  await Promise.all(sockets.map((socket) => new Promise<void>((done, failed) => {
    let sent = 0
    let back = 0
    const send = (): void => {
      if (sent < each) socket.send(payload)
      sent += 1
    }
    socket.on('message', (data: Buffer) => {
      if (data.length !== bytes) failed(new Error(`${data.length} bytes came back of ${bytes}`))
      back += 1
      if (back === each) done()
      else send()
    })
    socket.on('close', () => failed(new Error('the server closed')))
    for (let i = 0; i < ahead; i += 1) send()
  })))
  const seconds = (performance.now() - began) / 1000
  for (const socket of sockets) {
    socket.removeAllListeners('close')
    socket.terminate()
  }
  return (clients * each) / seconds
}

const ours = references.map(({ name, label }) => ({
  name: label,
  beside: name === 'uws' ? 'uws' : 'ws',
  start: () => serve(command(name, ['--port', '0'])),
}))

for (const { name, beside, start } of ours) {
  const server = await start()
  const floor = await bare(beside)
  if (!server || !floor) {
    process.stdout.write(`${name}: no binary for Node ${process.versions.node}\n`)
    await server?.stop()
    await floor?.stop()
    continue
  }
  const echo = new URL('echo', (JSON.parse(server.line) as Ready).url).href.replace(/^http/, 'ws')
  try {
    for (const load of loads) {
      const own: number[] = []
      const theirs: number[] = []
      for (let round = 0; round < rounds; round += 1) {
        theirs.push(await perSecond(floor.line, load))
        own.push(await perSecond(echo, load))
      }
      process.stdout.write(`${name}, ${load.bytes} bytes: ${median(own).toFixed(0)} echoes a second, ${(median(own) / median(theirs)).toFixed(2)} of bare ${beside}\n`)
    }
  } finally {
    await server.stop()
    await floor.stop()
  }
}
