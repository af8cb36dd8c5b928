/** What a baseline covers, and what it asks for, for a reader at a terminal. Pure. */
import type { Verdict } from '../../spec/model.ts'
import type { Report } from '../report.ts'
import type { Paint } from './console.ts'
import { baselineFaults, excuseWords, outcomeWords } from './meaning.ts'
import { visible } from './text.ts'

/** Verdicts that do not count, in a line or three each; then what has to be changed in the baseline. */
export function renderExcused(report: Report, paint: Paint): string[] {
  const blocks = report.verdicts.filter(({ excused }) => excused !== undefined).map((verdict) => excusedVerdict(verdict, paint))
  const faults = baselineFaults(report).map((line) => `${paint(['red', 'bold'], 'STALE')}  ${visible(line)}`)
  const expired = (report.baseline?.expired ?? []).map((rule) => `${paint('yellow', 'EXPIRED')}  ${rule} is covered no longer: ${visible(report.baseline?.file ?? '')}`)
  return [...blocks, ...[faults, expired].filter((lines) => lines.length > 0).map((lines) => lines.join('\n'))]
}

function excusedVerdict({ rule, outcome, effectiveLevel, deviations: [first], excused }: Verdict, paint: Paint): string {
  if (!excused) return ''
  const label = paint('yellow', excused.as.toUpperCase())
  const lines = [`${label}  ${paint('bold', rule)}  ${effectiveLevel}${outcome === 'fail' ? '' : `, this time: ${outcomeWords[outcome]}`}`]
  if (first) lines.push(`  came       ${visible(first.actual)}`)
  lines.push(`  excused    ${visible(excuseWords(excused))}`)
  return lines.join('\n')
}

/** How much a baseline covered, as one line of the totals; none without a baseline. */
export function baselineTotals({ verdicts, baseline }: Report): string[] {
  if (!baseline) return []
  const excused = (as: string): number => verdicts.filter((verdict) => verdict.excused?.as === as).length
  return [`baseline ${visible(baseline.file)}: ${excused('known')} known, ${excused('flaky')} flaky, ${baseline.stale.length} stale, ${baseline.expired.length} expired`]
}
