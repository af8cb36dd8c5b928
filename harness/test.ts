/** The command `test`: one target or those of a config file, once or whenever a file changes. */
import { testsOf } from './config.ts'
import { judgedAll, rendered } from './judged.ts'
import { parse, type ConfiguredInvocation, type TestInvocation } from './options.ts'
import { plan } from './preview.ts'
import type { Report } from './report.ts'
import { renderChanges } from './report/changes.ts'
import { visible } from './report/text.ts'
import { allRules } from './selection.ts'
import { announce, deliver, interruptible, progress, surroundings, unwritableOf, usageLine } from './terminal.ts'
import { Mistake } from './values.ts'
import { FileChanges, whenever } from './watch.ts'

/**
 * Reports, and gives the exit code.
 * @param argv what `invocation` was read from; a watch reads it again for every run, with the files that it names
 * @throws Mistake for a config file or a watched path that is wrong from the beginning
 */
export async function test(invocation: TestInvocation | ConfiguredInvocation, argv: readonly string[]): Promise<number> {
  const tests = await testsOf(invocation, surroundings)
  if (tests.some((one) => one.plan)) {
    process.stdout.write(tests.map(({ run }) => `${plan(run).map(visible).join('\n')}\n`).join('\n'))
    return 0
  }
  const signal = interruptible()
  if (!invocation.watch) return judgedOnce(tests, signal)
  const own = tests.flatMap(({ reports, baseline, record }) => [...reports.map(({ file }) => file), baseline?.update && baseline.file, record])
  const changes = new FileChanges(invocation.watch, own.filter((file) => file !== undefined))
  const last = new Map<string, Report>()
  const run = async (): Promise<number> => {
    try {
      return await judgedOnce(await testsOf(readAgain(argv), surroundings), signal, last)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      process.stderr.write(`${usageLine(error.usage)}\n`)
      return 2
    }
  }
  return whenever(changes, run, { signal, announce })
}

function readAgain(argv: readonly string[]): TestInvocation | ConfiguredInvocation {
  const invocation = parse(argv, surroundings)
  if (invocation.command === 'test' || invocation.command === 'configured') return invocation
  if (invocation.command === 'mistake') throw new Mistake(invocation.usage.given, invocation.usage.accepted, invocation.usage.type)
  throw new Error(`the same arguments meant a test before, and now ${invocation.command}`)
}

/**
 * Every target once.
 * @param last reports of the run before, by target: at a terminal only what differs is shown. Gets those of this run
 * @throws Mistake for a file that cannot be written
 */
async function judgedOnce(tests: readonly TestInvocation[], signal: AbortSignal, last?: Map<string, Report>): Promise<0 | 1 | 3> {
  const blocked = unwritableOf(tests)
  if (blocked) throw new Mistake(blocked.given, blocked.accepted, blocked.type)
  return judgedAll(tests, { signal, progress, announce }, (report, { run: { failOn }, reports, again }) => {
    const before = last?.get(again)
    deliver(reports, (format, color, file) => {
      const rendering = { failOn, command: `npx streamproof ${again}`, color }
      if (before && file === undefined && format === 'console') return renderChanges(before, report, allRules, rendering)
      return rendered(report, format, rendering)
    })
    // what an interruption left out has not changed
    if (!report.interrupted) last?.set(again, report)
  })
}
