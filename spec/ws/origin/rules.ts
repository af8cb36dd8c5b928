/** Which pages may connect: https://www.rfc-editor.org/rfc/rfc6455#section-10.2 */
import type { Finding, Level, Rule, Scene } from '../../model.ts'
import type { WsExchange } from '../exchange.ts'
import { endedFirst } from '../reaction.ts'
import { answered, taken } from './example.ts'
import { mustKeepOut, mustLetIn, pages, spoken, unlessAll, type Told } from './pages.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const anyMayConnect = ({ exchanges }: Scene<WsExchange>): boolean =>
  exchanges.some((exchange) => pages(exchange, 'page/any').some(({ isOpen }) => isOpen))

const disallowed403: Rule<WsExchange> = {
  id: 'ws/origin/disallowed-403',
  level: 'should',
  promisedBy: 'origins',
  clause: `${rfc}#section-10.2`,
  says: 'a page of a foreign origin gets 403',
  harm: 'any page that a user opens connects with the cookies of that user, reads along and acts for him (cross-site WebSocket hijacking)',
  fix: 'compare Origin with a list in the upgrade handler, before the 101, and answer 403 to the others; CORS does not do it',
  applies: unlessAll,
  check: (exchange) => [...pages(exchange, 'page/foreign'), ...pages(exchange, 'page/any').filter(({ isOpen }) => !isOpen)].map((connection): Finding => ({
    where: connection.where, ok: connection.status === 403, expected: '403', actual: connection.isOpen ? '101' : spoken(connection),
  })),
  inconclusive: (scene) => (anyMayConnect(scene)
    ? { why: 'inconclusive', note: 'pages of any origin may connect; if that is not meant, say whose may: --origin https://…' } : undefined),
  mutants: {
    'taken': { edit: taken('foreign'), fault: 'anyOrigin' },
    'another status': { edit: answered('foreign', '400 Bad Request'), fault: 'originBadRequest' },
  },
}

const allowed: Rule<WsExchange> = {
  id: 'ws/origin/allowed',
  level: 'must',
  clause: `${rfc}#section-10.2`,
  says: 'a page whose origin may connect does',
  harm: 'the application does not work in browsers, and works in every other client',
  fix: 'list the origin as browsers send it: scheme, host, and the port where it is not the usual one; no path, no slash',
  check: (exchange) => mustLetIn(pages(exchange, 'page/listed', ...(exchange.declares.origins?.includes('*') ? ['page/any'] : []))),
  mutants: { 'refused': { edit: answered('listed', '403 Forbidden'), fault: 'pagesRefused' } },
}

/** A rule about pages that are kept out wherever foreign ones are. */
const keptOut = (role: string, level: Level, link: string, faults: readonly string[], told: Told): Rule<WsExchange> => ({
  ...told,
  level,
  ...(level === 'should' ? { promisedBy: 'origins' } : {}),
  applies: unlessAll,
  check: (exchange) => mustKeepOut(exchange, [role]),
  mutants: Object.fromEntries(faults.map((fault) => [fault, { edit: taken(link), fault }])),
})

const exact = keptOut('page/near', 'should', 'near-0', ['originByBeginning', 'originByPattern'], {
  id: 'ws/origin/exact',
  clause: `${rfc}#section-10.2`,
  says: 'an origin that only looks like a right one is refused: another beginning, ending, subdomain, port or scheme, a dot more, user information',
  harm: 'whoever registers app.example.evil.example, or evilapp.example, is let in',
  fix: 'compare whole values with ===, not with startsWith, endsWith, includes or a pattern whose dots are not escaped',
})

const nullRefused = keptOut('page/null', 'advice', 'null', ['nullTaken'], {
  id: 'ws/origin/null',
  clause: 'https://www.rfc-editor.org/rfc/rfc6454#section-7.3',
  says: 'the origin null is refused unless it is listed',
  harm: 'every page can send it, from a sandboxed frame or a data: URL',
  fix: 'do not list null, and do not take it for the absence of an origin',
})

