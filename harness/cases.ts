/** Verdicts as vitest tests: plain values, which cross to the test file. Pure. */
import type { RuleId } from '../spec/model.ts'
import { fails, type Report } from './report.ts'
import { renderFailure } from './report/console.ts'
import { baselineFaults, excuseWords, incompleteBecause, outcomeWords, reasonOf, type Rendering, type RuleText } from './report/meaning.ts'
import { visible } from './report/text.ts'

export interface RuleCase {
  readonly name: RuleId | 'the run is complete' | 'the baseline is up to date'
  readonly state: 'passes' | 'fails' | 'skipped'
  /** what the failure says, or why it is skipped */
  readonly text: string
}

/** One case for each rule, and one more when the run is incomplete or the baseline stale: a green list must not hide an exit code. */
export function casesOf(report: Report, rules: readonly RuleText[], rendering: Rendering): RuleCase[] {
  const cases = report.verdicts.map((verdict): RuleCase => {
    const name = verdict.rule
    if (verdict.outcome === 'broken') return { name, state: 'fails', text: `the kit is at fault: ${visible(reasonOf(verdict))}` }
    if (verdict.excused) return { name, state: 'skipped', text: `${visible(excuseWords(verdict.excused))}; this time: ${outcomeWords[verdict.outcome]}` }
    if (verdict.outcome === 'pass') return { name, state: 'passes', text: '' }
    if (verdict.outcome === 'fail') {
      return { name, state: fails(verdict, rendering.failOn) ? 'fails' : 'passes', text: renderFailure(verdict, rules, rendering) }
    }
    return { name, state: 'skipped', text: `${outcomeWords[verdict.outcome]}: ${visible(reasonOf(verdict))}` }
  })
  const reason = incompleteBecause(report)
  const stale = baselineFaults(report)
  return [
    ...cases,
    ...(reason === undefined ? [] : [{ name: 'the run is complete', state: 'fails', text: visible(reason) } as const]),
    ...(stale.length === 0 ? [] : [{ name: 'the baseline is up to date', state: 'fails', text: stale.map(visible).join('\n') } as const]),
  ]
}
