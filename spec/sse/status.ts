/**
 * Status codes and methods. EventSource knows three outcomes: 200 opens, a network error or the end of the body brings
 * it back, everything else stops it.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
import { bare, both, finite, instead, lastChunk, live, onLink, opened, sent, session, swap } from '../bytes.ts'
import { retryAfter } from '../fields.ts'
import type { Link, Note, Room, Rule, Transcript } from '../model.ts'
import type { Line } from './decode.ts'
import { askedForStream, forEvery, quote, withRole, type Answer, type Exchange } from './exchange.ts'
import { resumedFrom } from './history.ts'
import { isOverload, methods } from './status/methods.ts'
import { isRedirect, redirectUsable } from './status/redirects.ts'
import { refusals } from './status/refusals.ts'

const html = 'https://html.spec.whatwg.org/multipage'
const processing = `${html}/server-sent-events.html#sse-processing-model`
const iana = `${html}/iana.html#text/event-stream`
const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

/** ms; a stream that ends so soon after its head was not meant to be read */
const instantMs = 1000

const as = (method: string): Partial<Link['request']> => ({ method })
const closing = (link: Link): Link => ({
  ...link,
  request: { ...link.request, headers: [...link.request.headers, ['Connection', 'close']] },
  ended: { at: 2, by: 'target', how: 'fin' },
})
const numbered = (link: Link, n: number): Link => ({ ...link, id: `${link.role}-${n}` })
const resuming = [['Host', 'target.test'], ['Accept', 'text/event-stream'], ['Last-Event-ID', '2']] as const
const nothing = 'Content-Length: 0'
const noStore = 'Cache-Control: no-store'

