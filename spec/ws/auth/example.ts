/** Right answers to clients with credentials, without them, and with wrong ones. */
import { driven, request, sent } from '../../bytes.ts'
import type { Act, Link, SentRequest, Transcript } from '../../model.ts'
import { changed, closed, refused, socket, type Talk } from '../bytes.ts'
import { client, server } from '../frame.ts'
import { keyOf, upgradeFields } from '../upgrade.ts'

const v1 = 'streamproof.v1'
const secureUrl = 'http://target.test/secure/c/socket'
const tokensUrl = 'http://target.test/tokens'

export const tell = (value: object): Uint8Array => client.text(JSON.stringify(value))
export const says = (value: object): Uint8Array => server.text(JSON.stringify(value))
export const carrier = (token: string): string => `streamproof.token.${Buffer.from(token).toString('base64url')}`

const asks = (id: string, url: string, fields: SentRequest['headers'] = []): Partial<SentRequest> =>
  ({ url, headers: [['Host', 'target.test'], ...fields, ...upgradeFields(keyOf(id))] })

const bearer = (token: string): SentRequest['headers'] => [['Authorization', `Bearer ${token}`]]

/** A handshake for the socket that needs a token. */
const secure = {
  header: (id: string, token: string) => asks(id, secureUrl, bearer(token)),
  query: (id: string, token: string) => asks(id, `${secureUrl}?token=${token}`),
  subprotocol: (id: string, token: string) => asks(id, secureUrl, [['Sec-WebSocket-Protocol', `${carrier(token)}, ${v1}`]]),
  none: (id: string) => asks(id, secureUrl),
} as const

const at = (link: Link, ms: number): Link => ({
  ...link,
  openedAt: link.openedAt + ms,
  chunks: link.chunks.map((chunk) => ({ ...chunk, at: chunk.at + ms })),
  sent: (link.sent ?? []).map((chunk) => ({ ...chunk, at: chunk.at + ms })),
  ended: { ...link.ended, at: link.ended.at + ms },
})

const turnedAway = (id: string, role: string, asked: Partial<SentRequest>, status = '401 Unauthorized'): Link => ({ ...refused(id, asked, status), role })

/** A ping of the contract, and the pong to it. */
const asking: Talk = { sent: [tell({ type: 'ping', ref: 'r' })], received: [says({ type: 'pong', ref: 'r' })] }

const late = (code: number, ms: number): Talk => ({ received: [sent(ms, server.close(code))] })

const issue = (token: string, { ttlMs = 60_000, user = 'c', once = false, ms = 0 } = {}): Act => ({
  kind: 'token', at: ms, doneAt: ms, status: 201, body: JSON.stringify({ token, expiresAt: 0 }),
  request: request({ method: 'POST', url: tokensUrl, body: JSON.stringify({ ttlMs, user, ...(once ? { once } : {}) }) }),
})

const acts: readonly Act[] = [
  issue('token-that-lasts'), issue('token-of-another', { user: 'c-sibling' }), issue('token-for-one-use', { once: true }),
  issue('token-revoked'), issue('token-expired', { ttlMs: 700 }),
  {
    kind: 'token', at: 200, doneAt: 201, status: 204, body: '', request: request({ method: 'DELETE', url: `${tokensUrl}/token-revoked` }),
  },
  { kind: 'stats', at: 900, doneAt: 901, status: 200, body: '{"subscribers":0,"plays":0,"sockets":0}', request: request({ url: 'http://target.test/stats?c=c' }) },
]

const chunk = (n: number): Uint8Array => says({ type: 'chunk', stream: 's1', n, id: `i${n}`, data: '' })
const auth = (token: string): Uint8Array => tell({ type: 'auth', token })

const links: readonly Link[] = [
  socket('authorized', { asked: asks('authorized', 'http://target.test/socket', bearer('given-on-the-command-line')) }),
  turnedAway('unauthorized', 'unauthorized', {}),
  turnedAway('forged', 'forged', asks('forged', 'http://target.test/socket', bearer('streamproof-wrong'))),
  turnedAway('path', 'unauthorized/path', {}, '404 Not Found'),

  socket('header', { asked: secure.header('header', 'token-that-lasts'), ...asking }, 'secure/token'),
  socket('query', { asked: secure.query('query', 'token-that-lasts'), ...asking }, 'secure/token'),
  socket('subprotocol', {
    asked: secure.subprotocol('subprotocol', 'token-that-lasts'), fields: [`Sec-WebSocket-Protocol: ${v1}`], ...asking,
  }, 'secure/token'),
  socket('first', {
    asked: secure.none('first'), sent: [sent(10, auth('token-that-lasts'), tell({ type: 'ping', ref: 'r' }))], received: [says({ type: 'pong', ref: 'r' })],
  }, 'secure/first'),
  turnedAway('secure-forged', 'secure/forged', secure.header('secure-forged', 'streamproof-wrong')),
  turnedAway('secure-path', 'secure/path', secure.header('secure-path', 'streamproof-wrong'), '404 Not Found'),

  closed('anonymous', { asked: secure.none('anonymous'), ...late(4401, 1010) }, 'secure/anonymous'),
  closed('impatient', { asked: secure.none('impatient'), sent: [tell({ type: 'ping', ref: 'r' })], received: [server.close(4401)] }, 'secure/impatient'),

  closed('revoked', { asked: secure.header('revoked', 'token-revoked'), ...late(4401, 202) }, 'secure/over'),
  closed('expired', { asked: secure.header('expired', 'token-expired'), ...late(4401, 702) }, 'secure/over'),
  at(turnedAway('back', 'secure/back', secure.header('back', 'token-revoked')), 300),
  at(turnedAway('back-query', 'secure/back', secure.query('back-query', 'token-revoked')), 300),

  socket('owner', {
    asked: secure.header('owner', 'token-that-lasts'),
    sent: [tell({ type: 'start', stream: 's1', count: 2, bytes: 0, everyMs: 50 })],
    received: [chunk(0), sent(61, chunk(1)), sent(62, says({ type: 'done', stream: 's1', count: 2, received: 0 }))],
  }, 'secure/owner'),
  socket('stranger', {
    asked: secure.header('stranger', 'token-of-another'),
    sent: [sent(20, tell({ type: 'cancel', stream: 's1' })), sent(21, tell({ type: 'ping', ref: 'r' }))],
    received: [sent(22, says({ type: 'pong', ref: 'r' }))],
  }, 'secure/stranger'),

  socket('ticket', { asked: secure.query('ticket', 'token-for-one-use'), ...asking }, 'secure/ticket'),
  turnedAway('ticket-beside', 'secure/ticket', secure.query('ticket-beside', 'token-for-one-use')),
  at(turnedAway('ticket-again', 'secure/ticket', secure.query('ticket-again', 'token-for-one-use')), 200),

  socket('hasty', { asked: secure.header('hasty', 'token-that-lasts'), ended: { at: 2, by: 'kit', how: 'abort' } }, 'secure/hasty'),
]

export const example: Transcript = driven({ auth: ['bearer', 'query:token'], tickets: true }, acts, ...links)

/** The target switches: `answer` and what it says behind. */
export const letIn = (id: string, { fields = [], ...talk }: Omit<Talk, 'asked'> = {}) => (transcript: Transcript): Transcript =>
  changed(transcript, id, (link) => ({
    ...at(socket(id, { fields, ...talk }, link.role), link.openedAt), request: link.request,
  }))

/** The same with an answer to its ping of the contract. */
export const served = (id: string, fields: readonly string[] = []) => letIn(id, { ...asking, fields })
