/** Versions of the protocol: https://www.rfc-editor.org/rfc/rfc6455#section-4.4 */
import { onLink, swap } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { asked } from '../upgrade.ts'
import { switched } from './example.ts'
import { answerOf, isAnswered, mustRefuse, wrong } from './request.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const versionRequired: Rule<WsExchange> = {
  id: 'ws/handshake/version-required',
  level: 'must',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request without Sec-WebSocket-Version is refused',
  harm: 'a client of an old draft, whose frames are others, gets a connection that breaks at its first message',
  fix: 'answer 426 with Sec-WebSocket-Version: 13 where the field is missing, and have no default',
  check: (exchange) => mustRefuse(wrong(exchange, 'version-missing')),
  mutants: { 'taken for 13': { edit: switched('version-missing'), fault: 'versionless' } },
}

/** The versions that a target says it supports. */
const advertised = (one: Connection): string[] =>
  (one.isOpen ? [] : one.values('sec-websocket-version').join().split(',').map((item) => item.trim()).filter(Boolean))

const versionUnsupported: Rule<WsExchange> = {
  id: 'ws/handshake/version-unsupported',
  level: 'must',
  clause: `${rfc}#section-4.4`,
  says: 'another version is refused by an HTTP error that lists in Sec-WebSocket-Version what is supported',
  harm: 'a client that could speak 13 as well does not learn it, and gives up',
  fix: 'send Sec-WebSocket-Version: 13 with the 426 or 400 for other versions',
  check: (exchange) => wrong(exchange, 'version-unsupported').map((one) => {
    const listed = advertised(one)
    const list = listed.length === 0 ? 'no Sec-WebSocket-Version'
      : `Sec-WebSocket-Version: ${JSON.stringify(listed.join(', '))}`
    return {
      where: one.fieldPlace('sec-websocket-version'),
      ok: one.status >= 400 && listed.includes('13'),
      expected: 'an HTTP error with a Sec-WebSocket-Version that lists 13',
      actual: one.isOpen ? '101' : one.head ? `${answerOf(one)} with ${list}` : answerOf(one),
    }
  }),
  mutants: {
    'taken': { edit: switched('version-unsupported'), fault: 'anyVersion' },
    'no list': {
      edit: onLink('version-unsupported', swap('Sec-WebSocket-Version: 13\r\n', '')), fault: 'versionsNotListed',
    },
  },
}

const versionSyntax: Rule<WsExchange> = {
  id: 'ws/handshake/version-syntax',
  level: 'must',
  clause: `${rfc}#section-4.3`,
  says: 'only 13, in decimal digits without a leading zero, is version 13',
  harm: 'what one server on the way takes for a WebSocket handshake another does not: they disagree on who speaks',
  fix: 'compare the text of the field with 13, not its value as a number',
  check: (exchange) => mustRefuse(wrong(exchange, 'version-syntax')),
  mutants: { 'read as a number': { edit: switched('version-syntax'), fault: 'versionAsNumber' } },
}

/** Handshakes that were made to try a version, and which it was. */
const versioned = (exchange: WsExchange): { connection: Connection; version: string }[] =>
  withRole(exchange, 'version').filter(isAnswered).map((connection) => ({
    connection, version: asked(connection.link.request, 'sec-websocket-version')?.trim() ?? '',
  }))

const versionHonest: Rule<WsExchange> = {
  id: 'ws/handshake/version-honest',
  level: 'advice',
  clause: `${rfc}#section-4.4`,
  says: 'every version that is listed works',
  harm: 'a client that takes the first version it knows of the list gets a connection that fails, and does not try 13',
  fix: 'list 13 alone, unless the frames of the drafts are spoken too',
  check: (exchange) => {
    const listed = new Set(exchange.connections.flatMap(advertised))
    return versioned(exchange).filter(({ version }) => listed.has(version)).map(({ connection, version }) => {
      const isPinged = connection.sent.frames.length > 0
      const ok = connection.isOpen && (!isPinged || connection.pongs.length > 0)
      return {
        where: connection.where,
        ok,
        expected: `101 to the version ${version}, which is listed${isPinged ? ', and a pong' : ''}`,
        actual: ok ? 'that' : connection.isOpen ? '101 and no pong' : answerOf(connection),
      }
    })
  },
  inconclusive: ({ exchanges }) => {
    const isListed = exchanges.some(({ connections }) => connections.some((one) => advertised(one).length > 0))
    return isListed ? undefined : { why: 'no-subject', note: 'the target lists no version' }
  },
  mutants: {
    'a draft that is refused': {
      edit: onLink('version-unsupported', swap('Version: 13', 'Version: 13, 8')), fault: 'staleVersions',
    },
  },
}

export const versions: readonly Rule<WsExchange>[] = [versionRequired, versionUnsupported, versionSyntax, versionHonest]
