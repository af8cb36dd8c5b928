/** The kit as a library: what `import … from 'streamproof'` gives. */
import type { Format } from './options.ts'
import { rendered } from './judged.ts'
import type { FailOn, Report } from './report.ts'
import { shellWord } from './report/text.ts'
import { run as engine, type RunHooks, type RunOptions } from './run.ts'

export { defineConfig } from './config.ts'
export type { Config, Settings, TargetSettings } from './config.ts'
export type { Format } from './options.ts'
export type { FailOn, Report } from './report.ts'
export type { RunHooks, RunOptions } from './run.ts'
export type { Deviation, Level, Outcome, RuleId, Verdict, Why } from '../spec/model.ts'

/** The target, and whatever else is to be other than on a bare command line. */
export type Asked = Pick<RunOptions, 'target'> & Partial<RunOptions>

/**
 * Judges one target. Rejects for nothing that a target does: unreachable is a report with exit code 3.
 * @param asked `target` is an absolute http or https URL; headers are sent as given, times are ms
 */
export function run(asked: Asked, hooks: RunHooks = {}): Promise<Report> {
  const method = asked.body === undefined ? 'GET' : 'POST'
  return engine({ method, headers: [], insecure: false, only: [], skip: [], failOn: 'must', allowOriginChange: false, ...asked }, hooks)
}

/** A report as text in one of the formats of `--report`. */
export function render(report: Report, format: Format, { failOn = 'must', color = false }: { readonly failOn?: FailOn; readonly color?: boolean } = {}): string {
  return rendered(report, format, { failOn, color, command: `npx streamproof ${shellWord(`--target=${report.target.url}`)}` })
}
