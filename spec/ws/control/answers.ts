/** Which pong belongs to which ping: https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3 */
import type { Connection } from '../exchange.ts'
import type { Control } from '../machine.ts'
import { reachOf, type Reach } from '../pongs.ts'

/** The pings of a connection, and what came for them. A heartbeat of the target, in a pong of its own, is none of it. */
export interface Answers {
  readonly connection: Connection
  readonly pings: readonly Control[]
  /** for each ping its pong */
  readonly own: readonly (Control | undefined)[]
  /** pongs that repeat a ping, in the order in which they came: the place of that ping */
  readonly order: readonly number[]
  /** pongs that repeat a ping or a pong of the kit once more than was asked */
  readonly surplus: readonly Control[]
  /** pongs with a payload that the kit has not sent */
  readonly foreign: readonly Control[]
  /** what became of the last ping */
  readonly reach: Reach
}

const same = (a: Control, b: Control): boolean => Buffer.compare(a.payload, b.payload) === 0

/**
 * The answers on a connection on which the kit sent control frames and nothing else, each in one write of its own: what
 * messages, faults and the cuts of TCP do to pings is judged where those are. Undefined for others.
 */
export function answersOf(connection: Connection): Answers | undefined {
  const { sent, pongs, isOpen, provocation, received } = connection
  const pings = sent.happenings.filter((one): one is Control => one.kind === 'ping')
  if (!isOpen || pings.length === 0 || provocation || received.fault || !isCalm(connection)) return undefined
  const told = sent.happenings.filter((one): one is Control => one.kind === 'ping' || one.kind === 'pong')
  const own: (Control | undefined)[] = pings.map(() => undefined)
  const order: number[] = []
  const surplus: Control[] = []
  const foreign: Control[] = []
  for (const pong of pongs.filter(({ frame }) => frame.at >= (told[0]?.frame.at ?? 0))) {
    const asked = (from: number): number => pings.findIndex((ping, i) => i >= from && own[i] === undefined && same(ping, pong))
    const next = asked((order.at(-1) ?? -1) + 1)
    const at = next < 0 ? asked(0) : next
    if (at >= 0) {
      own[at] = pong
      order.push(at)
    } else if (!told.some((one) => same(one, pong))) foreign.push(pong)
    // an empty one may as well be a heartbeat
    else if (pong.payload.length > 0) surplus.push(pong)
  }
  return { connection, pings, own, order, surplus, foreign, reach: reachOf(connection) }
}

/** Control frames alone, behind an ordinary handshake, and none that shares a write with another or is cut. */
function isCalm({ sent: { frames }, link, head }: Connection): boolean {
  const writes = new Set(frames.map(({ at }) => at))
  return link.request.body === undefined && writes.size === frames.length
    && frames.every(({ opcode, startedAt, at }) => opcode >= 8 && startedAt === at && startedAt >= (head?.at ?? 0))
}
