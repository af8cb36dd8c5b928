/** What the server makes of its peers, by their signs of life: https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3 */
import type { Finding, Rule } from '../../model.ts'
import { heldOpen } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import type { Control } from '../machine.ts'
import { dueMs, isGivenUp, overAt, paceOf, watched } from './beats.ts'
import { beats, instead } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const deadPeer: Rule<WsExchange> = {
  id: 'ws/heartbeat/dead-peer',
  level: 'advice',
  promisedBy: 'heartbeatMs',
  clause: `${rfc}#section-5.5.2`,
  says: 'a client that answers no ping is dropped when the next but one is due',
  harm: 'clients that lost their network send neither FIN nor RST: their sockets, sessions and streams stay for hours',
  fix: 'note each pong, and terminate() what has sent none since the last ping but one; do not wait for a Close of it',
  check: (exchange) => watched(exchange, 'dead').flatMap((connection): Finding[] => {
    const [ping] = connection.pings
    const pace = paceOf(exchange)
    if (!ping || pace === undefined) return []
    const ms = overAt(connection) - ping.frame.at
    const bound = pace + dueMs(pace)
    const ended = isGivenUp(connection)
    if (!ended && ms < bound) return []
    return [{
      where: connection.endPlace, ok: ended && ms <= bound, expected: `the end within ${Math.round(2 * pace)} ms after a ping without an answer`,
      actual: `${ended ? 'after' : 'open after'} ${Math.round(ms)} ms`,
    }]
  }),
  mutants: {
    'kept': {
      edit: heldOpen('dead', 3000), fault: 'deadPeerKept',
    },
  },
}

/** Connections whose first ping is so many intervals ago; the target may have given them up. */
const lasting = (exchange: WsExchange, role: 'idle' | 'busy', intervals: number): Connection[] => watched(exchange, role).filter((connection) => {
  const [ping] = connection.pings
  const pace = paceOf(exchange)
  if (!ping || pace === undefined) return false
  return isGivenUp(connection) || overAt(connection) - ping.frame.at >= intervals * pace
})

/** One finding for each: the target did not give it up. */
const mustKeep = (connections: readonly Connection[]): Finding[] => connections.map((connection) => {
  const { close, pings: [ping] } = connection
  const ended = isGivenUp(connection)
  const end = close ? `a Close${close.code === undefined ? '' : ` with ${close.code}`}` : 'the end of TCP'
  const ms = Math.round(overAt(connection) - (ping?.frame.at ?? 0))
  return { where: connection.endPlace, ok: !ended, expected: 'the connection open', actual: ended ? `${end} ${ms} ms after the first ping` : 'that' }
})

const pongKeepsAlive: Rule<WsExchange> = {
  id: 'ws/heartbeat/pong-keeps-alive',
  level: 'advice',
  promisedBy: 'heartbeatMs',
  clause: `${rfc}#section-5.5.3`,
  says: 'a client that says nothing, but answers every ping, is kept',
  harm: 'clients that only listen lose their connection again and again',
  fix: 'reset the idle timer in the handler of pongs too (the pong event of ws, idleTimeout does so in uWebSockets.js)',
  check: (exchange) => mustKeep(lasting(exchange, 'idle', 2.5).filter(({ sent }) => sent.happenings.some(({ kind }) => kind === 'pong'))),
  mutants: {
    'dropped': {
      edit: instead('idle', (usual) => ({ ...usual, received: beats(100, 200), ended: { at: 300, by: 'target', how: 'fin' } })), fault: 'pongUncounted',
    },
  },
}

const dataKeepsAlive: Rule<WsExchange> = {
  id: 'ws/heartbeat/data-keeps-alive',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-5.5.3`,
  says: 'a client that sends messages all the time is kept, although a pong is late',
  harm: 'on a slow line the pong waits behind an upload: the server cuts it off in the middle',
  fix: 'take any frame of a client for a sign of life, not only its pongs',
  check: (exchange) => mustKeep(lasting(exchange, 'busy', 2.5)),
  mutants: {
    'dropped': {
      edit: instead('busy', (usual) => ({
        ...usual, received: [...beats(100, 200), { at: 300, bytes: server.close(1011) }], ended: { at: 301, by: 'target', how: 'fin' },
      })),
      fault: 'messageUncounted',
    },
  },
}

/** ms; where a pong takes longer, clients that measure take the connection for dead */
const mostPongMs = 1000

/** ms until each ping had its pong, or a later one had (RFC 6455 5.5.3); of those without, until the kit left */
function latencies(connection: Connection): number[] {
  const pings = connection.sent.happenings.filter((one): one is Control => one.kind === 'ping')
  return pings.map(({ frame }, i) => {
    const meant = pings.slice(i).map(({ payload }) => hex(payload))
    const pong = connection.pongs.find(({ payload }) => meant.includes(hex(payload)))
    return (pong?.frame.at ?? overAt(connection)) - frame.at
  })
}

const hex = (payload: Uint8Array): string => Buffer.from(payload).toString('hex')

/** Of these numbers the one that 99 in 100 do not exceed. */
const p99 = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.ceil(all.length * 0.99) - 1] ?? 0

const pongLatency: Rule<WsExchange> = {
  id: 'ws/heartbeat/pong-latency',
  level: 'advice',
  clause: `${rfc}#section-5.5.3`,
  says: `99 in 100 pings are answered within ${mostPongMs} ms, also while other connections send all they can`,
  harm: 'under load clients take the server for dead, connect again all at once, and make the load worse',
  fix: 'keep long work (JSON of megabytes, zlib, synchronous calls) off the event loop that reads frames',
  check: (exchange) => watched(exchange, 'loaded').flatMap((connection): Finding[] => {
    const all = latencies(connection)
    if (all.length === 0) return []
    const ms = Math.round(p99(all))
    return [{ where: connection.endPlace, ok: ms <= mostPongMs, expected: `a pong within ${mostPongMs} ms`, actual: `${ms} ms for 99 in 100 of ${all.length}` }]
  }),
  mutants: {
    'late': {
      edit: instead('loaded', ({ received = [], ...usual }) => ({
        ...usual, received: received.map((part, i) => ({ at: 1100 + 10 * i, bytes: part instanceof Uint8Array ? part : part.bytes })),
      })),
      fault: 'pongsBehindWork',
    },
  },
}

export const aboutPeers: readonly Rule<WsExchange>[] = [deadPeer, pongKeepsAlive, dataKeepsAlive, pongLatency]
