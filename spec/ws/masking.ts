/**
 * Masks: frames of a client have one, those of a server have none.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.3
 */
import { session } from '../bytes.ts'
import type { Finding, Note, Room, Rule } from '../model.ts'
import { hasPong, reachOf, refusesMessages } from './pongs.ts'
import { closed, says, silenced, socket, together } from './bytes.ts'
import { echoes } from './echoes.ts'
import type { Connection, WsExchange } from './exchange.ts'
import { client, frame, opcodes, server } from './frame.ts'
import type { Control, Message } from './machine.ts'
import { never } from './outgoing.ts'
import type { Frame } from './reader.ts'
import { mustFail, provoked } from './reaction.ts'
import { writesOf, type Writes } from './writes.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const failed = server.close(1002)
const zeros = new Uint8Array(4)
const ones = new Uint8Array(4).fill(255)
const seven = Uint8Array.of(1, 2, 3, 4, 5, 6, 7)
const cut = client.binary(seven)

const example = session(
  closed('unmasked', { sent: [frame({ opcode: opcodes.text, payload: 'five!' })], received: [failed] }),
  socket('unmasked-twin', { sent: [client.text('five!'), client.ping('twin')], received: [server.pong('twin')] }, 'unmasked/twin'),
  closed('unmasked-control', { sent: [frame({ opcode: opcodes.ping, payload: 'five!' })], received: [failed] }),
  closed('unmasked-more', {
    sent: [together(client.text('first', { fin: false }), frame({ opcode: opcodes.continuation, payload: 'second' }))], received: [failed],
  }),
  socket('keys', {
    sent: [client.ping('zeros', { mask: zeros }), client.ping('ones', { mask: ones })],
    received: [server.pong('zeros'), server.pong('ones')],
  }),
  socket('echo-keys', { sent: [client.text('key 0', { mask: zeros })], received: [server.text('key 0')] }, 'echo/keys'),
  socket('echo-cut', { sent: [cut.subarray(0, 8), cut.subarray(8)], received: [server.binary(seven)] }, 'echo/alignment'),
)

const isData = ({ opcode }: Frame): boolean => opcode === opcodes.text || opcode === opcodes.binary

const requiredData: Rule<WsExchange> = {
  id: 'ws/masking/required-data',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.1`,
  says: 'a text or binary frame without mask ends the connection',
  harm: 'a page can make a browser send bytes of its choice through a proxy, which takes them for a request of its own',
  fix: 'fail the connection with 1002 when the MASK bit of a frame of a client is not set',
  check: (exchange) => mustFail(provoked(exchange, 'not-masked', ({ frame: one }) => isData(one))),
  mutants: {
    'taken': { edit: says('unmasked', [server.text('five!')]), fault: 'unmaskedDataTaken' },
    'no reaction': { edit: silenced('unmasked') },
  },
}

const requiredControl: Rule<WsExchange> = {
  id: 'ws/masking/required-control',
  level: 'must',
  clause: `${rfc}#section-5.1`,
  says: 'a ping, a pong or a Close without mask ends the connection',
  harm: 'what must be masked is not: the protection of proxies has a hole',
  fix: 'check the MASK bit before the opcode is looked at, so that control frames do not get past the check',
  check: (exchange) => mustFail(provoked(exchange, 'not-masked', ({ frame: { opcode } }) => opcode >= 8)),
  mutants: {
    'answered': { edit: says('unmasked-control', [server.pong('five!')]), fault: 'unmaskedControlTaken' },
    'no reaction': { edit: silenced('unmasked-control') },
  },
}

const requiredContinuation: Rule<WsExchange> = {
  id: 'ws/masking/required-continuation',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.1`,
  says: 'a continuation without mask behind a masked first frame ends the connection',
  harm: 'the key of the frame before is used once more: the message that is handed on is not the one that was sent',
  fix: 'check the MASK bit of every frame, not only of the first of a message',
  check: (exchange) => mustFail(provoked(exchange, 'not-masked', ({ frame: { opcode } }) => opcode === opcodes.continuation)),
  mutants: {
    'taken': { edit: says('unmasked-more', [server.text('firstsecond')]), fault: 'unmaskedContinuationTaken' },
    'no reaction': { edit: silenced('unmasked-more') },
  },
}

const serverNever: Rule<WsExchange> = {
  id: 'ws/masking/server-never',
  level: 'must',
  clause: `${rfc}#section-5.1`,
  says: 'frames of the server are not masked',
  harm: 'every client ends the connection: browsers say "A server must not mask any frames that it sends to the client"',
  fix: 'write the frames of the server with the server side of the library, or without the key',
  check: never(({ mask }) => (mask ? `a mask, ${Buffer.from(mask).toString('hex')}` : undefined), 'frames without mask'),
  mutants: {
    'masked': { edit: says('keys', [client.pong('zeros'), client.pong('ones')]), fault: 'serverMasks' },
  },
}

