/** How a stream is framed on an HTTP/1.x connection. https://www.rfc-editor.org/rfc/rfc9112 */
import {
  answer, bare, both, chunked, join, ended, finite, head, lastChunk, live, onBody, onLink, opened, sent, session, swap,
} from '../bytes.ts'
import type { LinkEdit } from '../bytes.ts'
import { listItems } from '../fields.ts'
import type { FaultKind } from '../http.ts'
import type { Finding, Place, Room, Rule } from '../model.ts'
import { forEvery, quote, streams, withRole, type Answer, type Exchange } from './exchange.ts'
import { chunkLines } from './lines.ts'

const rfc9112 = 'https://www.rfc-editor.org/rfc/rfc9112'

const undelimitedHead =
  head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-store, no-transform', 'X-Accel-Buffering: no')

const closed = (role: string, version: '1.0' | '1.1', body: string) => answer(
  role,
  { version },
  [sent(1, undelimitedHead, body)],
  { at: 3, by: 'target', how: 'fin' },
)

const lasting = 'data: until the connection closes\n\n'
const unchunked = 'data: no chunks\n\n'

const withoutLast: LinkEdit = (chunks) => chunks.slice(0, -1)

const example = session(
  live('base', sent(5, ': grüß dich\n\n'), sent(20, 'data: hello\n\n')),
  finite('again', sent(5, 'data: bye\n\n')),
  closed('plain', '1.1', lasting),
  closed('http10', '1.0', unchunked),
  opened('anything'),
  answer('json', {}, [sent(1, head('406 Not Acceptable', 'Transfer-Encoding: chunked'), chunked('no'), lastChunk)]),
  bare('options', { method: 'OPTIONS' }, '204 No Content', 'Allow: GET, HEAD, OPTIONS'),
  bare('no-host', { headers: [] }, '400 Bad Request', 'Connection: close', 'Content-Length: 0'),
  bare('two-hosts', {}, '400 Bad Request', 'Connection: close', 'Content-Length: 0'),
)

/** One finding about an answer: the first fault of these kinds, or none. */
function withoutFaults(one: Answer, kinds: ReadonlySet<FaultKind>, expected: string): Finding {
  const fault = one.message.faults.find(({ kind, where }) => kinds.has(kind) && !(kind === 'excess' && isAnswer(one, where.start)))
  if (!fault) return { where: one.where, ok: true, expected, actual: 'that' }
  const { start, end } = fault.where
  const where: Place = { link: one.link.id, byte: start, length: Math.max(1, end - start), at: fault.at }
  return { where, ok: false, expected, actual: fault.detail }
}

/** A server may say that it will not wait for another request: 408, RFC 9110 section 15.5.9. */
const isAnswer = ({ link }: Answer, start: number): boolean =>
  Buffer.concat(link.chunks.map(({ bytes }) => bytes)).toString('latin1', start, start + 5) === 'HTTP/'

const transferCodings = (one: Answer): string[] =>
  listItems(one.values('transfer-encoding').join(', ')).map((coding) => coding.toLowerCase())

const isChunked = (one: Answer): boolean => transferCodings(one).includes('chunked')

const chunkFaults: ReadonlySet<FaultKind> = new Set([
  'chunked-not-last', 'chunk-size', 'chunk-size-empty', 'chunk-size-too-large', 'chunk-size-space',
  'chunk-line-bare-lf', 'chunk-line-bare-cr', 'chunk-extension', 'chunk-data-end', 'trailer', 'trailer-forbidden',
  'excess',
])

