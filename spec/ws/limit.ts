/** What a target does about messages that are longer than it takes. https://www.rfc-editor.org/rfc/rfc6455#section-10.4 */
import type { Rule } from '../model.ts'
import type { Connection, WsExchange } from './exchange.ts'
import { endedFirst } from './reaction.ts'
import type { Frame } from './reader.ts'

/** bytes; the most that a message may have, as far as the target tells */
export const limitOf = ({ declares }: WsExchange): number | undefined => declares.maxMessageBytes

/**
 * What came of it: `refused` the target ended the connection, `unclear` an application may have done it for what the
 * message says (1003, 1007, codes from 3000), `taken` it did neither.
 */
export function fateOf(connection: Connection): 'refused' | 'unclear' | 'taken' {
  if (!endedFirst(connection)) return 'taken'
  const code = connection.close?.code
  if (code !== undefined && (code === 1003 || code === 1007 || code >= 3000)) return 'unclear'
  return 'refused'
}

/** The last message that the kit began on a connection. */
export interface Attempt {
  readonly connection: Connection
  readonly frames: readonly Frame[]
  /** bytes that the headers announce, all fragments together */
  readonly announced: bigint
  /** bytes of payload that were sent */
  readonly came: number
}

/** Open connections with what the kit sent last on them, compressed messages left out. */
export function attempts({ connections }: WsExchange): Attempt[] {
  return connections.flatMap((connection) => {
    const { isOpen, provocation, sent } = connection
    if (!isOpen || provocation) return []
    const whole = sent.happenings.findLast((one) => one.kind === 'message')
    const frames = sent.open.length > 0 ? sent.open : whole?.kind === 'message' ? whole.frames : []
    if (frames.length === 0 || frames[0]?.rsv !== 0) return []
    return [{
      connection,
      frames,
      announced: frames.reduce((sum, { announced }) => sum + announced, 0n),
      came: frames.reduce((sum, { payload }) => sum + payload.length, 0),
    }]
  })
}

/** For `inconclusive`: such a message was sent, and neither refused nor known to be too long. */
export const unknownLimit = (isSent: (exchange: WsExchange) => boolean): NonNullable<Rule<WsExchange>['inconclusive']> => ({ exchanges }) =>
  (exchanges.some(isSent) ? { why: 'inconclusive', note: 'no limit was seen: a driver tells its own by declares.maxMessageBytes' } : undefined)

/** In words, for findings. */
export const spoken = (connection: Connection): string => {
  const { close, isDropped, pongs, messages } = connection
  if (messages.length > 0 && !isDropped) return 'a message that came back'
  if (pongs.length > 0 && !isDropped) return 'a connection that goes on'
  if (close) return `Close ${close.code ?? 'without code'}${isDropped ? '' : ', and TCP stayed open'}`
  return isDropped ? 'the end of TCP' : 'no reaction'
}
