/**
 * The header fields of a stream. EventSource opens for one type only; the rest is HTTP, where caches, proxies and
 * compressors decide what arrives when.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
import {
  answer, bare, both, chunked, ended, finite, head, hex, lastChunk, live, onLink, opened, sent, session, swap,
} from '../bytes.ts'
import { httpDate, listItems, mediaType } from '../fields.ts'
import type { Finding, Link, Room, Rule } from '../model.ts'
import { compression, isCoded } from './headers/compression.ts'
import { askedForStream, forEvery, quote, streams, withRole, type Answer, type Exchange } from './exchange.ts'

const processing = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model'
const extract = 'https://fetch.spec.whatwg.org/#concept-header-extract-mime-type'
const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

const accepting = (accept: string, encoding = 'identity') =>
  ({ headers: [['Host', 'target.test'], ['Accept', accept], ['Accept-Encoding', encoding]] as const })

const codedHead = head(
  '200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-cache, no-transform', 'X-Accel-Buffering: no',
  'Content-Encoding: gzip', 'Vary: Accept-Encoding', 'Transfer-Encoding: chunked',
)

/** Four events, `data: a` to `data: d`, in one gzip stream that is flushed after each of them. */
const flushed = [
  '1f8b08000000000002034a492c49b45248e4e202000000ffff', '4a013392b8b800000000ffff', '823092b9b800000000ffff',
  '823052b8b800000000ffff',
].map(hex)
const gzipEnd = hex('03008a3037c824000000')
const measuredHead = head(
  '200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-store, no-transform', 'X-Accel-Buffering: no',
  'Content-Length: 9',
)

const pauseMs = 200

function compressed(role: string, request: Partial<Link['request']>, everyMs: number): Link {
  const chunks = [sent(1, codedHead), ...flushed.map((part, i) => sent(2 + i * everyMs, chunked(part)))]
  const last = 2 + (flushed.length - 1) * everyMs
  return answer(role, request, [...chunks, sent(last, chunked(gzipEnd), lastChunk)])
}

const script = JSON.stringify({ events: ['a', 'b', 'c', 'd'].map((data) => ({ data })), pauseMs, end: 'close' })
const playing = { ...accepting('*/*', 'gzip, br'), method: 'POST', url: 'http://target.test/play', body: script }

