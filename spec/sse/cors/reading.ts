/** What a page of another origin may read of the answers. https://fetch.spec.whatwg.org/#concept-cors-check */
import { onLink, swap } from '../../bytes.ts'
import { listItems } from '../../fields.ts'
import type { Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import {
  about, allowedCredentials, allowedOrigin, asked, askedFrom, corsFault, credentialsFault, fetchStandard,
  isCredentialed, sameOriginOnly, toPages, toPreflights, toVisitors,
} from './pages.ts'

/** The page of the example. */
export const page = 'https://app.example.com'
export const foreign = 'https://evil.example'

const allows = `Access-Control-Allow-Origin: ${page}`
const withCredentials = 'Access-Control-Allow-Credentials: true'

const allowOrigin: Rule<Exchange> = {
  id: 'sse/cors/allow-origin',
  level: 'interop',
  clause: `${fetchStandard}/#concept-cors-check`,
  says: 'a stream that a page of another origin reads has one Access-Control-Allow-Origin: * or that origin',
  harm: 'the browser hides the stream from the page: EventSource sees a network error and reconnects for ever',
  fix: 'set it in one place, once: app.use(cors({origin})) in Express, CORSMiddleware(allow_origins=[…]) in ' +
    'FastAPI; where a proxy sets it too, only one of them may',
  needs: ['head', 'request'],
  applies: sameOriginOnly,
  check: (exchange) => forEvery(
    [...toPages(exchange), ...toVisitors(exchange).filter(isDecided)].filter(({ isEventStream }) => isEventStream),
    (one) => `one Access-Control-Allow-Origin, * or ${quote(askedFrom(one) ?? '')}`,
    (one) => about(one, 'access-control-allow-origin', corsFault(one)),
  ),
  mutants: {
    'none': { edit: onLink('base', swap(`${allows}\r\n`, '')) },
    'another origin': { edit: onLink('base', swap(allows, 'Access-Control-Allow-Origin: https://other.example')) },
    'everybody and the origin': { edit: onLink('base', swap(allows, `Access-Control-Allow-Origin: *\r\n${allows}`)) },
    'twice': { edit: onLink('base', swap(allows, `${allows}\r\n${allows}`)) },
    'a slash behind it': { edit: onLink('base', swap(allows, `${allows}/`)) },
    'a list of origins': {
      edit: onLink('visitor', swap('https://app.example', 'https://a.example, https://b.example')),
    },
  },
}

const anOrigin = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#,]+)$/

/** A page that the kit made up may be turned away; but what is neither `*` nor an origin fits nobody. */
function isDecided(one: Answer): boolean {
  const value = allowedOrigin(one)
  return value !== undefined && (corsFault(one) === undefined || !anOrigin.test(value))
}

const credentials: Rule<Exchange> = {
  id: 'sse/cors/credentials',
  level: 'interop',
  clause: `${fetchStandard}/#cors-protocol-and-credentials`,
  says: 'where pages send credentials, answers name their origin, and have Access-Control-Allow-Credentials: true',
  harm: 'new EventSource(url, {withCredentials: true}) sees a network error and reconnects for ever',
  fix: 'send the origin of the page back when it is on your list, and the word true in lower case; with ' +
    'credentials * allows nobody: cors({origin: ["https://…"], credentials: true}) in Express',
  needs: ['head', 'request'],
  applies: (scene) => sameOriginOnly(scene) ?? (scene.exchanges.some((exchange) => withAllowed(exchange).length > 0)
    ? undefined : 'nothing speaks of credentials: no Cookie was given, none are declared, and no answer allows them'),
  check: (exchange) => forEvery(
    withAllowed(exchange),
    'the origin of the page, and Access-Control-Allow-Credentials: true',
    (one) => about(one, 'access-control-allow-credentials', credentialsFault(one)),
  ),
  mutants: {
    'for everybody': {
      edit: onLink('base', swap(allows, 'Access-Control-Allow-Origin: *')), fault: 'anyOriginWithCredentials',
    },
    'a capital letter': { edit: onLink('base', swap('Credentials: true', 'Credentials: True')) },
    'on the stream only': { edit: onLink('finished', swap(`${withCredentials}\r\n`, '')) },
    'yes for the preflight': { edit: onLink('preflight', swap('Credentials: true', 'Credentials: yes')) },
  },
}

/** Answers to pages with credentials, as far as pages without could read them. */
const withAllowed = (exchange: Exchange): Answer[] =>
  [...toPages(exchange), ...toVisitors(exchange).filter(allowedCredentials), ...toPreflights(exchange)]
    .filter((one) => corsFault(one) === undefined && isCredentialed(one, exchange))

const onAllStatuses: Rule<Exchange> = {
  id: 'sse/cors/on-all-statuses',
  level: 'interop',
  clause: `${fetchStandard}/#concept-cors-check`,
  says: 'what is no stream has the CORS fields too: redirects, 204, 4xx and 5xx',
  harm: 'an answer that fails the CORS check is a network error: instead of stopping, EventSource reconnects for ever',
  fix: 'set the CORS fields before anything can refuse the request (first middleware; "always" in add_header of ' +
    'nginx), and in the error handler too',
  needs: ['head', 'request'],
  applies: sameOriginOnly,
  check: (exchange) => forEvery(
    toPages(exchange).filter(({ status }) => status !== 200),
    (one) => `one Access-Control-Allow-Origin on a ${one.status} too, * or ${quote(askedFrom(one) ?? '')}`,
    (one) => {
      const fault = corsFault(one)
      return about(one, 'access-control-allow-origin', fault && `status ${one.status} with ${fault}`)
    },
  ),
  mutants: {
    'not on 401': { edit: onLink('refused', swap(`${allows}\r\n`, '')) },
    'not on 204': { edit: onLink('finished', swap(`${allows}\r\n`, '')), fault: 'corsOnStreamsOnly' },
    'not on 503': { edit: onLink('full', swap(`${allows}\r\n`, '')) },
  },
}

const varyOrigin: Rule<Exchange> = {
  id: 'sse/cors/vary-origin',
  level: 'should',
  clause: `${fetchStandard}/#cors-protocol-and-http-caches`,
  says: 'where Access-Control-Allow-Origin depends on the page there is Vary: Origin, also for who is not let in',
  harm: 'a cache gives one page what was allowed to another, and the browser hides it',
  fix: 'add Origin to Vary wherever you look at it (res.vary("Origin")), whatever you find; or answer * to everybody',
  needs: ['head', 'request'],
  applies: sameOriginOnly,
  check: (exchange) => {
    const alike = [...withRole(exchange, 'page'), ...unwanted(exchange)].filter(({ isEventStream }) => isEventStream)
    if (alike.length < 2) return []
    const depends = new Set(alike.map(allowedOrigin)).size > 1
    return forEvery(alike, 'Vary: Origin, or the same Access-Control-Allow-Origin for all', (one) => {
      const varied = listItems(one.values('vary').join(', ')).map((name) => name.toLowerCase())
      const ok = !depends || varied.includes('*') || varied.includes('origin')
      const fault = `Access-Control-Allow-Origin: ${shown(one)} for ${quote(askedFrom(one) ?? '')}, and no Vary: Origin`
      return about(one, 'vary', ok ? undefined : fault)
    })
  },
  mutants: {
    'for who is let in': { edit: onLink('page', swap('Vary: Origin\r\n', '')) },
    'for who is not': { edit: onLink('foreign', swap('Vary: Origin\r\n', '')) },
    'another field': { edit: onLink('page', swap('Vary: Origin', 'Vary: Accept')), fault: 'varyOriginMissing' },
  },
}

const shown = (one: Answer): string => {
  const value = allowedOrigin(one)
  return value === undefined ? 'none' : quote(value)
}

/** What pages were answered that nobody has invited. */
const unwanted = (exchange: Exchange): Answer[] =>
  [...withRole(exchange, 'foreign-page'), ...withRole(exchange, 'null-page')]

const noBlindReflection: Rule<Exchange> = {
  id: 'sse/cors/no-blind-reflection',
  level: 'advice',
  promisedBy: 'origins',
  clause: `${fetchStandard}/#cors-protocol-and-credentials`,
  says: 'arbitrary origins, and null, are not allowed together with credentials',
  harm: 'any site that a user visits reads the stream with the cookies of that user',
  fix: 'compare Origin with a list before you send it back; cors({origin: true, credentials: true}) and ' +
    'allow_origin_regex=".*" allow everybody, and null stands for every sandboxed frame',
  needs: ['head', 'request'],
  applies: sameOriginOnly,
  check: (exchange) => {
    const pages = withRole(exchange, 'page').map((one) => asked(one, 'origin'))
    const invited = new Set([...(exchange.declares.origins ?? []), ...pages])
    return forEvery(
      unwanted(exchange).filter((one) => one.status > 0 && !invited.has(asked(one, 'origin'))),
      (one) => `no credentials for ${quote(asked(one, 'origin') ?? '')}`,
      (one) => {
        const ok = allowedOrigin(one) !== asked(one, 'origin') || allowedCredentials(one) !== 'true'
        const fault = `${quote(asked(one, 'origin') ?? '')} allowed with credentials`
        return about(one, 'access-control-allow-origin', ok ? undefined : fault)
      },
    )
  },
  mutants: {
    'any origin': {
      edit: onLink('foreign', swap('Vary', `Access-Control-Allow-Origin: ${foreign}\r\n${withCredentials}\r\nVary`)),
      fault: 'anyOriginReflected',
    },
    'null': { edit: onLink('null', swap('Vary', `Access-Control-Allow-Origin: null\r\n${withCredentials}\r\nVary`)) },
  },
}

export const reading: readonly Rule<Exchange>[] =
  [allowOrigin, credentials, onAllStatuses, varyOrigin, noBlindReflection]
