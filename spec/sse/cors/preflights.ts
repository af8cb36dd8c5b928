/**
 * What a browser asks before it sends what no form could send: other header fields, or JSON. EventSource does so for
 * no request, or, as browsers have it, for a Last-Event-ID beyond ASCII or 128 bytes; fetch() does so for any.
 * https://fetch.spec.whatwg.org/#cors-preflight-fetch
 */
import { onLink, swap } from '../../bytes.ts'
import { listItems } from '../../fields.ts'
import type { Rule, Scene } from '../../model.ts'
import { forEvery, quote, type Answer, type Exchange } from '../exchange.ts'
import { isSilent } from '../status/methods.ts'
import { asked, corsFault, fetchStandard, isCredentialed, sameOriginOnly, toPreflights } from './pages.ts'

const preflightFetch = `${fetchStandard}/#cors-preflight-fetch`

/** Fetch, "CORS-safelisted request-header", and what a browser or the kit sets beyond the page */
const unasked: ReadonlySet<string> = new Set([
  'accept', 'accept-language', 'content-language', 'accept-encoding', 'connection', 'cookie', 'host', 'origin', 'range',
  'user-agent',
])
const formTypes = /^(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i

/** Whether a page that asks like this has to ask first. */
const isUnsafe = ({ link: { role, request: { method, headers } } }: Answer): boolean =>
  role === 'base' && (!['GET', 'HEAD', 'POST'].includes(method) || headers.some(([name, value]) =>
    !unasked.has(name.toLowerCase()) && !(name.toLowerCase() === 'content-type' && formTypes.test(value))))

const hasIds = ({ kind, declares, exchanges }: Scene<Exchange>): boolean =>
  (kind === 'driven' && declares.ids !== 'none') || exchanges.some(({ answers }) =>
    answers.some((one) => one.isEventStream && one.stream.lastEventId !== ''))

const withoutIds = (scene: Scene<Exchange>): string | undefined =>
  sameOriginOnly(scene) ?? (hasIds(scene) ? undefined : 'no event has an id, so no client sends Last-Event-ID')

const withoutPreflights = (scene: Scene<Exchange>): string | undefined => sameOriginOnly(scene) ??
  (hasIds(scene) || scene.exchanges.some(({ answers }) => answers.some(isUnsafe)) ? undefined
    : 'a page sends nothing here that needs a preflight: no id comes back, no Authorization, no JSON')

const withoutAuthorization = (scene: Scene<Exchange>): string | undefined => sameOriginOnly(scene) ??
  (scene.declares.auth?.includes('bearer') || scene.exchanges.some(({ answers }) => answers.some(sendsAuthorization))
    ? undefined : 'no Authorization is sent (--token or --header)')

const sendsAuthorization = (one: Answer): boolean =>
  asked(one, 'authorization') !== undefined || asksFor(one, 'authorization')

const preflightStatus: Rule<Exchange> = {
  id: 'sse/cors/preflight-status',
  level: 'interop',
  clause: preflightFetch,
  says: 'a preflight is answered with 200 to 299, passes the CORS check, and lets a page send JSON where that is asked for',
  harm: 'the browser does not send the request behind it: fetch() clients never connect, or never resume',
  fix: 'answer OPTIONS before authentication, redirects and the 404 handler: 204 with the CORS fields; the CORS ' +
    'middleware of your framework does, when it comes first',
  needs: ['head', 'request'],
  applies: withoutPreflights,
  check: (exchange) => forEvery(
    toPreflights(exchange).filter((one) => one.status > 0 || isSilent(one)),
    (one) => `a status from 200 to 299, and the CORS fields${asksFor(one, 'content-type') ? ', Content-Type among the allowed headers' : ''}`,
    (one) => {
      const actual = !one.head ? 'no answer' : !isOk(one) ? `status ${one.status}` : corsFault(one) ??
        (asksFor(one, 'content-type') && !allows(one, 'content-type', exchange) ? lineList(one) : undefined)
      return { where: one.where, ok: actual === undefined, actual: actual ?? 'that' }
    },
  ),
  mutants: {
    'a redirect': { edit: onLink('preflight', swap('204 No Content', '307 Temporary Redirect\r\nLocation: /stream/')) },
    'not found': { edit: onLink('preflight', swap('204 No Content', '404 Not Found')) },
    'not allowed': {
      edit: onLink('preflight', swap('204 No Content', '405 Method Not Allowed')), fault: 'preflightNotAllowed',
    },
    'no CORS fields': { edit: onLink('preflight', swap('Access-Control-Allow-Origin', 'X-Allow-Origin')) },
    'no JSON': { edit: onLink('json', swap('Content-Type, ', '')) },
  },
}

/** Fetch, "ok status" */
const isOk = ({ status }: Answer): boolean => status >= 200 && status <= 299

const asksFor = (one: Answer, name: string): boolean =>
  listItems(asked(one, 'access-control-request-headers') ?? '').includes(name)

/** Preflights that succeed but for the header that they ask about. */
const askingFor = (exchange: Exchange, name: string): Answer[] => toPreflights(exchange).filter((one) =>
  isOk(one) && corsFault(one) === undefined && asksFor(one, name))

const allowedHeaders = (one: Answer): string[] =>
  listItems(one.values('access-control-allow-headers').join(', ')).map((name) => name.toLowerCase())

/** Fetch, "CORS-preflight fetch": by name, or by * where there are no credentials. */
const allows = (one: Answer, name: string, exchange: Exchange): boolean => {
  const names = allowedHeaders(one)
  return names.includes(name) || (names.includes('*') && !isCredentialed(one, exchange))
}

const lineList = (one: Answer): string =>
  one.values('access-control-allow-headers').map((value) => quote(value)).join(' and ') ||
  'no Access-Control-Allow-Headers'

const preflightLastEventId: Rule<Exchange> = {
  id: 'sse/cors/preflight-last-event-id',
  level: 'interop',
  clause: `${fetchStandard}/#cors-unsafe-request-header-names`,
  says: 'a preflight for last-event-id is told that the header is allowed',
  harm: 'the first connection works and the first resumption does not: the page loses what it missed, or never returns',
  fix: 'add Last-Event-ID to the allowed headers: cors({allowedHeaders: ["Authorization", "Last-Event-ID"]}) in ' +
    'Express, CORSMiddleware(allow_headers=["Last-Event-ID"]) in FastAPI; with credentials * allows nothing',
  needs: ['head', 'request'],
  applies: withoutIds,
  check: (exchange) => forEvery(
    askingFor(exchange, 'last-event-id'),
    (one) => 'Access-Control-Allow-Headers with Last-Event-ID' +
      (isCredentialed(one, exchange) ? ', as * allows nothing with credentials' : ', or *'),
    (one) => {
      const ok = allows(one, 'last-event-id', exchange)
      return { where: one.fieldPlace('access-control-allow-headers'), ok, actual: lineList(one) }
    },
  ),
  mutants: {
    'not in the list': {
      edit: onLink('preflight', swap(', Last-Event-ID', '')), fault: 'preflightWithoutLastEventId',
    },
    'no list': { edit: onLink('preflight', swap('Access-Control-Allow-Headers', 'X-Allow-Headers')) },
    '* with credentials': { edit: onLink('preflight', swap('Authorization, Content-Type, Last-Event-ID', '*')) },
  },
}

const authorizationExplicit: Rule<Exchange> = {
  id: 'sse/cors/authorization-explicit',
  level: 'interop',
  clause: `${fetchStandard}/#cors-non-wildcard-request-header-name`,
  says: 'where clients send Authorization, a preflight for it is told its name: * does not cover it',
  harm: 'the browser refuses to send the token: fetch() clients never connect',
  fix: 'list Authorization by name in Access-Control-Allow-Headers, also beside *',
  needs: ['head', 'request'],
  applies: withoutAuthorization,
  check: (exchange) => forEvery(
    askingFor(exchange, 'authorization'),
    'Access-Control-Allow-Headers with Authorization',
    (one) => {
      const ok = allowedHeaders(one).includes('authorization')
      return { where: one.fieldPlace('access-control-allow-headers'), ok, actual: lineList(one) }
    },
  ),
  mutants: {
    '*': { edit: onLink('authorization', swap('Authorization, Content-Type, Last-Event-ID', '*')) },
    'not in the list': { edit: onLink('authorization', swap('Authorization, ', '')) },
  },
}

const preflightAnonymous: Rule<Exchange> = {
  id: 'sse/cors/preflight-anonymous',
  level: 'advice',
  promisedBy: 'origins',
  clause: preflightFetch,
  says: 'a preflight needs no credentials',
  harm: 'browsers send none with it, so it fails for everybody, whatever token the page has',
  fix: 'put CORS before authentication: app.use(cors()) first in Express, CORSMiddleware added last in FastAPI; in ' +
    'an API gateway leave OPTIONS open',
  needs: ['head', 'request'],
  applies: withoutPreflights,
  check: (exchange) => forEvery(
    toPreflights(exchange).filter(({ status }) => status > 0),
    'an answer that wants no credentials',
    (one) => {
      const ok = one.status !== 401 && one.status !== 407
      return { where: one.where, ok, actual: ok ? 'that' : `status ${one.status}` }
    },
  ),
  mutants: {
    'a login first': {
      edit: onLink('preflight', swap(
        '204 No Content', '401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0',
      )),
      alsoBreaks: ['sse/cors/preflight-status'],
      fault: 'preflightUnauthorized',
    },
  },
}

export const preflights: readonly Rule<Exchange>[] =
  [preflightStatus, preflightLastEventId, authorizationExplicit, preflightAnonymous]
