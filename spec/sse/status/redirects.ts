/** Redirects as Fetch follows them. https://fetch.spec.whatwg.org/#http-redirect-fetch */
import { bare, onLink, swap } from '../../bytes.ts'
import type { Link, Rule } from '../../model.ts'
import { forEvery, quote, type Answer, type Exchange } from '../exchange.ts'

/** Fetch: a network error when the redirect count is 20 already */
const mostRedirects = 20
/** Fetch: "redirect status"; the others of 3xx are final answers */
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export const redirectUsable: Rule<Exchange> = {
  id: 'sse/status/redirect-usable',
  level: 'interop',
  clause: 'https://fetch.spec.whatwg.org/#http-redirect-fetch',
  says: 'a redirect is a 301, 302, 303, 307 or 308 with an http(s) Location, and 20 of them at most lead to the stream',
  harm: 'a client takes the redirect for a failure, or follows it to a login page: it never opens',
  fix: 'answer with the stream itself, or with 307 and its URL; a missing login is a 401, not a redirect to a page',
  check: (exchange) => [
    ...forEvery(exchange.answers.filter(isRedirect), 'a redirect that a client can follow', (one) => {
      const fault = redirectFault(one)
      return { where: one.fieldPlace('location'), ok: fault === undefined, actual: fault ?? 'that' }
    }),
    ...forEvery(redirectChains(exchange), 'the stream after 20 redirects at most', ({ hops, last, final }) => {
      const page = final?.mimeType?.essence === 'text/html' && final.status < 300
      const actual = hops.length > mostRedirects ? `${hops.length} redirects` : page ? 'an HTML page' : undefined
      return { where: (final ?? last).where, ok: actual === undefined, actual: actual ?? 'that' }
    }),
  ],
  mutants: {
    'another scheme': { edit: onLink('base/hop', swap('/stream?v=2', 'ftp://target.test/stream')) },
    'a status that is not followed': { edit: onLink('base/hop', swap('307 Temporary Redirect', '300 Choices')) },
    'a login page': {
      edit: onLink('base', swap('text/event-stream', 'text/html')),
      alsoBreaks: ['sse/headers/content-type'],
    },
    'no end of it': {
      edit: (transcript) => ({ ...transcript, links: [...hopLinks(mostRedirects + 1), ...transcript.links] }),
    },
  },
}

const hopLinks = (count: number): Link[] => Array.from({ length: count }, (_, n) =>
  ({ ...bare('base/hop', {}, '302 Found', `Location: /${n}`, 'Content-Length: 0'), id: `hop-${n}` }))

/** A 3xx that leads on. 304 answers a condition, and without Location there is nowhere to go. */
export const isRedirect = (one: Answer): boolean =>
  one.status >= 300 && one.status < 400 && one.status !== 304 && one.values('location').length > 0

/** Why a client cannot follow a redirect. */
function redirectFault(one: Answer): string | undefined {
  const [location = '', ...more] = one.values('location')
  if (!redirectStatuses.has(one.status)) return `status ${one.status}, which is not followed`
  if (more.length > 0) return `${more.length + 1} Location fields`
  const { url } = one.link.request
  if (!URL.canParse(location, url)) return `Location ${quote(location)}, which is no URL`
  const { protocol } = new URL(location, url)
  return protocol === 'http:' || protocol === 'https:' ? undefined : `a Location with the scheme ${quote(protocol)}`
}

interface Chain {
  readonly hops: readonly Answer[]
  readonly last: Answer
  readonly final: Answer | undefined
}

/** The redirects on the way to each link that had any, and what stood at the end of them. */
function redirectChains({ answers }: Exchange): Chain[] {
  const roleOf = ({ link }: Answer): string => link.role.replace(/\/hop$/, '')
  const lastHops = new Map(answers.filter(isRedirect).map((one) => [roleOf(one), one]))
  return [...lastHops].map(([role, last]) => ({
    hops: answers.filter((one) => isRedirect(one) && roleOf(one) === role),
    last,
    final: answers.find((one) => one.link.role === role && !isRedirect(one)),
  }))
}

