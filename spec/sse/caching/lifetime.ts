/** What a cache may do with an answer. https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1 */
import { httpDate, listItems } from '../../fields.ts'
import type { Answer } from '../exchange.ts'

/** The directives of Cache-Control by their lower-case names; of repeated ones the first counts. RFC 9111 5.2 */
export function directives(one: Answer): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const item of listItems(one.values('cache-control').join(', '))) {
    const [, name = item, value] = /^([^=]+?)\s*=\s*"?(.*?)"?$/s.exec(item) ?? []
    if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value)
  }
  return found
}

/** `no-cache="Set-Cookie"` is about that field alone. */
const has = (found: ReadonlyMap<string, string | undefined>, name: string): boolean =>
  found.has(name) && found.get(name) === undefined

/** s for which an answer says it is fresh, in shared caches and in others; undefined where it does not say. */
export interface Lifetime {
  readonly shared: number | undefined
  readonly own: number | undefined
}

export function lifetime(one: Answer): Lifetime {
  const found = directives(one)
  const own = seconds(found.get('max-age')) ?? expiresIn(one)
  return { own, shared: has(found, 'private') ? 0 : seconds(found.get('s-maxage')) ?? own }
}

const seconds = (value: string | undefined): number | undefined =>
  (value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined)

/** s from Date to Expires; what is no date has expired (RFC 9111 5.3), and without a Date nobody knows. */
export function expiresIn(one: Answer): number | undefined {
  const [expires] = one.values('expires')
  const [date = ''] = one.values('date')
  if (expires === undefined) return undefined
  const until = httpDate(expires)
  const now = httpDate(date)
  if (until === undefined) return 0
  return now === undefined ? undefined : Math.max(0, (until - now) / 1000)
}

/** The answer says itself that it is not to be used again unasked. */
export function forbidsReuse(one: Answer): boolean {
  const found = directives(one)
  if (has(found, 'no-store') || has(found, 'no-cache') || one.values('vary').includes('*')) return true
  const { own, shared } = lifetime(one)
  return own === 0 && shared === 0 && !found.has('stale-while-revalidate') && !found.has('stale-if-error')
}
