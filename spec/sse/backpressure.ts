/**
 * What happens to clients that read more slowly than is published, and to those beside them. No standard says; the
 * only thing that is not open is what the bytes mean once they are there.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import {
  both, counted, cutAfter, delay, driven, ended, finite, later, live, onAct, onBody, published, sent, tuned,
} from '../bytes.ts'
import type { Act, Chunk, Finding, Link, Room, Rule } from '../model.ts'
import { noTornEvent, overflowVisible } from './backpressure/overflow.ts'
import { recovers, stallTimeout } from './backpressure/pauses.ts'
import { withRole, type Answer, type Exchange } from './exchange.ts'
import { bytesOf, floodOf, isOver, load, numbered, pouredInto, pouredOn, type Poured } from './flood.ts'
import { around, boundsOf, countsOf } from './stats.ts'

const notes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'
const mebibyte = 1024 * 1024

/** bytes beyond its own buffers that a target may grow by: allocators do not give back what they have */
const slackBytes = 16 * mebibyte
/** bytes; the system holds no more than this for a client that does not read, so the rest was in the server */
const systemBytes = 24 * mebibyte
/** ms for a healthy reader, besides twice the time that the publishing took */
const patienceMs = 2000

const pour = (at: number, n: number): Act => published(at, [{ data: numbered(n, 64) }])
const drops = (at: number, ...ns: readonly number[]): Chunk[] =>
  ns.map((n, i) => sent(at + 10 * i, `data: ${numbered(n, 64)}\n\n`))
const stream = (id: string, role: string, at: number, ...arrivals: readonly Chunk[]): Link =>
  later(live(role, ...arrivals), id, at)

const example = driven(
  { bufferBytes: mebibyte, stallMs: 5000, overflow: 'disconnect' },
  [
    tuned(0, { bufferBytes: mebibyte, stallMs: 1000 }),
    counted(20, { subscribers: 2, plays: 0, bufferedBytes: 0, rssBytes: 100 * mebibyte }),
    ...[1, 2, 3, 4].map((n) => pour(100 * n, n)),
    counted(600, { subscribers: 1, plays: 0, bufferedBytes: 0, rssBytes: 101 * mebibyte }),
    counted(8000, { subscribers: 0, plays: 0, bufferedBytes: 0, rssBytes: 101 * mebibyte }),
    ...[11, 12, 13].map((n) => pour(10_000 + n, n)),
  ],
  stream('healthy', 'channel', 0, ...drops(110, 1), ...drops(210, 2), ...drops(310, 3), ...drops(410, 4)),
  finite('stalled', ...drops(8100, 1, 2, 3)),
  stream('paused', 'paused', 10_000, sent(5, ': connected\n\n'), ...drops(1100, 11, 12, 13)),
)

const boundedBuffer: Rule<Exchange> = {
  id: 'sse/backpressure/bounded-buffer',
  level: 'advice',
  promisedBy: 'bufferBytes',
  clause: notes,
  says: 'what is held for a client that does not read is bounded',
  harm: 'one client that stops reading takes the memory of the process, and with it everybody\'s stream',
  fix: 'look at what res.write() returns and at res.writableLength (FastAPI: a Queue with maxsize), and close a ' +
    'client that is too far behind',
  applies: (scene) => load(scene) ??
    (scene.parts.has('stats') ? undefined : 'only a driver with stats says how much it holds'),
  check: (exchange) => {
    const { bufferBytes = 0, replayEvents = 0 } = boundsOf(exchange)
    const counts = countsOf(exchange)
    return withRole(exchange, 'stalled').flatMap((one): Finding[] => {
      const flood = pouredOn(one, exchange)
      const [first, last] = [flood[0], flood.at(-1)]
      if (!one.isEventStream || !first || !last) return []
      const before = around(counts, first.at)[0]
      const after = counts.find(({ at }) => at >= last.doneAt) ?? counts.findLast(({ at }) => at >= first.doneAt)
      if (!before || !after || (after.bufferedBytes === undefined && after.rssBytes === undefined)) return []
      const most = Math.max(slackBytes, 4 * bufferBytes)
      // what is kept for those who come back is promised too, and grows with the flood
      const kept = Math.min(replayEvents, flood.length) * Math.max(...flood.map(({ bytes }) => bytes))
      const held = after.bufferedBytes ?? 0
      const grown = (after.rssBytes ?? 0) - (before.rssBytes ?? 0) - kept
      // memory alone says little; together with bytes that only the server can have held it does
      const ok = held <= most && !(grown > most && bytesOf(one) > systemBytes + kept)
      return [{
        where: { ...one.where, at: after.at },
        ok,
        expected: `at most ${mib(most)} MiB held for clients that do not read`,
        actual: ok ? 'that' : held > most ? `more than ${mib(most)} MiB pending`
          : `more than ${mib(most)} MiB of memory, and the bytes came later`,
      }]
    })
  },
  mutants: {
    'all of it is held': {
      edit: onAct('stats', 600, { body: JSON.stringify({ subscribers: 2, plays: 0, bufferedBytes: 58 * mebibyte }) }),
      fault: 'bufferUnbounded',
      alsoBreaks: ['sse/backpressure/stall-timeout'],
    },
    'more than was declared': {
      edit: onAct('stats', 600, { body: JSON.stringify({ subscribers: 2, plays: 0, bufferedBytes: 17 * mebibyte }) }),
    },
  },
}

