/** Servers side by side, as a value: what counts, what is known, and the exit code of it all. Pure. */
import type { RuleId } from '../spec/model.ts'
import { excusing, sorted } from './baseline.ts'
import { exitCodeOf, worstOf, type FailOn, type Report } from './report.ts'

/** A recorded deviation of a library under a reference server (`servers/findings.json`). */
export interface KnownFinding {
  readonly server: string
  readonly rule: RuleId
  readonly reason: string
  /** where it can be checked: an issue, a line of its source */
  readonly evidence: string
  /** version of the library, or the date */
  readonly since: string
}

/** One server of a comparison. */
export interface Column {
  readonly name: string
  readonly report?: Report
  /** why there is no report */
  readonly absent?: string
  /** findings whose rule fails as recorded */
  readonly known: readonly KnownFinding[]
  /** findings whose rule does not fail any more */
  readonly stale: readonly KnownFinding[]
  readonly exitCode: 0 | 1 | 3
  /** whether the exit code of this column counts */
  readonly counts: boolean
}

export interface Comparison {
  readonly columns: readonly Column[]
  readonly exitCode: 0 | 1 | 3
}

/**
 * A judged server as a column: known findings do not fail it, stale ones do. A finding about a rule that this run did
 * not judge or could not exercise says nothing.
 */
export function settled(name: string, report: Report, findings: readonly KnownFinding[], failOn: FailOn): Column {
  const own = findings.filter(({ server }) => server === name)
  const { known, stale } = sorted(own, report.verdicts, ['pass', 'not-applicable'])
  const state = { incomplete: report.incomplete !== undefined, interrupted: report.interrupted === true, stale: stale.length > 0 }
  const verdicts = excusing(report.verdicts, new Map(known.map(({ rule, reason }) => [rule, { as: 'known', reason }])))
  const exitCode = exitCodeOf(verdicts, failOn, state)
  return { name, report, known, stale, exitCode, counts: true }
}

/** A server that could not be started. It counts only when it was required. */
export function missing(name: string, reason: string, required: boolean): Column {
  return { name, absent: reason, known: [], stale: [], exitCode: 3, counts: required }
}

/** The worst column that counts: 1 before 3 before 0. A comparison without any judged column is incomplete. */
export function compared(columns: readonly Column[]): Comparison {
  const codes = columns.filter(({ counts }) => counts).map(({ exitCode }) => exitCode)
  const judged = columns.some(({ report }) => report !== undefined)
  return { columns, exitCode: worstOf(judged ? codes : [...codes, 3]) }
}
