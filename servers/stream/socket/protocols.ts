/**
 * Subprotocols. A page cannot set fields of an opening handshake, so it may hand over its token as one of them; the
 * answer then names the other, or the token would stand in it.
 */
import type { Request } from '../answer.ts'
import { offeredProtocols } from './handshake.ts'

const v1 = 'streamproof.v1'
const tokenPrefix = 'streamproof.token.'

/** The token among the subprotocols, which is there in base64url as not every token is one of HTTP. */
export function protocolToken(request: Request): string | undefined {
  const carrier = offeredProtocols(request).find((one) => one.startsWith(tokenPrefix))
  return carrier && Buffer.from(carrier.slice(tokenPrefix.length), 'base64url').toString()
}

/** The subprotocol of the 101: none where the client offers none that is spoken here. */
export const protocolOf = (request: Request): { readonly protocol?: string } =>
  (offeredProtocols(request).includes(v1) ? { protocol: v1 } : {})
