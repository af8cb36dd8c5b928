/** What frame headers say: lengths, reserved bits and opcodes, as the target takes them and as it writes them. */
import type { Rule } from '../../model.ts'
import { closed, says, silenced, socket } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import type { Fault } from '../machine.ts'
import { never } from '../outgoing.ts'
import { refusesMessages } from '../pongs.ts'
import { mustFail, provoked } from '../reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const failed = server.close(1002)
const twin = (role: string): ReturnType<typeof socket> =>
  socket(`${role}-twin`, { sent: [client.text('five!'), client.ping('twin')], received: [server.pong('twin')] }, `${role}/twin`)

export const links = [
  closed('long-form', { sent: [client.text('five!', { lengthForm: 16 })], received: [failed] }),
  twin('long-form'),
  closed('huge', { sent: [client.text('five!', { announced: 2n ** 63n + 5n })], received: [failed] }),
  twin('huge'),
  closed('rsv', { sent: [client.text('five!', { rsv: 2 })], received: [failed] }),
  twin('rsv'),
  closed('rsv-control', { sent: [client.ping('five!', { rsv: 4 })], received: [failed] }),
  closed('opcode-data', { sent: [client.frame(3, 'five!')], received: [failed] }),
  twin('opcode-data'),
  closed('opcode-control', { sent: [client.frame(11, '')], received: [failed] }),
  socket('speaks', { sent: [client.text('abc'), client.ping('x')], received: [server.text('abc'), server.pong('x')] }, 'echo'),
]

/** Nothing was sent behind the fault: what is done with that is the business of `fault-stops`. */
const isLast = ({ index }: Fault, { sent }: Connection): boolean => index >= sent.frames.length - 1

/** Without permessage-deflate: with it other bits are reserved. */
const bare = (fault: Fault, connection: Connection): boolean => isLast(fault, connection) && connection.deflate === undefined

const fewestBits = (length: bigint): number => (length < 126n ? 7 : length < 65_536n ? 16 : 64)

const lengthMinimalSend: Rule<WsExchange> = {
  id: 'ws/framing/length-minimal-send',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'each frame of the server has its length in the fewest bits that hold it',
  harm: 'strict clients end the connection',
  fix: 'lengths up to 125 stand in the second byte, those up to 65535 in 16 bits, only longer ones in 64',
  check: never(({ announced, lengthForm }) => (lengthForm === fewestBits(announced) ? undefined : `a length of ${announced} in ${lengthForm} bits`),
    'lengths in as few bits as they need'),
  mutants: {
    'always 64 bits': { edit: says('speaks', [server.text('abc', { lengthForm: 64 }), server.pong('x')]), fault: 'longLengths' },
  },
}

const lengthMsbSend: Rule<WsExchange> = {
  id: 'ws/framing/length-msb-send',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: '64-bit lengths of the server have their highest bit 0',
  harm: 'clients end the connection, or take memory for a length that nobody has',
  fix: 'write the length as an unsigned number of 64 bits: a signed shift of one of 32 bits fills the upper half with ones',
  check: never(({ announced }) => (announced < 2n ** 63n ? undefined : `a length of ${announced}`), 'lengths below 2^63'),
  mutants: {
    'sign-extended': {
      edit: says('speaks', [server.text('abc'), server.pong('x'), server.text('abc', { announced: 2n ** 63n + 3n })]),
      fault: 'signedLengths',
    },
  },
}

const lengthMinimalReceive: Rule<WsExchange> = {
  id: 'ws/framing/length-minimal-receive',
  level: 'should',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'a frame whose length stands in more bits than it needs ends the connection',
  harm: 'a proxy in between that reads such frames otherwise sees other messages than the server',
  fix: 'refuse a 16-bit length below 126 and a 64-bit length below 65536 with Close 1002',
  check: (exchange) => mustFail(provoked(exchange, 'length-not-minimal', ({ frame }) => frame.opcode <= 2)),
  mutants: {
    'taken': { edit: says('long-form', [server.text('five!')]), fault: 'longFormTaken' },
    'no reaction': { edit: silenced('long-form') },
  },
}

const lengthMsb: Rule<WsExchange> = {
  id: 'ws/framing/length-msb',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'a 64-bit length with its highest bit set ends the connection',
  harm: 'the length turns negative or is allocated: one frame stops or kills the server',
  fix: 'read the length as unsigned, and fail the connection when the highest bit is set, before anything is allocated',
  check: (exchange) => mustFail(provoked(exchange, 'length-too-large', isLast)),
  mutants: { 'no reaction': { edit: silenced('huge'), fault: 'hugeLengthTaken' } },
}

