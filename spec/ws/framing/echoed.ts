/** What an echo shows of the length field, the opcode and the payload; what a ping behind a message shows on any server. */
import type { Finding, Rule } from '../../model.ts'
import { mustRead, reachOf, refusesMessages } from '../pongs.ts'
import { says, socket } from '../bytes.ts'
import { echoes, isEcho, onEcho, sentMessages, type Echo } from '../echoes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import type { Message } from '../machine.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const run = (length: number): string => 'x'.repeat(length)
const bulk = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 255)

export const links = [
  socket('lengths', {
    sent: [client.text(run(125)), client.text(run(126)), client.binary(run(127)), client.text(run(128))],
    received: [server.text(run(125)), server.text(run(126)), server.binary(run(127)), server.text(run(128))],
  }, 'echo/lengths'),
  socket('longest-16', { sent: [client.binary(run(65_535))], received: [server.binary(run(65_535))] }, 'echo/long'),
  socket('shortest-64', { sent: [client.binary(run(65_536))], received: [server.binary(run(65_536))] }, 'echo/long'),
  socket('taken', {
    sent: [client.ping('ready'), client.text(run(126)), client.ping('behind')], received: [server.pong('ready'), server.pong('behind')],
  }, 'lengths'),
  socket('taken-twin', { sent: [client.text('xxxxx'), client.ping('behind')], received: [server.pong('behind')] }, 'lengths/twin'),
  socket('empty', { sent: [client.text(''), client.binary('')], received: [server.text(''), server.binary('')] }, 'echo/empty'),
  socket('taken-empty', {
    sent: [client.ping('ready'), client.text(''), client.ping('behind')], received: [server.pong('ready'), server.pong('behind')],
  }, 'empty'),
  socket('types', { sent: [client.text('abc'), client.binary('def')], received: [server.text('abc'), server.binary('def')] }, 'echo'),
  socket('bulk', { sent: [client.binary(bulk(4096))], received: [server.binary(bulk(4096))] }, 'echo'),
]

const edges: ReadonlySet<number> = new Set([125, 126, 127, 128, 65_535, 65_536])
const isLong = ({ payload }: Message): boolean => payload.length >= 65_535

/** Messages of one frame: what becomes of fragments is judged elsewhere. */
const isWhole = ({ frames }: Message): boolean => frames.length === 1

const bytesOf = (length: number): string => (length === 1 ? '1 byte' : `${length} bytes`)

/** One finding for each message: one of the same length came back. */
const sameLength = (connection: Connection, all: readonly Echo[]): Finding[] => all.map(({ sent, back }) => ({
  where: placeOf(connection, back),
  ok: back?.payload.length === sent.payload.length,
  expected: `a message of ${bytesOf(sent.payload.length)}`,
  actual: back ? `one of ${bytesOf(back.payload.length)}` : 'none',
}))

const placeOf = (connection: Connection, back: Message | undefined): Finding['where'] =>
  (back?.frames[0] ? connection.place(back.frames[0]) : connection.endPlace)

/** Where the target has ended TCP because of a long message it may have a limit; where it takes the neighbour it has none there. */
function withinLimit({ connections }: WsExchange, connection: Connection): boolean {
  if (!sentMessages(connection).some(isLong) || !connection.isDropped || connection.messages.length > 0) return true
  return connections.some((one) => one !== connection && sentMessages(one).some(isLong)
    && (reachOf(one) === 'read' || one.messages.some(isLong)))
}

const isEdge = (one: Message): boolean => isWhole(one) && edges.has(one.payload.length)
const hasEdge = (connection: Connection): boolean => sentMessages(connection).some(isEdge)