const duplicate = keptOut('page/two', 'advice', 'two', ['firstOrigin'], {
  id: 'ws/origin/duplicate',
  clause: 'https://www.rfc-editor.org/rfc/rfc6454#section-7.3',
  says: 'a handshake with two lines of Origin is refused',
  harm: 'where a proxy looks at one line and the server at the other, one of them has checked nothing',
  fix: 'refuse a value with a comma, or count the lines (headersDistinct in node:http)',
})

const letterCase: Rule<WsExchange> = {
  id: 'ws/origin/case',
  level: 'should',
  clause: `${rfc}#section-4.2.2`,
  says: 'scheme and host of an origin are compared without regard to letter case',
  harm: 'a client that writes its host as it was typed is refused, and the reason is hard to see',
  fix: 'put both sides into lower case before they are compared',
  applies: unlessAll,
  check: (exchange) => (pages(exchange, 'page/listed').some(({ isOpen }) => isOpen) ? mustLetIn(pages(exchange, 'page/case')) : []),
  mutants: { 'refused': { edit: answered('case', '403 Forbidden'), fault: 'originCaseful' } },
}

const missingPolicy: Rule<WsExchange> = {
  id: 'ws/origin/missing-policy',
  level: 'advice',
  promisedBy: 'origins',
  clause: `${rfc}#section-4.2.1`,
  says: 'who sends no Origin is no browser, and is let in where a driver says whose pages may connect; the text of a missing value is an origin like any other',
  harm: 'clients that are no browser cannot connect; or a filter passes by accident what it never saw',
  fix: 'decide about the missing field in a line of its own, before the list is asked',
  applies: unlessAll,
  check: (exchange) => [
    ...(exchange.declares.origins ? mustLetIn(pages(exchange, 'page/absent')) : []),
    ...mustKeepOut(exchange, ['page/undefined']),
  ],
  mutants: {
    'refused': { edit: answered('absent', '403 Forbidden') },
    'undefined is listed': { edit: taken('undefined'), fault: 'undefinedTaken' },
  },
}

const notAuth: Rule<WsExchange> = {
  id: 'ws/origin/not-auth',
  level: 'must',
  clause: `${rfc}#section-10.1`,
  says: 'a right Origin alone lets nobody in who needs credentials',
  harm: 'whoever is no browser sends any Origin, and comes in as anybody',
  fix: 'ask for credentials also where the origin is right: it tells of the page, not of the user',
  check: (exchange) => {
    const refused = pages(exchange, 'page/stranger').some((one) => !one.isOpen || endedFirst(one))
    if (!refused) return []
    return pages(exchange, 'page/stranger-listed').map((connection): Finding => {
      const ok = !connection.isOpen || endedFirst(connection)
      return { where: connection.where, ok, expected: 'a refusal, as without Origin', actual: ok ? 'that' : '101' }
    })
  },
  mutants: { 'taken': { edit: taken('stranger-listed'), fault: 'originAsIdentity' } },
}

const cookieNeedsOrigin: Rule<WsExchange> = {
  id: 'ws/origin/cookie-needs-origin',
  level: 'advice',
  clause: `${rfc}#section-10.2`,
  says: 'where a cookie is the proof of who comes, a foreign Origin is refused',
  harm: 'browsers send the cookie for every page (where SameSite does not hold it back): any page connects as its reader',
  fix: 'compare Origin wherever a cookie opens a connection, also where the cookie has SameSite, which spares sibling domains',
  applies: unlessAll,
  check: (exchange) => mustKeepOut(exchange, ['page/cookie'], 'page/no-cookie'),
  mutants: { 'taken': { edit: taken('cookie'), fault: 'cookieAlone' } },
}

export const rules: readonly Rule<WsExchange>[] =
  [disallowed403, allowed, exact, letterCase, nullRefused, missingPolicy, duplicate, notAuth, cookieNeedsOrigin]