const rsvUnnegotiated: Rule<WsExchange> = {
  id: 'ws/framing/rsv-unnegotiated',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'a reserved bit on a data frame ends the connection when no extension gives it a meaning',
  harm: 'compressed data is taken for text: the server works with garbage in place of an error',
  fix: 'fail the connection with 1002 unless the bit belongs to an extension that was agreed on; look at all three bits',
  check: (exchange) => mustFail(provoked(exchange, 'reserved-bit', (fault, one) => fault.frame.opcode <= 2 && bare(fault, one))),
  mutants: {
    'taken': { edit: says('rsv', [server.text('five!')]), fault: 'rsvTaken' },
    'no reaction': { edit: silenced('rsv') },
  },
}

const rsvControl: Rule<WsExchange> = {
  id: 'ws/framing/rsv-control',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'a reserved bit on a ping, a pong or a Close ends the connection',
  harm: 'an extension that gives the bit a meaning changes the frame: the answer is to something else than was meant',
  fix: 'check the reserved bits before the opcode is looked at, so that control frames do not get past the check',
  check: (exchange) => mustFail(provoked(exchange, 'reserved-bit', (fault, one) => fault.frame.opcode >= 8 && bare(fault, one))),
  mutants: {
    'answered': { edit: says('rsv-control', [server.pong('five!')]), fault: 'rsvControlTaken' },
    'no reaction': { edit: silenced('rsv-control') },
  },
}

const rsvSend: Rule<WsExchange> = {
  id: 'ws/framing/rsv-send',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'frames of the server have no reserved bit set that no extension gives a meaning',
  harm: 'every client ends the connection: browsers say "Invalid frame header"',
  fix: 'compress only on connections on which permessage-deflate was agreed on in the handshake',
  // with permessage-deflate RSV1 is its own: on which frames is the business of the room deflate
  check: never(({ rsv }, { deflate }) => ((deflate ? rsv & 3 : rsv) === 0 ? undefined : `reserved bits ${rsv.toString(2).padStart(3, '0')}`),
    'reserved bits 000'),
  mutants: {
    'RSV1 without agreement': { edit: says('speaks', [server.text('abc', { rsv: 4 }), server.pong('x')]), fault: 'rsvSent' },
  },
}

const isReserved = (opcode: number): boolean => (opcode > 2 && opcode < 8) || opcode > 10

const opcodeReservedData: Rule<WsExchange> = {
  id: 'ws/framing/opcode-reserved-data',
  level: 'must',
  inconclusive: refusesMessages,
  clause: `${rfc}#section-5.2`,
  says: 'a frame with one of the reserved opcodes 3 to 7 ends the connection',
  harm: 'data of an unknown kind is worked with as if it were a message',
  fix: 'take the opcodes 0, 1, 2, 8, 9 and 10, and fail the connection with 1002 for any other',
  check: (exchange) => mustFail(provoked(exchange, 'reserved-opcode', (fault, one) => fault.frame.opcode < 8 && isLast(fault, one))),
  mutants: {
    'taken for binary data': { edit: says('opcode-data', [server.binary('five!')]), fault: 'opcodeTaken' },
    'no reaction': { edit: silenced('opcode-data') },
  },
}

const opcodeReservedControl: Rule<WsExchange> = {
  id: 'ws/framing/opcode-reserved-control',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'a frame with one of the reserved opcodes 11 to 15 ends the connection',
  harm: 'the peer takes for granted that it was understood, and waits',
  fix: 'take the opcodes 0, 1, 2, 8, 9 and 10, and fail the connection with 1002 for any other',
  check: (exchange) => mustFail(provoked(exchange, 'reserved-opcode', (fault, one) => fault.frame.opcode > 8 && isLast(fault, one))),
  mutants: { 'ignored': { edit: silenced('opcode-control'), fault: 'controlOpcodeIgnored' } },
}

const opcodeSend: Rule<WsExchange> = {
  id: 'ws/framing/opcode-send',
  level: 'must',
  clause: `${rfc}#section-5.2`,
  says: 'frames of the server have the opcodes 0, 1, 2, 8, 9 and 10 only',
  harm: 'every client ends the connection',
  fix: 'write frames with a library, and look for bytes that get between them by another way',
  check: never(({ opcode }) => (isReserved(opcode) ? `opcode ${opcode}` : undefined), 'the opcodes 0, 1, 2, 8, 9 and 10'),
  mutants: { 'opcode 3': { edit: says('speaks', [server.frame(3, 'abc'), server.pong('x')]), fault: 'opcodeSent' } },
}

export const rules: readonly Rule<WsExchange>[] = [
  lengthMinimalSend, lengthMsbSend, lengthMinimalReceive, lengthMsb, rsvUnnegotiated, rsvControl, rsvSend, opcodeReservedData, opcodeReservedControl, opcodeSend,
]
