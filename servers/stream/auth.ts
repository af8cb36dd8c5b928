/** Bearer tokens (RFC 6750): in the Authorization field, or in the query for EventSource, which cannot set fields. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { problem } from './answer.ts'
import type { Request, Whole } from './answer.ts'

/** A token as it is kept and compared: of one length, whatever was given. */
export const digest = (token: string): Buffer => createHash('sha256').update(token).digest()

/** The token that a request carries, the field first; undefined without one. */
export const bearerToken = (request: Request): string | undefined =>
  /^bearer +(\S+) *$/i.exec(request.header('authorization') ?? '')?.[1]
  ?? new URLSearchParams(request.query).get('token') ?? undefined

/** The 401 for a request whose token is not valid; `given` is that token. */
export function unauthorized(given: string | undefined): Whole {
  const error = given === undefined ? '' : ', error="invalid_token"'
  return problem(401, 'a bearer token is needed', { 'WWW-Authenticate': `Bearer realm="streamproof"${error}` })
}

/** The same unless the request carries `token`; undefined when it does, or when no token is needed. */
export function unlessTokened(request: Request, token: string | undefined): Whole | undefined {
  if (token === undefined) return undefined
  const given = bearerToken(request)
  // Digests have one length, and comparing them takes the same time wherever they differ.
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return undefined
  return unauthorized(given)
}
