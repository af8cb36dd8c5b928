/**
 * What happens to clients that read more slowly than is published, and to those beside them. No standard says; the
 * only thing that is not open is what the bytes mean once they are there.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import {
  append, both, counted, cutAfter, delay, driven, ended, finite, later, live, onAct, onBody, onLink, published, sent, swap, tuned,
} from '../bytes.ts'
import type { LinkEdit } from '../bytes.ts'
import type { Act, Chunk, Finding, Link, Room, Rule } from '../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from './exchange.ts'
import { bytesOf, floodOf, lastArrival, numbered, pouredInto, pouredOn, type Poured } from './flood.ts'
import { around, boundsOf, countsOf } from './stats.ts'

const interpretation = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation'
const notes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'
const mebibyte = 1024 * 1024

/** bytes beyond its own buffers that a target may grow by: allocators do not give back what they have */
const slackBytes = 16 * mebibyte
/** bytes; the system holds no more than this for a client that does not read, so the rest was in the server */
const systemBytes = 24 * mebibyte
/** ms for a healthy reader, besides twice the time that the publishing took */
const patienceMs = 2000
/** ms of silence after which a stream brings nothing more */
const silenceMs = 1500
/** ms from the stall timeout to the end of the connection */
const stallGraceMs = 5000
/** ms; a longer stall timeout is not waited for */
const longestStallMs = 10_000

const pour = (at: number, n: number): Act => published(at, [{ data: numbered(n, 64) }])
const drops = (at: number, ...ns: readonly number[]): Chunk[] => ns.map((n, i) => sent(at + 10 * i, `data: ${numbered(n, 64)}\n\n`))
const stream = (id: string, role: string, at: number, ...arrivals: readonly Chunk[]): Link => later(live(role, ...arrivals), id, at)
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
  stream('healthy', 'channel', 0, sent(110, `data: ${numbered(1, 64)}\n\n`), sent(210, `data: ${numbered(2, 64)}\n\n`), ...drops(310, 3), ...drops(410, 4)),
  finite('stalled', ...drops(8100, 1, 2, 3)),
  stream('paused', 'paused', 10_000, sent(5, ': connected\n\n'), ...drops(1100, 11, 12, 13)),
)

/** Without its last chunk. */
const open: LinkEdit = (chunks) => chunks.slice(0, -1)

const load = ({ parts }: { readonly parts: ReadonlySet<string> }): string | undefined =>
  (parts.has('channel') && parts.has('publish') ? undefined : 'only a driver with channel, publish can show it')

