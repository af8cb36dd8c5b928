/**
 * What a target did about a fault of its client: https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
 * "Fail the connection" is: a Close that says why (which may be left out), then the end of TCP, and nothing of what came
 * behind the fault is acted upon.
 */
import type { Finding } from '../model.ts'
import type { Connection, WsExchange } from './exchange.ts'
import { opcodes } from './frame.ts'
import type { Fault, FaultKind } from './machine.ts'

export type Reaction =
  /** a Close with that code, and the end of TCP */
  | { readonly kind: 'failed'; readonly code: number | undefined }
  /** the end of TCP without a Close: right, if unfriendly */
  | { readonly kind: 'dropped' }
  /** a Close, but TCP stayed open */
  | { readonly kind: 'half-closed'; readonly code: number | undefined }
  /** an answer to what came with or behind the fault */
  | { readonly kind: 'went-on'; readonly what: string }
  /** nothing at all, or a Close and no end */
  | { readonly kind: 'ignored' }

/** What came of the first fault in what the kit sent on a connection. */
export function reactionOf(connection: Connection): Reaction {
  const { close, isDropped } = connection
  const extra = pongBehind(connection) ?? messageBehind(connection)
  if (extra) return { kind: 'went-on', what: extra }
  if (close) return { kind: isDropped ? 'failed' : 'half-closed', code: close.code }
  return { kind: isDropped ? 'dropped' : 'ignored' }
}

/** More pongs than there were pings before the fault. */
function pongBehind({ sent, received }: Connection): string | undefined {
  const pings = sent.happenings.filter(({ kind }) => kind === 'ping').length
  const pongs = received.happenings.filter(({ kind }) => kind === 'pong').length + received.afterClose.filter(({ opcode }) => opcode === opcodes.pong).length
  if (pongs <= pings) return undefined
  return sent.fault?.frame.opcode === opcodes.ping ? 'a pong' : 'a pong to a ping behind it'
}

/** An echo of what was sent with the fault or behind it. */
function messageBehind({ sent, received }: Connection): string | undefined {
  // what a target sends by itself is no answer: only what carries a payload that was sent behind the fault is
  const told = new Set(sent.happenings.flatMap((one) => (one.kind === 'message' ? [text(one.payload)] : [])))
  const behind = sent.frames.slice(sent.fault?.index ?? sent.frames.length)
    .filter(({ opcode, payload }) => opcode <= 2 && payload.length > 0).map(({ payload }) => text(payload))
  const came = [...received.happenings.filter(({ kind }) => kind === 'message'), ...received.afterClose.filter(({ opcode }) => opcode <= 2)]
  const echoed = came.find((one) => 'payload' in one && !told.has(text(one.payload)) && behind.includes(text(one.payload)))
  return echoed && 'a message that came with it or behind it'
}

const text = (payload: Uint8Array): string => Buffer.from(payload).toString('latin1')

/** Connections on which the first fault is of this kind, beside a twin without it that the target kept open. */
export function provoked(exchange: WsExchange, kind: FaultKind, where: (fault: Fault, connection: Connection) => boolean = () => true): Connection[] {
  return exchange.connections.filter((connection) => {
    const { provocation, isOpen } = connection
    return isOpen && provocation?.kind === kind && where(provocation, connection) && !isSpoiled(exchange, connection)
  })
}

/** The twin without the fault was ended too, and nothing shows that here it was about the fault. */
function isSpoiled({ connections }: WsExchange, connection: Connection): boolean {
  const twin = connections.find(({ link }) => link.role === `${connection.link.role}/twin`)
  if (!twin || (twin.isOpen && !endedFirst(twin))) return false
  const reaction = reactionOf(connection)
  if (reaction.kind === 'dropped') return true
  // a code for faults where the application gave its own, or no end at all
  return 'code' in reaction && (reaction.code === twin.close?.code || !connection.provocation?.codes.includes(reaction.code ?? 0))
}

/** The target ended the connection, or said that it will, before the kit did. */
export function endedFirst({ sent, close, link, isDropped }: Connection): boolean {
  const goodbye = sent.happenings.find(({ kind }) => kind === 'close')
  if (goodbye?.kind !== 'close') return isDropped || close !== undefined
  return close !== undefined ? close.frame.at < goodbye.frame.at : isDropped && link.ended.at < goodbye.frame.at
}

/** It answered pings on the way, and ended the connection for the fault. */
function failedLate(connection: Connection): boolean {
  const { close, isDropped, provocation, sent } = connection
  if (messageBehind(connection) !== undefined || close === undefined) return false
  // the end of the target and that of the kit, which has its pong, may cross: the code tells what it came for
  if (provocation?.codes.includes(close.code ?? 0)) return true
  const goodbye = sent.frames.findLast(({ opcode }) => opcode === opcodes.close)
  return isDropped && (goodbye === undefined || close.frame.at < goodbye.startedAt)
}

/**
 * One finding for each: it failed the connection. Which code it named is the business of `close/fail-code`. `late`: what
 * is wrong is the content of a message, which many look at in the application, while the connection goes on.
 */
export const mustFail = (
  connections: readonly Connection[],
  { expected = 'the end of the connection, and nothing else', late = false }: { readonly expected?: string; readonly late?: boolean } = {},
): Finding[] =>
  connections.map((connection) => {
    const reaction = reactionOf(connection)
    const ok = reaction.kind === 'failed' || reaction.kind === 'dropped' || (late && failedLate(connection))
    const fault = connection.provocation?.says ?? 'a fault'
    return { where: connection.endPlace, ok, expected, actual: ok ? 'that' : `${spoken(reaction)} after ${fault}` }
  })

function spoken(reaction: Reaction): string {
  switch (reaction.kind) {
    case 'went-on': return reaction.what
    case 'half-closed': return `a Close${reaction.code === undefined ? '' : ` with ${reaction.code}`}, and TCP stayed open,`
    case 'ignored': return 'no reaction'
    default: return reaction.kind
  }
}
