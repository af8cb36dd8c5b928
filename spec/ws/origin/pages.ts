/**
 * From which pages clients came, and whether they were let in. Roles: `page/listed` is a page that may connect,
 * `page/foreign` one that may not, `page/any` one of which nobody has said either; the others are odd in one way.
 */
import type { Finding, Rule, Scene } from '../../model.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'

/** For `applies`: where every page may connect there is nobody to refuse. */
export const unlessAll = ({ declares }: Scene<WsExchange>): string | undefined =>
  (declares.origins?.includes('*') ? 'the target declares that pages of any origin may connect' : undefined)

/** The target was busy or not there, not unwilling. */
const isBusy = ({ status, link }: Connection): boolean => status === 429 || status === 503 || link.ended.how === 'refused'

/** Connections of these pages that were answered. */
export const pages = (exchange: WsExchange, ...roles: readonly string[]): Connection[] =>
  roles.flatMap((role) => withRole(exchange, role)).filter((one) => !isBusy(one))

export const pageOf = ({ link }: Connection): string =>
  link.request.headers.filter(([name]) => name.toLowerCase() === 'origin').map(([, value]) => value).join(' and ')

export const spoken = ({ status, link }: Connection): string =>
  (status > 0 ? String(status) : link.ended.by === 'target' ? 'the end of TCP' : 'no answer')

/** Beside a foreign page that is refused: where that is not, all others come in as well, and it alone is told of. */
export const mustKeepOut = (exchange: WsExchange, roles: readonly string[], guard = 'page/foreign'): Finding[] => {
  const guards = pages(exchange, guard)
  if (guards.length === 0 || guards.some(({ isOpen }) => isOpen)) return []
  return pages(exchange, ...roles).map((connection) => ({
    where: connection.where, ok: !connection.isOpen, expected: 'a refusal', actual: connection.isOpen ? `101 for ${pageOf(connection)}` : spoken(connection),
  }))
}

export const mustLetIn = (connections: readonly Connection[]): Finding[] => connections.map((connection) => ({
  where: connection.where, ok: connection.isOpen, expected: '101', actual: connection.isOpen ? '101' : `${spoken(connection)} for ${pageOf(connection) || 'no Origin'}`,
}))

export type Told = Pick<Rule<WsExchange>, 'id' | 'clause' | 'says' | 'harm' | 'fix'>
