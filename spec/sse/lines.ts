/**
 * What is wrong with a line, one answer for each. The grammar allows nearly every line (a field needs no colon and a
 * name may be anything), so a defect shows only in interpretation; the first kind that fits takes it, which keeps one
 * fault with one rule. https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import type { Finding } from '../model.ts'
import type { Line } from './decode.ts'
import { quote, type Answer } from './exchange.ts'

export type LineKind =
  /** comment, blank, or a field that a client acts on */
  | 'known'
  /** `Data:` */
  | 'case'
  /** ` data:`, `data :` */
  | 'space'
  /** a byte order mark before a field name or colon */
  | 'bom'
  /** `message:`: a name that could be a field and is none */
  | 'unknown'
  /** HTML, JSON, a stack trace, binary */
  | 'foreign'

const known = new Set(['data', 'event', 'id', 'retry'])

/** Kind of a line; every line has exactly one. */
export function kindOf(line: Line): LineKind {
  if (line.kind !== 'field' || known.has(line.name)) return 'known'
  const { name } = line
  if (name.startsWith('\ufeff')) return 'bom'
  if (known.has(name.toLowerCase())) return 'case'
  if (known.has(name.trim().toLowerCase())) return 'space'
  const hasColon = line.end - line.start > Buffer.byteLength(name)
  return hasColon && /^[a-z][a-z0-9_-]*$/i.test(name) ? 'unknown' : 'foreign'
}

const mostLines = 5

/** The first lines of that kind, a finding each; one good finding when the stream has lines and none of the kind. */
export function withoutKind(answer: Answer, kind: LineKind, expected: string): Finding[] {
  const { lines } = answer.stream
  if (lines.length === 0 || isCompressed(answer)) return []
  // a chunk size is HTTP's business, also where it does not belong
  const claimed = kind === 'foreign' ? new Set(chunkLines(answer)) : new Set<Line>()
  const bad = lines.filter((line) => kindOf(line) === kind && !claimed.has(line))
  return withoutLines(answer, kind === 'foreign' ? [...bad, ...foreignTail(answer)] : bad, expected)
}

/** A body that begins with the mark of gzip or zstd is no text: which rule says so is not a matter of its lines. */
function isCompressed(answer: Answer): boolean {
  const [a, b, c, d] = answer.content.body?.bytes ?? []
  return (a === 0x1f && b === 0x8b) || (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd)
}

/** JSON or HTML that stands unfinished at a clean end: `res.end(JSON.stringify(error))`. */
function foreignTail(answer: Answer): Line[] {
  const { tail: { partialLine: cut }, lines } = answer.stream
  if (!cut || !answer.endedCleanly || !/^\s*[{[<]/.test(cut.text)) return []
  const [name = '', ...value] = cut.text.split(':')
  const line: Line = {
    number: lines.length + 1, start: cut.start, end: cut.end, next: cut.end, eol: '\n', kind: 'field', name, value: value.join(':'),
  }
  return kindOf(line) === 'foreign' ? [line] : []
}

/** Lines that are a chunk size with its whole chunk behind it: size, CRLF, that many bytes, CRLF (RFC 9112 7.1). */
export function chunkLines(answer: Answer): Line[] {
  const body = answer.content.body?.bytes ?? new Uint8Array()
  return answer.stream.lines.filter((line) => {
    const size = line.kind === 'field' && line.eol === '\r\n' ? /^([0-9a-f]{1,8})(?:;.*)?$/i.exec(line.name)?.[1] : undefined
    const end = line.next + Number.parseInt(size ?? '0', 16)
    return end > line.next && body[end] === 0x0d && body[end + 1] === 0x0a
  })
}

/** A finding for each of the first bad lines, or one good finding about the stream. */
export function withoutLines(answer: Answer, bad: readonly Line[], expected: string): Finding[] {
  if (bad.length === 0) return [{ where: answer.where, ok: true, expected, actual: 'none' }]
  return bad.slice(0, mostLines).map((line) => ({
    where: answer.linePlace(line),
    ok: false,
    expected,
    actual: `line ${line.number}: ${quote(lineText(line))}`,
  }))
}

/** The line as text, near enough for a report. */
export function lineText(line: Line): string {
  if (line.kind === 'comment') return `:${line.value}`
  const bytes = Buffer.byteLength(line.name)
  return line.end - line.start > bytes ? `${line.name}: ${line.value}` : line.name
}
