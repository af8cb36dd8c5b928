/**
 * A stream for pages of other origins. The browser asks the server whom it lets in, and an answer that does not say so
 * is a network error: EventSource takes that for a lost connection and comes back.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import { bare, live, sent, session, streamHead } from '../bytes.ts'
import type { Link, Room, SentRequest, Transcript } from '../model.ts'
import { fetchStandard } from './cors/pages.ts'
import { preflights } from './cors/preflights.ts'
import { foreign, page, reading } from './cors/reading.ts'
import type { Exchange } from './exchange.ts'

const letIn =
  [`Access-Control-Allow-Origin: ${page}`, 'Access-Control-Allow-Credentials: true', 'Vary: Origin'] as const
const visitor = 'https://app.example'
const nothing = 'Content-Length: 0'

const from = (origin: string, ...more: SentRequest['headers']): Partial<SentRequest> =>
  ({ headers: [['Host', 'target.test'], ['Accept', 'text/event-stream'], ['Origin', origin], ...more] })

/** A live stream that a page of that origin asked for, with these fields in its head. */
function stream(id: string, role: string, origin: string, ...fields: readonly string[]): Link {
  const right = live(role, sent(5, ': connected\n\n'), sent(20, 'id: 1\ndata: hello\n\n'))
  const [, ...rest] = right.chunks
  const head = streamHead.replace('Transfer-Encoding', () => [...fields, 'Transfer-Encoding'].join('\r\n'))
  return { ...right, id, request: { ...right.request, ...from(origin) }, chunks: [sent(1, head), ...rest] }
}

type Bare = Parameters<typeof bare>

const answered = (id: string, ...[role, asked, status, ...fields]: Bare): Link =>
  ({ ...bare(role, asked, status, ...fields, ...letIn), id })

const preflightFor = (name: string): Partial<SentRequest> => ({
  method: 'OPTIONS',
  ...from(page, ['Access-Control-Request-Method', 'GET'], ['Access-Control-Request-Headers', name]),
})

const preflight = (id: string, role: string, name: string): Link => answered(
  id, role, preflightFor(name),
  '204 No Content', 'Allow: GET, HEAD, OPTIONS', 'Access-Control-Allow-Headers: Authorization, Content-Type, Last-Event-ID',
)

const example: Transcript = {
  ...session(
    answered('hop', 'page/hop', from(page), '307 Temporary Redirect', 'Location: /stream?v=2', nothing),
    stream('base', 'base', page, ...letIn),
    stream('page', 'page', page, ...letIn),
    stream('foreign', 'foreign-page', foreign, 'Vary: Origin'),
    stream('null', 'null-page', 'null', 'Vary: Origin'),
    stream('visitor', 'visitor', visitor, `Access-Control-Allow-Origin: ${visitor}`, 'Vary: Origin'),
    answered('refused', 'page-unauthorized', from(page), '401 Unauthorized', 'WWW-Authenticate: Bearer', nothing),
    answered('finished', 'page-finished', from(page), '204 No Content', 'Cache-Control: no-store'),
    answered('full', 'page-limited', from(page), '503 Service Unavailable', 'Retry-After: 2', nothing),
    preflight('preflight', 'preflight', 'last-event-id'),
    preflight('authorization', 'preflight-authorization', 'authorization'),
    preflight('json', 'preflight-json', 'content-type'),
  ),
  declares: { origins: [page] },
}

export const cors: Room<Exchange> = {
  id: 'sse/cors',
  clause: `${fetchStandard}/#http-cors-protocol`,
  example,
  rules: [...reading, ...preflights],
}
