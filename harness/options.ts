/** The command line as a value: argv in, an invocation or a usage error out. Pure but for what `Surroundings` lends. */
import { CommanderError, type Command } from 'commander'
import { clientRules } from '../spec/client/index.ts'
import { commandOf, commands, grammar, type Flags } from './grammar.ts'
import { runOf, type Surroundings } from './options/asked.ts'
import { clientOf, type ClientInvocation } from './options/client.ts'
import { autobahnOf, type AutobahnInvocation } from './options/autobahn.ts'
import { judgeOf, type JudgeInvocation } from './options/judged.ts'
import { readReports, type Output } from './options/outputs.ts'
import { readListing, readSubject, type Listing, type Subject } from './options/subject.ts'
import { testedOf, watchedPaths, type TestInvocation } from './options/tested.ts'
import type { RunOptions } from './run.ts'
import { redactUrl } from './secrets.ts'
import { Mistake, nearest, readUrl, type Environment, type UsageError } from './values.ts'

export type { Surroundings } from './options/asked.ts'
export type { AutobahnInvocation } from './options/autobahn.ts'
export type { ClientInvocation } from './options/client.ts'
export type { JudgeInvocation } from './options/judged.ts'
export type { Format, Output } from './options/outputs.ts'
export type { TestInvocation } from './options/tested.ts'

/** Targets of a config file, which is still to be loaded (`harness/config.ts`). */
export interface ConfiguredInvocation {
  readonly command: 'configured'
  readonly file: string
  /** the only target to test; without it all of them */
  readonly name?: string
  /** what was typed; it goes before what the file says */
  readonly flags: Flags
  /** run again when one of these changes; the working directory when there are none */
  readonly watch?: readonly string[]
}

export type Invocation =
  | TestInvocation
  | ConfiguredInvocation
  | {
    readonly command: 'compare'
    readonly run: Omit<RunOptions, 'target'>
    /** external columns */
    readonly urls: readonly string[]
    /** reference servers that must not be missing */
    readonly require: readonly string[]
    readonly reports: readonly Output[]
  }
  | JudgeInvocation
  | ClientInvocation
  | AutobahnInvocation
  | { readonly command: 'serve'; readonly args: readonly string[] }
  | { readonly command: 'rules'; readonly json: boolean; readonly listing: Listing }
  | { readonly command: 'explain'; readonly subject: Subject }
  /** write a config file, with this URL as its target */
  | { readonly command: 'init'; readonly url?: string }
  /** `--help` and `--version` */
  | { readonly command: 'print'; readonly text: string }
  | { readonly command: 'mistake'; readonly usage: UsageError }

/** Reads the command line. Never throws for what a user types: a mistake is a value too. */
export function parse(argv: readonly string[], surroundings: Surroundings): Invocation {
  const [first = '', ...rest] = argv
  if (first === 'serve') return { command: 'serve', args: rest }
  const named = commands.find((name): name is keyof typeof grammar => name === first)
  const name = named ?? 'test'
  let printed = ''
  const program = commandOf(name, surroundings.version, (text) => (printed += text))
  try {
    program.parse([...(named ? rest : argv)], { from: 'user' })
    return invocation(name, program, surroundings)
  } catch (error) {
    if (error instanceof Mistake) return { command: 'mistake', usage: error.usage }
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { command: 'print', text: printed }
    return { command: 'mistake', usage: mistakeOf(error, program) }
  }
}

