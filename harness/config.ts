/**
 * The config file: targets by name, and settings that hold for all of them. Each target becomes the flags that would
 * have been typed, so a value means the same in the file and on the command line. What is typed goes before what the
 * target says, and that before what holds for all; headers and thresholds are merged by name.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import schema from '../spec/config.schema.json' with { type: 'json' }
import { commands, type Flags } from './grammar.ts'
import { testedOf, type TestInvocation } from './options/tested.ts'
import type { ConfiguredInvocation, Output, Surroundings } from './options.ts'
import { shellWord } from './report/text.ts'
import { checkOf } from './schema.ts'
import { filledIn, Mistake, nearest, readUrl, type Environment } from './values.ts'

/** What can be said of one target, or of all. Paths are relative to the config file. */
export interface Settings {
  readonly method?: string
  /** `$VAR` in a value is read from the environment */
  readonly headers?: Readonly<Record<string, string>>
  /** a text, `@FILE`, or what is sent as JSON */
  readonly body?: string | Readonly<Record<string, unknown>>
  /** sent as `Authorization: Bearer`; `$VAR` is read from the environment */
  readonly token?: string
  readonly origin?: string
  readonly insecure?: boolean
  readonly allowOriginChange?: boolean
  /** a shell command, run in the directory of the config file for the time of the test */
  readonly start?: string
  /** answers as soon as the server of `start` is ready */
  readonly waitFor?: string
  readonly baseline?: string
  readonly only?: readonly string[]
  readonly skip?: readonly string[]
  readonly failOn?: 'must' | 'should' | 'advice'
  readonly profile?: 'safe' | 'full'
  readonly budget?: number
  /** `'5s'`, `'500ms'`, or ms */
  readonly observe?: string | number
  readonly seed?: number
  readonly runs?: number
  readonly thresholds?: Readonly<Record<string, number>>
  /** `FORMAT` or `FORMAT=FILE`; `{name}` stands for the name of the target */
  readonly reports?: readonly string[]
}

export interface TargetSettings extends Settings {
  readonly name: string
  readonly url: string
}

export interface Config extends Settings {
  readonly targets: readonly TargetSettings[]
}

/** Gives an editor the type of a config file; returns what it is given. */
export const defineConfig = (config: Config): Config => config

export const configNames = ['ts', 'mts', 'js', 'mjs', 'json'].map((extension) => `streamproof.config.${extension}`)

/** The config file of a directory. */
export function configOf(directory: string): string | undefined {
  return configNames.find((name) => existsSync(join(directory, name)))
}

const check = checkOf(schema)

/**
 * Loads a config file: JSON, or a module whose default export is the config (types are stripped by Node).
 * @throws Mistake for what cannot be loaded or is no config
 */
export async function loadConfig(file: string): Promise<Config> {
  const value = await contentOf(file)
  const fault = check(value, file)
  if (fault) throw new Mistake(fault.given, fault.accepted, fault.type)
  const config = value as Config
  const names = config.targets.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Mistake(`${file} has two targets of the name ${twice}`, 'a name of its own for each', `"name": "${twice}-2"`)
  const taken = names.find((name) => name === 'localhost' || commands.some((command) => command === name))
  if (taken !== undefined) throw new Mistake(`${file}: ${taken} cannot be the name of a target`, 'any other name: it means something on the command line', `"name": "${taken}-1"`)
  return config
}

async function contentOf(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(readFileSync(file, 'utf8'))
    // a module is loaded once for each URL: one that has changed needs another
    const module: unknown = await import(`${pathToFileURL(resolve(file)).href}?${statSync(file).mtimeMs}`)
    if (typeof module === 'object' && module !== null && 'default' in module) return module.default
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'ENOENT') throw new Mistake(`--config ${file}: there is no such file`, configNames.join(', ') + ', or any other name', 'streamproof init')
    if (error instanceof SyntaxError && /\bexport\b|import statement/.test(error.message) && /\.[jt]s$/.test(file)) {
      throw new Mistake(`${file} is CommonJS here, as its package.json says`, 'a module', `mv ${shellWord(file)} ${shellWord(file.replace(/(?=[jt]s$)/, 'm'))}`)
    }
    const why = error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error)
    throw new Mistake(`${file} cannot be loaded: ${why}`, 'JSON, or a module with a default export', 'streamproof init, for one that can')
  }
  throw new Mistake(`${file} has no default export`, 'a config as default export', 'export default { targets: […] }')
}

