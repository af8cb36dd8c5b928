/**
 * The baseline: deviations that a team knows of and does not want to fail its runs. Pure but for `writeBaseline`.
 *
 * An entry covers one rule, whatever the deviations are: rules are narrow enough that one fault fails one rule, and a
 * deviation of another kind fails another rule. What is covered is shown all the same; an entry whose rule passes
 * fails the run, so that no entry outlives its reason.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Excuse, Outcome, RuleId, Verdict } from '../spec/model.ts'
import schema from '../spec/baseline.schema.json' with { type: 'json' }
import { exitCodeOf, fails, type FailOn, type Report } from './report.ts'
import { checkOf } from './schema.ts'
import { Mistake, nearest } from './values.ts'

/** A rule that fails, and does not fail the run. Dates are YYYY-MM-DD in UTC. */
export interface KnownEntry {
  readonly rule: RuleId
  /** empty until somebody has written one */
  readonly reason: string
  readonly since: string
  /** the last day on which it covers anything */
  readonly expires?: string
}

/** A rule whose verdict does not count, neither way. */
export interface FlakyEntry {
  readonly rule: RuleId
  readonly reason: string
  readonly expires: string
}

export interface Baseline {
  readonly known: readonly KnownEntry[]
  readonly flaky: readonly FlakyEntry[]
}

/** What `--baseline` and its companions ask for. */
export interface BaselineOptions {
  readonly file: string
  readonly entries: Baseline
  /** write the failing rules of this run to the file */
  readonly update?: { readonly reason: string }
}

export const emptyBaseline: Baseline = { known: [], flaky: [] }

const check = checkOf(schema)

/**
 * Reads a baseline.
 * @param rules ids of all rules
 * @throws Mistake for what is no JSON, breaks the schema, names an unknown rule or names a rule twice
 */
export function readBaseline(text: string, file: string, rules: readonly string[]): Baseline {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Mistake(`${file} is no JSON`, 'a baseline as --update-baseline writes it', `--baseline ${file} --update-baseline, without the file`)
  }
  const fault = check(value, file)
  if (fault) throw new Mistake(fault.given, fault.accepted, fault.type)
  const { known, flaky }: Baseline = { ...emptyBaseline, ...(value as Partial<Baseline>) }
  const ids: string[] = [...known, ...flaky].map(({ rule }) => rule)
  for (const id of ids) {
    if (rules.includes(id)) continue
    throw new Mistake(`${file} lists ${id}, which is no rule`, 'ids that streamproof rules lists', `"${nearest(id, rules) ?? rules[0] ?? ''}", or remove the entry`)
  }
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw new Mistake(`${file} lists ${twice} twice`, 'one entry for each rule, known or flaky', 'the file without one of them')
  return { known, flaky }
}

/**
 * Entries about rules that fail, and entries whose rule has one of the healed outcomes. A rule that was not judged or
 * not exercised says nothing about its entry.
 */
export function sorted<E extends { readonly rule: RuleId }>(
  entries: readonly E[],
  verdicts: readonly Verdict[],
  healed: readonly Outcome[],
): { readonly known: E[]; readonly stale: E[] } {
  const outcomes = new Map(verdicts.map(({ rule, outcome }) => [rule, outcome]))
  const having = (wanted: readonly Outcome[]): E[] =>
    entries.filter(({ rule }) => wanted.some((outcome) => outcome === outcomes.get(rule)))
  return { known: having(['fail']), stale: having(healed) }
}

/** Verdicts with the excuse of those that have one. */
export function excusing(verdicts: readonly Verdict[], excuses: ReadonlyMap<RuleId, Excuse>): Verdict[] {
  return verdicts.map((verdict) => {
    const excused = excuses.get(verdict.rule)
    return excused === undefined ? verdict : { ...verdict, excused }
  })
}

/** The report with what the baseline covers, and the exit code that comes of it. @param today YYYY-MM-DD */
export function covered(report: Report, { file, entries }: BaselineOptions, failOn: FailOn, today: string): Report {
  const isOver = ({ expires }: { readonly expires?: string }): boolean => expires !== undefined && expires < today
  // a rule that does not apply may apply to the next run: what was seen decides that
  const { known, stale } = sorted(entries.known, report.verdicts, ['pass'])
  const unsettled = new Set(report.verdicts.filter(({ outcome }) => !settling.has(outcome)).map(({ rule }) => rule))
  const verdicts = excusing(report.verdicts, new Map<RuleId, Excuse>([
    ...known.filter((entry) => !isOver(entry)).map(({ rule, ...why }) => [rule, { as: 'known', ...why }] as const),
    ...entries.flaky.filter((entry) => !isOver(entry) && !unsettled.has(entry.rule)).map(({ rule, ...why }) => [rule, { as: 'flaky', ...why }] as const),
  ]))
  const baseline = {
    file,
    stale: stale.map(({ rule }) => rule),
    expired: [...known, ...entries.flaky].filter(isOver).map(({ rule }) => rule),
  }
  const state = { incomplete: report.incomplete !== undefined, interrupted: report.interrupted === true, stale: stale.length > 0 }
  return { ...report, verdicts, baseline, exitCode: exitCodeOf(verdicts, failOn, state) }
}

/** Outcomes that a flaky rule may have; a fault of the kit is never excused. */
const settling: ReadonlySet<Outcome> = new Set(['pass', 'fail', 'not-exercised'])

/**
 * The baseline after a run without one: what stays keeps its reason and dates, what fails the run is added, what passes
 * goes. Sorted by rule.
 * @param reason for new entries and for those that have none
 */
export function refreshed({ known, flaky }: Baseline, report: Report, failOn: FailOn, today: string, reason: string): Baseline {
  const { stale } = sorted(known, report.verdicts, ['pass'])
  const listed = new Set([...known, ...flaky].map(({ rule }) => rule))
  const added = report.verdicts.filter((verdict) => fails(verdict, failOn) && !listed.has(verdict.rule))
  const staying = known.filter((entry) => !stale.includes(entry)).map((entry) => ({ ...entry, reason: entry.reason || reason }))
  return {
    known: byRule([...staying, ...added.map(({ rule }) => ({ rule, reason, since: today }))]),
    flaky: byRule(flaky),
  }
}

const byRule = <E extends { readonly rule: string }>(entries: readonly E[]): E[] => entries.toSorted((a, b) => (a.rule < b.rule ? -1 : 1))

/** The file as text; ends with a line feed. */
export function baselineText({ known, flaky }: Baseline): string {
  return `${JSON.stringify({ schema: 'streamproof-baseline/1', known, flaky }, null, 2)}\n`
}

/** Writes the file as a whole or not at all. @throws when it cannot be written */
export function writeBaseline(file: string, baseline: Baseline): void {
  const unfinished = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(unfinished, baselineText(baseline))
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}
