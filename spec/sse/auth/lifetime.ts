/**
 * What valid credentials open, and for how long.
 * https://www.rfc-editor.org/rfc/rfc6750#section-2
 */
import { bare, instead, live, onBody, onLink, opened, sent, swap } from '../../bytes.ts'
import { tokenGraceMs } from '../../contract/contract.ts'
import { httpDate, listItems } from '../../fields.ts'
import type { Note, Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { event } from './example.ts'
import { isAnswered, isProtected, isTurnedAway, openedOr } from './refusals.ts'
import { isIssue, issued, queryCredentials, tokenOf } from './tokens.ts'

const turnedAway = bare('', {}, '401 Unauthorized', 'WWW-Authenticate: Bearer', 'Content-Length: 0')
const bearerTokens = 'https://www.rfc-editor.org/rfc/rfc6750'

/** Why nothing was seen of tokens: the target issued none, or a recording hides which is which. */
export const withoutTokens: NonNullable<Rule<Exchange>['inconclusive']> = ({ exchanges }) => {
  const asked = exchanges.filter(({ acts }) => acts.some(isIssue))
  const acts = asked.flatMap((exchange) => exchange.acts.filter(isIssue))
  const refusal = acts.find(({ status }) => status < 200 || status > 299)
  if (refusal) return { why: 'refused', note: `the target issued no token: status ${refusal.status}` }
  if (acts.some(({ body }) => /"token":"\*+"/.test(body))) {
    return { why: 'inconclusive', note: 'the recording hides the tokens, and so which of them is which' }
  }
  return asked.some((exchange) => issued(exchange).length === 0)
    ? { why: 'refused', note: 'the target issued no token of its own that a header field can carry' } : undefined
}

const bearerHeader: Rule<Exchange> = {
  id: 'sse/auth/bearer-header',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-2.1`,
  says: 'a token in the Authorization field opens the stream, each time it is sent',
  harm: 'fetch-based clients, mobile apps and servers send the field; they are kept out where only a cookie or the ' +
    'URL counts',
  fix: 'read Authorization: Bearer first, then what you offer for EventSource: req.get("authorization"), ' +
    'HTTPBearer() in FastAPI',
  needs: ['head', 'request'],
  applies: ({ kind, declares: { auth } }) => (kind === 'driven' && auth && !auth.includes('bearer')
    ? 'the target does not declare that it takes a token from the Authorization field' : undefined),
  inconclusive: withoutTokens,
  check: (exchange) => forEvery(
    [...withRole(exchange, 'bearer'), ...withRole(exchange, 'authorized').filter((one) => isComparable(one, exchange))]
      .filter(isAnswered),
    'an event stream',
    (one) => ({ where: one.where, ok: one.isEventStream, actual: openedOr(one) }),
  ),
  mutants: {
    'only the URL counts': { edit: instead('bearer', turnedAway), fault: 'bearerIgnored' },
    'it counts once': { edit: instead('authorized', turnedAway) },
  },
}

/** Bearer credentials that matter: without them the target turns clients away, and with them it may do so. */
const isComparable = (one: Answer, exchange: Exchange): boolean =>
  isProtected(exchange) && (one.isEventStream || isTurnedAway(one))
  && one.link.request.headers.some(([name, value]) => /^authorization$/i.test(name) && /^bearer /i.test(value))

const queryToken: Rule<Exchange> = {
  id: 'sse/auth/query-token',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-2.3`,
  says: 'a token in the query opens the stream, and that answer is not for shared caches: no-store or private',
  harm: 'EventSource cannot set header fields; and a cache that keeps the answer gives it to whoever has the URL, also ' +
    'after the token is over',
  fix: 'for EventSource take a token from the query, short-lived and for this stream alone, and send Cache-Control: ' +
    'no-store with the answer',
  needs: ['head', 'request'],
  applies: ({ kind, declares: { auth }, exchanges }) => {
    if (kind === 'driven') {
      return auth?.some((way) => way.startsWith('query:')) ? undefined
        : 'the target does not declare that it takes a token from the query'
    }
    return exchanges.some((exchange) => exchange.answers.some((one) => queryCredentials(exchange, one).length > 0))
      ? undefined : 'there is no token in the query'
  },
  inconclusive: withoutTokens,
  check: (exchange) => forEvery(
    [
      ...withRole(exchange, 'query-token').filter(isAnswered),
      ...withRole(exchange, 'base').filter((one) => one.isEventStream && queryCredentials(exchange, one).length > 0),
    ],
    'an event stream with Cache-Control: no-store or private',
    (one) => {
      const control = one.values('cache-control')
      const kept = listItems(control.join(', ')).every((directive) => !/^(?:no-store|private)$/i.test(directive))
      const cached = control.length === 0 ? 'no Cache-Control' : `Cache-Control: ${quote(control.join(', '))}`
      return {
        where: one.isEventStream ? one.fieldPlace('cache-control') : one.where,
        ok: one.isEventStream && !kept,
        actual: one.isEventStream ? cached : openedOr(one),
      }
    },
  ),
  mutants: {
    'for any cache': {
      edit: onLink('query-token', swap('no-store, no-transform', 'no-cache, no-transform')), fault: 'queryTokenCacheable',
    },
    'private for one field alone': {
      edit: onLink('query-token', swap('no-store, no-transform', 'no-cache, private="set-cookie", no-transform')),
    },
    'kept out': { edit: instead('query-token', turnedAway) },
  },
}

const onReconnect: Rule<Exchange> = {
  id: 'sse/auth/on-reconnect',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-3.1`,
  says: 'who comes back with a token that has expired or was revoked meanwhile is turned away',
  harm: 'whoever has been logged out reads on: EventSource comes back with the same URL for ever',
  fix: 'check the token in the same place for the first connection and for one with Last-Event-ID, and look it up ' +
    'each time',
  needs: ['head', 'request', 'times'],
  inconclusive: withoutTokens,
  check: (exchange) => forEvery(
    withRole(exchange, 'reconnect').filter((one) => isAnswered(one) && isLate(one, exchange)),
    'status 401, 403 or 404',
    (one) => ({ where: one.where, ok: isTurnedAway(one), actual: openedOr(one) }),
  ),
  mutants: {
    'the way back is not guarded': { edit: instead('back', opened('back')), fault: 'resumeUnguarded' },
    'an expired token is as good as new': { edit: instead('late', opened('late')) },
  },
}

/** A token that opened the stream before is over: revoked, or expired so long ago that no clock can doubt it. */
function isLate(one: Answer, exchange: Exchange): boolean {
  const token = tokenOf(exchange, one)
  if (!token) return false
  const over = token.overAt + (token.revoked ? 0 : tokenGraceMs)
  return one.link.openedAt >= over && exchange.answers.some((before) =>
    before.isEventStream && before.link.openedAt < token.overAt && tokenOf(exchange, before)?.token === token.token)
}

const expiryMidStream: Rule<Exchange> = {
  id: 'sse/auth/expiry-mid-stream',
  level: 'advice',
  promisedBy: 'tokens',
  clause: `${bearerTokens}#section-5.3`,
  says: 'a stream ends when the token that opened it expires or is revoked',
  harm: 'a stream lives for days: whoever was logged out reads on until the connection breaks by chance',
  fix: 'set a timer for the end of the token when the stream opens, and keep the open streams of a token to end them ' +
    'when it is revoked; the client comes back and gets 401',
  needs: ['end', 'request', 'times'],
  inconclusive: withoutTokens,
  check: (exchange) => withRole(exchange, 'secure').flatMap((one) => {
    const token = one.isEventStream ? tokenOf(exchange, one) : undefined
    const { ended, openedAt } = one.link
    if (!token || openedAt >= token.overAt) return []
    const late = token.overAt + tokenGraceMs
    const endedAt = one.message.body?.complete ? one.message.body.completeAt
      : ended.by === 'target' ? ended.at : undefined
    if (endedAt === undefined && ended.at < late) return []
    const why = token.revoked ? 'was revoked' : 'expired'
    return [{
      where: { link: one.link.id, at: endedAt ?? ended.at },
      ok: endedAt !== undefined && endedAt <= late,
      expected: `the end of the stream within ${tokenGraceMs} ms after its token ${why}`,
      actual: endedAt === undefined ? 'open after that time' : endedAt <= late ? 'that' : 'an end after that time',
    }]
  }),
  mutants: {
    'read on with a token that has expired': {
      edit: instead('visitor', live('', sent(102, ': open\n\n'), sent(4500, event(9)))), fault: 'expiryUnnoticed',
    },
    'read on with a token that was revoked': { edit: onBody('reader', (chunks) => chunks.map(({ at, bytes }, i) =>
      ({ at: i === chunks.length - 1 ? at + 3000 : at, bytes }))) },
  },
}

/** ms; what EventSource needs to open a stream is less by far */
const longMs = 3_600_000

const longQueryToken: Note<Exchange> = {
  id: 'sse/auth/query-token-lifetime',
  clause: `${bearerTokens}#section-5.3`,
  says: 'a token in the URL ends up in logs and histories, and is best over within minutes',
  record: (exchange) => exchange.answers.filter(({ isEventStream }) => isEventStream).flatMap((one) => {
    const now = httpDate(one.values('date')[0] ?? '')
    return queryCredentials(exchange, one).flatMap((token) => {
      const claims = claimsOf(token)
      if (!claims) return []
      if (typeof claims.exp !== 'number') return ['the token in the query is a JWT that never expires']
      return now !== undefined && claims.exp * 1000 - now > longMs
        ? ['the token in the query is a JWT that is valid for more than an hour'] : []
    })
  }),
}

/** The claims of a JWT (RFC 7519); undefined when it is none. */
function claimsOf(token: string): { readonly exp?: unknown } | undefined {
  const [, claims, signature] = token.split('.')
  if (claims === undefined || signature === undefined) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString())
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

export const notes: readonly Note<Exchange>[] = [longQueryToken]
export const lifetime: readonly Rule<Exchange>[] = [bearerHeader, queryToken, onReconnect, expiryMidStream]
