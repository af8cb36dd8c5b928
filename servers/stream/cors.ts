/**
 * CORS for every answer: a 204 or 401 that fails the check is a network error for the browser, and it reconnects for
 * ever instead of giving up. https://fetch.spec.whatwg.org/#http-cors-protocol
 */
import type { Fields, Request } from './answer.ts'

/** What a page of another origin may send; `*` would leave Authorization out, so they are named. */
const allowHeaders = 'Authorization, Content-Type, Last-Event-ID, Cache-Control'

/**
 * The fields for a request from `origin` where `allowed` origins may read. With the one entry `*` anybody may, without
 * credentials; with a list the request's own origin is sent back, and credentials are allowed.
 */
export function corsFields(allowed: readonly string[], origin: string | undefined): Fields {
  if (allowed.includes('*')) return { 'Access-Control-Allow-Origin': '*' }
  if (origin === undefined || !allowed.includes(origin)) return { Vary: 'Origin' }
  return { Vary: 'Origin', 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' }
}

/** The fields for a preflight, beside those above; nothing for an OPTIONS request that is none. */
export function preflightFields(request: Request, methods: string): Fields {
  if (request.header('access-control-request-method') === undefined) return {}
  return {
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': allowHeaders,
    'Access-Control-Max-Age': '600',
  }
}
