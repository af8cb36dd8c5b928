/** What a fault of one client does to what stands before it and behind it, and to others. */
import type { Finding, Rule } from '../../model.ts'
import { hasPong } from '../pongs.ts'
import { changed, closed, says, socket, together } from '../bytes.ts'
import { echoes, onEcho } from '../echoes.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import { reactionOf } from '../reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const bad = client.frame(3, 'bad')

export const links = [
  closed('behind', { sent: [together(bad, client.ping('behind'))], received: [server.close(1002)] }),
  closed('before', { sent: [together(client.text('before'), bad)], received: [server.text('before'), server.close(1002)] }, 'echo/before'),
  socket('bystander', { sent: [client.ping('before'), client.ping('after')], received: [server.pong('before'), server.pong('after')] }),
  socket('newcomer', { sent: [client.ping('after')], received: [server.pong('after')] }),
]

/**
 * Faults behind which a server may go on: a length in too many bits binds the sender. Behind text that is not UTF-8 the
 * place of the next frame is known, and the end of the message is early enough for many (utf8/fail-fast-frame).
 */
const survivable: ReadonlySet<string> = new Set(['length-not-minimal', 'utf8'])

/** Frames were sent behind a fault that ends the connection. */
const goesOn = ({ isOpen, provocation, sent }: Connection): boolean =>
  isOpen && provocation !== undefined && !survivable.has(provocation.kind) && sent.frames.length > provocation.index + 1

const faultStops: Rule<WsExchange> = {
  id: 'ws/framing/fault-stops',
  level: 'must',
  clause: `${rfc}#section-7.1.7`,
  says: 'nothing that comes behind a fault is worked with',
  harm: 'after a fault nobody knows where the next frame begins: what is taken for a message is made by whoever made the fault',
  fix: 'leave the loop that reads frames at the first fault, and ignore what is still buffered',
  check: ({ connections }) => connections.filter(goesOn).map((connection) => {
    const reaction = reactionOf(connection)
    return {
      where: connection.endPlace,
      ok: reaction.kind !== 'went-on',
      expected: 'no answer to what came behind the fault',
      actual: reaction.kind === 'went-on' ? `${reaction.what}: ${connection.provocation?.says ?? ''}` : 'none',
    }
  }),
  mutants: { 'a pong': { edit: says('behind', [server.pong('behind')]), fault: 'faultGoneOver' } },
}

const prefaultDelivered: Rule<WsExchange> = {
  id: 'ws/framing/prefault-delivered',
  level: 'should',
  clause: `${rfc}#section-7.1.7`,
  says: 'messages that were complete before a fault are still answered',
  harm: 'what a client sent in good order is lost because of what came later',
  fix: 'hand on each message when it is complete, and write out what is queued before the Close for the fault',
  applies: onEcho,
  check: ({ connections }) => connections.filter(({ provocation }) => provocation && provocation.kind !== 'length-not-minimal')
    .flatMap((connection) => echoes(connection).map(({ back }) => ({
      where: connection.endPlace,
      ok: back !== undefined,
      expected: 'an echo of the message before the fault',
      actual: back ? 'one' : 'none',
    }))),
  mutants: { 'lost': { edit: says('before', [server.close(1002)], { at: 30, by: 'target', how: 'fin' }), fault: 'outputDropped' } },
}

const alive = (connection: Connection, nonce: string, what: string): Finding => {
  const ok = hasPong(connection, Buffer.from(nonce))
  return {
    where: connection.endPlace,
    ok,
    expected: `${what} that works after the faults of others`,
    actual: ok ? 'one' : connection.isOpen ? 'no pong' : connection.status > 0 ? `status ${connection.status}` : 'no answer',
  }
}

/** The target may limit how many connections one client opens. */
const isThrottled = ({ status }: Connection): boolean => status === 429

const faultIsolated: Rule<WsExchange> = {
  id: 'ws/framing/fault-isolated',
  level: 'advice',
  clause: `${rfc}#section-10.7`,
  says: 'whatever one client sends, other connections live on and new ones open',
  harm: 'one client with a fault takes the service from all others',
  fix: 'handle the error event of each connection (in ws `socket.on(\'error\', …)`): without it Node ends the process',
  promisedBy: 'echo',
  check: (exchange) => [
    ...withRole(exchange, 'bystander').filter((one) => hasPong(one, Buffer.from('before')))
      .map((one) => alive(one, 'after', 'an open connection')),
    ...withRole(exchange, 'newcomer').filter((one) => !isThrottled(one)).map((one) => alive(one, 'after', 'a new connection')),
  ],
  mutants: {
    'the others are closed': {
      edit: says('bystander', [server.pong('before'), server.close(1011)], { at: 30, by: 'target', how: 'fin' }), fault: 'faultSpreads',
      alsoBreaks: ['ws/control/pong-latest'],
    },
    'no new connection': {
      edit: (transcript) => changed(transcript, 'newcomer', (link) =>
        ({ ...link, chunks: [], ended: { at: 20, by: 'target', how: 'refused' } })),
    },
  },
}

export const rules: readonly Rule<WsExchange>[] = [faultStops, prefaultDelivered, faultIsolated]
