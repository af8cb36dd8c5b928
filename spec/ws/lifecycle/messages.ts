/**
 * Messages that a handler does not expect, or that come before it does.
 *
 * Roles: `odd-message` on any target and `channel/odd-message` on the socket of the contract got messages that no
 * application asks for, `…/twin` one that it may; `binary-message` got a binary one; `first-message/echo` and `first-message/channel` a
 * message as soon as they were open; `bystander` is open meanwhile.
 */
import type { Finding, Note, Rule } from '../../model.ts'
import { heldOpen, says } from '../bytes.ts'
import { unsaid } from '../conversation.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { reachOf } from '../pongs.ts'
import { isDecided, promised } from '../streams.ts'
import { commands, replies } from '../talk.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const fin = { at: 900, by: 'target', how: 'fin' } as const

/** Codes that say that a message was not wanted. */
const isRefusal = (code: number | undefined): boolean => code === 1003 || code === 1007 || code === 1008 || code === 1009 || (code ?? 0) >= 3000

const ended = ({ close, isDropped }: Connection): string =>
  (close ? `a Close${close.code === undefined ? '' : ` with ${close.code}`}` : isDropped ? 'the end of TCP without a Close' : 'nothing')

const badMessage: Rule<WsExchange> = {
  id: 'ws/lifecycle/bad-message',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-10.7`,
  says: 'a message that is no JSON, or not what was expected, is answered with an error or with a Close that says why',
  harm: 'one wrong byte of one client raises in the handler, and ends its connection with 1011, or the process',
  fix: 'catch what JSON.parse raises, check the shape before use, and answer with an error, or close with 1003, 1007 or 1008',
  check: (exchange) => ['odd-message', 'channel/odd-message'].flatMap((role) => {
    const twins = withRole(exchange, `${role}/twin`)
    return withRole(exchange, role).flatMap((connection): Finding[] => {
      if (!connection.isOpen || twins.some((twin) => reachOf(twin) !== 'read')) return []
      const reach = reachOf(connection)
      const { close, sent } = connection
      if (reach === 'open' && !isRefusal(close?.code)) return []
      const odd = sent.happenings.filter(({ kind }) => kind === 'message').length
      const isSilent = role !== 'odd-message' && reach === 'read' && replies(connection, 'error').length < odd
      const ok = !isSilent && (reach === 'read' || isRefusal(close?.code))
      return [{
        where: connection.endPlace, ok,
        expected: role === 'odd-message' ? 'a pong to a ping behind it, or a Close that refuses it' : 'an error, or a Close that refuses it',
        actual: ok ? 'that' : isSilent ? 'no error' : ended(connection),
      }]
    })
  }),
  mutants: {
    '1011': { edit: says('odd', [server.close(1011)], fin) },
    '1011 on the channel': { edit: says('odd-channel', [server.close(1011)], { ...fin, at: 5500 }), fault: 'badMessageCloses1011', alsoBreaks: ['ws/framing/empty-payload'] },
    'dropped': { edit: says('odd', [], fin) },
    'no error': { edit: unsaid('odd-channel', () => true) },
  },
}

const handlerException = promised({
  id: 'ws/lifecycle/handler-exception',
  clause: `${rfc}#section-7.4.1`,
  says: 'a handler that raises ends its connection with 1011, and no other one',
  harm: 'one client ends the process for all; or its connection stays, and nobody answers on it',
  fix: 'catch around the handler, log, and close with 1011; await promises there, or their rejection ends the process',
  check: (exchange) => {
    const raised = exchange.connections.filter((one) => one.isOpen && commands(one, 'throw').length > 0)
    const from = Math.min(...raised.flatMap((one) => commands(one, 'throw').map(({ at }) => at)))
    return [
      ...raised.filter((one) => isDecided(one, from)).map((one): Finding => {
        const ok = one.close?.code === 1011
        return { where: one.endPlace, ok, expected: 'a Close with 1011', actual: ok ? 'that' : ended(one) }
      }),
      ...withRole(exchange, 'bystander').flatMap((one): Finding[] => {
        const question = commands(one, 'ping').find(({ at }) => at > from)
        if (!question || !isDecided(one, question.at) && replies(one, 'pong').every(({ at }) => at < question.at)) return []
        const ok = replies(one, 'pong').some(({ members }) => members['ref'] === question.members['ref'])
        return [{ where: one.endPlace, ok, expected: 'a pong on another connection', actual: ok ? 'that' : ended(one) }]
      }),
    ]
  },
  mutants: {
    'stays, and is silent': { edit: (transcript) => heldOpen('raises', 1500)(says('raises', [])(transcript)), fault: 'throwSwallowed' },
    'all are ended': { edit: unsaid('bystander', (said) => said['ref'] === 'after') },
  },
})

const earlyMessage: Rule<WsExchange> = {
  id: 'ws/lifecycle/early-message',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-4.1`,
  says: 'a message that a client sends as soon as the connection is open is read',
  harm: 'the first message of a fast client is lost, and it waits for an answer that never comes',
  fix: 'attach the message listener before the first await of the connection handler, or pause the socket until it is there',
  check: (exchange) => exchange.connections.filter(({ isOpen, link: { role } }) => isOpen && role.startsWith('first-message/')).flatMap((connection): Finding[] => {
    const at = connection.link.sent?.[0]?.at
    if (at === undefined) return []
    const ok = connection.link.role === 'first-message/echo' ? connection.messages.length > 0 : replies(connection, 'pong').length > 0
    if (!ok && !isDecided(connection, at)) return []
    return [{ where: connection.endPlace, ok, expected: 'an answer to the first message', actual: ok ? 'that' : ended(connection) }]
  }),
  mutants: { 'lost': { edit: unsaid('early', () => true), fault: 'earlyMessageLost' } },
}

/** How a target takes binary messages: RFC 6455 leaves it open. */
export const binaryUnsupported: Note<WsExchange> = {
  id: 'ws/lifecycle/binary-unsupported',
  clause: `${rfc}#section-7.4.1`,
  says: 'how a binary message is answered',
  record: (exchange) => withRole(exchange, 'binary-message').flatMap((connection) => {
    const { isOpen, messages, close, isDropped } = connection
    if (!isOpen) return []
    if (replies(connection, 'error').length > 0) return ['a binary message is answered with an error']
    const [message] = messages
    if (message) return [`a binary message is answered with a ${message.type} message`]
    return close || isDropped ? [`a binary message is answered with ${ended(connection)}`] : ['a binary message is not answered']
  }),
}

export const messages: readonly Rule<WsExchange>[] = [badMessage, handlerException, earlyMessage]