const chunkedValid: Rule<Exchange> = {
  id: 'sse/http1/chunked-valid',
  level: 'must',
  clause: `${rfc9112}#section-7.1`,
  says: 'each chunk is a size in hexadecimal, CRLF, exactly that many bytes, CRLF, and nothing follows the last one',
  harm: 'a client ends the stream with a network error at the first chunk that is wrong, and never sees what follows the last',
  fix: 'let the HTTP library write the chunks; if you write them yourself count bytes, not characters: ' +
    'Buffer.byteLength(text).toString(16)',
  needs: ['framing'],
  check: (exchange) => exchange.answers.filter(isChunked)
    .map((one) => withoutFaults(one, chunkFaults, 'size in hexadecimal, CRLF, that many bytes, CRLF')),
  mutants: {
    'characters counted, not bytes': { edit: onLink('base', swap('f\r\n: grüß', 'd\r\n: grüß')) },
    'a decimal size': { edit: onLink('again', swap('b\r\ndata', '11\r\ndata')), alsoBreaks: ['sse/framing/no-foreign-text'] },
    'a size with 0x': { edit: onLink('base', swap('f\r\n: grüß', '0xf\r\n: grüß')), alsoBreaks: ['sse/lifecycle/first-bytes'] },
    'LF for CRLF': { edit: onLink('base', swap('f\r\n: grüß', 'f\n: grüß')) },
    'no line end behind the data': { edit: onLink('base', swap('dich\n\n\r\n', 'dich\n\n')) },
    'an event behind the last chunk': { edit: onLink('again', swap(lastChunk, join(lastChunk, 'data: late\n\n'))) },
  },
}

const lastChunkRule: Rule<Exchange> = {
  id: 'sse/http1/last-chunk',
  level: 'must',
  clause: `${rfc9112}#section-8`,
  says: 'a chunked stream that the server ends has its last chunk, of size zero',
  harm: 'a client cannot tell the end of the stream from a broken connection: fetch() rejects, and everyone reconnects',
  fix: 'end with res.end(), never with socket.destroy(); raise the timeout of a server or proxy that cuts streams',
  applies: ({ exchanges }) =>
    (exchanges.some(({ answers }) => answers.some(isChunked)) ? undefined : 'no answer used the chunked coding'),
  needs: ['framing', 'end'],
  check: (exchange) => forEvery(
    // how a process ends its streams when it is told to stop is graceful-shutdown's business
    exchange.acts.some(({ kind }) => kind === 'signal') ? [] : streams(exchange).filter((one) =>
      isChunked(one) && isEnded(one) && !isCutOnPurpose(one) && !isMisframed(one)),
    'the last chunk, 0 CRLF CRLF, before the end',
    (one) => {
      const ok = one.message.body?.complete === true
      const end = one.link.ended.how === 'rst' ? 'a reset' : 'the end without it'
      return { where: ok ? one.where : endOf(one), ok, actual: ok ? 'that' : end }
    },
  ),
  mutants: {
    'the socket destroyed': { edit: both(onLink('again', withoutLast), ended('again', 'fin')), fault: 'noLastChunk' },
    'a reset': { edit: both(onLink('again', withoutLast), ended('again', 'rst')) },
  },
}

/** A producer that raised, or a reader who did not read: there the cut is what tells the client that something is missing. */
const isCutOnPurpose = ({ playEnd, link }: Answer): boolean => playEnd === 'throw' || link.role === 'stalled'

const isMisframed = (one: Answer): boolean => one.message.faults.some(({ kind }) => chunkFaults.has(kind))

const isEnded = ({ link, message }: Answer): boolean =>
  link.ended.by === 'target' || message.body?.complete === true

const endOf = ({ link }: Answer): Place => {
  const received = link.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
  return { link: link.id, byte: Math.max(0, received - 1), at: link.ended.at }
}

const noTeAndCl: Rule<Exchange> = {
  id: 'sse/http1/no-te-and-cl',
  level: 'must',
  clause: `${rfc9112}#section-6.2`,
  says: 'Transfer-Encoding and Content-Length never stand in one answer',
  harm: 'two parties on the way can disagree where the answer ends: requests are smuggled, streams are cut',
  fix: 'set neither by hand; a proxy that adds Content-Length must drop Transfer-Encoding',
  needs: ['head'],
  check: (exchange) => forEvery(
    exchange.answers.filter(({ head: seen }) => seen !== undefined),
    'one of Transfer-Encoding and Content-Length, or none',
    (one) => {
      const ok = one.values('transfer-encoding').length === 0 || one.values('content-length').length === 0
      return { where: one.fieldPlace('content-length'), ok, actual: ok ? 'that' : 'both' }
    },
  ),
  mutants: {
    'both': { edit: onLink('json', swap('Transfer-Encoding', 'Content-Length: 2\r\nTransfer-Encoding')) },
  },
}

