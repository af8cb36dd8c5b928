/** Offers and answers. https://www.rfc-editor.org/rfc/rfc7692#section-7.1 */
import type { Finding, Rule } from '../../model.ts'
import { refusing, switching101 } from './example.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { isWindowBits, type Extension } from '../upgrade.ts'
import { answerOf, flawOf, isJudged, offersOf, parameter } from './offer.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc7692'

const header = 'sec-websocket-extensions'

/** What a target made of an offer. */
function outcome(connection: Connection): string {
  if (!connection.isOpen) return `status ${connection.status}`
  const value = connection.values(header).join(', ')
  return value === '' ? '101 without extension' : `101 with ${JSON.stringify(value)}`
}

const judged = (connections: readonly Connection[], expected: string, isRight: (connection: Connection) => boolean): Finding[] =>
  connections.map((connection) => ({
    where: connection.fieldPlace(header), ok: isRight(connection), expected, actual: outcome(connection),
  }))

/** Handshakes of which something is offered, all of it or its first part flawed as asked. */
const offering = ({ connections }: WsExchange, isWanted: (flaws: readonly ReturnType<typeof flawOf>[]) => boolean): Connection[] =>
  connections.filter((one) => {
    const offers = offersOf(one)
    return isJudged(one) && offers.length > 0 && isWanted(offers.map(flawOf))
  })

const optional: Rule<WsExchange> = {
  id: 'ws/deflate/optional',
  level: 'must',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-9.1',
  says: 'an offer of permessage-deflate is accepted or left aside, and the connection opens in both cases',
  harm: 'no browser can connect: all of them offer permessage-deflate',
  fix: 'leave Sec-WebSocket-Extensions out of the answer where an extension is not wanted, in place of an error',
  check: (exchange) => judged(offering(exchange, (flaws) => flaws.every((flaw) => flaw === undefined)), '101', ({ isOpen }) => isOpen),
  mutants: { 'refused': { edit: refusing('offer'), fault: 'deflateRefused' } },
}

const offerFallback: Rule<WsExchange> = {
  id: 'ws/deflate/offer-fallback',
  level: 'must',
  clause: `${rfc}#section-5.1`,
  says: 'an offer that is not acceptable is passed over, and the next one taken',
  harm: 'clients that offer what newer servers know, and something plain behind it, cannot connect or go uncompressed',
  fix: 'look at the offers one after the other, and take the first acceptable one (ws answers 400 at the first bad one)',
  check: (exchange) => judged(
    offering(exchange, ([first, ...others]) => first !== undefined && others.some((flaw) => flaw === undefined)),
    '101 with the next offer', (one) => one.isOpen && answerOf(one) !== undefined,
  ),
  mutants: {
    'refused': { edit: refusing('fallback'), fault: 'firstOfferOnly' },
    'only the first one looked at': { edit: switching101('fallback') },
  },
}

const declined = (exchange: WsExchange, wanted: 'window' | 'parameter'): Finding[] => judged(
  offering(exchange, (flaws) => flaws.length === 1 && flaws[0] === wanted),
  '101 without permessage-deflate', (one) => one.isOpen && answerOf(one) === undefined,
)

const invalidParamDeclined: Rule<WsExchange> = {
  id: 'ws/deflate/invalid-param-declined',
  level: 'must',
  clause: `${rfc}#section-7.1`,
  says: 'an offer with a parameter that is unknown, doubled, or wrongly with or without a value is declined, and the connection opens',
  harm: 'both sides compress by different rules, or the client cannot connect at all',
  fix: 'decline such an offer: 101 without the extension, neither with it nor an error',
  check: (exchange) => declined(exchange, 'parameter'),
  mutants: {
    'accepted': { edit: switching101('unknown', 'permessage-deflate'), fault: 'parametersUnread' },
    'refused': { edit: refusing('unknown'), fault: 'badOfferRefused' },
  },
}

