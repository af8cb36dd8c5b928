/**
 * Pings, pongs, and what holds for all control frames.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.5
 */
import { session } from '../bytes.ts'
import type { Room, Rule } from '../model.ts'
import { closed, says, silenced, socket } from './bytes.ts'
import type { Connection, WsExchange } from './exchange.ts'
import { client, server } from './frame.ts'
import { mustFail, provoked } from './reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const example = session(
  socket('ping', { sent: [client.ping('nonce')], received: [server.pong('nonce')] }),
  closed('long-ping', { sent: [client.ping('x'.repeat(126))], received: [server.close(1002)] }),
)

const pingPong: Rule<WsExchange> = {
  id: 'ws/control/ping-pong',
  level: 'must',
  clause: `${rfc}#section-5.5.2`,
  says: 'a ping is answered by a pong',
  harm: 'clients and proxies that check by ping take the connection for dead, and close it',
  fix: 'leave the automatic pong on (autoPong in ws), and do not block the loop that reads',
  check: ({ connections }) => connections
    .filter((connection) => connection.isOpen && !connection.provocation && connection.received.fault === undefined && waited(connection))
    .map((connection) => ({
      where: connection.endPlace,
      ok: connection.pongs.length > 0,
      expected: 'a pong',
      actual: connection.pongs.length > 0 ? 'one' : 'none',
    })),
  mutants: { 'no pong': { edit: silenced('ping'), fault: 'pongMissing' } },
}

/** ms; a target that has not answered by then does not */
const patienceMs = 500

/** The kit sent a ping, and gave the target time before it said goodbye. */
function waited({ sent, link, pongs }: Connection): boolean {
  const ping = sent.happenings.find(({ kind }) => kind === 'ping')
  const goodbye = sent.happenings.find(({ kind }) => kind === 'close')
  if (ping?.kind !== 'ping') return false
  const until = goodbye?.kind === 'close' ? goodbye.frame.at : link.ended.at
  return pongs.length > 0 || until - ping.frame.at >= patienceMs
}

const max125: Rule<WsExchange> = {
  id: 'ws/control/max-125',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'a control frame of more than 125 bytes ends the connection',
  harm: 'whoever relies on small control frames, as proxies do, loses the place in the stream',
  fix: 'check the length of frames with an opcode of 8 and more before their payload is read',
  check: (exchange) => mustFail(provoked(exchange, 'control-too-long')),
  mutants: {
    'answered': { edit: says('long-ping', [server.pong('x'.repeat(125))]), fault: 'longControlAnswered' },
    'no reaction': { edit: silenced('long-ping') },
  },
}

export const control: Room<WsExchange> = {
  id: 'ws/control',
  clause: `${rfc}#section-5.5`,
  example,
  rules: [pingPong, max125],
}
