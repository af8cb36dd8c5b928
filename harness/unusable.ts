/** First answers that leave nothing to judge: what came, and what to type (the design's table). */
import { judge } from '../spec/judge.ts'
import type { Link, Rule, RuleId, Scene } from '../spec/model.ts'
import { Answer, type Exchange } from '../spec/sse/exchange.ts'
import type { Incomplete } from './report.ts'
import { maskBytes } from './secrets.ts'

/** bytes of an answer that are shown */
const shownBytes = 200

/** Why a first answer leaves nothing to judge; undefined when rules can say it. */
export function unusable(answer: Answer, secrets: readonly string[]): Incomplete | undefined {
  const { status, link, message } = answer
  const { ended } = link
  const quote = quoted(answer, secrets)
  if (message.head === undefined) {
    if (ended.by === 'kit' && ended.how === 'abort') return { reason: 'interrupted before the first answer' }
    if (isBegun(answer) && ended.by === 'kit' && ended.how === 'deadline') return undefined
    const reason = withoutHead(answer)
    return { reason, ...quote }
  }
  if (status === 204) return { reason: '204: the target says that there is nothing to stream' }
  if (status >= 200 && status < 400) return undefined
  if (status < 200) return { reason: `the target answered with the status ${status}, which HTTP does not know`, ...quote }
  const allow = answer.values('allow').join(', ')
  const hint = status === 405 ? `; it allows ${allow || 'other methods'}: try --method POST --body @request.json`
    : status === 401 || status === 403 ? '; give credentials with --token or --header'
    : ''
  return { reason: `the target answered ${status} to ${link.request.method}${hint}`, ...quote }
}

/** Why an answer to a WebSocket handshake that is no 101 leaves nothing to judge; undefined when a rule can say it. */
export function unswitched(link: Link, secrets: readonly string[]): Incomplete | undefined {
  const answer = new Answer(link)
  const { status } = answer
  if (status > 0 && status < 400) return undefined
  const plain = unusable(answer, secrets) ?? { reason: 'the target did not answer', ...quoted(answer, secrets) }
  const hint = status === 404 ? '; is it the right path?'
    : status === 400 || status === 426 ? '; it may want a subprotocol: --header \'Sec-WebSocket-Protocol: NAME\'' : ''
  return { ...plain, reason: `${plain.reason.replace(/ to GET\b/, ' to the WebSocket handshake')}${hint}` }
}

/** Nothing came, or the beginning of a head: what else comes may be HTTP. */
const isBegun = ({ link, message }: Answer): boolean => link.chunks.length === 0 || message.junk === undefined

function withoutHead(answer: Answer): string {
  const { link } = answer
  const { ended } = link
  // what OpenSSL says is a place in its source; its code is enough
  const said = 'detail' in ended ? (ended.detail ?? '').replace(/^(ERR_SSL_\w+).*/s, '$1') : ''
  const detail = said ? ` (${said})` : ''
  const place = new URL(link.request.url).host
  if (ended.how === 'refused') {
    if (/WRONG_VERSION_NUMBER|EPROTO|packet length/i.test(detail)) return `${place} does not speak TLS${detail}: try http://`
    const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/i.test(detail)
    return `no connection to ${place}${detail}: ${certificate ? 'if you trust it, add --insecure' : 'is the server running there?'}`
  }
  const [first] = link.chunks
  // an alert of TLS (RFC 8446 5.1): the server took the request for a handshake
  if (first?.bytes[0] === 0x15 && first.bytes[1] === 3) return `${place} speaks TLS: try https://`
  if (!isBegun(answer)) return 'the answer is not HTTP/1.1'
  const received = link.chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)
  if (ended.how === 'limit') return `the target sent ${received} bytes and no end of a head`
  if (ended.by === 'kit') {
    const seconds = Math.round((ended.at - link.openedAt) / 1000)
    return received > 0 ? `the target sent ${received} bytes and no end of a head in ${seconds} s` : `the target did not answer in ${seconds} s`
  }
  const where = received > 0 ? 'in the head of its answer' : 'before it answered'
  const hint = received === 0 && link.request.url.startsWith('http:') ? '; if it speaks TLS, try https://' : ''
  return `the target ${ended.how === 'rst' ? 'reset' : 'closed'} the connection ${where}${detail}${hint}`
}

/** The first bytes of an answer as text, secrets masked; nothing when there are none. */
export function quoted({ link, message }: Answer, secrets: readonly string[]): { quoted?: string } {
  const body = message.body?.bytes ?? new Uint8Array()
  const shown = body.length > 0 ? body : new Uint8Array(Buffer.concat(link.chunks.map(({ bytes }) => bytes)))
  const masked = maskBytes(shown, secrets).subarray(0, shownBytes)
  return masked.length > 0 ? { quoted: Buffer.from(masked).toString('utf8') } : {}
}

/** an answer that is no event stream is judged by these alone */
const firstAnswerRules: ReadonlySet<RuleId> = new Set([
  'sse/headers/content-type', 'sse/status/200', 'sse/status/redirect-usable', 'sse/lifecycle/headers-promptly',
  'sse/lifecycle/post-stream',
])
/** and by these when they fail: they name the cause, or a fault of the answer itself */
const firstAnswerFaults: ReadonlySet<RuleId> = new Set([
  'sse/headers/content-type-once', 'sse/status/204-no-body', 'sse/cors/on-all-statuses',
])

/** Whether a rule has something to say of a first answer that is no event stream; the others are blocked. */
export function speaksOfFirstAnswer(rule: Rule<Exchange>, scene: Scene<Exchange>, incomplete: boolean): boolean {
  if (firstAnswerFaults.has(rule.id)) return judge(rule, { scene }).outcome === 'fail'
  return !incomplete && firstAnswerRules.has(rule.id)
}