const mib = (bytes: number): number => Math.round(bytes / mebibyte)

const isolation: Rule<Exchange> = {
  id: 'sse/backpressure/isolation',
  level: 'advice',
  promisedBy: 'channel',
  clause: notes,
  says: 'a client that does not read delays nobody else',
  harm: 'everybody\'s stream stops because somebody\'s laptop went to sleep',
  fix: 'do not await the write of one client in the loop over all of them: give each a queue of its own, bounded',
  applies: load,
  check: (exchange) => {
    const { bufferBytes = Infinity } = boundsOf(exchange)
    const all = pouredInto(exchange)
    const spent = all.filter(({ taken }) => taken).reduce((sum, { at, doneAt }) => sum + doneAt - at, 0)
    const bound = patienceMs + 2 * spent
    return withRole(exchange, 'channel').filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
      const beside = withRole(exchange, 'stalled').some(({ link }) =>
        link.openedAt < one.link.ended.at && link.ended.at > one.link.openedAt)
      const owed = owedTo(one, pouredOn(one, exchange))
      // an event beyond the buffer may well be too much for anybody
      if (!beside || owed.length === 0 || owed.some(({ bytes }) => 2 * bytes > bufferBytes)) return []
      const came = arrivalsOf(one)
      const late = owed.find(({ n, at }) => (came.get(n) ?? one.link.ended.at) - at > bound)
      const lost = isOver(one) ? owed.find(({ n }) => !came.has(n)) : undefined
      return [{
        where: one.where,
        ok: late === undefined && lost === undefined,
        expected: 'every event in the time that publishing takes, beside a client that does not read',
        actual: late ? `event ${late.n} late, or not at all` : lost ? `closed before event ${lost.n}` : 'that',
      }]
    })
  },
  mutants: {
    'everybody waits': {
      edit: onBody('healthy', delay(numbered(3, 64), 7000)),
      fault: 'stalledBlocksAll',
      alsoBreaks: ['sse/resume/no-duplicate', 'sse/resume/many-cycles'],
    },
    'nothing more comes': {
      edit: both(onBody('healthy', cutAfter(`${numbered(2, 64)}\n\n`)), ended('healthy', 'deadline', 'kit', 9000)),
    },
  },
}

/** From the first event on that came; before it the client may not have been subscribed. */
function owedTo(one: Answer, flood: readonly Poured[]): Poured[] {
  const came = arrivalsOf(one)
  const first = flood.findIndex(({ n }) => came.has(n))
  const live = flood.filter(({ at }) => one.head !== undefined && at >= one.head.at)
  return first < 0 ? live : flood.slice(first)
}

/** ms when each event of a flood was there whole. */
const arrivalsOf = (one: Answer): Map<number | undefined, number> =>
  new Map(floodOf(one).map(({ n, event }) => [n, one.arrival(event.end - 1)]))

export const backpressure: Room<Exchange> = {
  id: 'sse/backpressure',
  clause: notes,
  example,
  rules: [boundedBuffer, isolation, overflowVisible, noTornEvent, recovers, stallTimeout],
}
