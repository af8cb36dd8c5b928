/**
 * What is private stays with its owner: the events of a user, and the token itself.
 * https://www.rfc-editor.org/rfc/rfc6750#section-5
 */
import { live, onBody, onLink, instead, sent, swap } from '../../bytes.ts'
import type { Finding, Place, Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { history, unquoted } from '../history.ts'
import { event, lasting } from './example.ts'
import { withoutTokens } from './lifetime.ts'
import { headerCredentials, queryCredentials, tokenOf } from './tokens.ts'

const bearerTokens = 'https://www.rfc-editor.org/rfc/rfc6750'

const userScope: Rule<Exchange> = {
  id: 'sse/auth/user-scope',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-5.2`,
  says: 'with the token of one user nothing is read of another: neither live, nor what Last-Event-ID asks for',
  harm: 'every user of the service reads the streams of all others, and what was said in them before',
  fix: 'compare the user of the token with the owner of the stream before the head is sent, and look ids up among the ' +
    'events of that owner alone',
  needs: ['body', 'request'],
  inconclusive: withoutTokens,
  check: (exchange) => {
    const own = new Set(history(exchange).map(({ event: { data } }) => unquoted(data ?? '')))
    const isShown = withRole(exchange, 'secure').some((one) =>
      one.isEventStream && one.stream.events.some(({ data }) => own.has(unquoted(data))))
    if (!isShown) return []
    return forEvery(
      withRole(exchange, 'foreign').filter(({ status }) => status > 0),
      'no event of the other user',
      (one) => {
        const seen = one.stream.events.find(({ data }) => own.has(unquoted(data)))
        return {
          where: seen ? one.eventPlace(seen) : one.where, ok: seen === undefined,
          actual: seen ? quote(seen.data) : 'none',
        }
      },
    )
  },
  mutants: {
    'any token opens every stream': {
      edit: instead('foreign', live('', sent(322, ': open\n\n'), sent(335, event(2)))), fault: 'userIgnored',
    },
    'the history of another user by its id': {
      edit: onBody('foreign-id', swap(': open\n\n', `: open\n\n${event(2)}`)), fault: 'foreignChannelReplayed',
    },
  },
}

const noTokenLeak: Rule<Exchange> = {
  id: 'sse/auth/no-token-leak',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-5.3`,
  says: 'the token of a request stands nowhere in the answer: not in Location or another field, not in the body',
  harm: 'Location ends up in histories, logs and Referer, a body in caches and error trackers: whoever reads them has ' +
    'the token',
  fix: 'leave the query out of the URLs that you echo, redirect without it, and keep tokens out of error messages and ' +
    'comments: log a digest instead',
  needs: ['request'],
  inconclusive: withoutTokens,
  check: (exchange) => exchange.answers.flatMap((one): Finding[] => {
    const tokens = sentTokens(exchange, one)
    if (tokens.length === 0 || !one.head) return []
    const leak = inHead(one, tokens) ?? inBody(one, tokens)
    return [{
      where: leak?.where ?? one.where, ok: leak === undefined,
      expected: 'nothing of the token that was sent', actual: leak?.actual ?? 'nothing of it',
    }]
  }),
  mutants: {
    'in a comment': {
      edit: onBody('bearer', swap(': open', `: open for ${lasting}`)), fault: 'tokenEchoed',
    },
    'in an error message': {
      edit: onLink('late', swap('Content-Length: 0\r\n\r\n', 'Content-Length: 22\r\n\r\nbrief-4hTz8mB1vNc: over')),
    },
    'in a redirect': {
      edit: onLink('back', swap('401 Unauthorized', '302 Found\r\nLocation: /login?expired=revoked-9pLw3eR6uJf')),
      alsoBreaks: ['sse/auth/on-reconnect'],
    },
    'in a field': {
      edit: onLink('query-token', swap('X-Accel', `X-Self: /secure/ann?token=${lasting}\r\nX-Accel`)),
    },
  },
}

interface Leak { readonly where: Place; readonly actual: string }

/** Credentials that cannot be ordinary text by chance; those that are wrong on purpose are no secret. */
function sentTokens(exchange: Exchange, one: Answer): string[] {
  if (/wrong/.test(one.link.role)) return []
  const issued = tokenOf(exchange, one)
  const all = [...headerCredentials(one), ...queryCredentials(exchange, one), ...(issued ? [issued.token] : [])]
  return [...new Set(all)].filter((text) => text.length >= 8 && (/\d/.test(text) || text.length >= 20))
}

const formsOf = (token: string): string[] => [...new Set([token, encodeURIComponent(token.toWellFormed())])]

function inHead(one: Answer, tokens: readonly string[]): Leak | undefined {
  const { url } = one.link.request
  const field = one.head?.fields.find(({ name, value }) => {
    if (!tokens.some((token) => formsOf(token).some((form) => value.includes(form)))) return false
    if (/^set-cookie$/i.test(name)) return false
    return !(/^location$/i.test(name) && isForwarding(value, url, tokens))
  })
  if (!field || !one.head) return undefined
  const where = { ...one.where, byte: field.span.start, length: field.span.end - field.span.start }
  return { where, actual: `it stands in ${quote(field.name)}` }
}

/** A redirection on the same origin passes on the query that it came with: without the token it would lead nowhere. */
function isForwarding(location: string, url: string, tokens: readonly string[]): boolean {
  if (!URL.canParse(location, url)) return false
  const [from, to] = [new URL(url), new URL(location, url)]
  const inQuery = ({ searchParams }: URL): boolean => [...searchParams.values()].some((value) => tokens.includes(value))
  return from.origin === to.origin && inQuery(from) && inQuery(to)
}

function inBody(one: Answer, tokens: readonly string[]): Leak | undefined {
  const { body } = one.content
  if (!body) return undefined
  const bytes = Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.length)
  for (const form of tokens.flatMap(formsOf)) {
    const at = bytes.indexOf(form)
    if (at >= 0) return { where: one.place(at, at + Buffer.byteLength(form)), actual: 'it stands in the body' }
  }
  return undefined
}

export const boundaries: readonly Rule<Exchange>[] = [userScope, noTokenLeak]