const boundedBuffer: Rule<Exchange> = {
  id: 'sse/backpressure/bounded-buffer',
  level: 'advice',
  promisedBy: 'bufferBytes',
  clause: notes,
  says: 'what is held for a client that does not read is bounded',
  harm: 'one client that stops reading takes the memory of the process, and with it everybody\'s stream',
  fix: 'look at what res.write() returns and at res.writableLength (FastAPI: a Queue with maxsize), and close a client ' +
    'that is too far behind',
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
        actual: ok ? 'that' : held > most ? `more than ${mib(most)} MiB pending` : `more than ${mib(most)} MiB of memory, and the bytes came later`,
      }]
    })
  },
  mutants: {
    'all of it is held': {
      edit: onAct('stats', 600, { body: JSON.stringify({ subscribers: 2, plays: 0, bufferedBytes: 58 * mebibyte }) }),
      fault: 'bufferUnbounded',
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
    const bound = patienceMs + 2 * all.filter(({ taken }) => taken).reduce((sum, { at, doneAt }) => sum + doneAt - at, 0)
    return withRole(exchange, 'channel').filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
      const beside = withRole(exchange, 'stalled').some(({ link }) =>
        link.openedAt < one.link.ended.at && link.ended.at > one.link.openedAt)
      const owed = owedTo(one, pouredOn(one, exchange))
      // an event beyond the buffer may well be too much for anybody
      if (!beside || owed.length === 0 || owed.some(({ bytes }) => 2 * bytes > bufferBytes)) return []
      const came = arrivalsOf(one)
      const late = owed.find(({ n, at }) => (came.get(n) ?? one.link.ended.at) - at > bound)
      const lost = one.link.ended.by === 'target' ? owed.find(({ n }) => !came.has(n)) : undefined
      return [{
        where: one.where,
        ok: late === undefined && lost === undefined,
        expected: 'every event in the time that publishing takes, beside a client that does not read',
        actual: late ? `event ${late.n} late, or not at all` : lost ? `closed before event ${lost.n}` : 'that',
      }]
    })
  },
  mutants: {
    'everybody waits': { edit: onBody('healthy', delay(numbered(3, 64), 7000)), fault: 'stalledBlocksAll' },
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

const overflowVisible: Rule<Exchange> = {
  id: 'sse/backpressure/overflow-visible',
  level: 'advice',
  promisedBy: 'overflow',
  clause: notes,
  says: 'a client that was too slow can tell that it has missed something: the connection ends, or an event says so',
  harm: 'the reader goes on with a hole in what it knows, and nothing ever repairs it: the stream looks fine',
  fix: 'close the connection when a client\'s buffer is full, so that it resumes with Last-Event-ID; or send an event of ' +
    'its own name ("reset") in place of what is dropped',
  applies: load,
  check: (exchange) => stalled(exchange).map((one): Finding => {
    const flood = floodOf(one).flatMap(({ n, event }) => (n === undefined ? [] : [{ n, event }]))
    const hole = flood.find(({ n, event }, i) => {
      const before = flood[i - 1]
      return before !== undefined && n > before.n + 1 && !marked(one, before.event.end, event.start)
    })
    const last = flood.at(-1)
    const silent = one.isOpen && one.link.ended.at - lastArrival(one) >= silenceMs && one.link.ended.how !== 'limit'
    const missing = pouredOn(one, exchange).some(({ n, taken }) => taken && last !== undefined && n > last.n)
    const stopped = silent && missing && last !== undefined && !marked(one, last.event.end, Infinity)
    return {
      where: hole ? one.eventPlace(hole.event) : last ? one.eventPlace(last.event) : one.where,
      ok: !hole && !stopped,
      expected: 'events without a gap, then the end of the connection or an event that tells of the loss',
      actual: hole ? `event ${hole.n} after a gap` : stopped ? `nothing after event ${last.n}, on an open stream` : 'that',
    }
  }),
  mutants: {
    'a hole': { edit: onBody('stalled', swap(`data: ${numbered(2, 64)}\n\n`, ':\n\n')), fault: 'overflowDropsSilently' },
    'an open stream with nothing more': { edit: both(onLink('stalled', open), ended('stalled', 'window', 'kit', 9500)), alsoBreaks: ['sse/backpressure/stall-timeout'] },
  },
}

/** Something between two events that a client hears of: an event that the kit did not publish. */
const marked = ({ stream: { events } }: Answer, from: number, to: number): boolean =>
  events.some(({ start, end, data, type }) => start >= from && end <= to &&
    !/^"?(?:flood |sync-)/.test(data) && !/^(?:ping|heartbeat|keep-?alive)$/i.test(type))

/** Clients that did not read and then did, and got something of a flood. */
const stalled = (exchange: Exchange): Answer[] =>
  withRole(exchange, 'stalled').filter((one) => one.isEventStream && floodOf(one).length > 0)

const noTornEvent: Rule<Exchange> = {
  id: 'sse/backpressure/no-torn-event',
  level: 'interop',
  clause: interpretation,
  says: 'when something is dropped it is whole events, never a part of one on a stream that goes on',
  harm: 'a client puts the rest of one event and the beginning of another together, and takes it for an event',
  fix: 'keep a queue of whole events for each client and drop from that, never from the bytes; once a part of an event is ' +
    'out, send the rest or close',
  check: (exchange) => stalled(exchange).map((one): Finding => {
    const torn = floodOf(one).find(({ n }) => n === undefined)?.event
    const stray = one.stream.lines.find(({ kind, name }) => kind === 'field' && /==|^flood /.test(name))
    const at = torn ? one.eventPlace(torn) : stray ? one.linePlace(stray) : one.where
    return {
      where: at,
      ok: !torn && !stray,
      expected: 'whole events, and at most a cut one where the connection ends',
      actual: torn ? `an event nobody published: ${quote(torn.data)}` : stray ? 'the rest of an event as a line of its own' : 'that',
    }
  }),
  mutants: {
    'the rest is missing': {
      edit: onBody('stalled', swap(`${numbered(2, 64)}\n\n`, numbered(2, 64).slice(0, 30))),
      fault: 'overflowTears',
      alsoBreaks: ['sse/backpressure/overflow-visible'],
    },
    'the beginning is missing': {
      edit: onBody('stalled', swap(`data: ${numbered(2, 64)}`, numbered(2, 64).slice(30))),
      alsoBreaks: ['sse/backpressure/overflow-visible', 'sse/framing/no-foreign-text', 'sse/fields/no-dataless-event'],
    },
  },
}

const recovers: Rule<Exchange> = {
  id: 'sse/backpressure/recovers',
  level: 'advice',
  promisedBy: 'bufferBytes',
  clause: notes,
  says: 'a client that pauses with less pending than the buffer holds gets all of it afterwards, in order',
  harm: 'every phone in a tunnel, every garbage collection is a lost connection',
  fix: 'a full socket (write() returned false) is no reason to close: hold what comes, and go on at "drain"',
  applies: load,
  check: (exchange) => {
    const { bufferBytes = 0, bufferEvents = Infinity } = boundsOf(exchange)
    return withRole(exchange, 'paused').filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
      const owed = pouredOn(one, exchange).filter(({ taken }) => taken)
      const pending = owed.reduce((sum, { bytes }) => sum + bytes + 64, 0)
      if (owed.length === 0 || pending > bufferBytes || owed.length > bufferEvents) return []
      const got = floodOf(one).flatMap(({ n }) => n ?? [])
      const wrong = owed.findIndex(({ n }, i) => got[i] !== n)
      // still coming when the kit had to leave: nothing is known of the rest
      if (wrong === got.length && one.isOpen && one.link.ended.at - lastArrival(one) < silenceMs) return []
      const ok = wrong < 0 && got.length === owed.length
      const last = floodOf(one).at(-1)
      return [{
        where: last ? one.eventPlace(last.event) : one.where,
        ok,
        expected: `all ${owed.length} events, in order, after a pause`,
        actual: ok ? 'that' : got.length > owed.length || got[wrong] !== undefined ? 'others, or in another order'
          : `${wrong} of them, then ${one.isOpen ? 'nothing' : 'the end'}`,
      }]
    })
  },
  mutants: {
    'disconnected': { edit: both(onBody('paused', cutAfter(`${numbered(11, 64)}\n\n`)), ended('paused', 'fin')), fault: 'pauseDisconnects', alsoBreaks: ['sse/http1/last-chunk'] },
    'one lost': { edit: onBody('paused', swap(`data: ${numbered(12, 64)}\n\n`, ':\n\n')) },
    'one twice': { edit: onBody('paused', append(10, `data: ${numbered(13, 64)}\n\n`)) },
  },
}

