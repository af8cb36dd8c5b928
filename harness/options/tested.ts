/** The test of one target: its flags, typed or from a config file, as a value. */
import { join } from 'node:path'
import { emptyBaseline, readBaseline, type BaselineOptions } from '../baseline.ts'
import { grammar, type Flags } from '../grammar.ts'
import type { RunOptions } from '../run.ts'
import { redactUrl, secretsOf } from '../secrets.ts'
import { Mistake, readUrl } from '../values.ts'
import { againOf } from './again.ts'
import { runOf, type Surroundings } from './asked.ts'
import { readReports, type Output } from './outputs.ts'

export interface TestInvocation {
  readonly command: 'test'
  readonly run: RunOptions
  readonly reports: readonly Output[]
  /** print what would be sent, send nothing */
  readonly plan: boolean
  /** the kit runs this server and stops it */
  readonly start?: string
  /** where `start` runs; the working directory when absent */
  readonly directory?: string
  /** answers as soon as the server of `start` is ready */
  readonly waitFor?: string
  readonly baseline?: BaselineOptions
  /** everything that is seen is written there */
  readonly record?: string
  /** run again when one of these changes; the working directory when there are none */
  readonly watch?: readonly string[]
  /** the arguments that show it again, secrets hidden; without reports and rule filters */
  readonly again: string
}

/** What was typed, and how the target is named in the command that shows it again. */
export interface Typed {
  readonly flags: Flags
  /** the name of a target in the config file; without it the URL is */
  readonly name?: string
}

/**
 * @param flags all that holds for the target
 * @param typed what of it stood on the command line
 * @throws Mistake for a value that cannot be read, and for flags that do not go together
 */
export function testedOf(target: string, flags: Flags, typed: Typed, surroundings: Surroundings): TestInvocation {
  if (flags.waitFor !== undefined && flags.start === undefined) {
    throw new Mistake('--wait-for without --start', 'both, or neither', '--start \'node server.js\' --wait-for URL')
  }
  const run: RunOptions = { ...runOf(flags, surroundings), target }
  if (new URL(target).username !== '' && (run.token !== undefined || run.headers.some(([header]) => /^authorization$/i.test(header)))) {
    throw new Mistake('credentials in the URL and in --token or --header', 'one of them', 'the URL without user and password')
  }
  const secrets = secretsOf(run)
  const baseline = baselineOf(flags, surroundings)
  const watch = watchedPaths(flags)
  return {
    command: 'test',
    run: flags.start !== undefined && run.profile === undefined ? { ...run, profile: 'full' } : run,
    reports: readReports(flags.report ?? ['console']),
    plan: flags.plan === true,
    ...(flags.start === undefined ? {} : { start: flags.start }),
    ...(flags.waitFor === undefined ? {} : { waitFor: readUrl(flags.waitFor, '--wait-for') }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(flags.record === undefined ? {} : { record: typed.name === undefined ? flags.record : join(flags.record, typed.name) }),
    ...(watch === undefined ? {} : { watch }),
    again: againOf(typed.name ?? `--target=${redactUrl(target, secrets)}`, typed.flags, grammar.test, secrets),
  }
}

/** What `--watch` looks at: no path at all means the working directory. Undefined when nothing is watched. */
export function watchedPaths({ watch, watchPath }: Flags): readonly string[] | undefined {
  return watch || watchPath ? (watchPath ?? []) : undefined
}

function baselineOf({ baseline: file, updateBaseline: update, reason }: Flags, { rules, readFile }: Surroundings): BaselineOptions | undefined {
  if (file === undefined) {
    if (update) throw new Mistake('--update-baseline without --baseline', 'the file to write', '--baseline streamproof.baseline.json --update-baseline')
    if (reason === undefined) return undefined
  }
  if (file === undefined || (reason !== undefined && !update)) {
    throw new Mistake('--reason without --update-baseline', 'both, or neither', '--baseline FILE --update-baseline --reason \'TEXT\'')
  }
  let entries = emptyBaseline
  try {
    entries = readBaseline(Buffer.from(readFile(file)).toString('utf8'), file, rules)
  } catch (error) {
    if (error instanceof Mistake) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!update || code !== 'ENOENT') {
      const type = update ? '--baseline FILE' : `--baseline ${file} --update-baseline`
      throw new Mistake(`--baseline ${file}: the file cannot be read${code && ` (${code})`}`, 'a baseline; --update-baseline writes one', type)
    }
  }
  return { file, entries, ...(update ? { update: { reason: reason ?? '' } } : {}) }
}