const hasOddKey = ({ mask }: Frame): boolean => mask !== undefined && mask.every((byte) => byte === mask[0])
const named = ({ mask }: Frame): string => Buffer.from(mask ?? []).toString('hex')

const anyKey: Rule<WsExchange> = {
  id: 'ws/masking/any-key',
  level: 'must',
  clause: `${rfc}#section-5.3`,
  says: 'a payload is read right under every key, 00000000 and ffffffff among them',
  harm: 'one frame in millions is garbled, or all frames of a client that uses the key zero',
  fix: 'whether a frame is masked says the MASK bit alone; then each byte is XORed with byte i mod 4 of the key',
  check: ({ connections }) => connections.filter(({ isOpen, provocation }) => isOpen && !provocation).flatMap((connection) => {
    const writes = writesOf(connection)
    const isSubject = (one: Frame): boolean => hasOddKey(one) && writes.of(one) !== undefined
    const pings = connection.sent.happenings.filter((one): one is Control => one.kind === 'ping' && isSubject(one.frame) && one.payload.length > 0)
    const known = pings.length > 0 && reachOf(connection) !== 'open'
    const isWhole = ({ frames }: Message): boolean => frames.length === 1 && frames.every(isSubject)
    return [
      ...(known ? pings.map((ping) => compared(connection, ping.frame, hasPong(connection, ping.payload), 'pong')) : []),
      ...echoes(connection).filter(({ sent }) => isWhole(sent) && sent.payload.length > 0).flatMap(({ sent, back }) =>
        sent.frames.map((one) => compared(connection, one, back !== undefined && Buffer.compare(back.payload, sent.payload) === 0, 'echo'))),
    ]
  }),
  mutants: {
    'no pong under the key zero': { edit: says('keys', [server.pong('ones')]), alsoBreaks: ['ws/control/pong-each'] },
    'another echo under the key zero': { edit: says('echo-keys', [server.text('0 yek')]), fault: 'zeroKeyMangled' },
  },
}

const compared = (connection: Connection, one: Frame, ok: boolean, what: string): Finding => ({
  where: connection.endPlace,
  ok,
  expected: `the ${what} of a payload under the key ${named(one)}`,
  actual: ok ? 'that' : 'none with its bytes',
})

/** Cut, and only within the key or the payload: headers that are cut are the business of `framing/tcp-chop`. */
function isCutBehindLength(writes: Writes, one: Frame): boolean {
  const places = writes.cuts(one)
  const keyAt = one.payloadAt - one.span.start - 4
  return places.length > 0 && places.every((at) => at > keyAt)
}

const alignment: Rule<WsExchange> = {
  id: 'ws/masking/alignment',
  level: 'must',
  clause: `${rfc}#section-5.3`,
  says: 'the key begins anew with each payload and goes on where a segment ended, wherever that is',
  harm: 'messages are garbled where the network cuts them at an offset that is no multiple of four',
  fix: 'count the bytes of the payload from its first one on, and keep the count between two reads; take care of words and tails',
  check: ({ connections }) => connections.filter(({ provocation }) => !provocation).flatMap((connection) => {
    const writes = writesOf(connection)
    const isSubject = ({ frames }: Message): boolean => frames.length === 1 && frames.every((one) => isCutBehindLength(writes, one))
    return echoes(connection).filter(({ sent }) => isSubject(sent)).map(({ sent, back }) => {
      const ok = back !== undefined && Buffer.compare(back.payload, sent.payload) === 0
      return {
        where: connection.endPlace,
        ok,
        expected: `the ${sent.payload.length} bytes of a payload that came in several segments`,
        actual: ok ? 'them' : back ? 'other bytes' : 'no message',
      }
    })
  }),
  mutants: {
    'the tail is garbled': { edit: says('echo-cut', [server.binary(Uint8Array.of(1, 2, 3, 4, 6, 5, 7))]), fault: 'tailMisaligned' },
  },
}

const code1002: Note<WsExchange> = {
  id: 'ws/masking/code-1002',
  clause: `${rfc}#section-5.1`,
  says: 'how the connection ends after a frame without mask; a Close may be sent, with the code 1002',
  record: ({ connections }) => connections.filter(({ provocation, isDropped }) => provocation?.kind === 'not-masked' && isDropped)
    .map(({ close }) => `a frame without mask is answered by ${close ? `Close ${close.code ?? 'without a code'}` : 'the end of TCP without a Close'}`),
}

export const masking: Room<WsExchange> = {
  id: 'ws/masking',
  clause: `${rfc}#section-5.3`,
  example,
  rules: [requiredData, requiredControl, requiredContinuation, serverNever, anyKey, alignment],
  notes: [code1002],
}
