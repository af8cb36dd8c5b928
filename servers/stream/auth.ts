/** Bearer tokens (RFC 6750): in the Authorization field, or in the query for EventSource, which cannot set fields. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { problem } from './answer.ts'
import type { Request, Whole } from './answer.ts'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The 401 for a request that does not carry `token`; undefined when it does, or when no token is needed. */
export function unauthorized(request: Request, token: string | undefined): Whole | undefined {
  if (token === undefined) return undefined
  const given = /^bearer +(\S+) *$/i.exec(request.header('authorization') ?? '')?.[1]
    ?? new URLSearchParams(request.query).get('token')
  // Digests have one length, and comparing them takes the same time wherever they differ.
  if (given !== null && timingSafeEqual(digest(given), digest(token))) return undefined
  const challenge = given === null ? 'Bearer realm="streamproof"' : 'Bearer realm="streamproof", error="invalid_token"'
  return problem(401, 'a bearer token is needed', { 'WWW-Authenticate': challenge })
}