const example: Transcript = {
  ...session(
    bare('base/hop', {}, '307 Temporary Redirect', 'Location: /stream?v=2', nothing),
    live('base', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
    finite('ordinary', sent(5, 'data: bye\n\n')),
    opened('plain', { headers: [['Host', 'target.test']] }),
    opened('anything', { headers: [['Host', 'target.test'], ['Accept', '*/*']] }),
    opened('conditional'),
    bare('again', {}, '204 No Content', noStore),
    closing(bare('head', as('HEAD'), '200 OK', 'Content-Type: text/event-stream', noStore)),
    closing(bare('options', as('OPTIONS'), '204 No Content', 'Allow: GET, HEAD, OPTIONS')),
    bare('unknown-method', as('STREAMPROOF'), '405 Method Not Allowed', 'Allow: GET, HEAD, OPTIONS', nothing),
    bare('unauthorized', {}, '401 Unauthorized', 'WWW-Authenticate: Bearer', nothing),
    bare('bad-play', as('POST'), '400 Bad Request', nothing),
    bare('forbidden-channel', {}, '404 Not Found', noStore, nothing),
    finite('channel', sent(5, 'id: 1\ndata: first\n\n'), sent(6, 'id: 2\ndata: last\n\n')),
    bare('finished', { headers: resuming }, '204 No Content', noStore),
    ...[1, 2].map((n) => numbered(live('limited', sent(5, ': connected\n\n')), n)),
    numbered(bare('limited', {}, '503 Service Unavailable', 'Retry-After: 2', noStore, nothing), 3),
  ),
  declares: { maxSubscribers: 2 },
}

const ok200: Rule<Exchange> = {
  id: 'sse/status/200',
  level: 'interop',
  clause: processing,
  says: 'a stream is answered with 200, not with another success or a redirection to nowhere',
  harm: 'EventSource takes any other status for failure and gives up for good',
  fix: 'answer 200; look for a framework that makes 201 of POST, a proxy that makes 206 of Range, and a redirect ' +
    'without Location',
  needs: ['head'],
  check: (exchange) => forEvery(
    askedForStream(exchange).filter((one) => {
      const noTarget = one.status >= 300 && one.status < 400 && one.values('location').length === 0
      return (one.status >= 200 && one.status < 300 && one.status !== 204) || noTarget
    }),
    'status 200',
    (one) => ({ where: one.where, ok: one.status === 200, actual: `status ${one.status}` }),
  ),
  mutants: {
    'created': { edit: onLink('base', swap('200 OK', '201 Created')) },
    'partial': { edit: onLink('base', swap('200 OK', '206 Partial Content')) },
    'a redirect to nowhere': { edit: onLink('base', swap('200 OK', '302 Found')) },
  },
}

const stop204: Rule<Exchange> = {
  id: 'sse/status/204-to-stop',
  level: 'advice',
  promisedBy: 'channel',
  clause: `${html}/server-sent-events.html#server-sent-events-intro`,
  says: 'who comes back to a finished stream, with nothing left to send, is told to stop: 204',
  harm: 'EventSource reconnects to a finished stream for ever',
  fix: 'keep the fact that a stream is finished, and answer 204 when Last-Event-ID names its last event',
  applies: ({ kind, parts }) =>
    (kind === 'driven' && parts.has('channel') ? undefined : 'only a driver can be told to finish a stream'),
  check: (exchange) => forEvery(
    withRole(exchange, 'finished').filter((one) =>
      one.status > 0 && !isOverload(one) && withRole(exchange, 'channel').some((reader) => continues(one, reader))),
    'status 204 after the last event of a finished stream',
    (one) => ({ where: one.where, ok: one.status === 204, actual: `status ${one.status}` }),
  ),
  mutants: {
    'an empty stream, again and again': { edit: instead('finished', finite('finished')), fault: 'finishAs200' },
    'not found': { edit: onLink('finished', swap('204 No Content', '404 Not Found')) },
  },
}

/** The reconnection a client makes that has read all of `reader`: same last event ID, none when that is empty. */
function continues(one: Answer, reader: Answer): boolean {
  return reader.isEventStream && !reader.isOpen && reader.stream.lastEventId === (resumedFrom(one) ?? '')
}

const noBody204: Rule<Exchange> = {
  id: 'sse/status/204-no-body',
  level: 'must',
  clause: `${semantics}#section-8.6`,
  says: 'a 204 has no body, no Content-Length and no Transfer-Encoding',
  harm: 'what follows the head is read as the next answer of the connection, or the client waits for it',
  fix: 'end a 204 without content: res.writeHead(204).end(), Response(status_code=204) in FastAPI',
  needs: ['framing'],
  check: (exchange) => forEvery(
    exchange.answers.filter(({ status }) => status === 204),
    'a head and nothing else',
    (one) => {
      const field = ['Content-Length', 'Transfer-Encoding'].find((name) => one.values(name).length > 0)
      const { excess } = one.message
      const actual = field ?? (excess ? `${excess.end - excess.start} bytes behind the head` : undefined)
      return { where: field ? one.fieldPlace(field) : one.where, ok: actual === undefined, actual: actual ?? 'that' }
    },
  ),
  mutants: {
    'a length': { edit: onLink('again', swap('Content\r\n', 'Content\r\nContent-Length: 0\r\n')) },
    'chunked': {
      edit: both(
        onLink('options', swap('Allow', 'Transfer-Encoding: chunked\r\nAllow')),
        onLink('options', (chunks) => [...chunks, sent(2, lastChunk)]),
      ),
    },
    'a body': { edit: onLink('again', (chunks) => [...chunks, sent(2, 'gone')]) },
  },
}

const noInstantEmpty200: Rule<Exchange> = {
  id: 'sse/status/no-instant-empty-200',
  level: 'advice',
  clause: iana,
  says: 'the server does not answer 200 and end the stream at once, again and again',
  harm: 'EventSource comes back after each end: thousands of useless requests an hour from every client',
  fix: 'await the end of the stream before the handler returns; when there is nothing to send answer 204',
  applies: ({ exchanges }) =>
    (exchanges.some(({ answers }) => answers.some((one) => one.link.role === 'again' || isInstantlyEmptyBase(one)))
      ? undefined : 'no stream ended at once without an event'),
  needs: ['times', 'end'],
  check: (exchange) => forEvery(
    withRole(exchange, 'again').filter(({ status }) => status > 0),
    'no second stream that ends at once without an event',
    (one) => {
      const ok = !isInstantlyEmpty(one)
      return { where: one.where, ok, actual: ok ? `status ${one.status}` : 'a second one' }
    },
  ),
  mutants: { 'empty again': { edit: instead('again', finite('again')) } },
}

/** A field that fires nothing has its own rule: here the server did not try. */
const isContent = ({ kind, name }: Line): boolean => kind === 'field' && name !== 'retry'

/** A stream that says when to come back is polled on purpose. */
function isInstantlyEmpty(one: Answer): boolean {
  if (!one.isEventStream || one.stream.tail.partialLine || one.stream.lines.some(isContent)) return false
  if ((one.stream.reconnectionTime ?? 0) >= instantMs) return false
  const over = one.message.body?.completeAt ?? (one.link.ended.by === 'target' ? one.link.ended.at : undefined)
  return over !== undefined && over - (one.head?.at ?? 0) <= instantMs
}

const isInstantlyEmptyBase = (one: Answer): boolean => one.link.role === 'base' && isInstantlyEmpty(one)

const acceptOptional: Rule<Exchange> = {
  id: 'sse/status/accept-optional',
  level: 'interop',
  clause: processing,
  says: 'a request without Accept, or with */*, gets the stream',
  harm: 'a client need not send Accept: curl, fetch() and many libraries get JSON or 406 where they expect the stream',
  fix: 'give the stream when Accept allows it: req.accepts("text/event-stream"), not accept === "text/event-stream"',
  check: (exchange) => forEvery(
    [...withRole(exchange, 'plain'), ...withRole(exchange, 'anything')]
      .filter((one) => one.status > 0 && one.status !== 204 && !isOverload(one) && !isRedirect(one)),
    'an event stream',
    (one) => ({
      where: one.where,
      ok: one.isEventStream,
      actual: one.status === 200 ? one.mimeType?.essence ?? 'no type' : `status ${one.status}`,
    }),
  ),
  mutants: {
    '406 without Accept': { edit: onLink('plain', swap('200 OK', '406 Not Acceptable')) },
    'JSON for */*': {
      edit: onLink('anything', swap('text/event-stream', 'application/json')), alsoBreaks: ['sse/headers/content-type'],
    },
  },
}

const no304206: Rule<Exchange> = {
  id: 'sse/status/no-304-206',
  level: 'advice',
  clause: processing,
  says: 'conditional and Range requests do not change the answer: no 304, 206, 412 or 416',
  harm: 'only 200 opens a stream; whatever else a cache or proxy on the way provokes ends it for good',
  fix: 'keep ETag and static-file middleware off the stream: app.set("etag", false) for the route',
  check: (exchange) => forEvery(
    withRole(exchange, 'conditional').filter(({ status }) => status === 200 || conditionals.has(status)),
    'status 200',
    (one) => ({ where: one.where, ok: one.status === 200, actual: `status ${one.status}` }),
  ),
  mutants: {
    'not modified': { edit: onLink('conditional', swap('200 OK', '304 Not Modified')) },
    'partial': { edit: onLink('conditional', swap('200 OK', '206 Partial Content')) },
  },
}

const conditionals: ReadonlySet<number> = new Set([206, 304, 412, 416])

const retryAfterSeen: Note<Exchange> = {
  id: 'sse/status/retry-after',
  clause: `${semantics}#section-10.2.3`,
  says: 'a 503 or 429 may say in Retry-After, in seconds or as a date, when to come back',
  record: (exchange) => exchange.answers.filter(isOverload).flatMap((one) => {
    const values = one.values('retry-after')
    if (values.length === 0) return [`${one.status} without Retry-After`]
    return values.map((value) => {
      const usable = retryAfter(value, 0) !== undefined
      return `${one.status} with Retry-After ${quote(value)}${usable ? '' : ', neither seconds nor a date'}`
    })
  }),
}

const notAcceptable: Note<Exchange> = {
  id: 'sse/status/406',
  clause: `${semantics}#section-15.5.7`,
  says: 'when Accept leaves text/event-stream out the server may answer 406, another type, or the stream all the same',
  record: (exchange) => withRole(exchange, 'json').filter(({ status }) => status > 0).map((one) =>
    `Accept: application/json is answered with ${one.status}${one.mimeType ? ` ${quote(one.mimeType.essence)}` : ''}`),
}

export const status: Room<Exchange> = {
  id: 'sse/status',
  clause: processing,
  example,
  rules: [
    ok200, stop204, noBody204, noInstantEmpty200, ...refusals, redirectUsable, ...methods, acceptOptional, no304206,
  ],
  notes: [retryAfterSeen, notAcceptable],
}