/** The library's words may quote a value, and a value may be secret: only names of flags are taken from them. */
function mistakeOf(error: CommanderError, program: Command): UsageError {
  const flags = program.options.map(({ long }) => long ?? '')
  const flag = /'(?:-\w, )?(-{1,2}[\w-]+)/.exec(error.message)?.[1] ?? ''
  switch (error.code) {
    case 'commander.unknownOption': {
      const meant = nearest(flag, flags)
      const known = meant && program.options.find(({ long }) => long === meant)
      return { given: `${flag}, which is no option`, accepted: flags.join(' '), type: known ? known.flags : `${program.name()} --help` }
    }
    case 'commander.optionMissingArgument': {
      const known = program.options.find(({ long }) => long === flag)
      return { given: `${flag} without a value`, accepted: known?.description ?? 'a value', type: known?.flags ?? flag }
    }
    case 'commander.missingArgument':
      if (program.name().endsWith('judge')) {
        return { given: 'streamproof judge without a file', accepted: 'a directory or transcript of --record, a HAR, what curl -iN printed, or -', type: 'curl -iN URL | streamproof judge -' }
      }
      return { given: `${program.name()} without a rule`, accepted: 'the id of a rule', type: `${program.name()} sse/framing/block-terminated` }
    default:
      return { given: 'too many arguments', accepted: program.usage(), type: `${program.name()} --help` }
  }
}

function invocation(name: keyof typeof grammar, program: Command, surroundings: Surroundings): Invocation {
  const flags = program.opts<Flags>()
  if (name === 'rules') return { command: 'rules', json: flags.json === true, listing: readListing(program.args, flags.level, idsOf(surroundings)) }
  if (name === 'client') return clientOf(flags, surroundings)
  if (name === 'autobahn') return autobahnOf(flags, program.args[0], surroundings)
  if (name === 'judge') return judgeOf(program.args[0] ?? '', flags, surroundings)
  if (name === 'explain') return { command: 'explain', subject: readSubject(program.args[0], idsOf(surroundings)) }
  if (name === 'init') {
    const [url] = program.args
    return { command: 'init', ...(url === undefined ? {} : { url: readUrl(url, 'streamproof init') }) }
  }
  if (name === 'compare') {
    const reports = readReports(flags.report ?? ['console'])
    const urls = [...program.args, ...(flags.with ?? [])].map((url) => readUrl(url, '--with'))
    return { command: 'compare', run: runOf(flags, surroundings), urls, require: flags.require ?? [], reports }
  }
  return testOf(flags, program.args[0], surroundings)
}

/** A target of the config file, unless there is a URL. */
function testOf(flags: Flags, operand: string | undefined, surroundings: Surroundings): Invocation {
  const isUrl = flags.target !== undefined || (operand !== undefined && !isName(operand))
  if (isUrl && flags.config !== undefined) {
    throw new Mistake('--config and a URL', 'the name of a target of the file, or none for all', `--config ${flags.config}`)
  }
  const file = flags.config ?? (isUrl || isSwallowed(surroundings.env) ? undefined : surroundings.config)
  if (file !== undefined) {
    const watch = watchedPaths(flags)
    return { command: 'configured', file, flags, ...(operand === undefined ? {} : { name: operand }), ...(watch ? { watch } : {}) }
  }
  return testedOf(targetOf(flags, operand, surroundings.env), flags, { flags }, surroundings)
}

/** What could be the name of a target, and is no host. */
const isName = (text: string): boolean => /^[A-Za-z0-9_-]+$/.test(text) && text !== 'localhost'

/** Rules about servers and about clients. */
const idsOf = ({ rules }: Surroundings): string[] => [...rules, ...clientRules.map(({ id }) => id)]

function targetOf({ target }: Flags, operand: string | undefined, env: Environment): string {
  if (target !== undefined && operand !== undefined) throw new Mistake('two targets', 'one URL', '--target URL')
  const text = target ?? operand
  if (text !== undefined) {
    const meant = target === undefined && /^[a-z]+$/.test(text) && text !== 'localhost' ? nearest(text, commands) : undefined
    if (meant) throw new Mistake(`${text}, which is neither a URL nor a command`, commands.join(', '), `streamproof ${meant}`)
    return readUrl(text, '--target')
  }
  if (isSwallowed(env)) {
    throw new Mistake('--target to npm itself, which keeps it', 'flags after --', `npm test -- --target=${redactUrl(env.npm_config_target ?? '', [])}`)
  }
  throw new Mistake('no target', 'an http or https URL', '--target http://127.0.0.1:3000/stream')
}

/** npm takes a flag before `--` for a setting of its own. */
const isSwallowed = (env: Environment): boolean => /^https?:/i.test(env.npm_config_target ?? '')
