/** The report as a value: verdicts, counts, exit code. Pure; the files in `report/` turn it into text. */
import type { Level, Outcome, RuleId, Verdict, Why } from '../spec/model.ts'

/** What the first answer of the target made of the run, when it could not be judged. */
export interface Incomplete {
  /** one line: what came, and what to type */
  readonly reason: string
  /** the first bytes of the answer, secrets masked, control characters still in */
  readonly quoted?: string
}

/** What a baseline did not cover; what it covers stands in the verdicts. */
export interface BaselineState {
  readonly file: string
  /** listed as known, and passing: the entry must go */
  readonly stale: readonly RuleId[]
  /** listed until a day that is over */
  readonly expired: readonly RuleId[]
}

/** Report v1 (`streamproof-report/1`), stable. */
export interface Report {
  readonly schema: 'streamproof-report/1'
  readonly kit: { readonly name: 'streamproof'; readonly version: string; readonly node: string }
  readonly target: { readonly url: string; readonly kind: 'observed' | 'driven' | 'client'; readonly name?: string; readonly version?: string }
  /** revision of the standards the rules were written from */
  readonly spec: string
  readonly verdicts: readonly Verdict[]
  /** recorded facts without verdict */
  readonly notes: readonly { readonly rule: RuleId; readonly text: string }[]
  readonly counts: Readonly<Record<Outcome, number>>
  /** links opened and ms taken; the only part that differs from run to run */
  readonly run: {
    readonly links: number
    readonly cases: number
    readonly ms: number
    readonly seed: number
    /** ms by which the kit itself was late at most, where that makes times doubtful */
    readonly lateMs?: number
  }
  readonly baseline?: BaselineState
  readonly incomplete?: Incomplete
  readonly interrupted?: true
  readonly exitCode: 0 | 1 | 3
}

/** Levels that fail a run, from the threshold of `--fail-on` on. */
export type FailOn = 'must' | 'should' | 'advice'

const failing: Readonly<Record<FailOn, ReadonlySet<Level>>> = {
  must: new Set(['must', 'interop', 'contract']),
  should: new Set(['must', 'interop', 'contract', 'should']),
  advice: new Set(['must', 'interop', 'contract', 'should', 'advice']),
}

/** A reason that leaves a declared ability unexamined. */
const leavesHole: ReadonlySet<Why> = new Set(['no-subject', 'refused', 'blocked'])

/** How many verdicts had each outcome. */
export function countOutcomes(verdicts: readonly Verdict[]): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { pass: 0, fail: 0, 'not-exercised': 0, 'not-applicable': 0, broken: 0 }
  for (const { outcome } of verdicts) counts[outcome] += 1
  return counts
}

/** True when a verdict makes the run fail at that threshold. */
export function fails({ outcome, effectiveLevel, excused }: Verdict, failOn: FailOn): boolean {
  return outcome === 'fail' && excused === undefined && failing[failOn].has(effectiveLevel)
}

/**
 * 1 when a rule of a failing level failed or an entry of the baseline is stale, else 3 when the run is incomplete (nothing examined, anything broken, a
 * declared ability left unexamined, unreachable, interrupted), else 0. A run that examined nothing is never green.
 */
export function exitCodeOf(
  verdicts: readonly Verdict[],
  failOn: FailOn,
  state: { readonly incomplete: boolean; readonly interrupted: boolean; readonly stale?: boolean },
): 0 | 1 | 3 {
  if (state.stale || verdicts.some((verdict) => fails(verdict, failOn))) return 1
  const counting = verdicts.filter(({ excused }) => excused?.as !== 'flaky')
  const examined = counting.some(({ outcome }) => outcome === 'pass' || outcome === 'fail')
  const hole = counting.some(
    ({ outcome, effectiveLevel, why }) =>
      outcome === 'broken' || (outcome === 'not-exercised' && effectiveLevel === 'contract' && why !== undefined && leavesHole.has(why)),
  )
  return state.incomplete || state.interrupted || !examined || hole ? 3 : 0
}

/** The exit code of several runs: 1 before 3 before 0; nothing at all is incomplete. */
export function worstOf(codes: readonly (0 | 1 | 3)[]): 0 | 1 | 3 {
  return codes.includes(1) ? 1 : codes.includes(3) || codes.length === 0 ? 3 : 0
}
