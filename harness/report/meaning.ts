/** What a report says in words: outcomes, the exit code and why a run is incomplete. Pure. */
import type { Excuse, Outcome, Place, Rule, RuleId, Verdict } from '../../spec/model.ts'
import { fails, type FailOn, type Report } from '../report.ts'
import { shellWord, visible } from './text.ts'

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

/** What was done, in how long, and how far its times can be trusted; one sentence a line. */
export function effort({ run: { links, cases, ms, seed, lateMs } }: Report): string[] {
  const late = lateMs === undefined ? [] : [`the kit itself was up to ${(lateMs / 1000).toFixed(1)} s late: do not trust times, run it again when the machine has less to do`]
  return [`${counted(links, 'connection')}, ${counted(cases, 'generated case')}, ${(ms / 1000).toFixed(1)} s, seed ${seed}`, ...late]
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

/** What failed and counts: first what fails the run, then what is below the threshold. */
export function failuresOf({ verdicts }: Report, failOn: FailOn): Verdict[] {
  const failed = verdicts.filter(({ outcome, excused }) => outcome === 'fail' && excused === undefined)
  return [...failed.filter((verdict) => fails(verdict, failOn)), ...failed.filter((verdict) => !fails(verdict, failOn))]
}

const kinds: Readonly<Record<Report['target']['kind'], string>> = {
  driven: 'driven: the kit chose what was published',
  observed: 'observed: judged as it came',
  client: 'client: the kit was the server',
}

/** What kind of target it was. */
export function kindWords({ target }: Report): string {
  return kinds[target.kind]
}

/** An excuse in words: `known: the gateway does it (since 2026-08-01, until 2026-12-31)`. */
export function excuseWords({ as, reason, since, expires }: Excuse): string {
  const dates = [...(since === undefined ? [] : [`since ${since}`]), ...(expires === undefined ? [] : [`until ${expires}`])].join(', ')
  return `${as}: ${reason || 'nobody has said why: write the reason into the baseline'}${dates && ` (${dates})`}`
}

/** What the baseline asks to be changed in it, one line each. */
export function baselineFaults({ baseline }: Report): string[] {
  if (!baseline) return []
  return baseline.stale.map((rule) => `${rule} is known in ${baseline.file} and passes now: remove the entry, or type --update-baseline`)
}

/** Where a deviation is: link, byte, line of the stream, ms. */
export function placeWords({ link, byte, line, at }: Place): string {
  return [
    `link ${visible(link)}`,
    ...(byte === undefined ? [] : [`byte ${byte}`]),
    ...(line === undefined ? [] : [`line ${line} of the stream`]),
    ...(at === undefined ? [] : [`${Math.round(at)} ms`]),
  ].join(', ')
}

/** The command line that shows one failure again. */
export function again({ rule, replay }: Verdict, command: string): string {
  return visible(`${command} ${replay ? `--replay ${shellWord(replay.id)}` : `--only ${shellWord(rule)}`}`)
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
  if (!report.verdicts.some(({ outcome, excused }) => (outcome === 'pass' || outcome === 'fail') && excused?.as !== 'flaky')) return 'nothing was examined'
  if (report.exitCode !== 3) return undefined
  const holes = report.verdicts.filter(({ outcome, effectiveLevel }) => outcome === 'not-exercised' && effectiveLevel === 'contract')
  return `the target declares what could not be examined: ${holes.map(({ rule }) => rule).join(', ')}`
}

/** The exit code in words. */
export function exitMeaning(report: Report, failOn: FailOn): string {
  if (report.exitCode === 0) {
    const known = report.verdicts.filter(({ outcome, excused }) => outcome === 'fail' && excused !== undefined).length
    return known === 0 ? 'conforms: no rule of a failing level failed' : `nothing new: ${counted(known, 'rule')} failed, and the baseline knows`
  }
  if (report.exitCode === 3) return `incomplete: ${incompleteBecause(report) ?? 'not everything was examined'}`
  const failed = report.verdicts.filter((verdict) => fails(verdict, failOn)).length
  const stale = report.baseline?.stale.length ?? 0
  const reasons = [
    ...(failed > 0 ? [`${counted(failed, 'rule')} of a failing level failed`] : []),
    ...(stale > 0 ? [`${counted(stale, 'known rule')} passed, and the baseline still ${stale === 1 ? 'lists it' : 'lists them'}`] : []),
  ]
  return `does not conform: ${reasons.join('; ')}`
}
