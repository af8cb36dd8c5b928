/** Clients without credentials, or with wrong ones: https://www.rfc-editor.org/rfc/rfc6455#section-10.5 */
import type { Finding, Rule } from '../../model.ts'
import type { WsExchange } from '../exchange.ts'
import { credentials, inRoles, isOver, mustTurnAway, outcomeOf, spoken, visits } from './access.ts'
import { server } from '../frame.ts'
import { letIn } from './example.ts'
import { partOf, reflection } from './reflection.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const missing401: Rule<WsExchange> = {
  id: 'ws/auth/missing-401',
  level: 'advice',
  clause: `${rfc}#section-4.2.2`,
  says: 'a handshake without credentials is refused by 401 or 403',
  harm: 'anybody who knows the URL gets a socket, and all that is sent on it until somebody checks',
  fix: 'check in the upgrade handler before handleUpgrade or res.upgrade (middleware does not run there), and answer 401',
  check: (exchange) => mustTurnAway(inRoles(exchange, 'unauthorized')),
  inconclusive: ({ exchanges }) => (exchanges.some((one) => inRoles(one, 'unauthorized').some((connection) => outcomeOf(connection) === 'ended'))
    ? { why: 'inconclusive', note: 'the target switches first and closes behind it; whether with a right code tells ws/auth/close-code' } : undefined),
  mutants: {
    'taken': { edit: letIn('unauthorized'), fault: 'anonymousTaken' },
  },
}

const invalidRefused: Rule<WsExchange> = {
  id: 'ws/auth/invalid-refused',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-4.2.2`,
  says: 'credentials that are made up, cut off, altered, expired or revoked are refused as none are: by 401 or 403',
  harm: 'whoever sends any token gets in; who has to renew an expired one is not told so',
  fix: 'verify signature and expiry of the token, not only that one is there, before the 101',
  check: (exchange) => mustTurnAway([
    ...inRoles(exchange, 'forged', 'secure/forged'),
    ...visits(exchange).filter((visit) => visit.way === 'header' && isOver(visit)).map(({ connection }) => connection),
  ]),
  mutants: {
    'taken': { edit: letIn('forged'), fault: 'anyToken' },
    'taken on the socket of a driver': { edit: letIn('secure-forged') },
    'taken when revoked': { edit: letIn('back') },
  },
}

const everyUpgradePath: Rule<WsExchange> = {
  id: 'ws/auth/every-upgrade-path',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: 'no other spelling of the path lets in whom the path itself refuses',
  harm: 'a slash, a capital letter or an escape is all it takes to get past the check',
  fix: 'check in the one place where every upgrade comes by, after the path is resolved, and refuse paths that are not known',
  check: (exchange) => {
    const guards = inRoles(exchange, 'unauthorized', 'forged', 'secure/forged')
    if (!guards.some((one) => outcomeOf(one) === 'refused')) return []
    return inRoles(exchange, 'unauthorized/path', 'secure/path').filter((one) => outcomeOf(one) !== 'ended').map((connection): Finding => ({
      where: connection.where,
      ok: outcomeOf(connection) === 'refused',
      expected: 'a refusal',
      actual: `${spoken(connection)} at ${new URL(connection.link.request.url).pathname}`,
    }))
  },
  mutants: {
    'taken': { edit: letIn('path'), fault: 'guardOfOnePath' },
    'taken on the socket of a driver': { edit: letIn('secure-path') },
  },
}

/** Characters of a text below which it may stand there by chance. */
const leastSecret = 8

const notReflected: Rule<WsExchange> = {
  id: 'ws/auth/not-reflected',
  level: 'advice',
  clause: `${rfc}#section-10.5`,
  says: 'credentials never come back: in no field, no body, no message and no reason of a Close',
  harm: 'logs, error trackers and the page itself get to see a secret that was for the server alone',
  fix: 'leave the URL and the fields of the request out of errors; name the reason, not the token',
  check: (exchange) => exchange.connections.flatMap((connection): Finding[] => {
    const secrets = credentials(connection, exchange).filter(({ way, text }) => way !== 'cookie' && text.length >= leastSecret)
    if (secrets.length === 0 || connection.link.chunks.length === 0) return []
    const found = secrets.map(({ text }) => reflection(connection, text)).find((one) => one !== undefined)
    return [{
      where: found ?? connection.where,
      ok: found === undefined,
      expected: 'no credentials of the request',
      actual: found ? `them, ${partOf(connection, found)}` : 'none',
    }]
  }),
  mutants: {
    'in a field': { edit: letIn('authorized', { fields: ['X-Token: given-on-the-command-line'] }), fault: 'refusalEchoes' },
    'in a message': { edit: letIn('authorized', { received: [server.text('given-on-the-command-line')] }) },
  },
}

export const refusals: readonly Rule<WsExchange>[] = [missing401, invalidRefused, everyUpgradePath, notReflected]
