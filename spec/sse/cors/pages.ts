/** Who asked, and what the answer allows. https://fetch.spec.whatwg.org/#http-cors-protocol */
import { field } from '../../http.ts'
import type { Finding, Scene } from '../../model.ts'
import { quote, withRole, type Answer, type Exchange } from '../exchange.ts'

export const fetchStandard = 'https://fetch.spec.whatwg.org'

const allowOrigin = 'Access-Control-Allow-Origin'
const allowCredentials = 'Access-Control-Allow-Credentials'

/** Roles of pages that are not meant to be let in; a `visitor` is one that the kit made up, for want of a better. */
const uninvited: ReadonlySet<string> = new Set(['foreign-page', 'null-page', 'visitor'])

/** Roles of requests that no page sends: what an HTTP parser turns away by itself carries no CORS fields. */
const notOfPages: ReadonlySet<string> = new Set(['no-host', 'two-hosts', 'conditional', 'hostile-id'])

/** A field of the request; undefined when it had none. */
export const asked = ({ link }: Answer, name: string): string | undefined =>
  link.request.headers.find(([given]) => given.toLowerCase() === name)?.[1]

/** The origin of the page that asked; undefined when none did, or one of the target's own origin. */
export function askedFrom(one: Answer): string | undefined {
  const origin = asked(one, 'origin')
  return origin === new URL(one.link.request.url).origin ? undefined : origin
}

/** Fetch, CORS-preflight fetch */
export const isPreflight = (one: Answer): boolean =>
  one.link.request.method === 'OPTIONS' && asked(one, 'access-control-request-method') !== undefined

/** What pages were answered that are to be let in: that of `--origin`, or one that the target itself names. */
export function toPages(exchange: Exchange): Answer[] {
  return exchange.answers.filter((one) => {
    const { role, request: { method, version } } = one.link
    const ordinary = (method === 'GET' || method === 'POST') && version === '1.1' && !notOfPages.has(role)
    return one.status > 0 && ordinary && !uninvited.has(role) && askedFrom(one) !== undefined
  })
}

/** What preflights were answered; 429 and 503 say nothing about them. */
export function toPreflights(exchange: Exchange): Answer[] {
  return exchange.answers.filter((one) => isPreflight(one) && one.status !== 429 && one.status !== 503)
}

/** What a page was answered that nobody knows to be let in. */
export const toVisitors = (exchange: Exchange): Answer[] => withRole(exchange, 'visitor')

/** Fetch, "get": all lines of a field as one value. */
const got = (one: Answer, name: string): string | undefined => (one.head ? field(one.head, name) : undefined)

export const allowedOrigin = (one: Answer): string | undefined => got(one, allowOrigin)
export const allowedCredentials = (one: Answer): string | undefined => got(one, allowCredentials)

/** Why an answer fails the CORS check of a request without credentials; undefined when it passes. */
export function corsFault(one: Answer): string | undefined {
  const value = allowedOrigin(one)
  if (value === undefined) return `no ${allowOrigin}`
  if (value === '*' || value === askedFrom(one)) return undefined
  const lines = one.values(allowOrigin).length
  return lines > 1 ? `${lines} fields ${allowOrigin}, together ${quote(value)}` : `${allowOrigin}: ${quote(value)}`
}

/** Why it fails that of a request with credentials, where the other passes. */
export function credentialsFault(one: Answer): string | undefined {
  const value = allowedCredentials(one)
  if (allowedOrigin(one) === '*') return `${allowOrigin}: *`
  if (value === undefined) return `no ${allowCredentials}`
  return value === 'true' ? undefined : `${allowCredentials}: ${quote(value)}`
}

/** What a look at a field found: `fault` says what is wrong, undefined that nothing is. */
export const about = (one: Answer, name: string, fault: string | undefined): Omit<Finding, 'expected'> =>
  ({ where: one.fieldPlace(name), ok: fault === undefined, actual: fault ?? 'that' })

/** Whether pages send credentials to it: they were given with a cookie, are declared, or an answer speaks of them. */
export function isCredentialed(one: Answer, exchange: Exchange): boolean {
  return exchange.declares.credentials === true || asked(one, 'cookie') !== undefined ||
    [one, ...toPages(exchange)].some((answer) => (allowedCredentials(answer)?.toLowerCase() ?? 'false') !== 'false')
}

const isCorsField = ({ name }: { readonly name: string }): boolean => /^access-control-/i.test(name)

/** Why CORS is none of this target's business. */
export function sameOriginOnly({ declares, exchanges }: Scene<Exchange>): string | undefined {
  const spoken = (declares.origins ?? []).length > 0 || exchanges.some(({ answers }) =>
    answers.some((one) => askedFrom(one) !== undefined || one.head?.fields.some(isCorsField)))
  return spoken ? undefined : 'no answer has a CORS field; --origin ORIGIN says that a page of that origin reads it'
}
