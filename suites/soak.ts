/**
 * `npm run soak -- --runs 17`: judges every reference server again and again, side by side and beside a neighbour that
 * takes all the processor it can get. The same behaviour has the same verdicts however busy the machine is: those that
 * differ from the first run are printed, and make the exit code 1.
 */
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Command, InvalidArgumentError } from 'commander'
import { NotReady, start } from '../harness/child.ts'
import { run, type RunOptions } from '../harness/run.ts'
import type { Report } from '../harness/report.ts'
import type { RuleId } from '../spec/model.ts'
import { command, exits, references, type Ready } from '../servers/index.ts'

/** ms for a server to listen beside the neighbour */
const startMs = 30_000
/** generated cases of each property; its examples come on top */
const cases = 10

/** A verdict that was not the same in all runs of one server. */
interface Difference {
  readonly server: string
  readonly rule: RuleId
  readonly first: string
  /** other outcomes, each with the runs that had it, from 1 */
  readonly others: ReadonlyMap<string, readonly number[]>
  /** what the first differing run said about it */
  readonly detail: string
}

/** What must not change: the outcome and its reason. */
const outcomes = ({ verdicts }: Report): Map<RuleId, string> =>
  new Map(verdicts.map(({ rule, outcome, why }) => [rule, why ? `${outcome} (${why})` : outcome]))

const noDeviation = { expected: '', actual: '', where: undefined }

/** The verdicts of later runs that are not those of the first. */
function differences(server: string, reports: readonly Report[]): Difference[] {
  const [first = new Map<RuleId, string>(), ...later] = reports.map(outcomes)
  return [...first].flatMap(([rule, expected]): Difference[] => {
    const others = new Map<string, number[]>()
    later.forEach((seen, i) => {
      const outcome = seen.get(rule) ?? 'missing'
      if (outcome !== expected) others.set(outcome, [...(others.get(outcome) ?? []), i + 2])
    })
    if (others.size === 0) return []
    const failed = reports.flatMap(({ verdicts }) => verdicts)
      .find((verdict) => verdict.rule === rule && verdict.outcome !== 'pass')
    const [{ expected: wanted, actual, where } = noDeviation] = failed?.deviations ?? []
    const detail = where ? `${wanted} | ${actual} | ${where.link}` : failed?.note ?? ''
    return [{ server, rule, first: expected, others, detail }]
  })
}

function table(found: readonly Difference[]): string {
  return found.map(({ server, rule, first, others, detail }) => {
    const later = [...others].map(([outcome, numbers]) =>
      `${outcome} in ${numbers.length} (${numbers.slice(0, 5).join(', ')})`)
    const columns = [server.padEnd(10), rule.padEnd(42), first.padEnd(14), `then ${later.join('; ')}`]
    return `${columns.join(' ')}\n${' '.repeat(11)}${detail}\n`
  }).join('')
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 2) throw new InvalidArgumentError('It is a whole number from 2.')
  return value
}

const program = new Command('npm run soak --')
  .description('Judges the reference servers again and again beside a busy neighbour.')
  .option('--runs <n>', 'runs of each server', count, 17)
  .option('--only <globs...>', 'rules to judge')
  .option('--server <names...>', 'servers to judge, all of them when absent')
  .parse()
const { runs, only = [], server: servers } = program.opts<{ runs: number; only?: string[]; server?: string[] }>()

const options = (target: string): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, profile: 'full', only, skip: [], failOn: 'advice',
  allowOriginChange: false, runs: cases,
})

/** What a thread says: a run is judged, with how many differences by then; or how it came out. */
type Word = { readonly run: number; readonly differing: number } | { readonly found: readonly Difference[] } | { readonly absent: string }

/** Judges one server so many times, in a thread of its own: what judges one must not hold up the others. */
async function soak(name: string, say: (word: Word) => void): Promise<void> {
  const child = start(command(name, ['--port', '0']))
  try {
    const { descriptor } = JSON.parse(await child.firstLine(startMs)) as Ready
    const reports: Report[] = []
    for (let n = 1; n <= runs; n++) {
      reports.push(await run(options(descriptor)))
      say({ run: n, differing: differences(name, reports).length })
    }
    say({ found: differences(name, reports) })
  } catch (error) {
    if (!(error instanceof NotReady) || error.code !== exits.unavailable) throw error
    say({ absent: error.message })
  } finally {
    await child.end()
  }
}

async function main(): Promise<void> {
  const neighbour = start([process.execPath, '--eval', 'for (;;) Math.sqrt(2)'])
  const found: Difference[] = []
  let judged = 0
  try {
    await Promise.all(references.filter((one) => !servers || servers.includes(one.name)).map(async ({ name }) => {
      const thread = new Worker(fileURLToPath(import.meta.url), { workerData: name, argv: process.argv.slice(2) })
      thread.on('message', (word: Word) => {
        if ('found' in word) found.push(...word.found)
        else if ('absent' in word) process.stdout.write(`${name}: ${word.absent}\n`)
        else {
          judged += 1
          process.stderr.write(`${name}: run ${word.run} of ${runs}, ${word.differing} verdicts differ\n`)
        }
      })
      // rejects with what the thread threw
      await once(thread, 'exit')
    }))
  } finally {
    await neighbour.end()
  }
  process.stdout.write([
    `${judged} runs, ${found.length} differing verdicts`,
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${process.platform}, Node ${process.versions.node}`,
    table(found),
  ].join('\n'))
  process.exitCode = found.length === 0 ? 0 : 1
}

if (isMainThread) await main()
else await soak(String(workerData), (word) => parentPort?.postMessage(word))
