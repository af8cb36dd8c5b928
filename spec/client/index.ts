/** Everything that is true of a client, in reading order. */
import { connectionRules } from './connection.ts'
import { parserRules } from './parser.ts'
import type { ClientRule } from './rule.ts'
import { vectors } from './vectors.ts'

export type { ClientRule } from './rule.ts'
export { requestHeaders } from './connection.ts'

export const clientRules: readonly ClientRule[] = [...parserRules, ...connectionRules]

/** The types of events that the vectors and scenarios use. A client that must name them before they come names these. */
export const eventTypes: readonly string[] =
  [...new Set(['message', ...vectors.flatMap(({ events }) => events.map(({ type }) => type)), 'close', 'forget'])]
