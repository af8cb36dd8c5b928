/**
 * Text of a target made harmless. Whatever a server sent may hold terminal escapes, markup, bidirectional controls
 * or the log commands of a CI system; nothing of it reaches a report but through these functions. Pure.
 */

/**
 * What a reader cannot see or what changes how the rest is read: controls (0x9b alone starts a terminal escape),
 * bidirectional and zero-width characters, separators of lines, lone surrogates, what is not assigned. Nothing of it
 * is left that XML 1.0 cannot carry.
 */
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** `::name` at the start of a line (GitHub), `##[`, `##vso[` and `##teamcity[` anywhere (Azure, GitHub, TeamCity). */
const lineCommand = /(^|\s):(?=:)/g
const anyCommand = /#(?=#\w*\[)/g

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  if (code === 0x0a) return '\\n'
  if (code === 0x0d) return '\\r'
  if (code === 0x09) return '\\t'
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** One line that shows every character which cannot be seen, and that no log reads as a command. */
export function visible(text: string): string {
  return text
    .replace(lineCommand, '$1\\x3a')
    .replace(anyCommand, '\\x23')
    .replace(unseen, escapeOf)
}

/** The same for text of several lines: line feeds stay. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n')
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&apos;' }

/** Text for XML 1.0, in an element or between quotes. Characters that XML cannot carry are shown as escapes. */
export function xml(text: string): string {
  return visibleLines(text).replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** JSON with every unseen character, `<` and log command written as an escape: the value is the same. */
export function json(value: unknown): string {
  const units = (text: string): string =>
    [...Array(text.length).keys()].map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
  // the line feeds are those of the layout: inside a string JSON.stringify has escaped them already
  return JSON.stringify(value, null, 2).split('\n')
    .map((line) => line.replace(unseen, units).replace(anyCommand, units).replace(/</g, units))
    .join('\n')
}

/** A Markdown code span of one line; its fence is longer than every run of backticks inside. */
export function codeSpan(text: string): string {
  const shown = visible(text)
  const longest = Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  // a reader takes off one blank at each end, unless there is nothing but blanks
  return /[^ ]/.test(shown) ? `${fence} ${shown} ${fence}` : '(nothing)'
}

/** Our own words in Markdown: nothing of them is markup. What a target sent goes into a code span. */
export function markdown(text: string): string {
  return text.replace(/[\\`*_[\]<>~|&#]/g, '\\$&')
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`
}

const perLine = 16

/**
 * Lines of a hexdump with a line of carets under the bytes that are meant.
 * @param offset of the first byte, as the dump names it
 * @param mark offset (counted like `offset`) and number of the bytes meant
 */
export function hexdump(bytes: Uint8Array, offset: number, mark: { readonly offset: number; readonly length: number }): string[] {
  const lines: string[] = []
  const end = mark.offset + Math.max(1, mark.length)
  // carets under everything point at nothing
  const marksAll = mark.offset <= offset && end >= offset + bytes.length
  for (let start = 0; start < bytes.length; start += perLine) {
    const row = [...bytes.subarray(start, start + perLine)]
    const cells = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(perLine * 3 - 1)
    const shown = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${(offset + start).toString(16).padStart(8, '0')}  ${cells}  |${visible(shown)}|`)
    const carets = row.map((_, i) => (offset + start + i >= mark.offset && offset + start + i < end ? '^^' : '  ')).join(' ')
    if (carets.includes('^') && !marksAll) lines.push(`          ${carets}`.trimEnd())
  }
  // the place is right behind the last byte: something is missing there
  if (mark.offset >= offset + bytes.length) lines.push(`${(offset + bytes.length).toString(16).padStart(8, '0')}  ^^ here`)
  return lines
}
