/**
 * A stream is made for one request. What keeps answers, or asks once for many, gives the others an old one or none.
 * https://www.rfc-editor.org/rfc/rfc9111
 */
import { bare, delay, finite, later, live, onLink, sent, session, swap } from '../bytes.ts'
import type { Finding, Room, Rule } from '../model.ts'
import { directives, expiresIn, forbidsReuse, lifetime } from './caching/lifetime.ts'
import { forEvery, quote, streams, withRole, type Answer, type Exchange } from './exchange.ts'

const caches = 'https://www.rfc-editor.org/rfc/rfc9111'
const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

/** ms that a second answer may take longer than twice the first */
const slackMs = 500
/** s; proxies count the time that an answer took to them, and round it */
const slackAge = 2

const noStore = 'Cache-Control: no-store'
const nothing = 'Content-Length: 0'

const example = session(
  bare('first-at-once/hop', {}, '308 Permanent Redirect', 'Location: /s', 'Cache-Control: max-age=600', nothing),
  live('base', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
  later(live('first-at-once', sent(5, ': connected\n\n')), 'first', 5000),
  later(live('second-at-once', sent(5, ': connected\n\n')), 'second', 5010),
  bare('again', {}, '204 No Content', noStore),
  finite('channel', sent(5, 'id: 1\ndata: last\n\n')),
  bare('finished', { headers: [['Host', 'target.test'], ['Last-Event-ID', '1']] }, '204 No Content', noStore),
)

const cacheControl = (one: Answer): string =>
  one.values('cache-control').map((value) => quote(value)).join(' and ') || 'no Cache-Control'

const notStored: Rule<Exchange> = {
  id: 'sse/caching/not-stored',
  level: 'advice',
  clause: `${caches}#section-5.2.2.5`,
  says: 'Cache-Control keeps caches from giving the stream to somebody else: no-store, or no-cache',
  harm: 'a cache may keep any 200: a client gets an old stream from it, or another user\'s',
  fix: 'set "Cache-Control: no-store, no-transform" on every event stream; a CDN in front may add a max-age of its own',
  needs: ['head'],
  check: (exchange) => forEvery(
    streams(exchange),
    'no-store or no-cache',
    (one) => ({ where: one.fieldPlace('cache-control'), ok: !mayBeReused(one), actual: cacheControl(one) }),
  ),
  mutants: {
    'nothing said': {
      edit: onLink('base', swap('Cache-Control: no-store, no-transform\r\n', '')),
      alsoBreaks: ['sse/caching/no-transform'],
    },
    'a minute': { edit: onLink('base', swap('no-store', 'public, max-age=60')) },
    'private': { edit: onLink('base', swap('no-store', 'private')) },
    'of one field': { edit: onLink('base', swap('no-store', 'no-cache="Set-Cookie"')) },
    'stale from the start, and used all the same': {
      edit: onLink('base', swap('no-store', 'max-age=0, stale-while-revalidate=30')),
    },
  },
}

/** What answers a POST is kept only when it says for how long (RFC 9110 9.3.3). */
function mayBeReused(one: Answer): boolean {
  const { own, shared } = lifetime(one)
  if (one.link.request.method === 'POST' && !own && !shared) return false
  return !forbidsReuse(one)
}

const noTransform: Rule<Exchange> = {
  id: 'sse/caching/no-transform',
  level: 'advice',
  clause: `${caches}#section-5.2.2.6`,
  says: 'no-transform keeps proxies on the way from compressing or rewriting the stream',
  harm: 'a proxy that compresses gathers what it compresses: events come late, and in bursts',
  fix: 'set "Cache-Control: no-store, no-transform"; the compression middleware of Express honours it too',
  needs: ['head'],
  check: (exchange) => forEvery(
    streams(exchange),
    'no-transform in Cache-Control',
    (one) => ({
      where: one.fieldPlace('cache-control'),
      ok: directives(one).has('no-transform'),
      actual: cacheControl(one),
    }),
  ),
  mutants: { 'left out': { edit: onLink('base', swap('no-store, no-transform', 'no-store')) } },
}

const noValidators: Rule<Exchange> = {
  id: 'sse/caching/no-validators',
  level: 'advice',
  clause: `${semantics}#section-8.8`,
  says: 'a stream has no ETag, no Last-Modified, and no Expires to come',
  harm: 'they come from middleware that reads the whole body first, and they make a client ask for 304, which ends it',
  fix: 'take the stream out of what computes them: app.set("etag", false) in Express, no Rack::ETag for the route',
  needs: ['head'],
  check: (exchange) => forEvery(
    streams(exchange),
    'no ETag, no Last-Modified, no Expires to come',
    (one) => {
      const name = ['ETag', 'Last-Modified'].find((field) => one.values(field).length > 0) ??
        ((expiresIn(one) ?? 0) > 0 ? 'Expires' : undefined)
      const actual = name === undefined ? 'none' : `${name}: ${quote(one.values(name)[0] ?? '')}`
      return { where: name === undefined ? one.where : one.fieldPlace(name), ok: name === undefined, actual }
    },
  ),
  mutants: {
    'ETag': { edit: onLink('base', swap('Cache-Control', 'ETag: W/"2a-1b3c"\r\nCache-Control')) },
    'Last-Modified': {
      edit: onLink('base', swap('Cache-Control', 'Last-Modified: Sun, 22 Nov 2026 11:00:00 GMT\r\nCache-Control')),
    },
    'Expires': {
      edit: onLink('base', swap('Cache-Control', 'Expires: Sun, 22 Nov 2026 13:00:00 GMT\r\nCache-Control')),
    },
  },
}

/** Of what RFC 9110 15.1 lets caches keep by default, what sends readers away from a stream. */
const kept: ReadonlySet<number> = new Set([204, 301, 308, 404, 410])

const stopNotCached: Rule<Exchange> = {
  id: 'sse/caching/stop-not-cached',
  level: 'advice',
  clause: `${semantics}#section-15.1`,
  says: 'a 204, 404, 410, 301 or 308 instead of a stream says whether, and for how long, caches may keep it',
  harm: 'a cache may keep these without being told: a stream that starts again stays dead behind it',
  fix: 'set "Cache-Control: no-store" on every answer of the route, errors included, or the time that you mean',
  needs: ['head', 'request'],
  check: (exchange) => forEvery(
    exchange.answers.filter(({ status, link }) => kept.has(status) && link.request.method === 'GET'),
    (one) => `Cache-Control with no-store, no-cache or max-age on a ${one.status}`,
    (one) => ({
      where: one.fieldPlace('cache-control'),
      ok: forbidsReuse(one) || lifetime(one).own !== undefined,
      actual: cacheControl(one),
    }),
  ),
  mutants: {
    'the end of a stream': { edit: onLink('finished', swap(`${noStore}\r\n`, '')), fault: 'stopsCacheable' },
    'nothing to stream': { edit: onLink('again', swap(`${noStore}\r\n`, '')) },
    'private': { edit: onLink('again', swap('no-store', 'private')) },
  },
}

const livePerRequest: Rule<Exchange> = {
  id: 'sse/caching/live-per-request',
  level: 'advice',
  clause: `${caches}#section-4`,
  says: 'two requests at once get two live streams: none waits for the other, none comes out of a cache',
  harm: 'the second tab hangs until the first is closed, or shows what others saw some time ago',
  fix: 'switch request collapsing off for the route (proxy_cache off, return (pass) in Varnish); in PHP call ' +
    'session_write_close() before the loop, in Python run more than one worker',
  needs: ['head', 'times'],
  check: (exchange) => {
    const [first] = withRole(exchange, 'first-at-once')
    const beside = first?.isEventStream && first.isOpen ? withRole(exchange, 'second-at-once') : []
    const aged = streams(exchange).filter((one) => one.values('age').length > 0)
    return [
      ...beside.flatMap((second) => heldBack(second, first)),
      ...forEvery(aged, 'no Age: the stream is new', (one) => {
        const [age = ''] = one.values('age')
        const tookMs = (one.head?.at ?? 0) - one.link.openedAt
        const ok = !(Number(age) > tookMs / 1000 + slackAge)
        return { where: one.fieldPlace('age'), ok, actual: `Age: ${quote(age)}` }
      }),
    ]
  },
  mutants: {
    'one after the other': { edit: onLink('second', delay('HTTP/1.1', 3000)), fault: 'streamsInTurn' },
    'out of a cache': { edit: onLink('base', swap('Cache-Control', 'Age: 12\r\nCache-Control')) },
  },
}

/** Whether the second head came while the first stream was open; nothing where a slow server decides. */
function heldBack(second: Answer, first: Answer | undefined): Finding[] {
  const leftAt = first?.link.ended.at ?? 0
  const { head, link: { openedAt, ended: end } } = second
  const where = second.where
  const expected = 'a second stream while the first is open'
  if (head && head.at <= leftAt) return second.isEventStream ? [{ where, ok: true, expected, actual: 'that' }] : []
  const usualMs = (first?.head?.at ?? 0) - (first?.link.openedAt ?? 0)
  const tookMs = (head?.at ?? end.at) - openedAt
  if (end.how === 'refused' || end.how === 'abort' || tookMs <= 2 * usualMs + slackMs) return []
  if (head && !second.isEventStream) return []
  return [{ where, ok: false, expected, actual: head ? 'one after the first was left' : 'no head' }]
}

export const caching: Room<Exchange> = {
  id: 'sse/caching',
  clause: `${caches}#section-3`,
  example,
  rules: [notStored, noTransform, noValidators, stopNotCached, livePerRequest],
}
