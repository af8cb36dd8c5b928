/**
 * Echoes a second of the reference servers, beside bare `ws` and bare uWebSockets.js: `node bench/echo.ts`. Figures of
 * one machine at one time; only the ratios travel.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { command, references, type Ready } from '../servers/index.ts'

/** clients side by side */
const clients = 8
const rounds = 3
/** bytes of a message, how many of each client make a round, and how many it has on their way */
const loads = [
  { bytes: 64, each: 8000, ahead: 32 }, { bytes: 16 * 1024, each: 2000, ahead: 32 }, { bytes: 512 * 1024, each: 60, ahead: 4 },
] as const

interface Server {
  readonly url: string
  stop(): Promise<void>
}

/** A server in a process of its own that prints one line of JSON; undefined where it has no binary. */
async function serve([file = '', ...args]: readonly string[], urlOf: (line: string) => string): Promise<Server | undefined> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const exit = once(child, 'exit')
  const line = await Promise.race([once(child.stdout, 'data'), exit.then(() => undefined)])
  if (line === undefined) return undefined
  return {
    url: urlOf(String(line[0])).replace(/^http/, 'ws'),
    stop: async () => {
      child.kill()
      await exit
    },
  }
}

const bare = (name: string): Promise<Server | undefined> =>
  serve([process.execPath, fileURLToPath(new URL('bare.ts', import.meta.url)), name], (line) => line.trim())

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

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const ours = references.map(({ name, label }) => ({
  name: label,
  beside: name === 'uws' ? 'uws' : 'ws',
  start: () => serve(command(name, ['--port', '0']), (line) => new URL('echo', (JSON.parse(line) as Ready).url).href),
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
  try {
    for (const load of loads) {
      const own: number[] = []
      const theirs: number[] = []
      for (let round = 0; round < rounds; round += 1) {
        theirs.push(await perSecond(floor.url, load))
        own.push(await perSecond(server.url, load))
      }
      process.stdout.write(`${name}, ${load.bytes} bytes: ${median(own).toFixed(0)} echoes a second, ${(median(own) / median(theirs)).toFixed(2)} of bare ${beside}\n`)
    }
  } finally {
    await server.stop()
    await floor.stop()
  }
}
