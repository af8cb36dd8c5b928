/**
 * What a ping tells of everything before it, on any server: a pong means that it was read, and read right.
 * https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
 */
import type { Finding, Scene, Why } from '../model.ts'
import { isRefused, patienceMs } from './echoes.ts'
import type { Connection, WsExchange } from './exchange.ts'
import type { Control } from './machine.ts'
import { endedFirst } from './reaction.ts'

export type Reach =
  | 'read'
  /** the target ended the connection before the kit did */
  | 'ended'
  /** no pong, and nothing else */
  | 'silent'
  /** the application refused the content, or there was no time to tell */
  | 'open'

const pingsOf = ({ sent }: Connection): Control[] => sent.happenings.filter((one): one is Control => one.kind === 'ping')

/** A pong with this payload came. */
export const hasPong = ({ pongs }: Connection, payload: Uint8Array): boolean =>
  pongs.some((pong) => Buffer.compare(pong.payload, payload) === 0)

/** What became of everything up to the last ping that is meant; `open` when there is none. */
export function reachOf(connection: Connection, isMeant: (ping: Control) => boolean = () => true): Reach {
  const ping = pingsOf(connection).findLast(isMeant)
  if (!connection.isOpen || !ping || connection.provocation || connection.received.fault) return 'open'
  if (hasPong(connection, ping.payload)) return 'read'
  if (isRefused(connection)) return 'open'
  if (endedFirst(connection)) return 'ended'
  const goodbye = connection.sent.happenings.find(({ kind }) => kind === 'close')
  const leftAt = goodbye?.kind === 'close' ? goodbye.frame.at : connection.link.ended.at
  return leftAt - ping.frame.at >= patienceMs ? 'silent' : 'open'
}

/**
 * One finding for each: its last ping that is meant was answered. None where it cannot be told: the application refused
 * what was sent, or the twin (`role/twin`), which is as ordinary as can be, was not read either.
 */
export function mustRead(
  { connections }: WsExchange,
  subjects: readonly Connection[],
  what: string,
  isMeant?: (ping: Control) => boolean,
): Finding[] {
  const isSpoiled = ({ link: { role } }: Connection): boolean =>
    connections.some((one) => one.link.role === `${role}/twin` && reachOf(one) !== 'read')
  return subjects.filter((one) => !isSpoiled(one)).flatMap((connection) => {
    const reach = reachOf(connection, isMeant)
    if (reach === 'open') return []
    const { close } = connection
    const end = close ? `a Close${close.code === undefined ? '' : ` with ${close.code}`}` : 'the end of TCP'
    return [{
      where: connection.endPlace,
      ok: reach === 'read',
      expected: `${what}, and a pong to the ping behind`,
      actual: reach === 'read' ? 'that' : reach === 'ended' ? end : 'no pong',
    }]
  })
}

/** For `inconclusive`: the target ends connections on an ordinary message, so that nothing is known of the odd ones. */
export function refusesMessages({ exchanges }: Scene<WsExchange>): { readonly why: Why; readonly note: string } | undefined {
  const refuses = exchanges.flatMap(({ connections }) => connections)
    .some((one) => one.link.role.endsWith('/twin') && one.isOpen && endedFirst(one))
  const note = 'the target ends connections on a plain text message; an endpoint that takes any message shows it'
  return refuses ? { why: 'inconclusive', note } : undefined
}
