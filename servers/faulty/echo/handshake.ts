/** What a right server does with an opening handshake: https://www.rfc-editor.org/rfc/rfc6455#section-4.2 */
import { acceptOf, isExtensionList, isSubprotocolList, subprotocols } from '../../../spec/ws/upgrade.ts'

/** A request as it came. */
export interface Request {
  readonly method: string
  /** as in the request line */
  readonly target: string
  /** `HTTP/1.1` */
  readonly version: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** An answer that is not 101. */
export interface Refusal {
  readonly status: string
  readonly fields?: readonly string[]
}

/** Values of a request field, line by line. */
export const valuesOf = ({ headers }: Request, name: string): string[] =>
  headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value)

/** The members of a comma-separated field, in lower case. */
export const listOf = (request: Request, name: string): string[] =>
  valuesOf(request, name).flatMap((value) => value.split(',')).map((item) => item.trim().toLowerCase())

const bad: Refusal = { status: '400 Bad Request' }
const upgradeRequired = ['Upgrade: websocket', 'Connection: Upgrade']

/** Why a handshake is not taken; undefined when it is. */
export function refusal(request: Request): Refusal | undefined {
  const all = (name: string): string | undefined => {
    const lines = valuesOf(request, name)
    return lines.length === 0 ? undefined : lines.join(', ')
  }
  if (valuesOf(request, 'host').length !== 1) return bad
  if (request.version !== 'HTTP/1.1') return { status: '505 HTTP Version Not Supported' }
  if (pathOf(request) !== '/') return { status: '404 Not Found' }
  if (request.method !== 'GET') return { status: '405 Method Not Allowed', fields: ['Allow: GET'] }
  if (!listOf(request, 'upgrade').includes('websocket') || !listOf(request, 'connection').includes('upgrade')) {
    return { status: '426 Upgrade Required', fields: upgradeRequired }
  }
  if (valuesOf(request, 'content-length').length > 0) return bad
  if (all('sec-websocket-version') !== '13') {
    return { status: '426 Upgrade Required', fields: ['Sec-WebSocket-Version: 13', ...upgradeRequired] }
  }
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(all('sec-websocket-key') ?? '')) return bad
  const offered = all('sec-websocket-protocol')
  const extensions = all('sec-websocket-extensions')
  if (offered !== undefined && !isSubprotocolList(offered)) return bad
  return extensions !== undefined && !isExtensionList(extensions) ? bad : undefined
}

/** The path that a request target names, in origin form or in absolute form (RFC 9112 3.2). */
const pathOf = ({ target }: Request): string | undefined => URL.parse(target, 'http://target.test')?.pathname

/** The field lines of the 101: the digest of the key, and the first of the subprotocols that were offered. */
export function acceptance(request: Request): string[] {
  const [subprotocol] = subprotocols(valuesOf(request, 'sec-websocket-protocol').join(', '))
  return [
    'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(valuesOf(request, 'sec-websocket-key')[0] ?? '')}`,
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
  ]
}
