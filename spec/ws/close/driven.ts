/** How connections end that a driver was asked to end. https://www.rfc-editor.org/rfc/rfc6455#section-7 */
import type { Act, Finding, Rule } from '../../model.ts'
import { changed, heldOpen, says } from '../bytes.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { closePlace, patienceMs, spoken } from './goodbye.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const fin = { at: 90, by: 'target', how: 'fin' } as const

/** ms; `ws` waits 30 s unless `closeTimeout` says otherwise */
const silenceMs = 10_000

const peerSilent: Rule<WsExchange> = {
  id: 'ws/close/peer-silent',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-7.1.1`,
  says: `a connection whose peer does not answer a Close is dropped within ${silenceMs / 1000} s`,
  harm: 'each client that went to sleep keeps a socket, a session and its buffers',
  fix: 'drop the connection a few seconds after your Close (closeTimeout in ws, ws_close_timeout in websockets)',
  check: (exchange) => withRole(exchange, 'peer-silent').flatMap((connection): Finding[] => {
    const { close, isDropped, link } = connection
    if (!close) return []
    const ms = Math.round(link.ended.at - close.frame.at)
    if (!isDropped && ms < silenceMs) return []
    return [{
      where: connection.endPlace, ok: isDropped && ms <= silenceMs,
      expected: `the end of TCP within ${silenceMs} ms`, actual: isDropped ? `after ${ms} ms` : `TCP open after ${ms} ms`,
    }]
  }),
  mutants: { 'kept for ever': { edit: heldOpen('peer-silent', silenceMs + 1000) } },
}

const simultaneous: Rule<WsExchange> = {
  id: 'ws/close/simultaneous',
  level: 'must',
  clause: `${rfc}#section-5.5.1`,
  says: 'two Closes that cross end the connection cleanly',
  harm: 'a clean end looks like a lost connection to the client, which connects again, or the server raises on its second close',
  fix: 'take a Close as the reply, once you have sent one',
  check: (exchange) => withRole(exchange, 'simultaneous').flatMap((connection): Finding[] => {
    const { isOpen, close, isDropped, link, sent } = connection
    const told = sent.happenings.find(({ kind }) => kind === 'close')
    if (!isOpen || told?.kind !== 'close') return []
    const expected = 'a Close, and FIN'
    if (!isDropped && link.ended.at - told.frame.at < patienceMs) return []
    const ended = !isDropped ? 'TCP stayed open' : link.ended.how === 'fin' ? 'FIN' : 'a reset'
    return [{ where: closePlace(connection), ok: close !== undefined && ended === 'FIN', expected, actual: `${close ? 'a Close' : 'no Close'}, and ${ended}` }]
  }),
  mutants: {
    'dropped': { edit: says('simultaneous', [], fin), fault: 'closeTerminates' },
    'reset': { edit: says('simultaneous', [server.close(1000)], { at: 90, by: 'target', how: 'rst' }) },
  },
}

/** The number that stats give; undefined when there is none. */
function socketsIn({ status, body }: Act): number | undefined {
  try {
    const { sockets } = JSON.parse(body) as { readonly sockets?: unknown }
    return status === 200 && typeof sockets === 'number' ? sockets : undefined
  } catch {
    return undefined
  }
}

const finWithoutClose: Rule<WsExchange> = {
  id: 'ws/close/fin-without-close',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-7.1.5`,
  says: 'the end of TCP without a Close ends the session',
  harm: 'sessions of clients that crashed or lost the network stay, are counted, and are written to',
  fix: 'clean up on the close of the socket, which comes with 1006 then, not on a Close frame',
  check: (exchange) => {
    const lost = withRole(exchange, 'lost').filter(({ isOpen, isDropped }) => isOpen && !isDropped)
    const [before, after] = exchange.acts.filter(({ kind }) => kind === 'stats').map(socketsIn)
    const [last] = lost.slice(-1)
    if (!last || before !== lost.length || after === undefined) return []
    return [{ where: last.endPlace, ok: after === 0, expected: 'no open socket in stats', actual: String(after) }]
  },
  mutants: {
    'still counted': {
      edit: (transcript) => ({
        ...transcript, acts: transcript.acts.map((act, i) => (i === 1 ? { ...act, body: '{"sockets":2}' } : act)),
      }),
      fault: 'lostSocketCounted',
    },
  },
}

/** Numbers of the chunks that came before the Close. */
const chunks = ({ messages }: Connection): number[] => messages.flatMap(({ type, payload }) => {
  const text = type === 'text' ? Buffer.from(payload).toString() : ''
  return [...text.matchAll(/^\{"type":"chunk",.*"n":(\d+)/g)].map(([, n]) => Number(n))
})

/** messages behind which the kit has asked the target to close */
const asked = 20

const flushPending: Rule<WsExchange> = {
  id: 'ws/close/flush-pending',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-7.1.2`,
  says: 'messages that were sent before the Close arrive before it',
  harm: 'the last tokens of an answer are missing, and the end looks clean',
  fix: 'close() behind the last send(), not terminate(); await drain or the callbacks of what is still written',
  check: (exchange) => withRole(exchange, 'flush').filter(({ close, isDropped }) => close || isDropped).map((connection) => {
    const came = chunks(connection)
    const { close } = connection
    return {
      where: closePlace(connection),
      ok: close !== undefined && came.length >= asked && came.every((n, i) => n === i),
      expected: `the chunks 0 to ${asked - 1}, and a Close`,
      actual: `${came.length} chunks, and ${close ? spoken(close.code) : 'the end of TCP'}`,
    }
  }),
  mutants: {
    'the last ones are lost': {
      edit: says('flush', [server.text('{"type":"chunk","n":0}'), server.close(1000)], fin), fault: 'closeUnflushed',
    },
  },
}

const goingAway: Rule<WsExchange> = {
  id: 'ws/close/going-away',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-7.4.1`,
  says: 'a server that stops says so to every client, with 1001 or 1012',
  harm: 'all clients see a lost connection at once, and none knows that the server comes back',
  fix: 'on SIGTERM close(1001) each socket, then wait for the Closes before you exit',
  check: ({ connections, acts }) => {
    const signal = acts.find(({ kind }) => kind === 'signal')
    if (!signal) return []
    return connections.filter((connection) => isOpenAt(connection, signal.at)).map((connection) => {
      const { close, isDropped } = connection
      return {
        where: closePlace(connection),
        ok: close?.code === 1001 || close?.code === 1012,
        expected: 'a Close with 1001 or 1012',
        actual: close ? spoken(close.code) : isDropped ? 'the end of TCP' : 'nothing',
      }
    })
  },
  mutants: {
    'cut off': {
      edit: (transcript) => changed(transcript, 'going-away', (link) => ({
        ...link, chunks: link.chunks.slice(0, 1), sent: [], ended: { at: 5300, by: 'target', how: 'fin' },
      })),
      fault: 'socketsCutOnShutdown',
    },
  },
}

/** It was open, and neither side had sent a Close. */
function isOpenAt({ isOpen, link, head, close, sent }: Connection, at: number): boolean {
  const mine = sent.happenings.find((one) => one.kind === 'close')
  const later = [close?.frame.at, mine?.frame.at, link.ended.at].every((time) => time === undefined || time >= at)
  return isOpen && head !== undefined && head.at <= at && later
}

export const driven: readonly Rule<WsExchange>[] = [peerSilent, simultaneous, finWithoutClose, flushPending, goingAway]
