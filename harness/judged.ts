/** One target judged, from the invocation to the report; what the command line and the vitest front have in common. */
import { covered, refreshed, writeBaseline, type Baseline, type BaselineOptions } from './baseline.ts'
import type { TestInvocation } from './options.ts'
import { renderAnnotations } from './report/annotations.ts'
import { renderBadge } from './report/badge.ts'
import { renderConsole } from './report/console.ts'
import { renderHtml } from './report/html.ts'
import { renderJson } from './report/json.ts'
import { renderJunit } from './report/junit.ts'
import { renderMarkdown } from './report/markdown.ts'
import type { Rendering, RuleText } from './report/meaning.ts'
import { renderSarif } from './report/sarif.ts'
import { worstOf, type FailOn, type Report } from './report.ts'
import type { Format } from './options.ts'
import { run, type RunHooks } from './run.ts'
import { recording } from './recording.ts'
import { redactReport, secretsOf } from './secrets.ts'
import { allRules } from './selection.ts'
import { startedAndJudged } from './started.ts'

/** The verdicts of one target, and what its baseline says to them; `update` writes the baseline before. */
export async function judged(invocation: TestInvocation, hooks: RunHooks): Promise<Report> {
  const { run: options, start: command, baseline, record } = invocation
  const watching = record === undefined ? hooks : recording(record, options, hooks)
  const report = command === undefined ? await run(options, watching) : await startedAndJudged(invocation, command, watching)
  if (!baseline) return report
  const today = new Date().toISOString().slice(0, 10)
  const entries = baseline.update ? updated(baseline, report, options.failOn, today, hooks) : baseline.entries
  return redactReport(covered(report, { ...baseline, entries }, options.failOn, today), secretsOf(options))
}

/** Writes the baseline of this run, unless there is nothing to go by, and tells what has changed. */
function updated({ file, entries, update }: BaselineOptions, report: Report, failOn: FailOn, today: string, { announce }: RunHooks): Baseline {
  if (report.incomplete || report.interrupted) {
    announce?.(`${file} was not written: the run is incomplete`)
    return entries
  }
  const next = refreshed(entries, report, failOn, today, update?.reason ?? '')
  writeBaseline(file, next)
  const added = next.known.filter(({ rule }) => !entries.known.some((entry) => entry.rule === rule)).length
  const dropped = entries.known.filter(({ rule }) => !next.known.some((entry) => entry.rule === rule)).length
  announce?.(`${file} written: ${next.known.length} known, ${added} of them new, ${dropped} dropped`)
  const silent = next.known.filter(({ reason }) => reason === '').length
  if (silent > 0) announce?.(`${silent} without a reason: write it into ${file}, or type --update-baseline --reason 'TEXT'`)
  return next
}

/**
 * One target after the other, as long as nobody interrupts.
 * @param each is given every report before the next target is asked
 * @returns the worst exit code
 */
export async function judgedAll(
  invocations: readonly TestInvocation[],
  hooks: RunHooks,
  each: (report: Report, invocation: TestInvocation) => void | Promise<void>,
): Promise<0 | 1 | 3> {
  const codes: (0 | 1 | 3)[] = []
  for (const invocation of invocations) {
    if (hooks.signal?.aborted) {
      codes.push(3)
      break
    }
    const report = await judged(invocation, hooks)
    await each(report, invocation)
    codes.push(report.exitCode)
  }
  return worstOf(codes)
}

const renderers: Readonly<Record<Format, (report: Report, rules: readonly RuleText[], rendering: Rendering) => string>> = {
  console: renderConsole,
  json: renderJson,
  junit: renderJunit,
  sarif: renderSarif,
  markdown: renderMarkdown,
  html: renderHtml,
  github: renderAnnotations,
  badge: renderBadge,
}

/** A report as text in one of the formats. */
export function rendered(report: Report, format: Format, rendering: Rendering, rules: readonly RuleText[] = allRules): string {
  return renderers[format](report, rules, rendering)
}
