/** What a report says in words: outcomes, the exit code and why a run is incomplete. Pure. */
import type { Outcome, Rule, RuleId, Verdict } from '../../spec/model.ts'
import { fails, type FailOn, type Report } from '../report.ts'

/** What a report prints of a rule, whatever the rule reads. */
export type RuleText = Pick<Rule<never>, 'id' | 'level' | 'clause' | 'says' | 'harm' | 'fix'>

/** How reports are rendered. Nothing here changes a verdict. */
export interface Rendering {
  /** the threshold of the run */
  readonly failOn: FailOn
  /** the command line of the run without reports, secrets hidden: failures add `--only RULE` or `--replay ID` */
  readonly command: string
  readonly color?: boolean
}

export const outcomeWords: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'fail',
  'not-exercised': 'not exercised',
  'not-applicable': 'not applicable',
  broken: 'broken',
}

/** `1 rule`, `2 rules`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** The room of a rule: `sse/framing` of `sse/framing/block-terminated`. */
export function roomOf(rule: RuleId): string {
  return rule.split('/').slice(0, 2).join('/')
}

/** Verdicts by room, rooms and verdicts in the order they came. */
export function byRoom<V extends { readonly rule: RuleId }>(verdicts: readonly V[]): Map<string, V[]> {
  const rooms = new Map<string, V[]>()
  for (const verdict of verdicts) {
    const room = rooms.get(roomOf(verdict.rule))
    if (room) room.push(verdict)
    else rooms.set(roomOf(verdict.rule), [verdict])
  }
  return rooms
}

/** One line for a verdict that did not fail: how much was looked at, or why nothing was. */
export function reasonOf({ outcome, why, note, examined }: Verdict): string {
  if (outcome === 'pass' || outcome === 'fail') return [`${examined} examined`, note].filter(Boolean).join(', ')
  return [why, note].filter(Boolean).join(': ') || outcomeWords[outcome]
}

/** Why exit code 3; undefined when the run is complete. Holes are counted even when a failure gives 1. */
export function incompleteBecause(report: Report): string | undefined {
  if (report.incomplete) return report.incomplete.reason
  if (report.interrupted) return 'interrupted: only what was seen until then is judged'
  if (report.counts.broken > 0) return `the kit itself is at fault in ${counted(report.counts.broken, 'check')}`
  if (report.counts.pass + report.counts.fail === 0) return 'nothing was examined'
  if (report.exitCode !== 3) return undefined
  const holes = report.verdicts.filter(({ outcome, effectiveLevel }) => outcome === 'not-exercised' && effectiveLevel === 'contract')
  return `the target declares what could not be examined: ${holes.map(({ rule }) => rule).join(', ')}`
}

/** The exit code in words. */
export function exitMeaning(report: Report, failOn: FailOn): string {
  if (report.exitCode === 0) return 'conforms: no rule of a failing level failed'
  if (report.exitCode === 3) return `incomplete: ${incompleteBecause(report) ?? 'not everything was examined'}`
  const failed = report.verdicts.filter((verdict) => fails(verdict, failOn)).length
  return `does not conform: ${counted(failed, 'rule')} of a failing level failed`
}
