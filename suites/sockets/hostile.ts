/**
 * WebSocket targets that send garbage, too much, or nothing. To be run as a worker thread, so that they do not starve who
 * judges them: each listens on a port of its own, and one message tells the ports by their names.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { deflateRawSync } from 'node:zlib'
import { opcodes, server } from '../../spec/ws/frame.ts'

/** What is done on a connection; over with it. */
type Behaviour = (socket: net.Socket) => void

interface Hostile {
  /** behind the 101 */
  readonly behave?: Behaviour
  /** fields of the 101 beside those that it must have */
  readonly fields?: string
  /** in place of the 101 */
  readonly instead?: Behaviour
}

/** Writes it again and again, as fast as it is taken. */
const endlessly = (bytes: Uint8Array): Behaviour => (socket) => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes)) { /* until the system takes no more */ }
  }
  socket.on('drain', more)
  more()
}

/** Bytes that look random and are the same in each run. */
const noise = Buffer.concat(Array.from({ length: 64 }, (_, i) => createHash('sha512').update(`${i}`).digest()))

/** The header of a frame for which that length is announced, in 64 bits. */
const announced = (length: bigint): Buffer => {
  const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(length, 2)
  return head
}

const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024)).subarray(0, -4)

const extended = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'

const targets = {
  'noise': { behave: (socket) => socket.write(noise) },
  'noise without end': { behave: endlessly(noise) },
  'pings without end': { behave: endlessly(server.ping('again')) },
  'fragments without end': {
    behave: (socket) => {
      socket.write(server.binary('begun', { fin: false }))
      endlessly(server.frame(opcodes.continuation, new Uint8Array(65_536), { fin: false }))(socket)
    },
  },
  'a frame of 2^63 bytes': { behave: (socket) => socket.write(announced(2n ** 63n)) },
  'a frame of 2^62 bytes, and bytes without end': {
    behave: (socket) => {
      socket.write(announced(2n ** 62n))
      endlessly(new Uint8Array(65_536))(socket)
    },
  },
  'a compressed message of 64 MiB': { behave: (socket) => socket.write(server.binary(bomb, { rsv: 4 })), fields: extended },
  'the same without end': { behave: endlessly(server.binary(bomb, { rsv: 4 })), fields: extended },
  'no word': {},
  'a reset': { behave: (socket) => socket.resetAndDestroy() },
  'no answer': { instead: () => {} },
  'a head without end': {
    instead: (socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\n')
      endlessly(Buffer.from(`X: ${'x'.repeat(60_000)}\r\n`))(socket)
    },
  },
} satisfies Readonly<Record<string, Hostile>>

export type TargetName = keyof typeof targets

async function listening({ behave = () => {}, fields = '', instead }: Hostile): Promise<number> {
  const listener = net.createServer((socket) => {
    socket.on('error', () => {})
    let asked = ''
    socket.on('data', (data: Buffer) => {
      if (asked.includes('\r\n\r\n')) return
      asked += data.toString('latin1')
      if (!asked.includes('\r\n\r\n')) return
      if (instead) return instead(socket)
      const key = /^sec-websocket-key:[ \t]*(\S+)/im.exec(asked)?.[1] ?? ''
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const own = /permessage-deflate/i.test(asked) ? fields : ''
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${own}\r\n`)
      behave(socket)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return (listener.address() as AddressInfo).port
}

const ports = await Promise.all(Object.entries<Hostile>(targets).map(async ([name, hostile]) => [name, await listening(hostile)] as const))
parentPort?.postMessage(Object.fromEntries(ports))
