/** How a target is asked and judged: the flags of a run as the options of the engine. */
import type { Flags } from '../grammar.ts'
import { shellWord } from '../report/text.ts'
import type { RunOptions } from '../run.ts'
import { matches } from '../selection.ts'
import {
  fieldValue, filledIn, Mistake, nearest, readBody, readChoice, readDuration, readHeader, readMethod, readOrigin, readWhole,
  type Environment,
} from '../values.ts'
import { parseThresholds } from './thresholds.ts'

/** What the command line may look at. */
export interface Surroundings {
  readonly env: Environment
  /** ids of all rules */
  readonly rules: readonly string[]
  readonly version: string
  /** path of the config file of the working directory */
  readonly config?: string
  /** @throws when the file cannot be read */
  readFile(path: string): Uint8Array
}

/** @throws Mistake for a value that cannot be read */
export function runOf(flags: Flags, { env, rules, readFile }: Surroundings): Omit<RunOptions, 'target'> {
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
    ...(flags.echo ? { echo: true } : {}),
    insecure: flags.insecure === true,
    ...(flags.observe === undefined ? {} : { observeMs: readDuration(flags.observe) }),
    ...(flags.profile === undefined ? {} : { profile: readChoice(flags.profile, '--profile', ['safe', 'full']) }),
    ...(flags.budget === undefined ? {} : { budget: readWhole(flags.budget, '--budget', [1, 100_000], 30) }),
    only,
    skip,
    failOn: readChoice(flags.failOn ?? 'must', '--fail-on', ['must', 'should', 'advice']),
    ...(flags.threshold === undefined ? {} : { thresholds: parseThresholds(flags.threshold) }),
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
