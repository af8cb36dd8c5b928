/** The command line as a value: argv in, an invocation or a usage error out. Pure but for what `Surroundings` lends. */
import { CommanderError, type Command } from 'commander'
import { commandOf, commands, formats, grammar, type Flags } from './grammar.ts'
import { shellWord } from './report/text.ts'
import type { RunOptions } from './run.ts'
import { isHarmless, redactText, redactUrl, secretsOf } from './secrets.ts'
import { matches } from './selection.ts'
import {
  fieldValue, filledIn, Mistake, nearest, readBody, readChoice, readDuration, readHeader, readMethod, readOrigin, readUrl,
  readWhole, type Environment, type UsageError,
} from './values.ts'

export type Format = (typeof formats)[number]

/** One `--report`; without a file it goes to standard output. */
export interface Output {
  readonly format: Format
  readonly file?: string
}

export type Invocation =
  | {
    readonly command: 'test'
    readonly run: RunOptions
    readonly reports: readonly Output[]
    /** print what would be sent, send nothing */
    readonly plan: boolean
    /** the kit runs this server and stops it */
    readonly start?: string
    /** answers as soon as the server of `start` is ready */
    readonly waitFor?: string
    /** the arguments that show it again, secrets hidden; without reports and rule filters */
    readonly again: string
  }
  | {
    readonly command: 'compare'
    readonly run: Omit<RunOptions, 'target'>
    /** external columns */
    readonly urls: readonly string[]
    /** reference servers that must not be missing */
    readonly require: readonly string[]
    readonly reports: readonly Output[]
  }
  | { readonly command: 'serve'; readonly args: readonly string[] }
  | { readonly command: 'rules'; readonly json: boolean }
  | { readonly command: 'explain'; readonly rule: string }
  /** `--help` and `--version` */
  | { readonly command: 'print'; readonly text: string }
  | { readonly command: 'mistake'; readonly usage: UsageError }

/** What the command line may look at. */
export interface Surroundings {
  readonly env: Environment
  /** ids of all rules */
  readonly rules: readonly string[]
  readonly version: string
  /** @throws when the file cannot be read */
  readFile(path: string): Uint8Array
}

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
      return { given: `${program.name()} without a rule`, accepted: 'the id of a rule', type: `${program.name()} sse/framing/block-terminated` }
    default:
      return { given: 'too many arguments', accepted: program.usage(), type: `${program.name()} --help` }
  }
}

function invocation(name: keyof typeof grammar, program: Command, surroundings: Surroundings): Invocation {
  const flags = program.opts<Flags>()
  if (name === 'rules') return { command: 'rules', json: flags.json === true }
  if (name === 'explain') return { command: 'explain', rule: explained(program.args[0] ?? '', surroundings.rules) }
  const reports = readReports(flags.report ?? ['console'])
  if (name === 'compare') {
    const urls = [...program.args, ...(flags.with ?? [])].map((url) => readUrl(url, '--with'))
    return { command: 'compare', run: runOf(flags, surroundings), urls, require: flags.require ?? [], reports }
  }
  const target = targetOf(flags, program.args[0], surroundings.env)
  if (flags.waitFor !== undefined && flags.start === undefined) {
    throw new Mistake('--wait-for without --start', 'both, or neither', '--start \'node server.js\' --wait-for URL')
  }
  const run: RunOptions = { ...runOf(flags, surroundings), target }
  if (new URL(target).username !== '' && (run.token !== undefined || run.headers.some(([header]) => /^authorization$/i.test(header)))) {
    throw new Mistake('credentials in the URL and in --token or --header', 'one of them', 'the URL without user and password')
  }
  return {
    command: 'test',
    run: flags.start !== undefined && run.profile === undefined ? { ...run, profile: 'full' } : run,
    reports,
    plan: flags.plan === true,
    ...(flags.start === undefined ? {} : { start: flags.start }),
    ...(flags.waitFor === undefined ? {} : { waitFor: readUrl(flags.waitFor, '--wait-for') }),
    again: againOf(target, flags, program, secretsOf(run)),
  }
}

function explained(rule: string, rules: readonly string[]): string {
  if (rules.includes(rule)) return rule
  const meant = nearest(rule, rules) ?? rules.find((id) => id.endsWith(`/${rule}`))
  throw new Mistake(`${rule}, which is no rule`, 'an id that streamproof rules lists', `streamproof ${meant ? `explain ${meant}` : 'rules'}`)
}

function targetOf({ target }: Flags, operand: string | undefined, env: Environment): string {
  if (target !== undefined && operand !== undefined) throw new Mistake('two targets', 'one URL', '--target URL')
  const text = target ?? operand
  if (text !== undefined) {
    const meant = target === undefined && /^[a-z]+$/.test(text) && text !== 'localhost' ? nearest(text, commands) : undefined
    if (meant) throw new Mistake(`${text}, which is neither a URL nor a command`, commands.join(', '), `streamproof ${meant}`)
    return readUrl(text, '--target')
  }
  const swallowed = env.npm_config_target
  if (swallowed !== undefined && /^https?:/i.test(swallowed)) {
    throw new Mistake('--target to npm itself, which keeps it', 'flags after --', `npm test -- --target=${redactUrl(swallowed, [])}`)
  }
  throw new Mistake('no target', 'an http or https URL', '--target http://127.0.0.1:3000/stream')
}

