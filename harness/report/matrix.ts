/** Several servers side by side: a row for each rule, a column for each server, then what was found. Pure. */
import type { Verdict } from '../../spec/model.ts'
import { fails, type FailOn } from '../report.ts'
import type { Column, Comparison } from '../comparison.ts'
import { byRoom, exitMeaning, outcomeWords, reasonOf, type RuleText } from './meaning.ts'
import { json, visible } from './text.ts'

const symbols = { pass: '✓', fail: '✗', 'not-exercised': '–', 'not-applicable': '·', broken: '!' } as const
const legend =
  '✓ pass   ✗ fails the column   ~ fails below the threshold   known: a recorded deviation   – not exercised   · not applicable   ! the kit is at fault'

/** The comparison as a table and its findings; ends with a line feed. */
export function renderMatrix({ columns, exitCode }: Comparison, rules: readonly RuleText[], failOn: FailOn): string {
  const shown = columns.filter(({ report }) => report !== undefined)
  const judged = rules.filter(({ id }) => shown.some((column) => verdictOf(column, id)))
  const ids = Math.max(12, ...judged.map(({ id }) => slugOf(id).length)) + 2
  const widths = shown.map(({ name }) => Math.max(visible(name).length, 7))
  const row = (label: string, level: string, cells: readonly string[]): string =>
    `  ${label.padEnd(ids)}${level.padEnd(10)}${cells.map((cell, i) => cell.padEnd((widths[i] ?? 7) + 2)).join('')}`.trimEnd()
  const lines = [row('', '', shown.map(({ name }) => visible(name)))]
  for (const [room, members] of byRoom(judged.map((rule) => ({ rule: rule.id, level: rule.level })))) {
    lines.push(room, ...members.map(({ rule, level }) => row(slugOf(rule), level, shown.map((column) => symbolOf(column, rule, failOn)))))
  }
  const total = (count: (column: Column) => string): string[] => shown.map(count)
  lines.push(
    '',
    ...(['pass', 'fail', 'not-exercised', 'not-applicable', 'broken'] as const).map((outcome) =>
      row(outcomeWords[outcome], '', total(({ report }) => String(report?.counts[outcome] ?? 0)))),
    row('time', '', total(({ report }) => `${((report?.run.ms ?? 0) / 1000).toFixed(1)} s`)),
    row('exit', '', total((column) => String(column.exitCode))),
    '',
    legend,
    ...columns.flatMap((column) => findings(column, failOn)),
    '',
    `exit ${exitCode}: the worst column that counts`,
  )
  return `${lines.join('\n')}\n`
}

/** The comparison as JSON (`streamproof-comparison/1`); columns without a server say why in `absent`. */
export function renderComparisonJson({ columns, exitCode }: Comparison): string {
  return `${json({ schema: 'streamproof-comparison/1', columns, exitCode })}\n`
}

const slugOf = (id: string): string => id.split('/').slice(2).join('/')

const verdictOf = (column: Column, rule: string): Verdict | undefined => column.report?.verdicts.find((verdict) => verdict.rule === rule)

function symbolOf(column: Column, rule: string, failOn: FailOn): string {
  const verdict = verdictOf(column, rule)
  if (!verdict) return ''
  if (verdict.outcome !== 'fail') return symbols[verdict.outcome]
  if (column.known.some((finding) => finding.rule === rule)) return 'known'
  return fails(verdict, failOn) ? symbols.fail : '~'
}

function findings(column: Column, failOn: FailOn): string[] {
  const { name, report, absent, known, stale } = column
  if (!report) return ['', `${visible(name)}: ${visible(absent ?? 'not started')}${column.counts ? '' : ' (does not count)'}`]
  const lines: string[] = []
  for (const verdict of report.verdicts) {
    if (verdict.outcome === 'broken') lines.push(`  ! ${verdict.rule}: ${visible(reasonOf(verdict))}`)
    if (verdict.outcome !== 'fail' || known.some(({ rule }) => rule === verdict.rule)) continue
    lines.push(`  ${fails(verdict, failOn) ? symbols.fail : '~'} ${verdict.rule} (${verdict.effectiveLevel})`)
    const [first] = verdict.deviations
    if (first) lines.push(`      expected ${visible(first.expected)}`, `      came     ${visible(first.actual)}`)
  }
  for (const { rule, reason, evidence, since } of known) {
    lines.push(`  known ${rule}: ${visible(reason)} (${visible(evidence)}; since ${visible(since)})`)
  }
  for (const { rule } of stale) lines.push(`  stale ${rule}: it is recorded in servers/findings.json and does not fail any more; remove the entry`)
  if (column.exitCode === 3) lines.push(`  ${visible(exitMeaning(report, failOn))}`)
  return lines.length > 0 ? ['', visible(name), ...lines] : []
}