const stallTimeout: Rule<Exchange> = {
  id: 'sse/backpressure/stall-timeout',
  level: 'advice',
  promisedBy: 'stallMs',
  clause: notes,
  says: 'a client that takes nothing of what waits for it is closed after the declared time',
  harm: 'connections of clients that are long gone keep their buffers and their places for ever',
  fix: 'remember when each client last took something, and destroy its socket after stallMs without progress',
  applies: (scene) => load(scene) ?? (scene.parts.has('tune') ? undefined : 'only a driver with tune has a stall timeout that can be waited for'),
  check: (exchange) => {
    const { stallMs } = boundsOf(exchange)
    if (stallMs === undefined || stallMs > longestStallMs) return []
    return forEvery(
      stalled(exchange).filter((one) => isOver(one) || waitedFor(one, exchange) >= stallMs + stallGraceMs),
      `the end of the connection within ${stallMs + stallGraceMs} ms`,
      (one) => ({ where: { ...one.where, at: one.link.ended.at }, ok: isOver(one), actual: isOver(one) ? 'that' : 'an open one' }),
    )
  },
  mutants: {
    'for ever': { edit: both(onLink('stalled', open), ended('stalled', 'limit', 'kit', 9500)), fault: 'stallForever' },
  },
}

const isOver = ({ link, message }: Answer): boolean => link.ended.by === 'target' || message.body?.complete === true

/** ms between the flood and the moment at which the kit left. */
const waitedFor = (one: Answer, exchange: Exchange): number =>
  one.link.ended.at - (pouredOn(one, exchange).at(-1)?.doneAt ?? one.link.ended.at)

export const backpressure: Room<Exchange> = {
  id: 'sse/backpressure',
  clause: notes,
  example,
  rules: [boundedBuffer, isolation, overflowVisible, noTornEvent, recovers, stallTimeout],
}
