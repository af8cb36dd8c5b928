/** Judges the reference servers one after the other, each in a process of its own, and further URLs beside them. */
import { existsSync, readFileSync } from 'node:fs'
import { command, exits, references, type Ready } from '../servers/index.ts'
import { NotReady, start } from './child.ts'
import { compared, missing, settled, type Column, type Comparison, type KnownFinding } from './comparison.ts'
import type { RunHooks, RunOptions } from './run.ts'
import type { Report } from './report.ts'

/** ms for a reference server to listen */
const startMs = 10_000

export interface CompareOptions {
  /** how every column is asked */
  readonly run: Omit<RunOptions, 'target'>
  /** external columns */
  readonly urls: readonly string[]
  /** reference servers that must not be missing */
  readonly require: readonly string[]
}

/** The engine; a parameter so that a comparison can be proved without one. */
export type Engine = (options: RunOptions, hooks?: RunHooks) => Promise<Report>

/** Names of the reference servers. */
export const referenceNames: readonly string[] = references.map(({ name }) => name)

/** The recorded deviations; none without the file. @throws when the file is no JSON list of findings with server, rule, reason, evidence, since */
export function knownFindings(file: URL = findingsFile): KnownFinding[] {
  if (!existsSync(file)) return []
  const list: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!Array.isArray(list) || !list.every(isFinding)) {
    throw new Error(`${file.pathname}: every entry has server, rule, reason, evidence and since, all of them text`)
  }
  return list
}

const findingsFile = new URL(import.meta.url.endsWith('.ts') ? '../servers/findings.json' : '../../servers/findings.json', import.meta.url)

function isFinding(entry: unknown): entry is KnownFinding {
  if (typeof entry !== 'object' || entry === null) return false
  const texts = entry as Record<string, unknown>
  return ['server', 'rule', 'reason', 'evidence', 'since'].every((key) => typeof texts[key] === 'string' && texts[key] !== '')
}

/** Judges all columns. Servers are ended before it resolves or rejects; an abort leaves out what was not begun. */
export async function compare(
  options: CompareOptions,
  findings: readonly KnownFinding[],
  engine: Engine,
  hooks: RunHooks = {},
): Promise<Comparison> {
  const columns: Column[] = []
  for (const name of referenceNames) {
    if (hooks.signal?.aborted) break
    hooks.progress?.(`${name}: starting`)
    columns.push(await reference(name, options, findings, engine, hooks))
  }
  for (const target of options.urls) {
    if (hooks.signal?.aborted) break
    hooks.progress?.(target)
    const report = await engine({ ...options.run, target }, hooks)
    columns.push(settled(report.target.url, report, [], options.run.failOn))
  }
  const comparison = compared(columns)
  return hooks.signal?.aborted && comparison.exitCode === 0 ? { ...comparison, exitCode: 3 } : comparison
}

async function reference(
  name: string,
  { run, require }: CompareOptions,
  findings: readonly KnownFinding[],
  engine: Engine,
  hooks: RunHooks,
): Promise<Column> {
  const child = start(command(name, ['--port', '0']))
  try {
    const { descriptor } = JSON.parse(await child.firstLine(startMs)) as Ready
    const report = await engine({ ...run, target: descriptor }, {
      ...hooks,
      progress: (line) => hooks.progress?.(`${name}: ${line}`),
      terminate: () => child.terminate(),
    })
    return settled(name, report, findings, run.failOn)
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    // without a binary for this Node there is nothing to judge; any other failed start is a fault
    const optional = error.code === exits.unavailable && !require.includes(name)
    return missing(name, error.message, !optional)
  } finally {
    await child.end()
  }
}