const singleChunking: Rule<Exchange> = {
  id: 'sse/http1/single-chunking',
  level: 'must',
  clause: `${rfc9112}#section-6.1`,
  says: 'the chunked coding is applied once, by the HTTP library',
  harm: 'chunk sizes stand as lines in the event stream, and cut events in two',
  fix: 'write events only; node:http, ASGI and WSGI servers add the chunk sizes',
  needs: ['framing'],
  check: (exchange) => forEvery(
    streams(exchange).filter((one) => one.link.request.version === '1.1' && (timesChunked(one) > 1 || hasBody(one))),
    'the chunked coding once at most',
    (one) => {
      const [again] = timesChunked(one) < 2 ? chunkLines(one) : []
      return {
        where: again ? one.linePlace(again) : one.fieldPlace('transfer-encoding'),
        ok: timesChunked(one) < 2 && again === undefined,
        actual: again ? 'chunk sizes in the body'
          : timesChunked(one) > 1 ? `chunked listed ${timesChunked(one)} times` : 'that',
      }
    },
  ),
  mutants: {
    'chunk sizes in the events': {
      edit: onBody('base', (chunks) => chunks.map(({ at, bytes: body }) => sent(at, chunked(body)))),
    },
    'chunk sizes without the field': { edit: onLink('plain', swap(lasting, chunked(lasting))) },
    'chunk sizes behind the first line': { edit: onBody('base', (chunks) => chunks.map(({ at, bytes: body }, i) => sent(at, i > 0 ? chunked(body) : body))) },
    'listed twice': { edit: onLink('anything', swap('Encoding: chunked', 'Encoding: chunked, chunked')) },
  },
}

const timesChunked = (one: Answer): number => transferCodings(one).filter((coding) => coding === 'chunked').length

const hasBody = (one: Answer): boolean => (one.content.body?.bytes.length ?? 0) > 0

const http10Client: Rule<Exchange> = {
  id: 'sse/http1/http10-client',
  level: 'must',
  clause: `${rfc9112}#section-6.1`,
  says: 'HTTP/1.0 has no Transfer-Encoding: neither the answer to such a request nor one of that version',
  harm: 'such a client, often an old proxy, passes the chunk sizes on as lines of the event stream',
  fix: 'let the HTTP library choose the framing; never set Transfer-Encoding by hand',
  needs: ['framing'],
  check: (exchange) => forEvery(
    exchange.answers.filter((one) => one.head !== undefined && (one.link.role === 'http10' || one.head.version === '1.0')),
    'no Transfer-Encoding and no chunk sizes',
    (one) => {
      const listed = one.values('transfer-encoding')
      const [raw] = listed.length === 0 ? chunkLines(one) : []
      return {
        where: raw ? one.linePlace(raw) : one.fieldPlace('transfer-encoding'),
        ok: listed.length === 0 && raw === undefined,
        actual: raw ? 'chunk sizes in the body'
          : listed.length > 0 ? `Transfer-Encoding: ${quote(listed.join(', '))}` : 'that',
      }
    },
  ),
  mutants: {
    'chunked': {
      edit: both(
        onLink('http10', swap('Cache-Control', 'Transfer-Encoding: chunked\r\nCache-Control')),
        onLink('http10', swap(unchunked, join(chunked(unchunked), lastChunk))),
      ),
    },
    'chunk sizes without the field': { edit: onLink('http10', swap(unchunked, chunked(unchunked))) },
    'an answer of HTTP/1.0 in chunks': { edit: onLink('base', swap('HTTP/1.1 200', 'HTTP/1.0 200')) },
  },
}

const syntaxFaults: ReadonlySet<FaultKind> = new Set([
  'junk-before-head', 'status-line', 'status-code', 'bare-lf', 'bare-cr', 'obs-fold', 'space-before-colon',
  'field-name', 'no-colon', 'field-value',
])

