/**
 * What `npm test` runs. With a target: the engine, then each rule as one vitest test, so that vitest's reporters and
 * filters apply. Without: types, lint and the kit's own proof. Flags after a second `--` are vitest's; the exit code
 * is ours.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createVitest, parseCLI } from 'vitest/node'
import { casesOf } from './cases.ts'
import { testsOf } from './config.ts'
import { judgedAll, rendered } from './judged.ts'
import { parse, type ConfiguredInvocation, type TestInvocation } from './options.ts'
import type { Rendering } from './report/meaning.ts'
import type { Report } from './report.ts'
import { allRules } from './selection.ts'
import { announce, deliver, endQuietlyOnEpipe, interruptible, leaveWith, progress, surroundings, tooOld, unwritableOf, usageLine } from './terminal.ts'
import { Mistake } from './values.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

async function main(): Promise<number> {
  const old = tooOld(process.version)
  if (old) return complain(old)
  endQuietlyOnEpipe()
  const argv = process.argv.slice(2)
  const border = argv.indexOf('--')
  const ours = border < 0 ? argv : argv.slice(0, border)
  const theirs = border < 0 ? [] : argv.slice(border + 1)
  const swallowed = /^(?:https?|wss?):/i.test(process.env.npm_config_target ?? '')
  if (ours.length === 0 && !swallowed) return proof(theirs)
  const invocation = parse(['test', ...ours], surroundings)
  if (invocation.command === 'mistake') return complain(usageLine(invocation.usage))
  if (invocation.command === 'print') {
    process.stdout.write(invocation.text)
    return 0
  }
  if (invocation.command !== 'test' && invocation.command !== 'configured') throw new Error(`test was read as ${invocation.command}`)
  try {
    return await targets(invocation, theirs)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return complain(usageLine(error.usage))
  }
}

function complain(line: string): number {
  process.stderr.write(`${line}\n`)
  return 2
}

async function targets(invocation: TestInvocation | ConfiguredInvocation, theirs: readonly string[]): Promise<number> {
  const tests = await testsOf(invocation, surroundings)
  if (invocation.watch || tests.some(({ plan }) => plan)) {
    const flag = invocation.watch ? '--watch' : '--plan'
    return complain(`streamproof: ${flag} is for the command line. Type: npx streamproof URL ${flag}`)
  }
  const blocked = unwritableOf(tests)
  if (blocked) return complain(usageLine(blocked))
  const signal = interruptible()
  return judgedAll(tests, { signal, progress, announce }, async (report, { run: { failOn }, reports, again }) => {
    const rendering = { failOn, command: `npm test -- ${again}` }
    // a report for a program has standard output to itself
    const machine = reports.some(({ format, file }) => file === undefined && format !== 'console')
    if (!signal.aborted) await show(report, rendering, theirs, machine ? process.stderr : process.stdout)
    deliver(reports, (format, color) => rendered(report, format, { ...rendering, color }))
  })
}

/** Each rule as one test. vitest's own view of the exit code is not asked for. */
async function show(report: Report, rendering: Rendering, theirs: readonly string[], stdout: NodeJS.WriteStream): Promise<void> {
  // parseCLI knows vitest's flags and rejects none; what it did not find must not replace what we set
  const { filter, options } = parseCLI(['vitest', 'run', ...theirs])
  const given = Object.fromEntries(Object.entries(options).filter(([key, value]) => key !== '--' && key !== 'color' && value !== undefined))
  const vitest = await createVitest(
    {
      ...given,
      config: false,
      root,
      watch: false,
      include: [join(root, 'suites/target.test.ts')],
      pool: 'threads',
      isolate: false,
      maxWorkers: 1,
      passWithNoTests: true,
      provide: { cases: casesOf(report, allRules, rendering) },
    },
    {},
    { stdout },
  )
  try {
    await vitest.start(filter)
  } finally {
    await vitest.close()
  }
}

/** Types, lint, the kit's own proof; stops at the first that fails, with its exit code. */
async function proof(theirs: readonly string[]): Promise<number> {
  const steps = [
    ['types', 'typescript', 'tsc', ['--noEmit']],
    ['lint', 'oxlint', 'oxlint', ['--deny-warnings']],
    ['proof', 'vitest', 'vitest', ['run', ...theirs]],
  ] as const
  for (const [name, library, bin, args] of steps) {
    const began = performance.now()
    const child = spawn(process.execPath, [binOf(library, bin), ...args], { cwd: root, stdio: 'inherit' })
    await once(child, 'exit')
    const code = child.exitCode ?? 1
    process.stdout.write(`${name}: ${code === 0 ? 'right' : `exit ${code}`}, ${((performance.now() - began) / 1000).toFixed(1)} s\n`)
    if (code !== 0) return code
  }
  return 0
}

/** The script behind a command of a library: a child gets this very Node, not the first one on the path. */
function binOf(library: string, name: string): string {
  const require = createRequire(import.meta.url)
  const manifest = require.resolve(`${library}/package.json`)
  const { bin } = require(manifest) as { bin: string | Record<string, string> }
  return join(dirname(manifest), typeof bin === 'string' ? bin : (bin[name] ?? name))
}

await leaveWith(main)
