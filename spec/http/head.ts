import { listItems, trimmed } from '../fields.ts'
import type { Body, Field, Head, Report, Span } from './message.ts'
import { controlIn, fieldLines, lines } from './section.ts'

const STATUS_LINE = /^HTTP\/(\d\.\d) (\d{3}) (.*)$/
const LOOSE_STATUS_LINE = /^HTTP\/(\S*)[ \t]*(?:(\d{3})(?!\d))?[ \t]*(.*)$/i
const DIGITS = /^\d+$/

/** Codings of the IANA registry that RFC 9112 7 keeps; `identity` was withdrawn. */
const TRANSFER_CODINGS = new Set(['chunked', 'gzip', 'x-gzip', 'deflate', 'compress', 'x-compress'])

/** What `parseHead` knows of a head; the reader adds the times. */
export type UntimedHead = Omit<Head, 'at' | 'startedAt'>

/** Reads a head section that begins with `HTTP/`; `start` is its offset in the link. RFC 9112 4, 5 */
export function parseHead(text: string, start: number, report: Report): UntimedHead {
  const section = lines(text, start, report)
  const statusLine = section[0]?.text ?? ''
  const strict = STATUS_LINE.exec(statusLine)
  const [, version = '', code, reason = ''] = strict ?? LOOSE_STATUS_LINE.exec(statusLine) ?? []
  const end = start + statusLine.length
  const status = Number(code ?? 0)
  if (!strict) report('status-line', start, end, 'the status line is not HTTP/d.d SP ddd SP [reason] CRLF')
  else if (controlIn(reason) >= 0) report('status-line', start, end, 'control character in the reason phrase')
  if (code !== undefined && (status < 100 || status > 599)) {
    report('status-code', start, end, `status code ${code} is not in 100 to 599`)
  }
  const fields = fieldLines(section, 1, report)
  return { version, status, reason, fields, span: { start, end: start + text.length } }
}

/** The lines of one field, in order. Names are case-insensitive (RFC 9110 5.1). */
export function fields(head: Pick<Head, 'fields'>, name: string): Field[] {
  const wanted = name.toLowerCase()
  return head.fields.filter((field) => field.name.length === wanted.length && field.name.toLowerCase() === wanted)
}

/** The value of a field, several lines joined by `, ` (RFC 9110 5.3); undefined when absent. */
export function field(head: Pick<Head, 'fields'>, name: string): string | undefined {
  const found = fields(head, name)
  return found.length === 0 ? undefined : found.map(({ value }) => value).join(', ')
}

/** How the end of a body is found. */
export interface Framing {
  readonly kind: Body['framing']
  /** Content-Length, when there is one valid value */
  readonly length?: number
  /** transfer codings below the chunked one */
  readonly codings?: readonly string[]
  /** the connection changes protocol after the head: 101, or 2xx to CONNECT */
  readonly tunnel: boolean
}

/** The body length rules of RFC 9112 6.3, for a response to `method`. */
export function framing(method: string, head: UntimedHead, report: Report): Framing {
  const { status } = head
  const lengthLines = fields(head, 'content-length')
  const codingLines = fields(head, 'transfer-encoding')
  const lengthLine = lengthLines.at(-1)
  const codingLine = codingLines.at(-1)
  const length = lengthLine && contentLength(lengthLines, lengthLine.span, report)
  const codings = codingLine && transferCodings(head.version, codingLines, codingLine.span, report)
  const informational = status >= 100 && status < 200
  if (lengthLine && codingLine) {
    const { start, end } = lengthLine.span
    report('content-length-with-transfer-encoding', start, end, 'Content-Length together with Transfer-Encoding')
  }
  if (informational || status === 204) {
    const detail = `in a ${status} response`
    if (lengthLine) {
      report('content-length-forbidden', lengthLine.span.start, lengthLine.span.end, `Content-Length ${detail}`)
    }
    if (codingLine) {
      report('transfer-encoding-forbidden', codingLine.span.start, codingLine.span.end, `Transfer-Encoding ${detail}`)
    }
  }
  const stated = length === undefined ? {} : { length }
  const tunnel = status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)
  if (tunnel || informational || method === 'HEAD' || status === 204 || status === 304) {
    return { kind: 'none', ...stated, tunnel }
  }
  if (codings) {
    if (codings.at(-1) !== 'chunked') return { kind: 'close', codings, tunnel }
    return { kind: 'chunked', ...(codings.length > 1 && { codings: codings.slice(0, -1) }), tunnel }
  }
  return { kind: length === undefined ? 'close' : 'length', ...stated, tunnel }
}

function contentLength(found: readonly Field[], { start, end }: Span, report: Report): number | undefined {
  // not listItems: an empty member is as wrong here as any other value that is not 1*DIGIT
  const values = found.flatMap(({ value }) => value.split(',')).map((value) => trimmed(value))
  if (!values.every((value) => DIGITS.test(value))) {
    report('content-length-malformed', start, end, 'Content-Length is not a decimal number')
    return undefined
  }
  const lengths = new Set(values.map(Number))
  if (lengths.size > 1) {
    report('content-length-differs', start, end, `${lengths.size} different values of Content-Length`)
    return undefined
  }
  if (values.length > 1) report('content-length-repeated', start, end, `Content-Length given ${values.length} times`)
  return lengths.values().next().value
}

function transferCodings(version: string, found: readonly Field[], { start, end }: Span, report: Report): string[] {
  if (version === '1.0' || version.startsWith('0.')) {
    report('transfer-encoding-http10', start, end, 'Transfer-Encoding in a response below HTTP/1.1')
  }
  const items = listItems(found.map(({ value }) => value).join(', ')).map((item) => item.toLowerCase())
  const codings = items.map((item) => trimmed(item.split(';', 1)[0] ?? ''))
  if (codings.length === 0) report('transfer-coding', start, end, 'Transfer-Encoding without a coding')
  if (items.some((item, i) => codings[i] === 'chunked' && item !== 'chunked')) {
    report('transfer-coding', start, end, 'chunked has no parameters')
  }
  if (codings.some((coding) => !TRANSFER_CODINGS.has(coding))) {
    report('transfer-coding', start, end, 'a transfer coding that is not registered')
  }
  const chunked = codings.filter((coding) => coding === 'chunked').length
  if (chunked > 1) report('chunked-twice', start, end, `chunked applied ${chunked} times`)
  if (chunked > 0 && codings.at(-1) !== 'chunked') {
    report('chunked-not-last', start, end, 'chunked is not the last coding')
  }
  return codings
}
