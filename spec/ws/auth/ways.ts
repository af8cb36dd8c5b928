/** The ways by which a token comes: a field, the query, a subprotocol, once. */
import type { Finding, Rule } from '../../model.ts'
import { silenced } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { asked, subprotocols } from '../upgrade.ts'
import { carried, credentials, isBusy, isFresh, isOver, isServed, mustServe, outcomeOf, spoken, visits, type Way } from './access.ts'
import { carrier, served } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** Connections whose handshake carries a valid token that way, for no other purpose. */
const by = (exchange: WsExchange, way: Way): Connection[] =>
  visits(exchange).filter((visit) => visit.way === way && visit.connection.link.role === 'secure/token' && isFresh(visit)).map(({ connection }) => connection)

const headerBearer: Rule<WsExchange> = {
  id: 'ws/auth/header-bearer',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-4.1`,
  says: 'a token in the Authorization field is taken',
  harm: 'clients that are no browser have to put their secret into the URL, where logs keep it',
  fix: 'read Authorization: Bearer in the upgrade handler, beside what browsers can send',
  check: (exchange) => mustServe([
    ...by(exchange, 'header'),
    ...exchange.connections.filter((one) => one.link.role === 'authorized' && credentials(one, exchange).some(({ way }) => way === 'header')),
  ], 'a connection that answers'),
  mutants: {
    'not read': { edit: silenced('header'), fault: 'socketBearerUnread' },
  },
}

const queryToken: Rule<WsExchange> = {
  id: 'ws/auth/query-token',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: 'a token in the query is taken as long as it is valid, and refused before 101 once it has expired or was revoked',
  harm: 'URLs stand in access logs and histories: whoever reads one there later comes in with it',
  fix: 'issue a token for the URL of each connection that lasts for seconds, and check it in the upgrade handler',
  check: (exchange) => [
    ...mustServe(by(exchange, 'query'), 'a connection that answers'),
    ...visits(exchange).filter((visit) => visit.way === 'query' && isOver(visit) && !isBusy(visit.connection)).map(({ connection }): Finding => ({
      where: connection.where, ok: outcomeOf(connection) === 'refused', expected: 'a refusal, as the token is over', actual: spoken(connection),
    })),
  ],
  mutants: {
    'not read': { edit: silenced('query'), fault: 'socketQueryUnread' },
    'taken for ever': { edit: served('back-query') },
  },
}

const ticketSingleUse: Rule<WsExchange> = {
  id: 'ws/auth/ticket-single-use',
  level: 'advice',
  promisedBy: 'tickets',
  clause: `${rfc}#section-10.5`,
  says: 'a ticket opens one connection, also when two come with it at the same time',
  harm: 'a URL that was seen by a proxy, a log or a neighbour opens a second connection as the same user',
  fix: 'take and delete the ticket in one step (GETDEL in Redis, DELETE … RETURNING in SQL), before the 101',
  check: (exchange) => {
    const uses = Map.groupBy(visits(exchange).filter(({ issued }) => issued.once), ({ issued }) => issued.token)
    return [...uses.values()].flatMap((all): Finding[] => {
      const last = all.at(-1)
      if (!last || all.some(({ connection }) => isBusy(connection))) return []
      const opened = all.filter(({ connection }) => isServed(connection)).length
      return [{ where: last.connection.where, ok: opened === 1, expected: 'one connection', actual: `${opened} of ${all.length} connections` }]
    })
  },
  mutants: {
    'taken later': { edit: served('ticket-again'), fault: 'ticketReused' },
    'taken beside': { edit: served('ticket-beside') },
  },
}

const chosen = (connection: Connection): string[] => connection.values('sec-websocket-protocol').flatMap(subprotocols)

const offered = ({ link }: Connection): string[] => subprotocols(asked(link.request, 'sec-websocket-protocol'))

const subprotocolToken: Rule<WsExchange> = {
  id: 'ws/auth/subprotocol-token',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-1.9`,
  says: 'a token that a subprotocol carries is taken, and the answer names another one that holds no secret',
  harm: 'a page, which can set no field, cannot connect; or its token stands in the answer, where proxies log it',
  fix: 'read the token from the offered subprotocol, drop that one, and choose among the others (handleProtocols in ws)',
  check: (exchange) => [
    ...mustServe(by(exchange, 'subprotocol'), 'a connection that answers'),
    ...exchange.connections.filter((one) => one.isOpen && offered(one).some((name) => carried(name) !== undefined)).map((connection): Finding => {
      const named = chosen(connection).some((name) => carried(name) !== undefined)
      return { where: connection.fieldPlace('sec-websocket-protocol'), ok: !named, expected: 'a subprotocol without a token', actual: named ? 'that with the token' : 'that' }
    }),
  ],
  mutants: {
    'not read': { edit: silenced('subprotocol'), fault: 'subprotocolUnread' },
    'named': { edit: served('subprotocol', [`Sec-WebSocket-Protocol: ${carrier('token-that-lasts')}`]) },
  },
}

const subprotocolAnswered: Rule<WsExchange> = {
  id: 'ws/auth/subprotocol-answered',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: 'https://websockets.spec.whatwg.org/#dom-websocket-websocket',
  says: 'where subprotocols are offered that the server speaks, the 101 names one of them',
  harm: 'browsers that have offered some fail a connection for which none was chosen',
  fix: 'put the chosen one into Sec-WebSocket-Protocol (handleProtocols in ws, the third field of res.upgrade in uWebSockets.js, accept(subprotocol=…) in FastAPI)',
  check: (exchange) => exchange.connections
    .filter((one) => one.isOpen && (offered(one).includes('streamproof.v1') || (one.link.role === 'base' && offered(one).length > 0)))
    .map((connection): Finding => {
      const [name] = chosen(connection)
      const ok = name !== undefined && offered(connection).includes(name)
      return { where: connection.fieldPlace('sec-websocket-protocol'), ok, expected: 'one of those that were offered', actual: ok ? 'that' : name === undefined ? 'none' : 'another one' }
    }),
  mutants: {
    'none': { edit: served('subprotocol', []), fault: 'subprotocolUnanswered' },
  },
}

export const ways: readonly Rule<WsExchange>[] = [headerBearer, queryToken, ticketSingleUse, subprotocolToken, subprotocolAnswered]