const headerSyntax: Rule<Exchange> = {
  id: 'sse/http1/header-syntax',
  level: 'must',
  clause: `${rfc9112}#section-5`,
  says: 'the head is a status line and field lines, each ended by CRLF, without folding and control characters',
  harm: 'clients and proxies read such a head differently or refuse it; whoever controls the value can add fields',
  fix: 'check what comes from configuration or requests before it becomes a header value; do not write heads by hand',
  needs: ['wire-head'],
  check: (exchange) => exchange.answers.filter(({ head: seen }) => seen !== undefined)
    .map((one) => withoutFaults(one, syntaxFaults, 'status line and field lines as RFC 9112 has them')),
  mutants: {
    'LF for CRLF': { edit: onLink('options', swap('No Content\r\n', 'No Content\n')) },
    'a bare CR': { edit: onLink('options', swap('GET, HEAD', 'GET,\rHEAD')) },
    'a folded value': { edit: onLink('options', swap('GET, HEAD', 'GET,\r\n HEAD')) },
    'a space before the colon': { edit: onLink('options', swap('Allow:', 'Allow :')) },
    'a space in a name': { edit: onLink('options', swap('Allow:', 'X Note: none\r\nAllow:')) },
    'a control character': { edit: onLink('options', swap('GET, HEAD', 'GET, \u0000HEAD')) },
    'no colon': { edit: onLink('options', swap('Allow:', 'streaming\r\nAllow:')) },
    'a status line without its space': { edit: onLink('options', swap('204 No Content', '204')) },
  },
}

const hostRequired: Rule<Exchange> = {
  id: 'sse/http1/host-required',
  level: 'must',
  clause: `${rfc9112}#section-3.2`,
  says: 'a request in HTTP/1.1 without Host is answered with 400',
  harm: 'what is meant is left to a guess: proxy and server can take different hosts, and caches are poisoned',
  fix: 'node:http refuses a missing Host by itself unless requireHostHeader is false; elsewhere let the front proxy refuse it',
  applies: ({ exchanges }) => (exchanges.every(({ answers }) => answers.every(({ head: seen }) => seen === undefined || seen.version === '1.0'))
    ? 'the target speaks HTTP/1.0' : undefined),
  needs: ['request'],
  check: (exchange) => refusedRequests(exchange, 'no-host', 'without'),
  mutants: {
    'served without Host': { edit: onLink('no-host', swap('400 Bad Request', '200 OK')) },
    'silence': { edit: both(onLink('no-host', () => []), ended('no-host', 'deadline', 'kit')) },
    'closed without an answer': { edit: both(onLink('no-host', () => []), ended('no-host', 'fin')) },
  },
}

// The standard says MUST. It is advice here because no client sends such a request and nothing of a stream depends on
// it, while most HTTP libraries let it pass: a red run would tell of the library, not of the server.
const hostOnce: Rule<Exchange> = {
  id: 'sse/http1/host-once',
  level: 'advice',
  clause: `${rfc9112}#section-3.2`,
  says: 'a request in HTTP/1.1 with two Host fields is answered with 400',
  harm: 'proxy and server can take two different hosts for the meant one: caches are poisoned, checks are evaded',
  fix: 'look for a second Host in req.rawHeaders, or let the front proxy refuse it',
  needs: ['request'],
  check: (exchange) => refusedRequests(exchange, 'two-hosts', 'with two'),
  mutants: { 'served with two': { edit: onLink('two-hosts', swap('400 Bad Request', '200 OK')) } },
}

function refusedRequests(exchange: Exchange, role: string, how: string): Finding[] {
  const asked = withRole(exchange, role).filter(({ link, status }) =>
    link.ended.how !== 'refused' && link.ended.how !== 'abort' && status !== 429 && status !== 503)
  return forEvery(asked, `400 for a request ${how} Host`, (one) => (
    { where: one.where, ok: one.status === 400, actual: one.head ? `status ${one.status}` : 'no answer' }))
}

export const http1: Room<Exchange> = {
  id: 'sse/http1',
  clause: rfc9112,
  example,
  rules: [chunkedValid, lastChunkRule, noTeAndCl, singleChunking, http10Client, headerSyntax, hostRequired, hostOnce],
}
