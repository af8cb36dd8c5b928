/** What every front of the kit shares with the process it runs in: signals, streams and files. */
import { accessSync, appendFileSync, closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { configOf } from './config.ts'
import type { Output, Surroundings, TestInvocation } from './options.ts'
import { shellWord, visible, visibleLines } from './report/text.ts'
import { kitVersion } from './request.ts'
import { allRules } from './selection.ts'
import type { UsageError } from './values.ts'

/** the oldest Node whose type stripping and sockets the kit is made for */
const oldestNode = [22, 18] as const

/** One line about a Node that is too old, or undefined. */
export function tooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return undefined
  return `streamproof: this is Node ${version}; Node ${oldestNode.join('.')} or newer is needed: npx -y -p node@22 npx streamproof`
}

/** A usage error as one line. */
export function usageLine({ given, accepted, type }: UsageError): string {
  return `streamproof: ${visible(given)}. Accepted: ${visible(accepted)}. Type: ${visible(type)}`
}

const config = configOf('.')

/** What `parse` may look at, in this process. */
export const surroundings: Surroundings = {
  env: process.env,
  rules: allRules.map(({ id }) => id),
  version: kitVersion,
  ...(config === undefined ? {} : { config }),
  readFile: (path) => readFileSync(path === '-' ? 0 : path),
}

/** The first file of these tests that cannot be written, as a usage error. */
export function unwritableOf(tests: readonly TestInvocation[]): UsageError | undefined {
  for (const { baseline } of tests) {
    if (!baseline?.update) continue
    try {
      accessSync(dirname(baseline.file), constants.W_OK)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
      return { given: `--baseline ${baseline.file}: the file cannot be written${code}`, accepted: 'a file in a directory that exists', type: '--baseline streamproof.baseline.json' }
    }
  }
  return unwritable(tests.flatMap(({ reports }) => reports))
}

/** The first report file that cannot be written, as a usage error. Creates files that are not there yet. */
export function unwritable(outputs: readonly Output[]): UsageError | undefined {
  for (const { format, file } of outputs) {
    if (file === undefined) continue
    try {
      closeSync(openSync(file, 'a'))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
      return { given: `--report ${format}=${file}: the file cannot be written${code}`, accepted: 'a file in a directory that exists', type: `--report ${format}=${shellWord(writableExample(format))}` }
    }
  }
  return undefined
}

const extensions: Readonly<Record<Output['format'], string>> = {
  console: 'txt', json: 'json', junit: 'xml', sarif: 'sarif', markdown: 'md', html: 'html', github: 'txt', badge: 'json',
}

function writableExample(format: Output['format']): string {
  const name = `report.${extensions[format]}`
  try {
    accessSync('.', constants.W_OK)
    return name
  } catch {
    return join('/tmp', name)
  }
}

/** Writes each report to its file, or to standard output. The summary of a CI step is written on: others add to it too. */
export function deliver(outputs: readonly Output[], render: (format: Output['format'], color: boolean, file?: string) => string): void {
  for (const { format, file } of outputs) {
    if (file === undefined) process.stdout.write(render(format, format === 'console' && hasColor()))
    else if (file === process.env.GITHUB_STEP_SUMMARY) appendFileSync(file, render(format, false, file))
    else writeFileSync(file, render(format, false, file))
  }
}

const hasColor = (): boolean => process.stdout.isTTY === true && !process.env.NO_COLOR

/** A reader that has read enough, as `| head`, is no failure. */
export function endQuietlyOnEpipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
}

/** Aborts on the first SIGINT or SIGTERM, so that what was judged is still printed; the second one ends at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController()
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(3)
    process.exitCode = 3
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

/** Lines about what is going on: on stderr, and only for somebody who watches. */
export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${visible(line)}\n`)
}

/** Lines that the user is told in any case: on stderr. */
export function announce(line: string): void {
  process.stderr.write(`streamproof: ${visible(line)}\n`)
}

/** Runs a front to its exit code. What it throws is a fault of the kit: 3, never the 1 that a failed rule gives. */
export async function leaveWith(front: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await front()
  } catch (error) {
    process.stderr.write(`streamproof: a fault of the kit itself\n${visibleLines(error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`)
    process.exitCode = 3
  }
}
