/** TCP is a stream of bytes: where it is cut, and where it ends, says nothing about frames. */
import type { Finding, Rule } from '../../model.ts'
import { closed, says, socket, together } from '../bytes.ts'
import { echoes, isEcho, sentMessages } from '../echoes.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import type { Control, Message } from '../machine.ts'
import { mustRead } from '../pongs.ts'
import type { Frame } from '../reader.ts'
import { writesOf } from '../writes.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const octets = (...frames: readonly Uint8Array[]): Uint8Array[] => [...together(...frames)].map((byte) => Uint8Array.of(byte))
const cutText = client.text('a message that never ends').subarray(0, 18)

export const links = [
  socket('chop', {
    sent: [client.ping('whole'), ...octets(client.ping('one by one'))],
    received: [server.pong('whole'), server.pong('one by one')],
  }),
  socket('echo-chop', { sent: octets(client.text('cut')), received: [server.text('cut')] }, 'echo/chop'),
  socket('many', { sent: [together(client.ping('1'), client.ping('2'))], received: [server.pong('1'), server.pong('2')] }),
  socket('echo-many', {
    sent: [together(client.text('first'), client.text('second'))], received: [server.text('first'), server.text('second')],
  }, 'echo/many'),
  closed('cut-off', { sent: [cutText], received: [] }),
]

const ascii = (payload: Uint8Array): boolean => payload.every((byte) => byte < 0x80)

/** Nothing about it is odd but where it is cut: one frame, and text of one byte for each character. */
const isPlain = ({ frames, type, payload }: Message): boolean =>
  frames.length === 1 && payload.length > 0 && (type === 'binary' || ascii(payload))

interface Subject {
  readonly connection: Connection
  /** of the frames of the kit those that are meant */
  readonly isMeant: (frame: Frame) => boolean
}

/** What became of the frames that are meant: pings on any server, plain messages on an echo. */
const answered = (exchange: WsExchange, subjects: readonly Subject[], what: string): Finding[] =>
  subjects.flatMap(({ connection, isMeant }) => {
  const isPing = ({ frame, payload }: Control): boolean => isMeant(frame) && ascii(payload)
  // elsewhere a message beside the pings may be what the application ends the connection for
  const isClean = isEcho(connection) || sentMessages(connection).length === 0
  const pings = isClean ? mustRead(exchange, [connection], what, isPing) : []
  const messages = echoes(connection).filter(({ sent }) => isPlain(sent) && sent.frames.every(isMeant))
  return [...pings, ...messages.map(({ sent, back }) => ({
    where: connection.endPlace,
    ok: back?.payload.length === sent.payload.length,
    expected: `${what}: a message of ${sent.payload.length} bytes`,
    actual: back ? `one of ${back.payload.length} bytes` : 'none',
  }))]
})

const right = ({ connections }: WsExchange): Connection[] => connections.filter(({ isOpen, provocation }) => isOpen && !provocation)

const tcpChop: Rule<WsExchange> = {
  id: 'ws/framing/tcp-chop',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'frames are read the same however TCP cuts them, down to single bytes',
  harm: 'messages are lost, or the connection hangs, where the network cuts at another place than on the developer\'s machine',
  fix: 'keep what is left of a read, and begin to read a header only when all its 2 to 14 bytes are there',
  check: (exchange) => answered(exchange, right(exchange).map((connection) => {
    const writes = writesOf(connection)
    return { connection, isMeant: (frame) => writes.of(frame) === undefined }
  }), 'a frame in several segments'),
  mutants: {
    'no pong': { edit: says('chop', [server.pong('whole')]), fault: 'lonelyOctetLost' },
    'no echo': { edit: says('echo-chop', []) },
    'the connection ends': { edit: says('echo-chop', [server.close(1002)], { at: 60, by: 'target', how: 'fin' }) },
  },
}

const coalesced: Rule<WsExchange> = {
  id: 'ws/framing/coalesced',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'all frames of one segment are worked with, in order',
  harm: 'under load, when segments grow together, messages are late by one or lost',
  fix: 'go on reading frames until the rest of what was read is no complete one',
  check: (exchange) => answered(exchange, right(exchange).map((connection) => {
    const writes = writesOf(connection)
    const all = connection.sent.frames.map((frame) => writes.of(frame))
    const shared = new Set(all.filter((write, i) => write !== undefined && write === all[i - 1]))
    return { connection, isMeant: (frame) => shared.has(writes.of(frame)) }
  }), 'several frames in one segment'),
  mutants: {
    'only the first is answered': { edit: says('many', [server.pong('1')]), fault: 'onlyFirstOfRead' },
    'in another order': { edit: says('echo-many', [server.text('second'), server.text('first')]) },
  },
}

const eofMidFrame: Rule<WsExchange> = {
  id: 'ws/framing/eof-mid-frame',
  level: 'advice',
  clause: `${rfc}#section-7.1.5`,
  says: 'FIN within a frame ends the connection, and nothing of the frame is handed on',
  harm: 'half a message is worked with, or connections of clients that are gone pile up until the server is out of descriptors',
  fix: 'on the end of the stream drop what is incomplete and close the socket (`allowHalfOpen` of node:net leaves that to you)',
  promisedBy: 'echo',
  check: (exchange) => withRole(exchange, 'cut-off').filter(({ isOpen, sent, received }) =>
    isOpen && sent.pending > 0 && !sent.fault && !received.fault).map((connection) => {
    const { sent: { partial }, messages, isDropped, endPlace } = connection
    const cut = Buffer.from(partial?.payload ?? [])
    const part = messages.find(({ payload }) => payload.length > 0 && cut.indexOf(payload) === 0)
    const actual = part ? `the first ${part.payload.length} bytes of the frame as a message` : 'the connection stayed open'
    const ok = !part && isDropped
    return { where: endPlace, ok, expected: 'the end of TCP, and nothing else', actual: ok ? 'that' : actual }
  }),
  mutants: {
    'it stays open': { edit: says('cut-off', []), fault: 'halfOpen' },
    'a part of the message comes back': {
      edit: says('cut-off', [server.text('a messag')], { at: 30, by: 'target', how: 'fin' }), fault: 'partDelivered',
    },
  },
}

export const rules: readonly Rule<WsExchange>[] = [tcpChop, coalesced, eofMidFrame]
