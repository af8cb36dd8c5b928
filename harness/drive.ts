/** Drives a property: generated scripts go to the target one by one, and each answer to the rules it feeds. */
import fc from 'fast-check'
import type { Declares, Event, Rule, RuleId, SentRequest, Transcript } from '../spec/model.ts'
import { readExchange, type Answer, type Exchange } from '../spec/sse/exchange.ts'
import { isRefusal } from '../spec/sse/play.ts'
import { changed, type Property, type Script } from '../suites/stimulus.ts'
import type { Thresholds } from '../spec/thresholds.ts'
import type { KeptConnection } from './kept.ts'
import type { Absence } from './plan.ts'
import type { Probe } from './probe.ts'
import { Tally, together, type Driven } from './tally.ts'
import { linkLimit, type Limit } from './wire.ts'

/** ms; a play that is not over by then is left */
const caseMs = 5000
/** the longest payload that is played has ten thousand lines */
const caseLimit: Limit = { bytes: linkLimit.bytes, lines: 25_000 }
/** after so many cases in a row, of all properties together, that were answered with something else plays are given up */
const mostUnserved = 20
/** as many of those does a case count that was not answered, not over in time, or a flood: it costs time */
const costly = 5
/** after so many cases that were not over in time the property is given up */
const mostLate = 2

/** What all properties of a run share: whether the target still answers plays. */
export class Patience {
  #unserved = 0

  saw({ isEventStream, status, link }: Answer): void {
    const { how } = link.ended
    if (status === 0 || how === 'deadline' || how === 'limit') this.#unserved += costly
    else this.#unserved = isEventStream || isRefusal(status) ? 0 : this.#unserved + 1
  }

  get isOver(): boolean {
    return this.#unserved >= mostUnserved
  }
}

export interface DriveOptions {
  readonly probe: Probe
  /** where plays go, with everything but the body */
  readonly request: SentRequest
  readonly declares: Declares
  /** the usual ones when absent */
  readonly thresholds?: Thresholds
  /** shared with the other properties of the run; without it the property has its own */
  readonly patience?: Patience
  readonly seed: number
  /** generated cases instead of the property's own number */
  readonly runs?: number
  /** fast-check path of a failure to show again */
  readonly path?: string
  /** cases are recorded: some that do not fail are kept too */
  readonly keep?: boolean
  readonly signal?: AbortSignal
}

export interface Drive {
  readonly property: string
  readonly cases: number
  readonly byRule: ReadonlyMap<RuleId, Driven<Transcript>>
  /** given up, because cases were not answered any more or not over in time */
  readonly unanswered: boolean
  /** of the answers, 0 where none came */
  readonly statuses: ReadonlySet<number>
  /** the examples, and for each rule a first case that had something to look at; only when asked for */
  readonly kept: readonly Transcript[]
}

/**
 * Plays the examples, then generated scripts. The property's first rule is its own: its first failure stops the run
 * and is shrunk. What the others see on the way is kept too, but never stops the run.
 */
export async function drive(
  property: Property,
  rules: readonly Rule<Exchange>[],
  connection: KeptConnection,
  options: DriveOptions,
): Promise<Drive> {
  const tally = new Tally<Script, Exchange, Transcript>(property, rules)
  let cases = 0
  const patience = options.patience ?? new Patience()
  let late = 0
  const statuses = new Set<number>()
  const kept: Transcript[] = []

  const fails = async (script: Script): Promise<boolean> => {
    if (options.signal?.aborted || patience.isOver || late >= mostLate) return false
    const exchange = await play(script)
    cases += 1
    const [answer] = exchange.answers
    if (answer) patience.saw(answer)
    statuses.add(answer?.status ?? 0)
    if (answer?.link.ended.how === 'deadline') late += 1
    const isWanted = options.keep && !tally.isShrinking
    const seen = tally.judge(exchange, exchange.transcript)
    if (isWanted && (seen.isNews || cases <= property.examples.length)) kept.push(exchange.transcript)
    return seen.fails
  }

  await tally.run(property.scripts, options, fails, ({ events }) => fc.stringify(events))
  return { property: property.id, cases, byRule: tally.byRule, unanswered: patience.isOver || late >= mostLate, statuses, kept }

  async function play(script: Script): Promise<Exchange> {
    const events = options.declares.data === 'json' ? script.events.map(asJson) : script.events
    const body = JSON.stringify({ ...script, events, end: script.end ?? 'close' })
    const request = { ...changed(options.request, property.asked), body }
    const dial = { id: `${property.id}/case`, role: 'play', request, limit: caseLimit }
    if (!property.fresh) return read(await connection.send(dial, caseMs))
    const link = options.probe.open(dial)
    await link.read({ end: true, thenMs: 0 }, caseMs)
    return read(link.link())
  }

  function read(link: Exchange['transcript']['links'][number]): Exchange {
    return readExchange({ stimulus: property.id, declares: options.declares, links: [link], acts: [] }, options.thresholds)
  }
}

const asJson = (event: Event): Event => (event.data === undefined ? event : { ...event, data: JSON.stringify(event.data) })

/** What all properties together showed about a rule; undefined when none of them was driven. */
export function drivenOf(
  drives: readonly Drive[],
  rule: RuleId,
  thresholds: Thresholds,
): Driven<Exchange> | undefined {
  const all = together(drives, rule)
  return all && { ...all, failing: all.failing.map((transcript) => readExchange(transcript, thresholds)) }
}

/** Why the cases that fed a rule gave nothing to look at; undefined when none were played, or they did. */
export function fruitless(drives: readonly Drive[], rule: RuleId): Absence | undefined {
  const own = drives.filter(({ byRule, cases }) => cases > 0 && byRule.has(rule))
  if (own.some(({ unanswered }) => unanswered)) return { why: 'blocked', note: 'plays were not answered, or not ended' }
  const examined = own.reduce((sum, { byRule }) => sum + (byRule.get(rule)?.examined ?? 0), 0)
  if (own.length === 0 || examined > 0) return undefined
  return own.some(({ statuses }) => statuses.has(200))
    ? { why: 'inconclusive', note: 'the plain events that were played beside did not arrive as they were' }
    : { why: 'refused', note: 'the target refused to play' }
}
