/**
 * Signs of life on connections that were watched. Roles: `beat/idle` answers pings and says nothing else, `beat/dead`
 * says nothing at all, `beat/busy` says things and answers pings late, `beat/streaming` has started streams.
 */
import type { Act } from '../../model.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { endedFirst } from '../reaction.ts'

/** ms; the silence that common proxies and load balancers let pass at most (nginx: proxy_read_timeout 60s) */
export const proxyMs = 60_000

/** ms that a busy machine may be late */
const graceMs = 500

/** ms; a sign of life that is due after `interval` has come by then */
export const dueMs = (interval: number): number => 1.5 * interval + graceMs

export const watched = (exchange: WsExchange, role: 'idle' | 'dead' | 'busy' | 'streaming' | 'asking' | 'loaded'): Connection[] =>
  withRole(exchange, `beat/${role}`).filter(({ isOpen }) => isOpen)

/** ms between two signs of life, as the target says: for this channel, or for all. */
export function intervalOf({ acts, declares }: WsExchange): number | undefined {
  return acts.map(tunedTo).findLast((ms) => ms !== undefined) ?? declares.heartbeatMs
}

function tunedTo({ kind, status, body }: Act): number | undefined {
  if (kind !== 'tune' || status < 200 || status > 299) return undefined
  try {
    const { heartbeatMs } = JSON.parse(body) as { readonly heartbeatMs?: unknown }
    return typeof heartbeatMs === 'number' && heartbeatMs > 0 ? heartbeatMs : undefined
  } catch {
    return undefined
  }
}

/** The same; where nothing is said, the time between the first two pings of a connection that had so many. */
export function paceOf(exchange: WsExchange): number | undefined {
  return intervalOf(exchange) ?? exchange.connections.map(({ pings: [first, second] }) =>
    first && second && second.frame.at - first.frame.at).find((ms) => ms !== undefined)
}

/** ms; the target ended the connection or said that it will, or the kit left, or said that it will. */
export function overAt({ close, sent, link }: Connection): number {
  const goodbye = sent.happenings.find(({ kind }) => kind === 'close')
  return Math.min(close?.frame.at ?? Infinity, goodbye?.kind === 'close' ? goodbye.frame.at : Infinity, link.ended.at)
}

export interface Silence {
  /** ms */
  readonly from: number
  readonly ms: number
}

/** The longest time without a frame of the target, from `from` to the end. */
export function longestSilence(connection: Connection, from: number): Silence {
  const end = overAt(connection)
  const times = [from, ...connection.received.frames.map(({ at }) => at).filter((at) => at > from && at < end), end]
  return times.slice(1).map((at, i) => ({ from: times[i] ?? from, ms: at - (times[i] ?? from) }))
    .reduce((longest, one) => (one.ms > longest.ms ? one : longest))
}

/** ms; the 101 came */
export const openedAt = ({ head, link }: Connection): number => head?.at ?? link.openedAt

/** The target goes, or is busy: that says nothing about the peer. */
const elsewhere: ReadonlySet<number | undefined> = new Set([1001, 1012, 1013])

/** The target gave the connection up. */
export const isGivenUp = (connection: Connection): boolean => endedFirst(connection) && !elsewhere.has(connection.close?.code)
