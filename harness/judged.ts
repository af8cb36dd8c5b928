/** One target judged, from the invocation to the report; what the command line and the vitest front have in common. */
import { NotReady, start } from './child.ts'
import type { Invocation } from './options.ts'
import { renderConsole } from './report/console.ts'
import { renderJson } from './report/json.ts'
import { renderJunit } from './report/junit.ts'
import type { Rendering } from './report/meaning.ts'
import type { Report } from './report.ts'
import type { Format } from './options.ts'
import { run, type RunHooks } from './run.ts'
import { redactText, secretsOf } from './secrets.ts'
import { allRules } from './selection.ts'

export type TestInvocation = Extract<Invocation, { command: 'test' }>

/** ms for the server of `--start` to listen */
const startMs = 30_000

/**
 * Runs the engine, and the server of `--start` around it.
 * @throws NotReady when that server does not become reachable; its message is one line, secrets hidden
 */
export async function judged({ run: options, start: command, waitFor }: TestInvocation, hooks: RunHooks): Promise<Report> {
  if (command === undefined) return run(options, hooks)
  const child = start(command)
  try {
    hooks.progress?.(`waiting for ${redactText(command, secretsOf(options))}`)
    const watch = { answers: waitFor !== undefined, withinMs: startMs, ...(hooks.signal ? { signal: hooks.signal } : {}) }
    await child.reachable(waitFor ?? options.target, watch)
    return await run(options, { ...hooks, terminate: () => child.terminate() })
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    throw new NotReady(redactText(`the server of --start: ${error.message}`, secretsOf(options)), error.code)
  } finally {
    await child.end()
  }
}

/** A report as text in one of the formats. */
export function rendered(report: Report, format: Format, rendering: Rendering): string {
  if (format === 'json') return renderJson(report)
  return format === 'junit' ? renderJunit(report, allRules, rendering) : renderConsole(report, allRules, rendering)
}