const lengthBoundaries: Rule<WsExchange> = {
  id: 'ws/framing/length-boundaries',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'payloads of 125, 126, 127, 128, 65535 and 65536 bytes, where the length field changes its form, are read right',
  harm: 'messages of just these lengths are lost or end the connection, and nobody knows why',
  fix: '126 announces 16 bits of length and 127 announces 64, both big-endian; 126 to 65535 bytes take 16, 65536 and more 64',
  check: (exchange) => exchange.connections
    .filter((one) => !one.provocation && hasEdge(one) && withinLimit(exchange, one))
    .flatMap((connection) => (isEcho(connection)
      ? sameLength(connection, echoes(connection, false).filter(({ sent }) => isEdge(sent)))
      : mustRead(exchange, [connection], 'a message of that length'))),
  mutants: {
    '126 bytes are lost': { edit: says('lengths', [server.text(run(125)), server.binary(run(127)), server.text(run(128))]), fault: 'edgeLost' },
    '128 bytes come back as 127': {
      edit: says('lengths', [server.text(run(125)), server.text(run(126)), server.binary(run(127)), server.text(run(127))]),
    },
    'a length of 64 bits ends the connection': {
      edit: says('shortest-64', [], { at: 20, by: 'target', how: 'rst' }), fault: 'longLengthDropped',
    },
    'no pong behind 126 bytes': { edit: says('taken', [server.pong('ready')]) },
  },
}

const isEmpty = (one: Message): boolean => isWhole(one) && one.payload.length === 0

const emptyPayload: Rule<WsExchange> = {
  id: 'ws/framing/empty-payload',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'a message without payload is a message',
  harm: 'the empty message is lost, or the server waits for a byte that never comes and all that follows is late',
  fix: 'a frame with length 0 is complete behind its key; hand it on as an empty message',
  check: (exchange) => exchange.connections.flatMap((connection) => {
    const sent = sentMessages(connection)
    if (isEcho(connection)) return sameLength(connection, echoes(connection).filter(({ sent: one }) => isEmpty(one)))
    return sent.length > 0 && sent.every(isEmpty) ? mustRead(exchange, [connection], 'an empty message') : []
  }),
  mutants: {
    'lost': { edit: says('empty', []), fault: 'emptyLost' },
    'no pong behind it': { edit: says('taken-empty', [server.pong('ready')]) },
  },
}

const typePreserved: Rule<WsExchange> = {
  id: 'ws/framing/type-preserved',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'text comes back as text, binary data as binary data',
  harm: 'a browser gives a Blob where the page expects a string: JSON.parse fails on it',
  fix: 'send with the type of what came: `socket.send(data, { binary: isBinary })` in ws, `ws.send(message, isBinary)` in uWebSockets.js',
  applies: onEcho,
  check: ({ connections }) => connections.flatMap((connection) => echoes(connection).flatMap(({ sent, back }) => (back ? [{
    where: placeOf(connection, back),
    ok: back.type === sent.type,
    expected: `a ${sent.type} message`,
    actual: `a ${back.type} message`,
  }] : []))),
  mutants: {
    'text comes back as binary data': { edit: says('types', [server.binary('abc'), server.binary('def')]), fault: 'textAsBinary' },
  },
}

const payloadPreserved: Rule<WsExchange> = {
  id: 'ws/framing/payload-preserved',
  level: 'must',
  clause: `${rfc}#section-6.2`,
  says: 'every message comes back with the bytes it was sent with, in order',
  harm: 'data is lost or altered on the way, and no checksum tells',
  fix: 'copy a buffer that is used again before the write is over (messages of uWebSockets.js are valid only within the handler)',
  applies: onEcho,
  umbrella: true,
  check: ({ connections }) => connections.filter(({ provocation }) => !provocation).flatMap((connection) =>
    echoes(connection).map(({ sent, back }) => {
      const differs = back ? firstDifference(sent.payload, back.payload) : undefined
      return {
        where: placeOf(connection, back),
        ok: back !== undefined && differs === undefined,
        expected: `the ${bytesOf(sent.payload.length)} that were sent`,
        actual: !back ? 'no message'
          : differs === undefined ? 'them' : `${bytesOf(back.payload.length)}, other ones from offset ${differs} on`,
      }
    })),
  mutants: {
    'the end of a long message is altered': { edit: says('bulk', [server.binary(bulk(4096).fill(0, 4000))]), fault: 'bufferReused' },
  },
}

/** Offset of the first byte that is not the same; undefined when all are. */
function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  if (Buffer.compare(a, b) === 0) return undefined
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at < 0 ? a.length : at
}

export const rules: readonly Rule<WsExchange>[] = [lengthBoundaries, emptyPayload, typePreserved, payloadPreserved]
