/** Wrong in credentials: who is let in, for how long, and what is given away. */
import { streamed } from '../answer.ts'
import type { Hooks } from '../hooks.ts'
import { onAnswer } from './makers.ts'

const without = (name: string, fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name))

export const auth = {
  /** a 401 that does not say by what to authenticate */
  challengeMissing: onAnswer((answer) =>
    (answer.status === 401 ? { ...answer, fields: without('WWW-Authenticate', answer.fields) } : answer)),
  /** what a page would do: off to the login form */
  loginRedirect: onAnswer((answer) => (answer.status === 401
    ? { status: 302, fields: { Location: '/login', 'Content-Length': '0', 'Cache-Control': 'no-store' } } : answer)),
  /** the stream is opened first, and the error is its only event */
  unauthorizedAsEvent: onAnswer((answer) => (answer.status === 401
    ? streamed((sink) => {
      sink.write('data: {"error":"unauthorized"}\n\n')
      sink.end()
      return () => {}
    }) : answer)),
  /** made for EventSource: only the query is looked at */
  bearerIgnored: (right) => ({
    ...right,
    token: ({ query }) => new URLSearchParams(query).get('token') ?? undefined,
  }),
  /** the answer to a URL that holds a token is left to caches */
  queryTokenCacheable: onAnswer((answer, { path, query }) =>
    (path.startsWith('/secure/') && new URLSearchParams(query).has('token') && 'stream' in answer
      ? { ...answer, fields: { ...answer.fields, 'Cache-Control': 'no-cache, no-transform' } } : answer)),
  /** who resumes has been checked before */
  resumeUnguarded: (right) => ({
    ...right,
    admission: (user, c, request) =>
      (user === undefined && request.header('last-event-id') ? undefined : right.admission(user, c, request)),
  }),
  /** checked when the stream opens, and never again */
  expiryUnnoticed: (right) => ({ ...right, tokenOver: () => {} }),
  /** valid for somebody is valid */
  userIgnored: (right) => ({ ...right, admission: (user) => (user === undefined ? 401 : undefined) }),
  /** for debugging: a comment that says who has come */
  tokenEchoed: (right) => onAnswer((answer, request) => {
    const token = right.token(request)
    if (!('stream' in answer) || token === undefined) return answer
    return {
      ...answer,
      stream: (sink) => {
        sink.write(`: opened for ${token}\n\n`)
        return answer.stream(sink)
      },
    }
  })(right),
} satisfies Record<string, (right: Hooks) => Hooks>
