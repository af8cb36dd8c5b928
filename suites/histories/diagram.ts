/** A history as text: who said what to whom, from top to bottom. */

/** One line of a sequence diagram. */
export type Line =
  /** an arrow from one participant to another */
  | { readonly from: string; readonly to: string; readonly text: string }
  /** what is to be said about one participant at this point */
  | { readonly at: string; readonly note: string }

/** What stands between the arrow's text and its ends. */
const margin = 6

/** The participants as columns, in the order given; those that no line names are left out. */
export function sequenceDiagram(participants: readonly string[], lines: readonly Line[]): string {
  const named = new Set(lines.flatMap((line) => ('note' in line ? [line.at] : [line.from, line.to])))
  const columns = participants.filter((name) => named.has(name))
  const width = Math.max(12, ...columns.map((name) => name.length + 2), ...lines.map((line) => needed(line, columns)))
  const centre = (name: string): number => Math.floor(width / 2) + columns.indexOf(name) * width

  const rows = lines.map((line) => {
    const row = Array.from(' '.repeat(width * columns.length))
    for (const name of columns) row[centre(name)] = '|'
    if ('note' in line) return `${write(row, centre(line.at), '*').join('').trimEnd()}  ${line.at}: ${line.note}`
    return arrow(row, centre(line.from), centre(line.to), line.text).join('')
  })
  const heads = Array.from(' '.repeat(width * columns.length))
  for (const name of columns) write(heads, centre(name) - Math.floor(name.length / 2), name)
  return [heads.join(''), ...rows].map((row) => row.trimEnd()).join('\n')
}

function needed(line: Line, columns: readonly string[]): number {
  if ('note' in line) return 0
  const span = Math.abs(columns.indexOf(line.from) - columns.indexOf(line.to)) || 1
  return Math.ceil((line.text.length + margin) / span)
}

function arrow(row: string[], from: number, to: number, text: string): string[] {
  const [left, right] = [Math.min(from, to), Math.max(from, to)]
  for (let i = left + 1; i < right; i++) row[i] = '-'
  row[from < to ? right - 1 : left + 1] = from < to ? '>' : '<'
  const label = ` ${text} `
  return write(row, left + 1 + Math.floor((right - left - 1 - label.length) / 2), label)
}

function write(row: string[], at: number, text: string): string[] {
  for (const [i, char] of Array.from(text).entries()) row[at + i] = char
  return row
}