function runOf(flags: Flags, { env, rules, readFile }: Surroundings): Omit<RunOptions, 'target'> {
  const headers = (flags.header ?? []).map((line) => readHeader(line, env))
  const has = (name: string): boolean => headers.some(([given]) => given.toLowerCase() === name)
  const token = flags.token === undefined ? undefined : fieldValue(filledIn(flags.token, env, '--token'), '--token')
  if (token === '') throw new Mistake('an empty --token', 'a token, or a variable that holds one', '--token \'$TOKEN\'')
  if (token !== undefined && has('authorization')) {
    throw new Mistake('--token and an Authorization header', 'one of them', '--token \'$TOKEN\'')
  }
  const body = flags.body === undefined ? undefined : readBody(flags.body, readFile)
  if (body !== undefined && isJson(body) && !has('content-type')) headers.push(['Content-Type', 'application/json'])
  const only = flags.only ?? []
  const skip = flags.skip ?? []
  for (const [flag, globs] of [['--only', only], ['--skip', skip]] as const) for (const glob of globs) checkGlob(glob, flag, rules)
  const judged = rules.filter((id) => (only.length === 0 || only.some((glob) => matches(glob, id))) && !skip.some((glob) => matches(glob, id)))
  if (judged.length === 0) throw new Mistake('--skip for every rule that --only names', 'globs that leave a rule', 'streamproof rules')
  return {
    method: flags.method === undefined ? (body === undefined ? 'GET' : 'POST') : readMethod(flags.method),
    headers,
    ...(body === undefined ? {} : { body }),
    ...(token === undefined ? {} : { token }),
    ...(flags.origin === undefined ? {} : { origin: readOrigin(flags.origin) }),
    insecure: flags.insecure === true,
    ...(flags.observe === undefined ? {} : { observeMs: readDuration(flags.observe) }),
    ...(flags.profile === undefined ? {} : { profile: readChoice(flags.profile, '--profile', ['safe', 'full']) }),
    ...(flags.budget === undefined ? {} : { budget: readWhole(flags.budget, '--budget', [1, 100_000], 30) }),
    only,
    skip,
    failOn: readChoice(flags.failOn ?? 'must', '--fail-on', ['must', 'should', 'advice']),
    ...(flags.seed === undefined ? {} : { seed: readWhole(flags.seed, '--seed', [-(2 ** 31), 2 ** 31 - 1], 1) }),
    ...(flags.runs === undefined ? {} : { runs: readWhole(flags.runs, '--runs', [1, 100_000], 100) }),
    ...(flags.replay === undefined ? {} : { replay: readReplay(flags.replay, rules) }),
    allowOriginChange: flags.allowOriginChange === true,
  }
}

function isJson(body: string): boolean {
  try {
    JSON.parse(body)
    return true
  } catch {
    return false
  }
}

function checkGlob(glob: string, flag: string, rules: readonly string[]): void {
  if (rules.some((id) => matches(glob, id))) return
  const rooms = [...new Set(rules.map((id) => `${id.split('/').slice(0, 2).join('/')}/*`))]
  const meant = nearest(glob, [...rules, ...rooms]) ?? rooms[0] ?? ''
  throw new Mistake(`${flag} ${glob}, which matches no rule`, 'a glob over rule ids (streamproof rules lists them)', `${flag} ${shellWord(meant)}`)
}

function readReplay(id: string, rules: readonly string[]): string {
  const [, rule] = /^([^:]+):-?\d+:[\d:]*$/.exec(id) ?? []
  if (rule === undefined) throw new Mistake(`--replay ${id}`, 'rule:seed:path as a report prints it', '--replay sse/framing/multiline-data:1:0')
  if (rules.includes(rule)) return id
  const meant = nearest(rule, rules)
  throw new Mistake(`--replay of ${rule}, which is no rule`, 'the id of a rule', meant ? `--replay ${id.replace(rule, () => meant)}` : 'streamproof rules')
}

function readReports(given: readonly string[]): Output[] {
  const outputs = given.map((text): Output => {
    const equals = text.indexOf('=')
    const format = readChoice(equals < 0 ? text : text.slice(0, equals), '--report', formats)
    if (equals < 0) return { format }
    const file = text.slice(equals + 1)
    if (file === '') throw new Mistake(`--report ${text} without a file`, 'FORMAT or FORMAT=FILE', `--report ${format}=report.${format}`)
    return { format, file }
  })
  const places = outputs.map(({ file }) => file ?? 'standard output')
  const twice = places.find((place, i) => places.indexOf(place) !== i)
  if (twice !== undefined) {
    throw new Mistake(`two reports to ${twice}`, 'a place of its own for each', `--report ${outputs.at(-1)?.format}=FILE`)
  }
  return outputs
}

/** Flags that only say what is printed or judged this time. */
const ofThisTime = new Set(['target', 'report', 'plan', 'only', 'skip', 'replay'])

/** The arguments as they were typed, so that `$VAR` and `@file` work again; literal secrets become `***`. */
function againOf(target: string, flags: Flags, program: Command, secrets: readonly string[]): string {
  const words = [`--target=${redactUrl(target, secrets)}`]
  for (const option of program.options) {
    const key = option.attributeName()
    const typed = flags[key as keyof Flags]
    if (typed === undefined || ofThisTime.has(key)) continue
    if (typed === true) words.push(option.long ?? '')
    else for (const value of typeof typed === 'string' ? [typed] : typed) words.push(option.long ?? '', shownValue(key, value, secrets))
  }
  return words.map(shellWord).join(' ')
}

function shownValue(key: string, value: string, secrets: readonly string[]): string {
  const namesVariable = /\$[A-Za-z_{]/.test(value)
  const shown = key === 'waitFor' ? redactUrl(value, secrets) : redactText(value, secrets)
  if (key === 'token') return namesVariable ? shown : '***'
  if (key === 'body') return value.startsWith('@') ? shown : '***'
  if (key !== 'header') return shown
  const name = value.slice(0, value.indexOf(':'))
  return namesVariable || isHarmless(name) ? shown : `${name}: ***`
}
