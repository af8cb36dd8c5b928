/**
 * Whether a request is an opening handshake (RFC 6455 section 4.2.1). Libraries check less: `ws` upgrades HTTP/1.0, takes
 * `0xd` for 13 and reads the body of a GET as frames, so this is asked before them.
 */
import { problem } from '../answer.ts'
import type { Fields, Request, Whole } from '../answer.ts'

/** The members of a field that is a list, in lower case. */
const members = (request: Request, name: string): string[] =>
  (request.header(name) ?? '').split(',').map((member) => member.trim().toLowerCase()).filter(Boolean)

/** The request asks for this protocol. HTTP/1.0 knows no Upgrade (RFC 9110 section 7.8). */
export const asksForSocket = (request: Request): boolean =>
  request.method === 'GET' && request.version === '1.1'
  && members(request, 'upgrade').includes('websocket') && members(request, 'connection').includes('upgrade')

// 426 has to name the protocol, and that field is listed in Connection (RFC 9110 sections 15.5.22 and 7.8).
const upgradeRequired = (detail: string, fields: Fields = {}): Whole =>
  problem(426, detail, { Upgrade: 'websocket', Connection: 'Upgrade, close', ...fields })

const token = "[!#$%&'*+.^_`|~\\w-]+"
const parameter = `[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|"(?:${token})"))?`
/** RFC 6455 section 9.1, with the empty members that lists may have (RFC 9110 section 5.6.1) */
const extensions = RegExp(`^(?:[ \\t]*(?:${token}(?:${parameter})*)?[ \\t]*(?:,|$))*$`)
const protocol = RegExp(`^${token}$`)

/** The answer to a request that is none; undefined for one that is. */
export function handshakeRefusal(request: Request): Whole | undefined {
  if (!asksForSocket(request)) return upgradeRequired('this is a WebSocket: ask with Connection: Upgrade and Upgrade: websocket')
  if (request.header('sec-websocket-version') !== '13') {
    return upgradeRequired('the version of the protocol is 13', { 'Sec-WebSocket-Version': '13' })
  }
  if (request.header('transfer-encoding') !== undefined || (request.header('content-length') ?? '0') !== '0') {
    return problem(400, 'an opening handshake has no body')
  }
  // 16 bytes in base64, and nothing else: two fields come as one with a comma.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(request.header('sec-websocket-key') ?? '')) {
    return problem(400, 'Sec-WebSocket-Key is 16 bytes in base64')
  }
  if (!extensions.test(request.header('sec-websocket-extensions') ?? '')) {
    return problem(400, 'Sec-WebSocket-Extensions is not a list of extensions')
  }
  const offered = offeredProtocols(request)
  if (!offered.every((one) => protocol.test(one)) || new Set(offered).size < offered.length) {
    return problem(400, 'Sec-WebSocket-Protocol is not a list of different tokens')
  }
  return undefined
}

/** The subprotocols that the client offers, in its order. They are compared as they are (RFC 6455 section 4.2.2). */
export function offeredProtocols(request: Request): string[] {
  const offered = request.header('sec-websocket-protocol')
  return offered === undefined ? [] : offered.split(',').map((one) => one.trim())
}

/** The offers of permessage-deflate that can be taken as they stand; `''` when none can (RFC 7692 section 7). */
export function deflateOffers(request: Request): string {
  const offers = (request.header('sec-websocket-extensions') ?? '').split(',').map((offer) => offer.trim())
  return offers.filter(isDeflateOffer).join(', ')
}

/** What each parameter of an offer may be; a client may give the size of its window, or leave that to the server. */
const parameters: Readonly<Record<string, RegExp>> = {
  server_no_context_takeover: /^$/,
  client_no_context_takeover: /^$/,
  server_max_window_bits: /^=(?:[89]|1[0-5])$/,
  client_max_window_bits: /^(?:=(?:[89]|1[0-5]))?$/,
}

/** An offer with a parameter that is unknown, out of range or there twice is declined, and the next one is looked at. */
function isDeflateOffer(offer: string): boolean {
  const [name, ...given] = offer.split(';').map((part) => part.replace(/[\s"]/g, ''))
  const names = given.map((one) => one.split('=')[0] ?? '')
  return name === 'permessage-deflate' && new Set(names).size === names.length
    && given.every((one, i) => parameters[names[i] ?? '']?.test(one.slice(names[i]?.length)) ?? false)
}