const windowSyntax: Rule<WsExchange> = {
  id: 'ws/deflate/window-syntax',
  level: 'must',
  clause: `${rfc}#section-7.1.2`,
  says: 'an offer whose window is not written as 8 to 15, without leading zeros, is declined, and the connection opens',
  harm: 'a window that zlib does not know throws in the server, or the sides differ about how far back a copy may go',
  fix: 'match the value against 8, 9, 10 to 15, not against what parseInt makes of it, and decline the offer otherwise',
  check: (exchange) => declined(exchange, 'window'),
  mutants: {
    'accepted': { edit: switching101('window-09', 'permessage-deflate; server_max_window_bits=9'), fault: 'windowsParsed' },
    'refused': { edit: refusing('window-09'), fault: 'badWindowRefused' },
  },
}

/** Accepted handshakes with this one offer. */
const accepted = ({ connections }: WsExchange): { one: Connection; offer: Extension; answer: Extension }[] =>
  connections.flatMap((one) => {
    const [offer, ...others] = offersOf(one)
    const answer = one.isOpen ? answerOf(one) : undefined
    return offer && answer && others.length === 0 && flawOf(offer) === undefined ? [{ one, offer, answer }] : []
  })

const serverWindowAnswer: Rule<WsExchange> = {
  id: 'ws/deflate/server-window-answer',
  level: 'must',
  clause: `${rfc}#section-7.1.2.1`,
  says: 'who accepts server_max_window_bits answers it, with the same value or a smaller one',
  harm: 'the client fails the connection, or takes the window it asked for and cannot decompress what comes',
  fix: 'answer server_max_window_bits with the window that is really used; decline what zlib cannot do (8)',
  check: (exchange) => accepted(exchange).flatMap(({ one, offer, answer }) => {
    const most = parameter(offer, 'server_max_window_bits')
    if (most === undefined) return []
    const bits = parameter(answer, 'server_max_window_bits')
    const ok = isWindowBits(bits) && Number(bits) <= Number(most)
    return [{ where: one.fieldPlace(header), ok, expected: `server_max_window_bits of at most ${most}`, actual: outcome(one) }]
  }),
  mutants: {
    'left out': { edit: switching101('server-window', 'permessage-deflate'), fault: 'serverWindowUnanswered' },
    'a larger one': { edit: switching101('server-window', 'permessage-deflate; server_max_window_bits=15') },
  },
}

const clientWindow: Rule<WsExchange> = {
  id: 'ws/deflate/client-window-only-if-offered',
  level: 'must',
  clause: `${rfc}#section-7.1.2.2`,
  says: 'client_max_window_bits is answered only to clients that offer it, with a value that is not larger than theirs',
  harm: 'browsers and most libraries fail the connection: they were told to use a window that they never said they could',
  fix: 'answer client_max_window_bits only where the accepted offer has it',
  check: (exchange) => accepted(exchange).map(({ one, offer, answer }) => {
    const offered = parameter(offer, 'client_max_window_bits')
    const bits = parameter(answer, 'client_max_window_bits')
    const ok = bits === undefined || (offered !== undefined && isWindowBits(bits) && Number(bits) <= (offered === true ? 15 : Number(offered)))
    const expected = offered === undefined ? 'no client_max_window_bits' : `client_max_window_bits of at most ${offered === true ? 15 : offered}, or none`
    return { where: one.fieldPlace(header), ok, expected, actual: outcome(one) }
  }),
  mutants: {
    'not offered': { edit: switching101('plain', 'permessage-deflate; client_max_window_bits=15'), fault: 'clientWindowAlways' },
    'larger than offered': { edit: switching101('client-window', 'permessage-deflate; client_max_window_bits=15') },
    'without value': { edit: switching101('client-window', 'permessage-deflate; client_max_window_bits') },
  },
}

/** Agreed on by a client that asked for it: the other half of `server-nct`. */
export const contextAnswered = (exchange: WsExchange): Finding[] => accepted(exchange).flatMap(({ one, offer, answer }) => {
  if (parameter(offer, 'server_no_context_takeover') === undefined) return []
  const ok = parameter(answer, 'server_no_context_takeover') === true
  return [{ where: one.fieldPlace(header), ok, expected: 'server_no_context_takeover in the answer', actual: outcome(one) }]
})

export const negotiation: readonly Rule<WsExchange>[] =
  [optional, offerFallback, invalidParamDeclined, windowSyntax, serverWindowAnswer, clientWindow]
