/**
 * `npm run hostile`: three hundred servers that answer noise at random times before the real engine, then ten thousand
 * noisy transcripts before all rules. Prints figures; the exit code is 1 when the kit broke, was slow or grew.
 */
import { Command, InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { pooled } from '../harness/pool.ts'
import { run, type RunOptions } from '../harness/run.ts'
import { serveRaw, type Behaviour } from '../servers/faulty/raw.ts'
import type { RuleId } from '../spec/model.ts'
import { judged, noisyAnswers, noisyTranscripts, type NoisyAnswer } from './noise.ts'

/** ms for the rules to judge one transcript */
const transcriptMs = 5000
/** ms for a run against one server */
const runMs = 60_000
/** MiB that the process may grow by in each part, after its beginning */
const mostGrowth = 200
/** transcripts, and servers, after which everything is loaded that stays */
const beginning = { transcripts: 200, sockets: 4 }
/** runs at the same time */
const atOnce = 16
/** different answers of one server, in turn */
const answersEach = 6

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It is a whole number.')
  return value
}

const { transcripts, sockets, seed } = new Command('npm run hostile --')
  .description('Shows noise to the rules and to the engine.')
  .option('--transcripts <n>', 'transcripts for the rules', count, 10_000)
  .option('--sockets <n>', 'servers for the engine', count, 300)
  .option('--seed <n>', 'seed of the noise', count, 20260316)
  .parse()
  .opts<{ transcripts: number; sockets: number; seed: number }>()

const since = (began: number): number => Math.round(performance.now() - began)

/** How much the process has grown, in MiB, since the growth was made. */
class Growth {
  readonly #before = process.memoryUsage.rss()
  #most = this.#before

  look(): void {
    this.#most = Math.max(this.#most, process.memoryUsage.rss())
  }

  get MiB(): number {
    return Math.round((this.#most - this.#before) / 2 ** 20)
  }
}

/** Shows noise to the rules. A rule that does not end is for the caller to notice: nothing is printed then. */
function judgeTranscripts(): object {
  const faults = new Set<string>()
  const fell = new Set<RuleId>()
  let slowestMs = 0
  let shown = 0
  let growth = new Growth()
  const began = performance.now()
  const check = fc.check(fc.property(noisyTranscripts, (transcript) => {
    const from = performance.now()
    const seen = judged(transcript)
    slowestMs = Math.max(slowestMs, since(from))
    shown += 1
    if (shown % beginning.transcripts === 0) {
      // what is only not collected yet is no growth
      globalThis.gc?.()
      if (shown === beginning.transcripts) growth = new Growth()
      growth.look()
    }
    for (const one of seen.faults) faults.add(one)
    for (const rule of seen.fell) fell.add(rule)
  }), { numRuns: transcripts, seed, endOnFailure: true })
  if (check.failed) faults.add(String(check.errorInstance))
  const right = faults.size === 0 && slowestMs < transcriptMs && growth.MiB < mostGrowth
  return { transcripts, faults: [...faults], slowestMs, ms: since(began), grownMiB: growth.MiB, rulesThatFailed: fell.size, right }
}

/** Answers of one server in turn: those of its own seed. */
function behaviour(answers: readonly NoisyAnswer[]): Behaviour {
  let turn = 0
  return (_, socket) => {
    const answer = answers[turn++ % answers.length]
    const [...rest] = answer?.arrivals ?? []
    const next = (): void => {
      const arrival = rest.shift()
      if (arrival) {
        setTimeout(() => {
          if (!socket.writable) return
          socket.write(arrival.bytes)
          next()
        }, arrival.afterMs)
      } else if (answer?.end === 'fin') socket.end()
      else if (answer?.end === 'rst') socket.resetAndDestroy()
    }
    next()
  }
}

const asked = (target: string, i: number): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 200, profile: i % 2 === 0 ? 'safe' : 'full', only: [], skip: [],
  failOn: 'must', allowOriginChange: false,
})

async function meetServers(): Promise<object> {
  const faults: string[] = []
  const exits: Record<string, number> = { 0: 0, 1: 0, 3: 0 }
  let slowestMs = 0
  let links = 0
  const all = fc.sample(fc.array(noisyAnswers, { minLength: answersEach, maxLength: answersEach }), { numRuns: sockets, seed })
  const meet = async (answers: readonly NoisyAnswer[], i: number): Promise<void> => {
    const server = await serveRaw(behaviour(answers))
    const from = performance.now()
    try {
      const report = await run(asked(server.url, i))
      exits[report.exitCode] = (exits[report.exitCode] ?? 0) + 1
      links += report.run.links
      for (const { rule, note } of report.verdicts.filter(({ outcome }) => outcome === 'broken')) faults.push(`server ${i}: ${rule}: ${note}`)
    } catch (error) {
      faults.push(`server ${i}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    } finally {
      slowestMs = Math.max(slowestMs, since(from))
      await server.close()
    }
  }
  // what a first run loads stays; few servers are met all at once, and that counts as growth too
  const first = sockets > atOnce ? beginning.sockets : 0
  await pooled(all.slice(0, first), { atOnce, spacingMs: 0 }, meet)
  const growth = new Growth()
  const watch = setInterval(() => growth.look(), 100)
  const began = performance.now()
  await pooled(all.slice(first), { atOnce, spacingMs: 0 }, (answers, i) => meet(answers, i + first))
  clearInterval(watch)
  const right = faults.length === 0 && slowestMs < runMs && growth.MiB < mostGrowth
  return { sockets, exits, links, faults, slowestMs, ms: since(began), grownMiB: growth.MiB, right }
}

// first the servers: the rules leave a heap behind that would hide their growth
const figures = [...(sockets > 0 ? [await meetServers()] : []), ...(transcripts > 0 ? [judgeTranscripts()] : [])]
for (const line of figures) process.stdout.write(`${JSON.stringify(line)}\n`)
process.exitCode = figures.every((line) => 'right' in line && line.right === true) ? 0 : 1
