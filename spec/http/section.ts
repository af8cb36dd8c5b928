import { Buffer } from 'node:buffer'
import { TOKEN, trimmed } from '../fields.ts'
import type { Field, Report } from './message.ts'
import { Octets } from './octets.ts'

const LF = 10
const CR = 13

/** Bytes a head or a trailer section may have before that is a fault. */
export const SECTION_LIMIT = 65_536

/**
 * Collects lines up to and including an empty one, however they are cut. Both CRLF and LF end a line here, or a head
 * with bare LFs would never end; `lines` tells them apart.
 */
export class Section {
  /** offset of its first byte in the link */
  start = 0
  readonly #octets = new Octets()
  #line = 0
  #last = 0

  /** Forgets what was taken; the next byte taken is at offset `start` of the link. */
  reset(start: number): void {
    this.start = start
    this.#octets.clear()
    this.#line = 0
  }

  /** Takes bytes from index `from` on. Returns the index after the empty line, or -1 when it has not come. */
  take(bytes: Uint8Array, from: number, to = bytes.length): number {
    let line = from - this.#line
    let position = from
    for (;;) {
      const lf = bytes.indexOf(LF, position)
      if (lf < 0 || lf >= to) break
      const before = lf > from ? bytes[lf - 1] : this.#last
      position = lf + 1
      if (lf === line || (lf === line + 1 && before === CR)) {
        this.#octets.add(bytes, from, position)
        return position
      }
      line = position
    }
    this.#line = to - line
    this.#last = bytes[to - 1] ?? this.#last
    this.#octets.add(bytes, from, to)
    return -1
  }

  /** bytes taken since the reset */
  get length(): number {
    return this.#octets.length
  }

  /** latin1 */
  get text(): string {
    const { buffer, byteOffset, byteLength } = this.#octets.view
    return Buffer.from(buffer, byteOffset, byteLength).toString('latin1')
  }
}

/** One line of a section: its text without line end, and the offset of its first byte in the link. */
export interface Line {
  readonly text: string
  readonly start: number
}

/** Splits a section, the empty line left out; reports bare LFs, and bare CRs, which become spaces. RFC 9112 2.2 */
export function lines(text: string, start: number, report: Report): Line[] {
  const found: Line[] = []
  let position = 0
  while (position < text.length) {
    const lf = text.indexOf('\n', position)
    let end = lf < 0 ? text.length : lf
    if (lf >= 0) {
      if (end > position && text.charCodeAt(end - 1) === CR) end -= 1
      else report('bare-lf', start + lf, start + lf + 1, 'a line ends with LF, not CRLF')
    } else if (text.charCodeAt(end - 1) === CR) {
      // cut between CR and LF: not a bare CR
      end -= 1
    }
    let line = text.slice(position, end)
    if (line.includes('\r')) {
      for (let cr = line.indexOf('\r'); cr >= 0; cr = line.indexOf('\r', cr + 1)) {
        report('bare-cr', start + position + cr, start + position + cr + 1, 'CR without LF')
      }
      line = line.replaceAll('\r', ' ')
    }
    if (end > position) found.push({ text: line, start: start + position })
    position = lf < 0 ? text.length : lf + 1
  }
  return found
}

/** Reads lines from index `first` on as field lines; what is none is reported and left out. RFC 9112 5, RFC 9110 5 */
export function fieldLines(section: readonly Line[], first: number, report: Report): Field[] {
  const found: Field[] = []
  for (const [i, { text, start }] of section.entries()) {
    if (i < first) continue
    const end = start + text.length
    if (isSpace(text.charCodeAt(0))) {
      const folded = found.pop()
      report('obs-fold', start, end, folded ? 'a field value is folded' : 'whitespace before the first field line')
      if (folded) {
        const value = trimmed(`${folded.value} ${trimmed(text)}`)
        checkValue(text, start, report)
        found.push({ name: folded.name, value, span: { start: folded.span.start, end } })
      }
      continue
    }
    const colon = text.indexOf(':')
    if (colon < 0) {
      report('no-colon', start, end, 'a field line without colon')
      continue
    }
    let nameEnd = colon
    while (nameEnd > 0 && isSpace(text.charCodeAt(nameEnd - 1))) nameEnd -= 1
    if (nameEnd < colon) report('space-before-colon', start + nameEnd, start + colon, 'whitespace before the colon')
    const name = text.slice(0, nameEnd)
    if (!TOKEN.test(name)) {
      report('field-name', start, start + nameEnd, name ? 'a field name that is no token' : 'an empty field name')
    }
    const value = text.slice(colon + 1)
    checkValue(value, start + colon + 1, report)
    found.push({ name, value: trimmed(value), span: { start, end } })
  }
  return found
}

/** Index of the first control character but HTAB, or -1. RFC 9110 5.5 */
export function controlIn(text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 9) || code === 0x7f) return i
  }
  return -1
}

function checkValue(value: string, start: number, report: Report): void {
  const bad = controlIn(value)
  if (bad < 0) return
  const code = value.charCodeAt(bad).toString(16).padStart(2, '0')
  report('field-value', start + bad, start + bad + 1, `control character 0x${code} in a field value`)
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 9
}
