/** Subprotocols and extensions: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 */
import { onLink, swap } from '../../bytes.ts'
import type { Edit, Rule } from '../../model.ts'
import { forEvery, type Connection, type WsExchange } from '../exchange.ts'
import { asked, extensions, subprotocols } from '../upgrade.ts'
import { switched, turnedAway } from './example.ts'
import { answerOf, foreign, mustRefuse, unusual, wrong, wrongs } from './request.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const shown = (values: readonly string[]): string => values.map((value) => JSON.stringify(value)).join(' and ')

const opened = (connections: readonly Connection[]): Connection[] => connections.filter(({ isOpen }) => isOpen)

/** The example's answer with one more line. */
const added = (link: string, line: string): Edit =>
  onLink(link, swap('Connection: Upgrade\r\n', `Connection: Upgrade\r\n${line}\r\n`))

/** What a client offered rightly. */
const offered = (one: Connection): string[] =>
  (wrongs(one).includes('subprotocols') ? [] : subprotocols(asked(one.link.request, 'sec-websocket-protocol')))

const subprotocolFromOffer: Rule<WsExchange> = {
  id: 'ws/handshake/subprotocol-from-offer',
  level: 'must',
  clause: `${rfc}#section-4.2.2`,
  says: 'the subprotocol that is chosen is exactly one of those that were offered, or none is',
  harm: 'browsers fail the connection ("response must not include \'Sec-WebSocket-Protocol\' header")',
  fix: 'answer one token of the offer, as it was written (handleProtocols in ws), not the whole list',
  check: ({ connections }) => forEvery(
    opened(connections).filter((one) => offered(one).length > 0), 'one of the offered subprotocols, or none',
    (one) => {
      const chosen = one.values('sec-websocket-protocol').filter((value) => value !== '')
      return {
        where: one.fieldPlace('sec-websocket-protocol'),
        ok: chosen.length <= 1 && chosen.every((value) => offered(one).includes(value)),
        actual: chosen.length === 0 ? 'none' : `${shown(chosen)} of ${shown([offered(one).join(', ')])}`,
      }
    },
  ),
  mutants: {
    'the whole list': {
      edit: onLink('offer', swap(`Protocol: ${foreign}-a`, `Protocol: ${foreign}-a, ${foreign}-b`)), fault: 'wholeOffer',
    },
    'one of its own': { edit: onLink('offer', swap(`Protocol: ${foreign}-a`, 'Protocol: chat')) },
    'two lines': { edit: added('offer', `Sec-WebSocket-Protocol: ${foreign}-b`) },
  },
}

const subprotocolAbsent: Rule<WsExchange> = {
  id: 'ws/handshake/subprotocol-absent',
  level: 'must',
  clause: `${rfc}#section-4.2.2`,
  says: 'where no subprotocol was offered or none is agreed on there is no Sec-WebSocket-Protocol; it is never empty',
  harm: 'browsers fail the connection',
  fix: 'send the field only with a subprotocol that the client has offered',
  check: ({ connections }) => forEvery(opened(connections), 'none where none was offered, and never an empty one', (one) => {
    const values = one.values('sec-websocket-protocol')
    const isOffered = asked(one.link.request, 'sec-websocket-protocol') !== undefined
    return {
      where: one.fieldPlace('sec-websocket-protocol'),
      ok: !values.includes('') && (isOffered || values.length === 0),
      actual: values.length === 0 ? 'none' : `Sec-WebSocket-Protocol: ${shown(values)}`,
    }
  }),
  mutants: {
    'a constant': { edit: added('base', 'Sec-WebSocket-Protocol: chat'), fault: 'constantSubprotocol' },
    'an empty one': { edit: added('declined', 'Sec-WebSocket-Protocol:') },
  },
}

const subprotocolMalformed: Rule<WsExchange> = {
  id: 'ws/handshake/subprotocol-malformed',
  level: 'must',
  clause: `${rfc}#section-4.1`,
  says: 'an offer without a subprotocol, with one that is no token, or with one twice is refused',
  harm: 'client and server disagree about what was offered, and one of them speaks what the other does not',
  fix: 'check that the offer is a list of tokens that differ, and answer 400 where it is not',
  check: (exchange) => mustRefuse(wrong(exchange, 'subprotocols')),
  mutants: { 'taken': { edit: switched('subprotocols'), fault: 'anySubprotocols' } },
}

const extensionFromOffer: Rule<WsExchange> = {
  id: 'ws/handshake/extension-from-offer',
  level: 'must',
  clause: `${rfc}#section-9.1`,
  says: 'only extensions that were offered are answered',
  harm: 'clients fail the connection; one that does not would read compressed frames as they are',
  fix: 'answer extensions only from the offer of the client, and none where there is none',
  check: ({ connections }) => forEvery(opened(connections), 'none but those that were offered', (one) => {
    const names = extensions(asked(one.link.request, 'sec-websocket-extensions')).map(({ name }) => name)
    const own = one.extensions.map(({ name }) => name).filter((name) => !names.includes(name))
    return {
      where: one.fieldPlace('sec-websocket-extensions'), ok: own.length === 0,
      actual: own.length === 0 ? 'that' : `${shown(own)}, which was not offered`,
    }
  }),
  mutants: {
    'forced on': { edit: added('base', 'Sec-WebSocket-Extensions: permessage-deflate'), fault: 'forcedExtension' },
  },
}

const extensionUnknown: Rule<WsExchange> = {
  id: 'ws/handshake/extension-unknown',
  level: 'must',
  clause: `${rfc}#section-9.1`,
  says: 'an extension that is not known is left out, and the connection opens',
  harm: 'a client that offers a new extension beside what is known cannot connect',
  fix: 'skip offers that are not known; answer none where nothing is left',
  check: (exchange) => forEvery(unusual(exchange, 'foreign-extension'), '101 without the extension', (one) => {
    const isAnswered = one.extensions.some(({ name }) => name.toLowerCase().includes(foreign))
    return { ok: one.isOpen && !isAnswered, actual: isAnswered ? '101 with the extension' : answerOf(one) }
  }),
  mutants: {
    'refused': { edit: turnedAway('extension'), fault: 'knownExtensionsOnly' },
    'agreed on': { edit: added('extension', `Sec-WebSocket-Extensions: ${foreign}`) },
  },
}

const extensionMalformed: Rule<WsExchange> = {
  id: 'ws/handshake/extension-malformed',
  level: 'must',
  clause: `${rfc}#section-9.1`,
  says: 'a Sec-WebSocket-Extensions that breaks the grammar fails the handshake',
  harm: 'client and server may each believe that something else was agreed on, and read frames wrongly',
  fix: 'read the field by its grammar whether or not an extension is switched on, and answer 400 where it is broken',
  check: (exchange) => mustRefuse(wrong(exchange, 'extensions')),
  mutants: { 'taken': { edit: switched('extensions'), fault: 'anyExtensions' } },
}

export const offers: readonly Rule<WsExchange>[] = [
  subprotocolFromOffer, subprotocolAbsent, subprotocolMalformed, extensionFromOffer, extensionUnknown, extensionMalformed,
]
