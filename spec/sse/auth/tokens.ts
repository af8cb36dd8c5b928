/**
 * Tokens that a driver has issued (contract: tokens), from the acts of an exchange, and the credentials that requests
 * carry.
 */
import { tokenText, type TokenRequest } from '../../contract/contract.ts'
import type { Act } from '../../model.ts'
import type { Answer, Exchange } from '../exchange.ts'

/** A token, and the time for which it was valid. */
export interface Issued {
  readonly token: string
  readonly user: string
  /** ms; from then on it is surely over: expired, or its revocation answered */
  readonly overAt: number
  readonly revoked: boolean
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

/** The tokens of an exchange. Those that cannot be told apart are left out: nothing can be said about either. */
export function issued({ acts }: Exchange): Issued[] {
  const all = acts.flatMap((act): Issued[] => {
    const token = tokenIn(act)
    if (token === undefined) return []
    const { ttlMs, user } = JSON.parse(String(act.request.body)) as TokenRequest
    const revocation = acts.find((one) => isRevocation(one, token))
    const overAt = Math.min(act.doneAt + ttlMs, revocation?.doneAt ?? Infinity)
    return [{ token, user, overAt, revoked: revocation !== undefined }]
  })
  return all.filter(({ token }) => all.filter((one) => one.token === token).length === 1)
}

const isRevocation = ({ kind, request, status }: Act, token: string): boolean =>
  kind === 'token' && request.method === 'DELETE' && status >= 200 && status < 300
  && request.url.endsWith(`/${encodeURIComponent(token)}`)

/** The issued token that a request carries. */
export function tokenOf(exchange: Exchange, answer: Answer): Issued | undefined {
  const { searchParams } = new URL(answer.link.request.url)
  const carried = new Set([...searchParams.values(), ...headerCredentials(answer)])
  return issued(exchange).find(({ token }) => carried.has(token))
}

/** What stands in the Authorization field, without the scheme. */
export function headerCredentials({ link }: Answer): string[] {
  return link.request.headers
    .filter(([name]) => name.toLowerCase() === 'authorization')
    .map(([, value]) => value.trim().replace(/^[!#$%&'*+.^`|~\w-]+ +/, ''))
}

// Whole names: `pageToken` is a cursor, `key` may be anything.
const credentialName =
  /^(?:(?:access|auth|api|id|session|user|bearer|sse|stream)[-_]?)?token$|^(?:api|access|auth)[-_]?key$|^(?:auth|authorization|bearer|jwt|ticket|secret|password)$/i

/** The credentials in the query of a request: by the names that such fields have, or because the target declares them. */
export function queryCredentials({ declares }: Exchange, { link }: Answer): string[] {
  return [...new URL(link.request.url).searchParams]
    .filter(([name, value]) => value !== '' && (credentialName.test(name) || declares.auth?.includes(`query:${name}`)))
    .map(([, value]) => value)
}
