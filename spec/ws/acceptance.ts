/**
 * Whether a target takes right messages. Pings between them show it on any server: a pong to the ping behind a message
 * says that it was taken. Where the target is seen to send messages back, what comes back has to be the same.
 */
import type { Finding, Rule } from '../model.ts'
import { isRefused, isSame, paired, sentMessages } from './echoes.ts'
import type { Connection, WsExchange } from './exchange.ts'
import type { Message } from './machine.ts'

/** A finding for each of these messages that stands between two pings of which the first was answered. */
export function taken(connection: Connection, isMeant: (message: Message) => boolean, expected = 'taken as it is'): Finding[] {
  const { isOpen, provocation, received, close } = connection
  // 1007 may be an application's that wants JSON; but it took what came before, which was none either
  if (!isOpen || provocation || received.fault || (close?.code !== 1007 && isRefused(connection))) return []
  const reach = answeredTo(connection)
  const backs = comeBack(connection)
  return connection.sent.happenings.flatMap((message, i, all) => {
    // first of all: floods have a hundred thousand pings
    if (message.kind !== 'message') return []
    const before = all.findLastIndex(({ kind }, at) => kind === 'ping' && at < i)
    const behind = all.findIndex(({ kind }, at) => kind === 'ping' && at > i)
    if (before < 0 || behind < 0 || before > reach || !isMeant(message)) return []
    if (behind > reach) return refusal(connection, expected)
    if (backs.has(message)) return same(connection, message, backs.get(message), expected)
    return { where: connection.endPlace, ok: true, expected, actual: 'that' }
  })
}

/** For rules that found nothing: the application ends every connection on which it is sent something. */
export const refusedByApplication: NonNullable<Rule<WsExchange>['inconclusive']> = ({ exchanges }) => {
  const sentTo = exchanges.flatMap(({ connections }) => connections)
    .filter((connection) => connection.isOpen && !connection.provocation && sentMessages(connection).length > 0)
  if (sentTo.length === 0 || !sentTo.every(isEndedByTarget)) return undefined
  return { why: 'inconclusive', note: 'the application ends connections on which it is sent what it does not know' }
}

function isEndedByTarget({ close, isDropped, sent }: Connection): boolean {
  const mine = sent.happenings.find((one) => one.kind === 'close')
  return close ? close.frame.at < (mine?.frame.at ?? Infinity) : isDropped && !mine
}

/** Place among what was sent of the last ping that was answered: those before it may stay without a pong (RFC 6455 5.5.3). */
function answeredTo({ sent, pongs }: Connection): number {
  return sent.happenings.findLastIndex((one) =>
    one.kind === 'ping' && pongs.some(({ payload }) => Buffer.compare(payload, one.payload) === 0))
}

/** Without a Close and with TCP open nothing is known: that pings are answered is the business of other rules. */
function refusal(connection: Connection, expected: string): Finding[] {
  const { close, isDropped, endPlace } = connection
  const told = close && `a Close${close.code === undefined ? '' : ` with ${close.code}`}`
  if (told) return [{ where: connection.place(close.frame), ok: false, expected, actual: told }]
  return isDropped ? [{ where: endPlace, ok: false, expected, actual: 'the end of TCP' }] : []
}

/** What came back for each message, as far as it is known; empty when the target is no echo. */
function comeBack(connection: Connection): ReadonlyMap<Message, Message | undefined> {
  const { echoes } = paired(sentMessages(connection), connection.messages)
  const good = echoes.map(({ sent, back }) => back !== undefined && isSame(sent, back))
  if (!good[0]) return new Map()
  // the last ones may be on their way
  return new Map(echoes.slice(0, good.lastIndexOf(true) + 1).map(({ sent, back }) => [sent, back]))
}

function same(connection: Connection, message: Message, back: Message | undefined, expected: string): Finding {
  const [frame] = back?.frames ?? []
  const where = frame ? connection.place(frame) : connection.endPlace
  if (back && isSame(message, back)) return { where, ok: true, expected, actual: 'that' }
  return { where, ok: false, expected, actual: back ? 'something else came back' : 'it did not come back' }
}
