/** Drives a property on a WebSocket target: each generated case is a connection of its own, judged by the rules it feeds. */
import fc from 'fast-check'
import type { Replay, Rule, RuleId, SentRequest, Transcript } from '../../spec/model.ts'
import { readWsExchange, type WsExchange } from '../../spec/ws/exchange.ts'
import type { Property, Talk } from '../../suites/ws/stimulus.ts'
import type { Probe } from '../probe.ts'
import { upgrade } from './upgrade.ts'

/** ms for one case, the handshake not counted */
const caseMs = 3000
const headMs = 4000
/** ms that a target has to end TCP after both Closes */
const closeMs = 500
/** after so many cases without an open connection the property is given up */
const mostUnopened = 3
/** and after so many that were waited for to the end: each costs `caseMs`, and so would each step of shrinking */
const mostLate = 3

export interface DriveOptions {
  readonly probe: Probe
  readonly request: SentRequest
  readonly seed: number
  readonly runs?: number
  /** path of a case to be shown again */
  readonly path?: string
  readonly signal?: AbortSignal
}

/** What the cases of one property showed about one rule. */
export interface Driven {
  examined: number
  readonly failing: WsExchange[]
  replay?: Replay
}

export interface Drive {
  readonly property: string
  readonly cases: number
  readonly byRule: ReadonlyMap<RuleId, Driven>
}

/** Sends the examples, then generated cases. The first failure of the property's first rule stops it and is shrunk. */
export async function drive(property: Property, rules: readonly Rule<WsExchange>[], options: DriveOptions): Promise<Drive> {
  const fed = rules.filter(({ id }) => property.feeds.includes(id))
  const own = fed.find(({ id }) => id === property.feeds[0])
  const byRule = new Map<RuleId, Driven>(fed.map(({ id }) => [id, { examined: 0, failing: [] }]))
  let cases = 0
  let unopened = 0
  let late = 0
  let shrinking = false

  const fails = async (talk: Talk): Promise<boolean> => {
    if (options.signal?.aborted || late >= mostLate || (unopened >= mostUnopened && !property.refused)) return false
    const exchange = readWsExchange(await hold(talk))
    cases += 1
    unopened = exchange.connections[0]?.isOpen ? 0 : unopened + 1
    let ownFailed = false
    for (const rule of fed) {
      const findings = rule.check(exchange)
      const failed = findings.some(({ ok }) => !ok)
      const seen = byRule.get(rule.id)
      if (!seen) continue
      if (!shrinking) seen.examined += findings.length
      if (failed && rule === own) seen.failing[0] = exchange
      else if (failed && seen.failing.length === 0) seen.failing.push(exchange)
      ownFailed ||= failed && rule === own
    }
    shrinking ||= ownFailed
    return ownFailed
  }

  const details = await fc.check(fc.asyncProperty(property.talks, async (talk) => !(await fails(talk))), {
    seed: options.seed,
    numRuns: property.examples.length + (options.runs ?? property.runs),
    examples: property.examples.map((talk) => [talk]),
    ...(options.path === undefined ? {} : { path: options.path, endOnFailure: true }),
  })
  const ownSeen = own && byRule.get(own.id)
  const [talk] = details.counterexample ?? []
  if (own && ownSeen && details.failed && talk) {
    ownSeen.replay = { id: `${own.id}:${details.seed}:${details.counterexamplePath ?? '0'}`, counterexample: spoken(talk) }
  }
  return { property: property.id, cases, byRule }

  async function hold({ asked, frames, chop, until }: Talk): Promise<Transcript> {
    const id = `${property.id}/case`
    const socket = options.probe.socket({
      id, role: property.needs === 'echo' ? 'echo/case' : 'case', ...upgrade(options.request, id, asked),
      ...(asked?.chop ? { chop: asked.chop } : {}),
      ...(asked?.early ? { early: asked.early } : {}),
    })
    await socket.open(headMs)
    if (!socket.isSwitched) {
      socket.leave('window')
      return { stimulus: property.id, links: [socket.link()], acts: [] }
    }
    await socket.send(Buffer.concat(frames), chop)
    const from = options.probe.now()
    // behind a Close nothing else comes
    await Promise.race([socket.await(until, caseMs), ...('end' in until ? [] : [socket.await({ close: true }, caseMs)])])
    if (options.probe.now() - from >= caseMs) late += 1
    // who waited for the Close of the target has sent one
    if ('close' in until) await socket.await({ end: true }, closeMs)
    else if (!('end' in until)) await socket.close(closeMs)
    socket.leave('window')
    return { stimulus: property.id, links: [socket.link()], acts: [] }
  }
}

const most = 400

/** A case as it was sent, frames in hexadecimal. */
function spoken({ asked, frames, chop }: Talk): string {
  const hex = frames.map((frame) => Buffer.from(frame).toString('hex')).join(' ')
  const handshake = asked === undefined ? '' : `a handshake with ${JSON.stringify(asked)}, then `
  const shown = `${handshake}${hex.length > most ? `${hex.slice(0, most)}… (${hex.length / 2} bytes)` : hex}`
  return chop === undefined ? shown : `${shown} cut ${chop === 'octets' ? 'after each byte' : `at ${chop.join(', ')}`}`
}

/** What all properties together showed about a rule; undefined when none of them was driven. */
export function drivenOf(drives: readonly Drive[], rule: RuleId): Driven | undefined {
  const all = drives.flatMap(({ byRule }) => byRule.get(rule) ?? [])
  if (all.length === 0) return undefined
  const replay = all.find((one) => one.replay)?.replay
  const failing = all.toSorted((a, b) => Number(b.replay !== undefined) - Number(a.replay !== undefined)).flatMap((one) => one.failing)
  return { examined: all.reduce((sum, one) => sum + one.examined, 0), failing: failing.slice(0, 1), ...(replay ? { replay } : {}) }
}