/** The tests that an invocation asks for. @throws Mistake for what is wrong in the config file, which is named */
export async function testsOf(invocation: TestInvocation | ConfiguredInvocation, surroundings: Surroundings): Promise<TestInvocation[]> {
  return invocation.command === 'test' ? [invocation] : configured(invocation, surroundings)
}

/** The targets of the file, in its order. */
async function configured({ file, name, flags }: ConfiguredInvocation, surroundings: Surroundings): Promise<TestInvocation[]> {
  const { targets, ...common } = await loadConfig(file)
  const chosen = name === undefined ? targets : targets.filter((target) => target.name === name)
  if (chosen.length === 0) {
    const names = targets.map((target) => target.name)
    throw new Mistake(`${name}, which is no target of ${file}`, `${names.join(', ')}, or a URL`, `streamproof ${nearest(name ?? '', names) ?? names[0] ?? ''}`)
  }
  const directory = dirname(resolve(file))
  const invocations = chosen.map((target) => {
    const { headers, thresholds, ...own } = target
    const settings = { ...common, ...own, headers: { ...common.headers, ...headers }, thresholds: { ...common.thresholds, ...thresholds } }
    try {
      const all = named({ ...flagsOf(settings, directory, surroundings.env), ...flags }, target.name)
      const invocation = testedOf(readUrl(target.url, 'url'), all, { flags, name: target.name }, surroundings)
      return { ...invocation, directory }
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      throw new Mistake(`${file}, target ${target.name}: ${error.usage.given}`, error.usage.accepted, error.usage.type)
    }
  })
  apart(invocations.flatMap(({ reports }) => reports), surroundings)
  return invocations
}

/** Settings as they would be typed; in the file names of reports the environment is filled in, as a shell would. */
function flagsOf(settings: Settings, directory: string, env: Environment): Flags {
  const { headers = {}, body, thresholds = {}, reports, baseline, observe, budget, seed, runs, insecure, allowOriginChange, only, skip } = settings
  const { method, token, origin, start, waitFor, failOn, profile } = settings
  const text = typeof body === 'object' ? JSON.stringify(body) : body
  const header = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const threshold = Object.entries(thresholds).map(([name, value]) => `${name}=${value}`)
  return defined({
    method, token, origin, start, waitFor, failOn, profile, only, skip,
    header: header.length === 0 ? undefined : header,
    threshold: threshold.length === 0 ? undefined : threshold,
    body: text?.startsWith('@') ? `@${resolve(directory, text.slice(1))}` : text,
    baseline: baseline === undefined ? undefined : resolve(directory, baseline),
    report: reports?.map((report) => report.replace(/=(.+)$/s, (_, file: string) => `=${resolve(directory, filledIn(file, env, 'reports'))}`)),
    observe: observe === undefined ? undefined : String(observe),
    budget: budget === undefined ? undefined : String(budget),
    seed: seed === undefined ? undefined : String(seed),
    runs: runs === undefined ? undefined : String(runs),
    insecure: insecure ? true : undefined,
    allowOriginChange: allowOriginChange ? true : undefined,
  })
}

/** Without the members that are undefined. */
function defined<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

const named = (flags: Flags, name: string): Flags =>
  flags.report === undefined ? flags : { ...flags, report: flags.report.map((report) => report.replaceAll('{name}', name)) }

/** formats of which one place can hold several */
const repeatable: ReadonlySet<Output['format']> = new Set(['console', 'github', 'markdown'])

/** @throws Mistake when two targets report to one place that can hold only one report */
function apart(outputs: readonly Output[], { env }: Surroundings): void {
  const places = new Set<string>()
  for (const { format, file } of outputs) {
    if (repeatable.has(format) && (file === undefined || file === env.GITHUB_STEP_SUMMARY)) continue
    const place = file ?? 'standard output'
    if (places.has(place)) {
      throw new Mistake(`${format} reports of several targets to ${place}`, 'a file for each target: {name} stands for its name', `"${format}=report-{name}.${format === 'junit' ? 'xml' : format}"`)
    }
    places.add(place)
  }
}

/** What `streamproof init` writes: a module, whatever the package.json beside it says. */
export const starterName = 'streamproof.config.mts'

/** The text of a config file to start from. */
export const starter = (url = 'http://127.0.0.1:3000/stream'): string => `import type { Config } from 'streamproof'

export default {
  targets: [
    {
      name: 'stream',
      url: ${JSON.stringify(url)},
      // start: 'node server.js',
      // headers: { Authorization: '$API_KEY' },
      // baseline: 'streamproof.baseline.json',
    },
  ],
  failOn: 'must',
  reports: ['console'],
} satisfies Config
`
