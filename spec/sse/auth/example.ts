/** A right transcript of clients with and without credentials, on any URL and on a driver that issues tokens. */
import { answer, bare, driven, finite, head, live, opened, published, request, sent } from '../../bytes.ts'
import type { Act, Event, Link, SentRequest } from '../../model.ts'

const secure = 'http://target.test/secure/ann'
const nothing = 'Content-Length: 0'
const challenge = 'WWW-Authenticate: Bearer realm="api"'

/** Of the user `ann`: for good, for a while, until it is revoked; and of `bob`. */
export const lasting = 'lasting-7Yq2kD9wXs'
export const brief = 'brief-4hTz8mB1vNc'
export const revoked = 'revoked-9pLw3eR6uJf'
export const other = 'other-2aGx5cK7oQi'

/** ms; the brief token is over after so long */
const briefMs = 1000

const open = ': open\n\n'
export const event = (n: number): string => `id: e-${n}\ndata: private ${n}\n\n`
const given = (n: number): Event => ({ id: `e-${n}`, data: `private ${n}` })

interface Asked {
  readonly token?: string
  readonly by?: 'query'
  readonly after?: string
  readonly url?: string
}

/** The link under another id and role, so many ms later, with those credentials. */
function link(id: string, role: string, ms: number, { token, by, after, url = secure }: Asked, right: Link): Link {
  const headers = [
    ...right.request.headers,
    ...(token === undefined || by ? [] : [['Authorization', `Bearer ${token}`] as const]),
    ...(after === undefined ? [] : [['Last-Event-ID', after] as const]),
  ]
  return {
    ...right,
    id,
    role,
    request: { ...right.request, url: by ? `${url}?token=${token}` : url, headers },
    openedAt: ms,
    chunks: right.chunks.map((chunk) => ({ ...chunk, at: chunk.at + ms })),
    ended: { ...right.ended, at: right.ended.at + ms },
  }
}

const turnedAway = (status: string, ...fields: readonly string[]): Link =>
  bare('', {}, status, ...fields, nothing)

const act = (at: number, asked: Partial<SentRequest>, status: number, body: string): Act =>
  ({ at, doneAt: at + 2, kind: 'token', request: request(asked), status, body })

const issue = (at: number, token: string, ttlMs: number, user = 'ann'): Act => act(
  at, { method: 'POST', url: 'http://target.test/tokens', body: JSON.stringify({ ttlMs, user }) },
  201, JSON.stringify({ token, expiresAt: 1_795_348_800_000 + ttlMs }),
)

const revoke = (at: number, token: string): Act =>
  act(at, { method: 'DELETE', url: `http://target.test/tokens/${token}` }, 204, '')

const stranger = { token: 'streamproof-wrong-credentials' }
const problem = '{"type":"about:blank","title":"Unauthorized","status":401}'
const withProblem = answer('', {}, [sent(
  1, head('401 Unauthorized', challenge, 'Content-Type: application/problem+json', `Content-Length: ${problem.length}`),
  problem,
)])

export const example = driven(
  { auth: ['bearer', 'query:token'] },
  [
    issue(0, lasting, 60_000), issue(0, brief, briefMs), issue(0, revoked, 60_000), issue(0, other, 60_000, 'bob'),
    published(110, [given(1)]), revoke(200, revoked), published(310, [given(2)]),
  ],
  link('base', 'base', 0, { token: 'sk-live-51Hx0', by: 'query', url: 'http://target.test/stream' }, live('', sent(5, 'data: hello\n\n'))),
  link('unauthorized', 'unauthorized', 0, {}, turnedAway('401 Unauthorized', challenge)),
  link('authorized', 'authorized', 0, { token: 'sk-live-51Hx0', url: 'http://target.test/stream' }, opened('')),
  link('wrong-token', 'wrong-token', 0, stranger, turnedAway('401 Unauthorized', 'WWW-Authenticate: , bearer, Basic realm="a, b"')),
  link('secure-anonymous', 'secure-anonymous', 10, {}, withProblem),
  link('secure-wrong', 'secure-wrong', 10, stranger, turnedAway('404 Not Found', 'Cache-Control: no-store')),
  link('bearer', 'bearer', 100, { token: lasting }, live('', sent(2, open), sent(15, event(1)))),
  link('query-token', 'query-token', 100, { token: lasting, by: 'query' }, live('', sent(2, open), sent(15, event(1)))),
  link('reader', 'secure', 100, { token: revoked }, finite('', sent(2, open), sent(15, event(1)), sent(110, ': bye\n\n'))),
  link('visitor', 'secure', 100, { token: brief }, finite('', sent(2, open), sent(15, event(1)), sent(1000, ': over\n\n'))),
  link('back', 'reconnect', 220, { token: revoked, after: 'e-1' }, turnedAway('401 Unauthorized', challenge)),
  link('late', 'reconnect', 3200, { token: brief, after: 'e-1' }, turnedAway('403 Forbidden')),
  link('owner', 'secure', 300, { token: lasting, after: 'e-1' }, live('', sent(2, open), sent(15, event(2)))),
  link('foreign', 'foreign', 320, { token: other, after: 'e-1' }, turnedAway('403 Forbidden')),
  link(
    'foreign-id', 'foreign', 320, { token: other, after: 'e-1', url: 'http://target.test/secure/bob' },
    live('', sent(2, open + 'event: reset\ndata: the id is not known here\n\n')),
  ),
)
