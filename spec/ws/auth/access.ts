/**
 * Who came with which credentials, and whether they were let in.
 *
 * Roles: `authorized` has the credentials of the command line, `unauthorized` none, `forged` wrong ones. On the socket
 * of the contract that needs a token the role begins with `secure/`, and the token of the handshake or of the first
 * message tells the rest.
 */
import { isCredential, issuedBy, withoutScheme, type Issued } from '../../contract/tokens.ts'
import type { Finding } from '../../model.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { endedFirst } from '../reaction.ts'
import { commands, replies } from '../talk.ts'
import { asked, subprotocols } from '../upgrade.ts'

/** Where credentials stand in a handshake. */
export type Way = 'header' | 'cookie' | 'query' | 'subprotocol'

export interface Credential {
  readonly way: Way
  readonly text: string
}

/** The scheme of the contract, and that of Kubernetes. */
const carriers = ['streamproof.token.', 'base64url.bearer.authorization.k8s.io.']

/** The token that a subprotocol carries. */
export function carried(subprotocol: string): string | undefined {
  const carrier = carriers.find((one) => subprotocol.startsWith(one))
  return carrier === undefined ? undefined : Buffer.from(subprotocol.slice(carrier.length), 'base64url').toString()
}

/** All credentials of a handshake. */
export function credentials({ link }: Connection, { declares }: WsExchange): Credential[] {
  const { headers, url } = link.request
  const values = (name: string): string[] => headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)
  const of = (way: Way, texts: readonly string[]): Credential[] => texts.filter((text) => text !== '').map((text) => ({ way, text }))
  return [
    ...of('header', values('authorization').map(withoutScheme)),
    ...of('cookie', values('cookie').flatMap((value) => value.split(';')).map((pair) => pair.slice(pair.indexOf('=') + 1).trim())),
    ...of('query', [...new URL(url).searchParams]
      .filter(([name]) => isCredential(name) || declares.auth?.includes(`query:${name}`)).map(([, value]) => value)),
    ...of('subprotocol', subprotocols(asked(link.request, 'sec-websocket-protocol')).flatMap((one) => carried(one) ?? [])),
  ]
}

/** A connection, the token of the contract that it came with, and how. */
export interface Visit {
  readonly connection: Connection
  readonly way: Way
  readonly issued: Issued
}

/** Connections whose handshake carries a token that the driver has issued. */
export function visits(exchange: WsExchange): Visit[] {
  const all = issuedBy(exchange.acts)
  return exchange.connections.flatMap((connection) => credentials(connection, exchange).flatMap(({ way, text }) => {
    const issued = all.find(({ token }) => token === text)
    return issued ? [{ connection, way, issued }] : []
  }))
}

/** The token was valid when the handshake was sent. */
export const isFresh = ({ connection, issued }: Visit): boolean => connection.link.openedAt < issued.validUntil

/** It was over by then. */
export const isOver = ({ connection, issued }: Visit): boolean => connection.link.openedAt >= issued.overAt

export type Outcome =
  /** an HTTP answer other than 101, or none */
  | 'refused'
  /** 101, and then ended by the target before the kit left */
  | 'ended'
  | 'taken'

export function outcomeOf(connection: Connection): Outcome {
  if (!connection.isOpen) return 'refused'
  return endedFirst(connection) ? 'ended' : 'taken'
}

export const isSecure = ({ link }: Connection): boolean => link.role.startsWith('secure/')

export const inRoles = ({ connections }: WsExchange, ...roles: readonly string[]): Connection[] =>
  connections.filter(({ link }) => roles.includes(link.role))

/** The target was busy, not unwilling; or it was not reached. */
export const isBusy = ({ status, link }: Connection): boolean => status === 429 || status === 503 || link.ended.how === 'refused'

/** A question of the contract was answered; without one it is enough that the connection is open. */
export function isServed(connection: Connection): boolean {
  if (!connection.isOpen) return false
  const answered = new Set(replies(connection, 'pong').map(({ members }) => members['ref']))
  return commands(connection, 'ping').every(({ members }) => answered.has(members['ref']))
}

/** What came of a handshake, in words. */
export function spoken(connection: Connection): string {
  const { status, close, isDropped, link } = connection
  if (!connection.isOpen) return status > 0 ? String(status) : link.ended.by === 'target' ? 'the end of TCP' : 'no answer'
  const end = close ? `, then a Close${close.code === undefined ? '' : ` with ${close.code}`}` : isDropped ? ', then the end of TCP' : ''
  return `101${end}`
}

/** One finding for each: it was turned away by 401 or 403. Where the target closes it behind the 101 others judge how. */
export const mustTurnAway = (connections: readonly Connection[], expected = '401 or 403'): Finding[] =>
  connections.filter((one) => !isBusy(one)).flatMap((connection) => {
    if (outcomeOf(connection) === 'ended' && !isSecure(connection)) return []
    const ok = connection.status === 401 || connection.status === 403
    return [{ where: connection.where, ok, expected, actual: spoken(connection) }]
  })

/** One finding for each: it was let in, and what it asked was answered. */
export const mustServe = (connections: readonly Connection[], expected: string): Finding[] =>
  connections.filter((one) => !isBusy(one)).map((connection) => ({
    where: connection.isOpen ? connection.endPlace : connection.where,
    ok: isServed(connection),
    expected,
    actual: isServed(connection) ? 'that' : `${spoken(connection)}${connection.isOpen ? ', and no answer to a ping message' : ''}`,
  }))
