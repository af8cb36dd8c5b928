/** What came of a Close that the kit sent. https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1 */
import type { Finding, Place } from '../../model.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { opcodes } from '../frame.ts'
import { provoked, reactionOf } from '../reaction.ts'
import type { Close, Fault, FaultKind } from '../machine.ts'
import type { Frame } from '../reader.ts'

/** ms; what has not come by then does not come */
export const patienceMs = 1500

/** A right Close of the kit, before the target had sent one. */
export interface Goodbye {
  readonly connection: Connection
  readonly close: Close
}

const isControl = ({ kind }: { readonly kind: string }): boolean => kind !== 'message'

/**
 * On connections that carried nothing but pings, so that the application has no say in how they end. `open`: within a
 * message of which fragments were sent.
 */
export function goodbyes({ connections }: WsExchange, { open }: { readonly open: boolean } = { open: false }): Goodbye[] {
  return connections.flatMap((connection) => {
    const { isOpen, provocation, received, sent } = connection
    const close = sent.happenings.find((one): one is Close => one.kind === 'close')
    if (!isOpen || provocation || received.fault || !close || !sent.happenings.every(isControl)) return []
    const isFirst = (connection.close?.frame.at ?? Infinity) >= close.frame.at
    return isFirst && sent.open.length > 0 === open ? [{ connection, close }] : []
  })
}

/** Nothing was sent behind it. */
export const isLast = ({ connection: { sent } }: Goodbye): boolean => sent.afterClose.length === 0

/** The target had the time to answer it, or to end TCP. */
export const waited = ({ connection: { link }, close }: Goodbye): boolean => link.ended.at - close.frame.at >= patienceMs

/** Close codes by which an endpoint says that the other one did wrong, or that it failed (RFC 6455 7.4.1). */
const errors: ReadonlySet<number | undefined> = new Set([1002, 1003, 1007, 1008, 1009, 1011])

/** The Close is refused: the reply is an error, and not the same code. */
export const isRefused = ({ connection, close }: Goodbye): boolean => {
  const code = connection.close?.code
  return errors.has(code) && code !== close.code
}

export const spoken = (code: number | undefined): string =>
  (code === undefined ? 'a Close without a code' : `a Close with ${code}`)

/** Where the Close of the target is, or would be. */
export const closePlace = (connection: Connection): Place =>
  (connection.close ? connection.place(connection.close.frame) : connection.endPlace)

/** The code in a Close, whether it may be there or not. */
export const codeOf = ({ payload: [high, low] }: Frame): number | undefined =>
  (high === undefined || low === undefined ? undefined : high * 256 + low)

/** One finding for each Close that is wrong: it is answered by an error or by the end of TCP, not like a right one. */
export function mustRefuse(exchange: WsExchange, kind: FaultKind, where?: (fault: Fault) => boolean): Finding[] {
  const expected = 'a Close with an error, or the end of TCP'
  return provoked(exchange, kind, where).flatMap((connection): Finding[] => {
    const { close, received, provocation, isDropped } = connection
    const repeated = received.fault?.frame
    if (repeated) {
      // any other Close that is wrong is the business of no-reserved-send
      const isSame = repeated.opcode === opcodes.close && provocation !== undefined && codeOf(repeated) === codeOf(provocation.frame)
      return isSame ? [{ where: connection.place(repeated), ok: false, expected, actual: `the same code, ${codeOf(repeated)}` }] : []
    }
    const reaction = reactionOf(connection)
    if (reaction.kind === 'went-on') return [{ where: connection.endPlace, ok: false, expected, actual: reaction.what }]
    // one without a code may be a refusal that gives no reason; that it should is the business of fail-code
    if (close) return [{ where: closePlace(connection), ok: close.code === undefined || errors.has(close.code), expected, actual: spoken(close.code) }]
    return [{ where: connection.endPlace, ok: isDropped, expected, actual: isDropped ? 'the end of TCP' : 'no reaction' }]
  })
}
