/** Whose credentials an opening handshake carries: those of the command line, none, wrong ones, or a token of the target. */
import { isCredential } from '../../spec/contract/tokens.ts'
import type { Declares, SentRequest } from '../../spec/model.ts'
import type { Handshake } from '../../suites/ws/stimulus.ts'

type Forgery = NonNullable<Handshake['forged']>

/**
 * The ordinary request with the credentials that are asked for.
 *
 * @param token the one that `asked.token` means, where there is one
 * @returns undefined where that token is missing, or the target takes none from the query
 */
export function credentialed(ordinary: SentRequest, asked: Handshake, token: string | undefined, declares: Declares): SentRequest | undefined {
  if (asked.token) return token === undefined ? undefined : withToken(without(ordinary), token, asked.token.by, declares)
  if (asked.anonymous) return without(ordinary)
  return asked.forged ? rewritten(ordinary, asked.forged) : ordinary
}

const isField = (name: string): boolean => /^(?:authorization|cookie)$/i.test(name)

/** The request carries credentials: in a field, or in its query. */
export const isCredentialed = ({ headers, url }: SentRequest): boolean =>
  headers.some(([name]) => isField(name)) || [...new URL(url).searchParams.keys()].some(isCredential)

function without(ordinary: SentRequest): SentRequest {
  const url = new URL(ordinary.url)
  for (const name of [...url.searchParams.keys()].filter(isCredential)) url.searchParams.delete(name)
  return { ...ordinary, url: url.href, headers: ordinary.headers.filter(([name]) => !isField(name)) }
}

function withToken(ordinary: SentRequest, token: string, by: 'header' | 'query' | 'subprotocol', { auth }: Declares): SentRequest | undefined {
  const field = (name: string, value: string): SentRequest => ({ ...ordinary, headers: [...ordinary.headers, [name, value]] })
  if (by === 'header') return field('Authorization', `Bearer ${token}`)
  if (by === 'subprotocol') return field('Sec-WebSocket-Protocol', `streamproof.token.${Buffer.from(token).toString('base64url')}, streamproof.v1`)
  const name = auth?.find((way) => way.startsWith('query:'))?.slice('query:'.length)
  if (name === undefined) return undefined
  const url = new URL(ordinary.url)
  url.searchParams.append(name, token)
  return { ...ordinary, url: url.href }
}

function rewritten(ordinary: SentRequest, how: Forgery): SentRequest {
  const url = new URL(ordinary.url)
  for (const name of new Set(url.searchParams.keys())) {
    if (isCredential(name)) url.searchParams.set(name, forgery(url.searchParams.get(name) ?? '', how))
  }
  return { ...ordinary, url: url.href, headers: ordinary.headers.map(([name, value]) => [name, isField(name) ? forgedField(name, value, how) : value]) }
}

/** Wrong credentials of the same scheme, and cookies of the same names. */
function forgedField(name: string, value: string, how: Forgery): string {
  if (/^cookie$/i.test(name)) return value.replace(/=[^;]*/g, (pair) => `=${forgery(pair.slice(1), how)}`)
  const scheme = /^[!#$%&'*+.^`|~\w-]+ +(?=\S)/.exec(value)?.[0] ?? ''
  const given = value.slice(scheme.length)
  if (!/^basic /i.test(scheme)) return scheme + forgery(given, how)
  return scheme + Buffer.from(forgery(Buffer.from(given, 'base64').toString(), how)).toString('base64')
}

/** Another text; of the right one `cut` leaves the first three quarters, `altered` all but one character. */
function forgery(right: string, how: Forgery): string {
  if (how === 'foreign') return 'streamproof-wrong-credentials'
  if (how === 'cut') return right.slice(0, Math.floor(right.length * 0.75))
  // the last character of base64 may carry bits that count for nothing
  const at = Math.floor(right.length / 2)
  return right.slice(0, at) + (right[at] === 'A' ? 'B' : 'A') + right.slice(at + 1)
}

/** What gives a secret away without being it, to be hidden as well. */
export const forgeries = (secret: string): string[] => (['cut', 'altered'] as const).map((how) => forgery(secret, how))
