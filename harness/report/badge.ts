/** The report as the JSON that a shields.io endpoint badge is drawn from. Nothing of the target is in it. Pure. */
import { fails, type Report } from '../report.ts'
import { counted, type Rendering, type RuleText } from './meaning.ts'
import { json } from './text.ts'

/** One JSON document; ends with a line feed. */
export function renderBadge(report: Report, _rules: readonly RuleText[], { failOn }: Rendering): string {
  const failed = report.verdicts.filter((verdict) => fails(verdict, failOn)).length
  const [message, color] = report.exitCode === 0 ? [`${counted(report.counts.pass, 'rule')}, conforms`, 'brightgreen']
    : report.exitCode === 3 ? ['incomplete', 'lightgrey']
    : failed === 0 ? ['stale baseline', 'red']
    : [`${counted(failed, 'rule')} ${failed === 1 ? 'fails' : 'fail'}`, 'red']
  return `${json({ schemaVersion: 1, label: 'SSE', message, color })}\n`
}
