/**
 * What an echo sent back for what it was sent. A connection to an echo has the role `echo` or `echo/…`.
 * What a target sends by itself (greetings, pings) is no answer and is left out.
 */
import type { Scene } from '../model.ts'
import type { Connection, WsExchange } from './exchange.ts'
import type { Message } from './machine.ts'

/** A message of the kit, and the one that came back for it. */
export interface Echo {
  readonly sent: Message
  readonly back: Message | undefined
}

/** For `applies`: only an echo shows it. */
export const onEcho = ({ parts }: Scene<WsExchange>): string | undefined =>
  (parts.has('echo') ? undefined : 'an endpoint that sends every message back shows it: --echo, or a driver with echo')

/** ms; an echo that has not come by then is missing */
export const patienceMs = 500

export const isEcho = ({ link: { role } }: Connection): boolean => role === 'echo' || role.startsWith('echo/')

/** Close codes by which an application, not the protocol, refuses what it was sent, and 1009: it was too long for it. */
const refusals: ReadonlySet<number> = new Set([1003, 1008, 1009])

/** The target refused the content: what follows says nothing about frames. 1007 on good UTF-8 is about the content too. */
export function isRefused({ close, provocation }: Connection): boolean {
  const code = close?.code
  if (code === undefined) return false
  return refusals.has(code) || code >= 3000 || (code === 1007 && provocation?.kind !== 'utf8' && provocation?.kind !== 'deflate')
}

/** bytes; the lowest limit of a message that a library sets by itself (maxPayloadLength of uWebSockets.js) */
const lowestLimit = 16 * 1024

/** The target ended TCP without a Close, and had been sent a message that may be too long for it. */
function isTooLong(connection: Connection): boolean {
  return connection.isDropped && !connection.close && sentMessages(connection).some(({ payload }) => payload.length >= lowestLimit)
}

/** Messages that the kit sent before it did anything wrong. */
export const sentMessages = ({ sent }: Connection): Message[] => sent.happenings.filter((one): one is Message => one.kind === 'message')

/** Type and bytes are the same. */
export const isSame = (a: Message, b: Message): boolean => a.type === b.type && Buffer.compare(a.payload, b.payload) === 0

/**
 * What came back for each message that was sent on an echo before anything went wrong, in order. Empty when it cannot be
 * known: no echo, frames that cannot be read, content that was refused or that may be too long. Without the last ones
 * when the kit left before the target had the time to answer them.
 */
export function echoes(connection: Connection, mayBeTooLong = isTooLong(connection)): Echo[] {
  if (!connection.isOpen || !isEcho(connection) || connection.received.fault || isRefused(connection) || mayBeTooLong) return []
  const { echoes: all } = paired(sentMessages(connection), connection.messages)
  return waited(connection) ? all : all.slice(0, all.findLastIndex(({ back }) => back) + 1)
}

/** What came once more than it was sent. */
export function extras(connection: Connection): Message[] {
  if (!connection.isOpen || !isEcho(connection)) return []
  return paired(sentMessages(connection), connection.messages).extras
}

/**
 * Same messages belong to each other as far as the order allows. What is left on both sides between them belongs to each
 * other in order; what is left only among what came was not asked for.
 */
export function paired(sent: readonly Message[], came: readonly Message[]): { readonly echoes: Echo[]; readonly extras: Message[] } {
  const found: Echo[] = []
  const extra: Message[] = []
  let loose: Message[] = []
  let next = 0
  const close = (until: number): void => {
    const gap = sent.slice(next, until)
    // a greeting stands before the answers: the last ones are those
    const answers = loose.slice(Math.max(0, loose.length - gap.length))
    found.push(...gap.map((one, i) => ({ sent: one, back: answers[i] })))
    extra.push(...loose.slice(0, loose.length - answers.length).filter((one) => sent.some((told) => isSame(told, one))))
    loose = []
    next = until
  }
  for (const one of came) {
    let at = next
    while (at < sent.length && !isSame(sent[at] as Message, one)) at += 1
    if (at === sent.length) {
      loose.push(one)
      continue
    }
    close(at)
    found.push({ sent: sent[at] as Message, back: one })
    next = at + 1
  }
  close(sent.length)
  return { echoes: found, extras: extra }
}

/** The target had the time to answer the last message: the kit waited, or the target itself ended the connection. */
export function waited({ sent, link, isDropped, close }: Connection): boolean {
  const last = sent.happenings.findLast(({ kind }) => kind === 'message')
  if (last?.kind !== 'message') return true
  const goodbye = sent.happenings.find(({ kind }) => kind === 'close')
  if (goodbye?.kind !== 'close' && (isDropped || close)) return true
  const until = goodbye?.kind === 'close' ? goodbye.frame.at : link.ended.at
  return until - (last.frames.at(-1)?.at ?? until) >= patienceMs
}