const example = session(
  live('base', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
  finite('again', sent(5, 'data: bye\n\n')),
  opened('anything', accepting('*/*')),
  answer('http10', { version: '1.0' }, [
    sent(1, measuredHead, 'data: a\n\n'),
  ]),
  answer('json', accepting('application/json'), [
    sent(1, head('200 OK', 'Content-Type: application/json', 'Vary: Accept', 'Content-Length: 2'), '{}'),
  ]),
  live('ordinary', ...['a', 'b', 'c', 'd'].map((data, i) => sent(5 + i * 430, `data: ${data}\n\n`))),
  compressed('coded', accepting('text/event-stream', 'gzip, deflate, br, zstd'), 430),
  { ...compressed('play', playing, pauseMs), id: 'compressed' },
  bare('options', { method: 'OPTIONS' }, '204 No Content', 'Allow: GET, HEAD, OPTIONS'),
  bare('no-host', {}, '400 Bad Request', 'Connection: close'),
)

const contentType: Rule<Exchange> = {
  id: 'sse/headers/content-type',
  level: 'interop',
  clause: processing,
  says: 'a stream has the type text/event-stream',
  harm: 'EventSource gives up for good: one error event, and no reconnection',
  fix: 'set "Content-Type: text/event-stream" before the first byte: res.writeHead(200, {"Content-Type": …}), ' +
    'res.set(…) in Express, media_type="text/event-stream" in FastAPI',
  needs: ['head'],
  check: (exchange) => forEvery(
    askedForStream(exchange).filter(({ status, link }) => status === 200 && link.request.method !== 'HEAD'),
    'the type text/event-stream',
    (one) => ({
      where: one.fieldPlace('content-type'),
      ok: one.mimeType?.essence === 'text/event-stream',
      actual: one.mimeType?.essence ?? lineList(one, 'content-type'),
    }),
  ),
  mutants: {
    'plain text': { edit: onLink('base', swap('text/event-stream', 'text/plain')) },
    'no type': { edit: onLink('base', swap('Content-Type: text/event-stream\r\n', '')) },
    'a full stop behind it': { edit: onLink('base', swap('text/event-stream', 'text/event-stream .')) },
    'the last one wins': {
      edit: onLink('base', swap('text/event-stream', 'text/event-stream\r\nContent-Type: text/html')),
      alsoBreaks: ['sse/headers/content-type-once'],
    },
  },
}

const contentTypeOnce: Rule<Exchange> = {
  id: 'sse/headers/content-type-once',
  level: 'advice',
  clause: extract,
  says: 'there is one Content-Type line with one value',
  harm: 'clients and proxies differ in which value they take; a browser takes the last usable one',
  fix: 'replace the default of the framework (setHeader), do not add to it (appendHeader, add_header)',
  needs: ['head'],
  check: (exchange) => forEvery(
    askedForStream(exchange).filter((one) => one.status === 200 && one.values('content-type').length > 0),
    'one Content-Type with one value',
    (one) => ({
      where: one.fieldPlace('content-type'),
      ok: one.values('content-type').length === 1 && types(one).length === 1,
      actual: lineList(one, 'content-type'),
    }),
  ),
  mutants: {
    'the framework\'s default before it': {
      edit: onLink('base', swap('Content-Type: text', 'Content-Type: text/html\r\nContent-Type: text')),
    },
    'two values': { edit: onLink('base', swap('text/event-stream', 'text/html, text/event-stream')) },
  },
}

/** A comma in a line may stand in a broken parameter; only what reads as a type is a second value. */
const types = (one: Answer): string[] =>
  listItems(one.values('content-type').join(', ')).filter((value, i) => i === 0 || mediaType(value) !== undefined)

const noContentLength: Rule<Exchange> = {
  id: 'sse/headers/no-content-length',
  level: 'must',
  clause: `${semantics}#section-8.6`,
  says: 'a stream has no Content-Length, unless it is finite and the number is its length',
  harm: 'a client stops reading at that many bytes and misses the rest, or waits for bytes that never come',
  fix: 'leave Content-Length out, and keep what computes it (ETag middleware, buffering proxies) off the stream',
  needs: ['head', 'framing'],
  check: (exchange) => streams(exchange).flatMap((one) => {
    const actual = lengthFault(one)
    if (actual === undefined) return []
    const where = one.fieldPlace('content-length')
    return [{ where, ok: actual === '', expected: 'no Content-Length, or the true one', actual: actual || 'that' }]
  }),
  mutants: {
    'beside Transfer-Encoding': {
      edit: onLink('base', swap('Transfer-Encoding', 'Content-Length: 1000\r\nTransfer-Encoding')),
      alsoBreaks: ['sse/http1/no-te-and-cl'],
    },
    'zero': { edit: onLink('http10', swap('Content-Length: 9', 'Content-Length: 0')) },
    'too short': { edit: onLink('http10', swap('data: a\n\n', 'data: a\n\ndata: b\n\n')) },
    'too long': { edit: both(onLink('http10', swap('Length: 9', 'Length: 90')), ended('http10', 'fin')) },
    'no number': { edit: onLink('http10', swap('Content-Length: 9', 'Content-Length: unknown')) },
  },
}

const lengthFaults: ReadonlySet<string> = new Set([
  'content-length-malformed', 'content-length-differs', 'content-length-repeated',
])

/** What is wrong with Content-Length; '' for nothing, undefined when the stream was still open and may come to it. */
function lengthFault(one: Answer): string | undefined {
  const { message, link } = one
  if (one.values('content-length').length === 0) return ''
  const given = lineList(one, 'content-length')
  if (one.values('transfer-encoding').length > 0) return `${given} beside Transfer-Encoding`
  if (message.faults.some(({ kind }) => lengthFaults.has(kind))) return given
  if (message.excess) return `${given} and ${message.excess.end - message.excess.start} bytes behind them`
  if (message.body?.complete) return ''
  const cut = link.ended.by === 'target' && link.ended.how === 'fin'
  return cut ? `${given} and the end after ${message.body?.bytes.length ?? 0} bytes` : undefined
}

const date: Rule<Exchange> = {
  id: 'sse/headers/date',
  level: 'must',
  clause: `${semantics}#section-6.6.1`,
  says: 'answers with 2xx, 3xx and 4xx carry a Date',
  harm: 'caches and clients cannot tell the age of the answer',
  fix: 'frameworks write it by themselves: do not switch it off (res.sendDate = false, uvicorn --no-date-header), ' +
    'and add it where you write to the socket yourself, as in a clientError handler',
  needs: ['head'],
  check: (exchange) => dated(exchange.answers.filter((one) => one.status >= 200 && one.status < 500 && !turnedAway(one))),
  mutants: {
    'left out': { edit: onLink('options', swap('Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n', '')) },
    'in ISO 8601': { edit: onLink('options', swap('Sun, 22 Nov 2026 12:00:00 GMT', '2026-11-22T12:00:00Z')) },
  },
}

// The standard says MUST here too. It is advice because such answers come from the HTTP parser, before any code of the
// server, and no client of a stream ever sees one: a red run would tell of the library, not of the server.
const dateOnRefusals: Rule<Exchange> = {
  id: 'sse/headers/date-on-refusals',
  level: 'advice',
  clause: `${semantics}#section-6.6.1`,
  says: 'what the HTTP parser turns away by itself is answered with a Date too',
  harm: 'caches and clients cannot tell the age of the answer',
  fix: 'answer what the parser turns away yourself where the library lets you (clientError in node:http), with a Date',
  needs: ['head'],
  check: (exchange) => dated(exchange.answers.filter((one) => one.status >= 400 && one.status < 500 && turnedAway(one))),
  mutants: { 'left out': { edit: onLink('no-host', swap('Date: Sun, 22 Nov 2026 12:00:00 GMT\r\n', '')) } },
}

/** A request that is none of HTTP/1.1, or a method that the parser does not know. */
const turnedAway = ({ link, status }: Answer): boolean =>
  link.role === 'no-host' || link.role === 'two-hosts' || (link.role === 'unknown-method' && status === 400)

function dated(answers: readonly Answer[]): Finding[] {
  return forEvery(answers, 'a Date in the form of RFC 9110', (one) => {
    const values = one.values('date')
    const ok = values.length > 0 && values.every((value) => httpDate(value) !== undefined)
    return { where: one.fieldPlace('date'), ok, actual: lineList(one, 'date') }
  })
}

const xAccelBuffering: Rule<Exchange> = {
  id: 'sse/headers/x-accel-buffering',
  level: 'advice',
  clause: 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering',
  says: 'X-Accel-Buffering: no keeps nginx, and what is built on it, from buffering the stream',
  harm: 'behind such a proxy events arrive when 4 to 8 KiB have gathered',
  fix: 'set "X-Accel-Buffering: no" on every event stream',
  needs: ['head'],
  check: (exchange) => forEvery(
    streams(exchange),
    'X-Accel-Buffering: no',
    (one) => ({
      where: one.fieldPlace('x-accel-buffering'),
      ok: one.values('x-accel-buffering').some((value) => value.toLowerCase() === 'no'),
      actual: lineList(one, 'x-accel-buffering'),
    }),
  ),
  mutants: {
    'left out': { edit: onLink('base', swap('X-Accel-Buffering: no\r\n', '')) },
    'switched on': { edit: onLink('base', swap('X-Accel-Buffering: no', 'X-Accel-Buffering: yes')) },
  },
}

const varyNegotiated: Rule<Exchange> = {
  id: 'sse/headers/vary-negotiated',
  level: 'should',
  clause: `${semantics}#section-12.5.5`,
  says: 'an answer that a cache may keep and that depends on Accept or Accept-Encoding says so in Vary',
  harm: 'a cache gives JSON to EventSource, or compressed bytes to a client that cannot read them',
  fix: 'res.vary("Accept") where you look at Accept; compressors set "Vary: Accept-Encoding" by themselves',
  needs: ['head'],
  check: (exchange) => {
    const other = withRole(exchange, 'json').filter((one) => one.mimeType?.essence !== 'text/event-stream')
    const coded = withRole(exchange, 'coded').filter(isCoded)
    return [...varies(other, 'Accept'), ...varies(coded, 'Accept-Encoding')]
  },
  mutants: {
    'JSON for those who ask for it': { edit: onLink('json', swap('Vary: Accept\r\n', '')) },
    'gzip for those who ask for it': { edit: onLink('coded', swap('Vary: Accept-Encoding', 'Vary: Origin')) },
  },
}

/** What may not be stored needs no Vary (RFC 9110 12.5.5 speaks of cacheable responses). */
const varies = (answers: readonly Answer[], name: string): Finding[] => forEvery(
  answers.filter((one) => one.status === 200 && !listed(one, 'cache-control').includes('no-store')),
  `Vary: ${name}`,
  (one) => ({
    where: one.fieldPlace('vary'),
    ok: listed(one, 'vary').some((value) => value === '*' || value === name.toLowerCase()),
    actual: lineList(one, 'vary'),
  }),
)

const listed = (one: Answer, name: string): string[] =>
  listItems(one.values(name).join(', ')).map((value) => value.toLowerCase())

/** The lines of a field as they came. */
const lineList = (one: Answer, name: string): string =>
  one.values(name).map((value) => quote(value)).join(' and ') || 'none'

export const headers: Room<Exchange> = {
  id: 'sse/headers',
  clause: processing,
  example,
  rules: [
    contentType, contentTypeOnce, noContentLength, date, dateOnRefusals, ...compression, xAccelBuffering, varyNegotiated,
  ],
}
