/**
 * The engine: plan, probe, drive, judge, report. Works without vitest; the command line and the vitest front both
 * call it. Results are values; nothing is printed here.
 */
import { Probe } from './probe.ts'
import { countOutcomes, exitCodeOf, type Report } from './report.ts'
import { kitVersion, type RunOptions } from './request.ts'
import { redactReport, secretsOf } from './secrets.ts'
import { Session } from './session.ts'

export { defaultSeed } from './session.ts'
export type { RunOptions } from './request.ts'

/** revision of the standards that the rules were written from */
export const specRevision = 'WHATWG HTML 2026-03-16, Fetch 2026-07-02, Encoding 2026-05-21; RFC 9110, 9111, 9112'

export interface RunHooks {
  /** tells the target's process to stop (SIGTERM); only for a target that the kit has started */
  readonly terminate?: () => void
  readonly signal?: AbortSignal
  /** what is going on, for a terminal */
  readonly progress?: (line: string) => void
  /** what the user is told before it is done */
  readonly announce?: (line: string) => void
}

/** Judges one target. Rejects for nothing that a target does; a fault of the kit shows as `broken`. */
export async function run(options: RunOptions, hooks: RunHooks = {}): Promise<Report> {
  const probe = new Probe({ insecure: options.insecure, ...(hooks.signal ? { signal: hooks.signal } : {}) })
  const began = performance.now()
  const session = new Session(options, hooks, probe)
  try {
    await session.contact()
    if (session.kind !== undefined && !hooks.signal?.aborted) await session.examine()
  } finally {
    probe.abort()
  }
  const verdicts = session.verdicts()
  const interrupted = hooks.signal?.aborted === true
  const { incomplete } = session
  const report: Report = {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: kitVersion, node: process.version },
    target: {
      url: options.target,
      kind: session.descriptor ? 'driven' : 'observed',
      ...(session.descriptor ? { name: session.descriptor.name, version: session.descriptor.version } : {}),
    },
    spec: specRevision,
    verdicts,
    notes: session.notes(),
    counts: countOutcomes(verdicts),
    run: { links: probe.links, cases: session.cases, ms: Math.round(performance.now() - began), seed: session.seed },
    ...(incomplete ? { incomplete } : {}),
    ...(interrupted ? { interrupted: true as const } : {}),
    exitCode: exitCodeOf(verdicts, options.failOn, { incomplete: incomplete !== undefined, interrupted }),
  }
  return redactReport(report, secretsOf(options))
}
