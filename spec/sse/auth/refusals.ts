/**
 * Who may not read is told so by the status, before the stream.
 * https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
import { finite, instead, onLink, opened, sent, swap } from '../../bytes.ts'
import { TOKEN } from '../../fields.ts'
import type { Rule, Scene } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'

const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

/** The kit, or what stands before the target, asked too often: that says nothing about credentials. */
export const isOverload = ({ status }: Answer): boolean => status === 429 || status === 503

/** 401 asks for credentials, 403 has seen enough of them, 404 hides that there is something (RFC 9110 15.5.4). */
export const isTurnedAway = ({ status }: Answer): boolean => status === 401 || status === 403 || status === 404

export const isAnswered = (one: Answer): boolean => one.status > 0 && !isOverload(one)

/** What a rule saw of an answer that is not the refusal it was to be. */
export const openedOr = (one: Answer): string =>
  (one.isEventStream ? 'an event stream' : `status ${one.status}`)

const challenge401: Rule<Exchange> = {
  id: 'sse/auth/401-challenge',
  level: 'must',
  clause: `${semantics}#section-11.6.1`,
  says: 'a 401 names in WWW-Authenticate at least one scheme by which to authenticate',
  harm: 'a client that could log in does not know how, and libraries that look for the challenge raise an error',
  fix: 'send WWW-Authenticate: Bearer with every 401; in FastAPI HTTPException(401, headers={"WWW-Authenticate": ' +
    '"Bearer"})',
  needs: ['head'],
  check: (exchange) => forEvery(
    exchange.answers.filter(({ status }) => status === 401),
    'WWW-Authenticate with a scheme',
    (one) => {
      const values = one.values('www-authenticate')
      return {
        where: one.fieldPlace('www-authenticate'),
        ok: values.some(hasScheme),
        actual: values.length === 0 ? 'no WWW-Authenticate' : values.map((value) => quote(value)).join(', '),
      }
    },
  ),
  mutants: {
    'no challenge': { edit: onLink('unauthorized', swap('WWW-Authenticate: Bearer realm="api"\r\n', '')) },
    'an empty one': { edit: onLink('unauthorized', swap(' Bearer realm="api"', '')) },
    'a realm without a scheme': { edit: onLink('unauthorized', swap('Bearer realm', 'realm')) },
    'none where a token is needed': {
      edit: onLink('secure-anonymous', swap('WWW-Authenticate: Bearer realm="api"\r\n', '')), fault: 'challengeMissing',
    },
  },
}

/** `challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`; the list may begin with empty members. */
const hasScheme = (value: string): boolean => TOKEN.test(/^[\s,]*([^\s,]*)(?:[ ,]|$)/.exec(value)?.[1] ?? '')

const secureRoles: ReadonlySet<string> = new Set(['secure-anonymous', 'secure-wrong'])

const status401: Rule<Exchange> = {
  id: 'sse/auth/401-status',
  level: 'should',
  promisedBy: 'secure',
  clause: `${semantics}#section-15.5.2`,
  says: 'missing and wrong credentials are answered with 401, 403 or 404, before any byte of a stream',
  harm: 'a login page or an event is read as the stream, and a 5xx looks like an outage: nobody asks the user to log in',
  fix: 'check credentials before the head is sent, and answer 401; keep login redirects for pages, off the API; turn ' +
    'what a token parser throws into 401',
  needs: ['head'],
  inconclusive: ({ exchanges }: Scene<Exchange>) =>
    (exchanges.some((exchange) => withRole(exchange, 'unauthorized').some(({ isEventStream }) => isEventStream))
      ? { why: 'inconclusive', note: 'the stream opens without credentials too' } : undefined),
  check: (exchange) => forEvery(
    exchange.answers.filter((one) => isAnswered(one) && isRefusable(one, exchange)),
    'status 401, 403 or 404',
    (one) => ({ where: one.where, ok: isTurnedAway(one), actual: openedOr(one) }),
  ),
  mutants: {
    'a login page': {
      edit: onLink('wrong-token', swap('401 Unauthorized', '302 Found\r\nLocation: /login')), fault: 'loginRedirect',
    },
    'an internal error': { edit: onLink('wrong-token', swap('401 Unauthorized', '500 Internal Server Error')) },
    'any token will do': { edit: instead('wrong-token', opened('wrong-token')) },
    'an error as an event': {
      edit: instead('secure-anonymous', finite('secure-anonymous', sent(5, 'data: {"error":"unauthorized"}\n\n'))),
      fault: 'unauthorizedAsEvent',
    },
  },
}

/** A public stream need not look at credentials; an error in a 200 is the business of status/errors-before-stream. */
function isRefusable(one: Answer, exchange: Exchange): boolean {
  const { role } = one.link
  if (role === 'unauthorized') return !isSuccess(one)
  return secureRoles.has(role) || (role === 'wrong-token' && (!isSuccess(one) || isProtected(exchange)))
}

const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300

/** Whoever comes without credentials is kept out, so they matter. */
export const isProtected = (exchange: Exchange): boolean => withRole(exchange, 'unauthorized').some(isTurnedAway)

export const refusals: readonly Rule<Exchange>[] = [challenge401, status401]
