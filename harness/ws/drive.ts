/** Drives a property on a WebSocket target: each generated case is a connection of its own, judged by the rules it feeds. */
import type { Rule, RuleId, SentRequest, Transcript } from '../../spec/model.ts'
import { readWsExchange, type WsExchange } from '../../spec/ws/exchange.ts'
import type { Property, Talk } from '../../suites/ws/stimulus.ts'
import type { Probe } from '../probe.ts'
import { Tally, type Driven } from '../tally.ts'
import type { Overruns } from './overruns.ts'
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
  /** shared by the run: it may have been given up */
  readonly overruns: Overruns
  readonly runs?: number
  /** path of a case to be shown again */
  readonly path?: string
  readonly signal?: AbortSignal
}

export interface Drive {
  readonly property: string
  readonly cases: number
  readonly byRule: ReadonlyMap<RuleId, Driven<WsExchange>>
}

/** Sends the examples, then generated cases. The first failure of the property's first rule stops it and is shrunk. */
export async function drive(property: Property, rules: readonly Rule<WsExchange>[], options: DriveOptions): Promise<Drive> {
  const tally = new Tally<Talk, WsExchange, WsExchange>(property, rules)
  let cases = 0
  let unopened = 0
  let late = 0

  const fails = async (talk: Talk): Promise<boolean> => {
    if (options.signal?.aborted || options.overruns.isOver || late >= mostLate || (unopened >= mostUnopened && !property.refused)) return false
    const exchange = readWsExchange(await hold(talk))
    cases += 1
    unopened = exchange.connections[0]?.isOpen ? 0 : unopened + 1
    options.overruns.saw(exchange.connections)
    if (!options.overruns.admits(exchange.connections)) return false
    return tally.judge(exchange, exchange).fails
  }

  await tally.run(property.talks, options, fails, spoken)
  return { property: property.id, cases, byRule: tally.byRule }

  async function hold({ asked, frames, chop, until }: Talk): Promise<Transcript> {
    const id = `${property.id}/case`
    const socket = options.probe.socket({
      id, role: property.needs === 'echo' ? 'echo/case' : 'case', appetite: options.overruns.appetite(false), ...upgrade(options.request, id, asked),
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
