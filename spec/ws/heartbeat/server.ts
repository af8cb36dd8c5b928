/** What the server does to be seen alive: https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2 */
import type { Finding, Rule } from '../../model.ts'
import { withRole, type WsExchange } from '../exchange.ts'
import { opcodes, server } from '../frame.ts'
import { says as tells } from '../bytes.ts'
import { commands, replies } from '../talk.ts'
import { dueMs, intervalOf, longestSilence, openedAt, overAt, proxyMs, watched } from './beats.ts'
import { beats, chunks, instead } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const left = { at: 1600, by: 'kit', how: 'window' } as const

const round = (ms: number): string => `${Math.round(ms)} ms`

const serverPings: Rule<WsExchange> = {
  id: 'ws/heartbeat/server-pings',
  level: 'advice',
  promisedBy: 'heartbeatMs',
  clause: `${rfc}#section-5.5.2`,
  says: 'an idle connection gets a ping, or a message, within every heartbeatMs, or within a minute where nothing is declared',
  harm: 'proxies cut what looks idle, at 60 s for choice, and clients cannot tell a quiet server from one that is gone',
  fix: 'ping every connection on a timer (setInterval with ws.ping(), sendPingsAutomatically in uWebSockets.js, ping_interval in websockets)',
  check: (exchange) => watched(exchange, 'idle').flatMap((connection): Finding[] => {
    const interval = intervalOf(exchange)
    const from = openedAt(connection)
    const signs = connection.received.frames.some(({ opcode }) => opcode !== opcodes.close)
    const bound = interval === undefined ? proxyMs : dueMs(interval)
    if (!signs && overAt(connection) - from < bound) return []
    const silence = longestSilence(connection, from)
    return [{
      where: { link: connection.link.id, at: silence.from }, ok: silence.ms <= bound,
      expected: `a sign of life within ${interval ?? proxyMs} ms`, actual: `${round(silence.ms)} without one`,
    }]
  }),
  inconclusive: ({ exchanges }) => (exchanges.some((exchange) => watched(exchange, 'idle').length > 0)
    ? { why: 'window', note: 'no sign of life while the kit watched; servers take up to a minute: --observe 65s looks that long' } : undefined),
  mutants: {
    'none': {
      edit: instead('idle', () => ({ ended: left })), fault: 'pingMissing', alsoBreaks: ['ws/heartbeat/during-stream'],
    },
    'one and no other': { edit: instead('idle', (usual) => ({ ...usual, received: beats(100) })) },
  },
}

const intervalProxySafe: Rule<WsExchange> = {
  id: 'ws/heartbeat/interval-proxy-safe',
  level: 'advice',
  clause: `${rfc}#section-5.5.2`,
  says: `signs of life come more often than once in ${proxyMs / 1000} s`,
  harm: 'nginx and most load balancers cut a connection on which nothing came for 60 s',
  fix: 'ping every 20 to 30 s; raise the timeout of the proxy only beside that',
  check: (exchange) => {
    const declared = exchange.declares.heartbeatMs
    const promises = declared === undefined ? [] : withRole(exchange, 'base').filter(({ isOpen }) => isOpen).map((connection): Finding => ({
      where: connection.where, ok: declared < proxyMs, expected: `less than ${proxyMs} ms`, actual: `${declared} ms, as declared`,
    }))
    const seen = watched(exchange, 'idle').flatMap((connection): Finding[] => {
      const [first, second] = connection.received.frames.filter(({ opcode }) => opcode !== opcodes.close)
      if (!first || !second) return []
      const silence = longestSilence(connection, first.at)
      return [{ where: { link: connection.link.id, at: silence.from }, ok: silence.ms < proxyMs, expected: `less than ${proxyMs} ms`, actual: round(silence.ms) }]
    })
    return [...promises, ...seen]
  },
  mutants: {
    'two minutes': { edit: (transcript) => ({ ...transcript, declares: { heartbeatMs: 120_000 } }), fault: 'slowBeatsDeclared' },
  },
}

const appLevel: Rule<WsExchange> = {
  id: 'ws/heartbeat/app-level',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-5.5.2`,
  says: 'a ping message of the application is answered by a pong message with the same ref',
  harm: 'browsers cannot send pings of the protocol: a page has no way to find out that its connection is dead',
  fix: 'answer {"type":"ping","ref"} with {"type":"pong","ref"} in the message handler',
  check: (exchange) => watched(exchange, 'asking').flatMap((connection) => {
    const refs = new Set(replies(connection, 'pong').map(({ members }) => members['ref']))
    return commands(connection, 'ping').map(({ members: { ref } }): Finding => ({
      where: connection.endPlace, ok: refs.has(ref), expected: 'a pong with the ref of the ping', actual: refs.has(ref) ? 'that' : refs.size > 0 ? 'another ref' : 'none',
    }))
  }),
  mutants: {
    'not understood': { edit: tells('asking', [server.text('{"type":"error","message":"type is not known"}')]), fault: 'pingUnanswered' },
    'without the ref': { edit: tells('asking', [server.text('{"type":"pong"}')]) },
  },
}

const duringStream: Rule<WsExchange> = {
  id: 'ws/heartbeat/during-stream',
  level: 'advice',
  promisedBy: 'heartbeatMs',
  clause: `${rfc}#section-5.5.2`,
  says: 'signs of life go on while a stream runs, also while what it waits for is silent',
  harm: 'a model that thinks for a minute loses its connection to a proxy, and the answer with it',
  fix: 'ping on a timer of the connection, not in the loop that writes the stream, and do not block the event loop',
  check: (exchange) => watched(exchange, 'streaming').flatMap((connection): Finding[] => {
    const interval = intervalOf(exchange)
    const [start] = commands(connection, 'start')
    if (!start || interval === undefined || overAt(connection) - start.at < dueMs(interval)) return []
    const silence = longestSilence(connection, start.at)
    return [{
      where: { link: connection.link.id, at: silence.from }, ok: silence.ms <= dueMs(interval),
      expected: `a sign of life within ${interval} ms`, actual: `${round(silence.ms)} without one`,
    }]
  }),
  mutants: {
    'chunks alone': {
      edit: instead('streaming', (usual) => ({ ...usual, received: chunks })), fault: 'streamWithoutPings',
    },
  },
}

const stopsOnClose: Rule<WsExchange> = {
  id: 'ws/heartbeat/stops-on-close',
  level: 'advice',
  clause: `${rfc}#section-5.5.1`,
  says: 'no ping follows the Close of the server',
  harm: 'the timer of each connection that ends runs on: they add up, and keep all that hangs on them in memory',
  fix: 'clear the timer where the Close is sent or comes, not only where TCP ends',
  check: ({ connections }) => connections.filter(({ link, close }) => link.role.startsWith('beat/') && close).map((connection): Finding => {
    const ping = connection.received.afterClose.find(({ opcode }) => opcode === opcodes.ping)
    return { where: ping ? connection.place(ping) : connection.endPlace, ok: ping === undefined, expected: 'no ping behind a Close', actual: ping ? 'one' : 'none' }
  }),
  mutants: {
    'one more': {
      edit: tells('closing', [server.close(4000), server.ping('still here')], { at: 500, by: 'target', how: 'fin' }), fault: 'pingBehindClose', alsoBreaks: ['ws/close/single'],
    },
  },
}

export const fromServer: readonly Rule<WsExchange>[] = [serverPings, intervalProxySafe, appLevel, duringStream, stopsOnClose]
