/** Tokens that a driver has issued (contract: tokens), as the acts of a transcript tell of them. */
import type { Act } from '../model.ts'
import { tokenText, type TokenRequest } from './contract.ts'

/** A token, and the time for which it was valid. */
export interface Issued {
  readonly token: string
  readonly user: string
  /** ms; until then it is surely valid */
  readonly validUntil: number
  /** ms; from then on it is surely over: expired, or its revocation answered */
  readonly overAt: number
  readonly revoked: boolean
  /** for one use */
  readonly once: boolean
}

/** The kit asked for a token. */
export const isIssue = ({ kind, request }: Act): boolean => kind === 'token' && request.method === 'POST'

/** The token that an act obtained; undefined when it did something else, or got none that a header field can carry. */
export function tokenIn(act: Act): string | undefined {
  const { status, body } = act
  if (!isIssue(act) || status < 200 || status > 299) return undefined
  try {
    const { token } = JSON.parse(body) as { readonly token?: unknown }
    return typeof token === 'string' && tokenText.test(token) ? token : undefined
  } catch {
    return undefined
  }
}

/** The tokens of these acts. Those that cannot be told apart are left out: nothing can be said about either. */
export function issuedBy(acts: readonly Act[]): Issued[] {
  const all = acts.flatMap((act): Issued[] => {
    const token = tokenIn(act)
    if (token === undefined) return []
    const { ttlMs, user, once } = JSON.parse(String(act.request.body)) as TokenRequest
    const revocation = acts.find((one) => isRevocation(one, token))
    const overAt = Math.min(act.doneAt + ttlMs, revocation?.doneAt ?? Infinity)
    const validUntil = Math.min(act.at + ttlMs, revocation?.at ?? Infinity)
    return [{ token, user, validUntil, overAt, revoked: revocation !== undefined, once: once === true }]
  })
  return all.filter(({ token }) => all.filter((one) => one.token === token).length === 1)
}

const isRevocation = ({ kind, request, status }: Act, token: string): boolean =>
  kind === 'token' && request.method === 'DELETE' && status >= 200 && status < 300
  && request.url.endsWith(`/${encodeURIComponent(token)}`)

/** What stands in a value of the Authorization field, without the scheme. */
export const withoutScheme = (value: string): string => value.trim().replace(/^[!#$%&'*+.^`|~\w-]+ +/, '')

/** Whether a query field of that name holds credentials. Whole names: `pageToken` is a cursor, `key` may be anything. */
export const isCredential = (name: string): boolean =>
  /^(?:(?:access|auth|api|id|session|user|bearer|sse|ws|socket|stream)[-_]?)?token$|^(?:api|access|auth)[-_]?key$|^(?:auth|authorization|bearer|jwt|ticket|secret|password)$/i.test(name)
