/**
 * The opening handshake: what a client asks and what an answer to it agrees to.
 * https://www.rfc-editor.org/rfc/rfc6455#section-4
 */
import { listItems, TOKEN, trimmed } from '../fields.ts'
import type { SentRequest } from '../model.ts'
import { sha1 } from './sha1.ts'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key (RFC 6455 4.2.2). */
export const acceptOf = (key: string): string => Buffer.from(sha1(Buffer.from(key.trim() + guid))).toString('base64')

/** A key of 16 bytes for the link of that name: any will do, and the same name gets the same one. */
export const keyOf = (link: string): string => Buffer.from(sha1(Buffer.from(link)).subarray(0, 16)).toString('base64')

/** The fields of an ordinary opening handshake, Host left to the writer (RFC 6455 4.1). */
export const upgradeFields = (key: string): readonly (readonly [name: string, value: string])[] => [
  ['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Key', key], ['Sec-WebSocket-Version', '13'],
]

/** The value of a request field, several lines joined; undefined when absent. */
export function asked({ headers }: SentRequest, name: string): string | undefined {
  const found = headers.filter(([one]) => one.toLowerCase() === name.toLowerCase())
  return found.length === 0 ? undefined : found.map(([, value]) => value).join(', ')
}

/** The subprotocols of a Sec-WebSocket-Protocol value, as written. */
export const subprotocols = (value: string | undefined): string[] =>
  (value ?? '').split(',').map((item) => trimmed(item)).filter((item) => item !== '')

/**
 * Whether an offer is `1#token` of members that differ (RFC 6455 4.1, item 10). Empty members are let pass, as lists of
 * HTTP want it (RFC 2616 2.1, RFC 9110 5.6.1.2), where at least one is not.
 */
export function isSubprotocolList(value: string): boolean {
  const offered = subprotocols(value)
  return offered.length > 0 && offered.every((one) => TOKEN.test(one)) && new Set(offered).size === offered.length
}

const token = TOKEN.source.slice(1, -1)
const extensionParameter = new RegExp(`^${token}(?:[ \\t]*=[ \\t]*(?:${token}|"(?:\\\\?${token.replace(/\+$/, '')})+"))?$`)

/** Whether a value is `extension-list` (RFC 6455 9.1), white space as RFC 2616 lets it stand; empty members as above. */
export function isExtensionList(value: string): boolean {
  const items = listItems(value)
  return items.length > 0 && items.every((item) => {
    // a semicolon in quotes is no token: that the split breaks it makes no list right
    const [name = '', ...parameters] = item.split(';').map((part) => trimmed(part))
    return TOKEN.test(name) && parameters.every((parameter) => extensionParameter.test(parameter))
  })
}

/** One extension with its parameters, in order; `true` for a parameter without a value (RFC 6455 9.1). */
export interface Extension {
  readonly name: string
  readonly parameters: readonly (readonly [name: string, value: string | true])[]
}

/** The extensions of a Sec-WebSocket-Extensions value. Quoted values lose their quotes; no judgement here. */
export function extensions(value: string | undefined): Extension[] {
  if (value === undefined) return []
  return listItems(value).map((item) => {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
    return {
      name,
      parameters: parameters.map((parameter) => {
        const equals = parameter.indexOf('=')
        if (equals < 0) return [parameter, true] as const
        const raw = parameter.slice(equals + 1).trim()
        return [parameter.slice(0, equals).trim(), /^".*"$/.test(raw) ? raw.slice(1, -1) : raw] as const
      }),
    }
  })
}

/** What both sides agreed on for permessage-deflate (RFC 7692 7.1). */
export interface Deflate {
  readonly serverNoContextTakeover: boolean
  readonly clientNoContextTakeover: boolean
  /** 8 to 15 */
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
}

/** A number of bits as RFC 7692 7.1.2 wants it: 8 to 15, without leading zeros. */
export const isWindowBits = (value: string | true | undefined): value is string =>
  typeof value === 'string' && /^(?:[89]|1[0-5])$/.test(value)

/** The agreement that an answer states; undefined when it names no permessage-deflate. */
export function deflateOf(answered: readonly Extension[]): Deflate | undefined {
  const chosen = answered.find(({ name }) => name.toLowerCase() === 'permessage-deflate')
  if (!chosen) return undefined
  const value = (name: string): string | true | undefined => chosen.parameters.find(([one]) => one === name)?.[1]
  const bits = (name: string): number => (isWindowBits(value(name)) ? Number(value(name)) : 15)
  return {
    serverNoContextTakeover: value('server_no_context_takeover') !== undefined,
    clientNoContextTakeover: value('client_no_context_takeover') !== undefined,
    serverMaxWindowBits: bits('server_max_window_bits'),
    clientMaxWindowBits: bits('client_max_window_bits'),
  }
}
