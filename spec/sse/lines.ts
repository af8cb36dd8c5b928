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
  /** a chunk size of HTTP inside the stream */
  | 'chunk-size'
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
  if (!hasColon && /^[0-9a-f]{1,8}(?:;.*)?$/i.test(name)) return 'chunk-size'
  return hasColon && /^[a-z][a-z0-9_-]*$/i.test(name) ? 'unknown' : 'foreign'
}

const mostLines = 5

/** The first lines of that kind, a finding each; one good finding when the stream has lines and none of the kind. */
export function withoutKind(answer: Answer, kind: LineKind, expected: string): Finding[] {
  const { lines } = answer.stream
  if (lines.length === 0) return []
  return withoutLines(answer, lines.filter((line) => kindOf(line) === kind), expected)
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
