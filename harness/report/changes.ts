/** What is other than in the last run, for a reader who watches. Pure. */
import type { RuleId, Verdict } from '../../spec/model.ts'
import { fails, type Report } from '../report.ts'
import { painter, renderFailure, totals } from './console.ts'
import { outcomeWords, type Rendering, type RuleText } from './meaning.ts'

export interface Change {
  readonly rule: RuleId
  readonly before: string
  readonly after: string
}

const wordOf = (verdict: Verdict | undefined): string =>
  verdict === undefined ? 'not judged' : (verdict.excused?.as ?? outcomeWords[verdict.outcome])

/** Rules whose verdict is another one, in the order of the later report; then those that it does not judge. */
export function changesOf(before: Report, after: Report): Change[] {
  const was = new Map(before.verdicts.map((verdict) => [verdict.rule, verdict]))
  const is = new Map(after.verdicts.map((verdict) => [verdict.rule, verdict]))
  return [...new Set([...is.keys(), ...was.keys()])]
    .map((rule) => ({ rule, before: wordOf(was.get(rule)), after: wordOf(is.get(rule)) }))
    .filter((change) => change.before !== change.after)
}

/** The totals, a line for each rule that changed, and in full what fails now and did not; ends with a line feed. */
export function renderChanges(before: Report, after: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const paint = painter(rendering.color)
  const changes = changesOf(before, after)
  const width = Math.max(0, ...changes.map(({ rule }) => rule.length))
  const lines = changes.map(({ rule, before: was, after: is }) => `  ${rule.padEnd(width)}  ${was} -> ${paint('bold', is)}`)
  const changed = new Set(changes.map(({ rule }) => rule))
  const failures = after.verdicts.filter((verdict) => changed.has(verdict.rule) && fails(verdict, rendering.failOn))
  const blocks = [
    ...failures.map((verdict) => renderFailure(verdict, rules, rendering)),
    totals(after, rendering, paint),
    lines.length === 0 ? 'no verdict has changed' : lines.join('\n'),
  ]
  return `${blocks.join('\n\n')}\n`
}
