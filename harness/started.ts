/** A run around the server of `--start`: the kit starts it, judges it, and ends it with all that it started. */
import { setTimeout as pause } from 'node:timers/promises'
import { isReachable, NotReady, start, statusOf, type Child } from './child.ts'
import { reportOf } from './evidence.ts'
import type { TestInvocation } from './options.ts'
import type { Report } from './report.ts'
import { run, type RunHooks, type RunOptions } from './run.ts'
import { redactText, redactUrl, secretsOf } from './secrets.ts'
import { selected, streamRules } from './selection.ts'
import { defaultSeed } from './session.ts'
import { withThresholds } from '../spec/thresholds.ts'

/** ms for the server to listen */
const startMs = 30_000
/** ms for the end of a process that does not answer any more */
const lateExitMs = 3000

/** Judges the target; a server that does not come up, or ends meanwhile, makes the run incomplete. */
export async function startedAndJudged(
  { run: options, waitFor, directory }: TestInvocation,
  command: string,
  hooks: RunHooks,
): Promise<Report> {
  const url = waitFor ?? options.target
  const readiness = { answers: waitFor !== undefined, withinMs: startMs, ...(hooks.signal ? { signal: hooks.signal } : {}) }
  if (await isReachable(url, readiness.answers)) {
    const reason = `${redactUrl(url, [])} answers before the server of --start runs: end what listens there, or take another port`
    return neverJudged(options, reason)
  }
  const child = start(command, directory)
  try {
    hooks.progress?.(`waiting for ${redactText(command, secretsOf(options))}`)
    await child.reachable(url, readiness)
    return await judgedMeanwhile(options, child, hooks)
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    quote(error.output, options, hooks)
    return neverJudged(options, `the server of --start: ${error.message}`)
  } finally {
    await child.end()
  }
}

async function judgedMeanwhile(options: RunOptions, child: Child, hooks: RunHooks): Promise<Report> {
  let asked = false
  let ended: string | undefined
  const terminate = (): void => {
    asked = true
    child.terminate()
  }
  const judged = run(options, { ...hooks, terminate })
  void child.gone.then((how) => {
    if (!asked) ended = how
  })
  const report = await judged
  // its last connection ends before the system tells that the process has
  if (!asked && await statusOf(options.target) === undefined) await Promise.race([child.gone, pause(lateExitMs, undefined, { ref: false })])
  if (ended === undefined) return report
  quote(child.output(), options, hooks)
  const reason = `the server of --start ended by itself while it was judged: ${ended}`
  return { ...report, incomplete: report.incomplete ?? { reason }, exitCode: report.exitCode === 1 ? 1 : 3 }
}

/** What the server said last, for the user. */
function quote(output: readonly string[], options: RunOptions, { announce }: RunHooks): void {
  if (output.length === 0) return
  announce?.('the server of --start said last:')
  const secrets = secretsOf(options)
  for (const line of output) announce?.(`  | ${redactText(line, secrets)}`)
}

/** The report of a run in which nothing was sent. */
function neverJudged(options: RunOptions, reason: string): Report {
  return reportOf(
    {
      target: { url: options.target, kind: 'observed', method: options.method, parts: [], declares: {} },
      exchanges: [],
      drives: [],
      absence: () => ({ why: 'blocked', note: reason }),
      reached: false,
      incomplete: { reason },
      silent: false,
    },
    { rules: selected(streamRules, options), thresholds: withThresholds(options.thresholds), failOn: options.failOn, secrets: secretsOf(options) },
    { links: 0, cases: 0, ms: 0, seed: options.seed ?? defaultSeed },
  )
}
