/** What a control frame looks like: whole, short, with its length in seven bits. */
import type { Finding, Rule } from '../../model.ts'
import { closed, says, silenced, socket } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, mostControlBytes, opcodes, server } from '../frame.ts'
import type { Fault } from '../machine.ts'
import { never } from '../outgoing.ts'
import { mustFail, provoked } from '../reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const failed = [server.close(1002)]

export const links = [
  closed('long-ping', { sent: [client.ping('x'.repeat(126))], received: failed }),
  closed('long-pong', { sent: [client.pong('x'.repeat(126))], received: failed }),
  closed('wide-ping', { sent: [client.ping('wide', { lengthForm: 16 })], received: failed }),
  closed('wide-close', { sent: [client.close(4000, '', { lengthForm: 64 })], received: failed }),
  closed('cut-ping', { sent: [client.ping('cut', { fin: false })], received: failed }),
  closed('cut-close', { sent: [client.close(4000, '', { fin: false })], received: failed }),
  socket('speaks', { sent: [client.ping('formed')], received: [server.ping('heartbeat'), server.pong('formed')] }),
]

/** Nothing was sent behind it: what is done with that is judged among the frames. */
const isLast = ({ index }: Fault, { sent }: Connection): boolean => index >= sent.frames.length - 1

/** The connection is failed; a Close that is taken for a right one ends it too, with the code that it had. */
const mustRefuse = (connections: readonly Connection[]): Finding[] => connections.flatMap((connection) => {
  const { provocation, close, endPlace } = connection
  const { opcode, payload = new Uint8Array() } = provocation?.frame ?? {}
  const isReply = opcode === opcodes.close && close?.code !== undefined && close.code === (payload[0] ?? 0) * 256 + (payload[1] ?? 0)
  return isReply
    ? [{ where: endPlace, ok: false, expected: 'a Close with 1002, or the end of TCP', actual: `the reply to a Close with ${close.code}` }]
    : mustFail([connection])
})

const max125: Rule<WsExchange> = {
  id: 'ws/control/max-125',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'a ping or a pong of more than 125 bytes ends the connection',
  harm: 'whoever relies on small control frames, as proxies do, loses the place in the stream',
  fix: 'check the length of frames with an opcode of 8 and more before their payload is read',
  // a Close that is too long is judged with the reasons of Closes
  check: (exchange) => mustFail(provoked(exchange, 'control-too-long', (fault, connection) =>
    fault.frame.opcode !== opcodes.close && isLast(fault, connection))),
  mutants: {
    'answered': { edit: says('long-ping', [server.pong('x'.repeat(125))]), fault: 'longControlAnswered' },
    'no reaction': { edit: silenced('long-pong') },
  },
}

const lengthForm: Rule<WsExchange> = {
  id: 'ws/control/length-form',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'a control frame that has its length in 16 or 64 bits ends the connection, however small the length is',
  harm: 'a proxy in between that reads seven bits only sees other frames than the server',
  fix: 'refuse a control frame whose seven bits of length say 126 or 127, before the bytes behind them are read',
  check: (exchange) => mustRefuse(provoked(exchange, 'control-length-form', isLast)),
  mutants: {
    'a pong': { edit: says('wide-ping', [server.pong('wide')]), fault: 'wideControlTaken' },
    'no reaction': { edit: silenced('wide-close') },
    'a reply': { edit: says('wide-close', [server.close(4000)], { at: 13, by: 'target', how: 'fin' }) },
  },
}

const notFragmented: Rule<WsExchange> = {
  id: 'ws/control/not-fragmented',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a ping, a pong or a Close without FIN ends the connection',
  harm: 'the server waits for the rest, and takes what comes for a part of it',
  fix: 'refuse frames with an opcode of 8 and more whose first bit is 0 with Close 1002',
  check: (exchange) => mustRefuse(provoked(exchange, 'control-fragmented', isLast)),
  mutants: {
    'a pong': { edit: says('cut-ping', [server.pong('cut')]), fault: 'cutControlTaken' },
    'no reaction': { edit: silenced('cut-close') },
    'a reply': { edit: says('cut-close', [server.close(4000)], { at: 13, by: 'target', how: 'fin' }) },
  },
}

const sendValid: Rule<WsExchange> = {
  id: 'ws/control/send-valid',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'control frames of the server are whole, and of 125 bytes at most',
  harm: 'clients end the connection with 1002; of a Close they see neither code nor reason',
  fix: 'cut the reason of a Close to 123 bytes of UTF-8, and send what is longer as a message before it',
  check: never(({ opcode, fin, announced }) => {
    if (opcode < 8) return undefined
    if (!fin) return 'a control frame without FIN'
    return announced > BigInt(mostControlBytes) ? `a control frame of ${announced} bytes` : undefined
  }, 'control frames with FIN, of 125 bytes at most'),
  mutants: {
    'a pong without FIN': { edit: says('speaks', [server.ping('heartbeat'), server.pong('formed', { fin: false })]), fault: 'pongCut' },
    'a ping of 126 bytes': { edit: says('speaks', [server.ping('x'.repeat(126)), server.pong('formed')]) },
    'a Close with a long reason': {
      edit: says('speaks', [server.pong('formed'), server.close(1001, 'x'.repeat(124))], { at: 30, by: 'target', how: 'fin' }),
    },
  },
}

export const rules: readonly Rule<WsExchange>[] = [max125, lengthForm, notFragmented, sendValid]
