/**
 * What a client that does not read costs the target, the others, and itself.
 *
 * Roles: `slow/…` did not read for a while: `stream` under a stream, `events` under events of the channel, `large` under
 * a stream and one event that is larger than what may wait; `stalled` and `gone` never read again, and `gone` was reset.
 * `beside` reads all the time. `inbound` is an echo that was sent to by a client that did not read.
 */
import { onAct, sent } from '../../bytes.ts'
import type { Act, Chunk, Edit, Finding, Rule } from '../../model.ts'
import { changed, heldOpen } from '../bytes.ts'
import { followed, nth, ofType, unsaid } from '../conversation.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import { endedFirst } from '../reaction.ts'
import { bound, courses, isDecided, lastAt, numberIn, promised, statsAfter, wanted, type Course } from '../streams.ts'
import { replies } from '../talk.ts'
import { large } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** What a bound may be missed by: other connections hold something too, and what waits comes in whole messages. */
const times = 8
/** ms that a busy machine may be late */
const graceMs = 2500
/** bytes that a system holds between an echo and a client that does not read, in both directions, and as much again */
const mostTaken = 32 * 1024 * 1024

const slow = (exchange: WsExchange, role: string): Connection[] => withRole(exchange, `slow/${role}`).filter(({ isOpen }) => isOpen)
const coursesOf = (connections: readonly Connection[]): Course[] => connections.flatMap(courses).filter(({ starts }) => starts.length > 0)

/** What the driver said of itself while a client did not read. */
const during = (exchange: WsExchange): { readonly course: Course; readonly stats: Act }[] => coursesOf(slow(exchange, 'stream')).flatMap((course) => {
  const stats = statsAfter(exchange, course.starts[0]?.at ?? Infinity)
  return stats ? [{ course, stats }] : []
})

const bounded = promised({
  id: 'ws/backpressure/bounded',
  clause: `${rfc}#section-10.4`,
  says: 'what waits for a client that does not read stays within bufferBytes',
  harm: 'one phone in a tunnel takes the memory of the process, and all clients with it',
  fix: 'look at bufferedAmount (ws), getBufferedAmount (uWebSockets.js) or what write() returned before each send, and stop',
  check: (exchange) => during(exchange).flatMap(({ course, stats }): Finding[] => {
    const most = bound(exchange, 'bufferBytes')
    const waits = numberIn(stats, 'bufferedBytes')
    if (most === undefined || waits === undefined) return []
    const ok = waits <= times * most
    return [{ where: course.connection.endPlace, ok, expected: `not much more than ${most} bytes (bufferBytes)`, actual: ok ? 'that' : `bufferedBytes: ${waits}` }]
  }),
  mutants: {
    'all of it waits': {
      edit: onAct('stats', 300, { body: '{"plays":1,"sockets":2,"bufferedBytes":9000000}' }), fault: 'queueUnbounded', alsoBreaks: ['ws/backpressure/producer-paused'],
    },
  },
})

const producerPaused = promised({
  id: 'ws/backpressure/producer-paused',
  clause: `${rfc}#section-10.4`,
  says: 'the producer of a stream waits for a client that does not read',
  harm: 'a whole answer is made and held for somebody who has left, at full price',
  fix: 'pull: take the next chunk from upstream when the socket has room (for await with a wait for drain), not when it comes',
  check: (exchange) => during(exchange).flatMap(({ course, stats }): Finding[] => {
    const plays = numberIn(stats, 'plays')
    if (plays === undefined) return []
    return [{ where: course.connection.endPlace, ok: plays > 0, expected: 'plays: 1 while nothing is read', actual: plays > 0 ? 'that' : 'all is made: plays: 0' }]
  }),
  mutants: {
    'runs ahead': { edit: onAct('stats', 300, { body: '{"plays":0,"sockets":2,"bufferedBytes":64}' }), fault: 'queueUnbounded', alsoBreaks: ['ws/backpressure/bounded'] },
  },
})

/** All that a stream was to bring, and its end; undefined while it may still come. */
const isWhole = (course: Course): boolean | undefined => {
  const { connection, chunks, ends: [end] } = course
  if (!end && !isDecided(connection, lastAt(course))) return undefined
  return end?.type === 'done' && chunks.every(({ n }, i) => n === i) && chunks.length === wanted(course, 'count')
}

const mustBeWhole = (all: readonly Course[], expected: string): Finding[] => all.flatMap((course): Finding[] => {
  const whole = isWhole(course)
  const { connection, chunks, ends: [end] } = course
  return whole === undefined ? [] : [{
    where: connection.endPlace, ok: whole, expected, actual: whole ? 'that' : `${chunks.length} chunks of ${wanted(course, 'count')} and ${end?.type ?? 'no end'}`,
  }]
})

const isolated = promised({
  id: 'ws/backpressure/isolated',
  clause: `${rfc}#section-10.4`,
  says: 'a client that does not read holds up no other one',
  harm: 'one slow client stops the stream of everybody',
  fix: 'never await the send to one client in the loop over all: give each its own bounded queue',
  check: (exchange) => mustBeWhole(coursesOf(withRole(exchange, 'beside')), 'all of a stream beside one that is not read'),
  mutants: { 'held up': { edit: unsaid('beside', (said) => nth('beside', 1)(said) || ofType('done')(said)), fault: 'slowHoldsAll', alsoBreaks: ['ws/backpressure/resume-reading'] } },
})

/** A chunk comes when the kit says goodbye, as that made the target write, and `done` never. */
const untilGoodbye: Edit = (transcript) => changed(unsaid('slow', ofType('done'))(transcript), 'slow', (link) => {
  const at = link.ended.at + 2000
  return {
    ...link, sent: [...link.sent ?? [], sent(at, client.close(1000))],
    chunks: link.chunks.with(-1, { ...link.chunks.at(-1) as Chunk, at: at + 1 }), ended: { ...link.ended, at: at + 50 },
  }
})

const resumeReading = promised({
  id: 'ws/backpressure/resume-reading',
  clause: `${rfc}#section-5.4`,
  says: 'a client that reads again gets all of its stream, in order',
  harm: 'a pause of a second ends the answer for good: the stream stays open and silent',
  fix: 'go on at drain, and look at the queue once more behind attaching the listener: the event may have been',
  check: (exchange) => mustBeWhole(coursesOf(slow(exchange, 'stream')).filter(({ connection }) => !endedFirst(connection)), 'all chunks in order, and done'),
  mutants: {
    'silence': { edit: unsaid('slow', (said) => said['n'] === 3 || ofType('done')(said), 2000), fault: 'drainUnheard' },
    'silence until the kit leaves': { edit: untilGoodbye, alsoBreaks: ['ws/lifecycle/terminal-once'] },
    'a hole': { edit: unsaid('slow', nth('flood', 2), 0), alsoBreaks: ['ws/lifecycle/order-per-stream'] },
  },
})

/** What was published for the channel, of events that are not larger than what may wait. */
const publishedTo = ({ acts }: WsExchange): string[] => acts.filter(({ kind, status }) => kind === 'publish' && status < 300)
  .flatMap(({ request: { body } }) => (JSON.parse(typeof body === 'string' ? body : '[]') as { readonly data?: string }[]).map(({ data }) => data ?? ''))

const isPolicy = (code: number | undefined): boolean => code === 1008 || code === 1013 || (code ?? 0) >= 4000

const policy = promised({
  id: 'ws/backpressure/policy',
  clause: `${rfc}#section-7.4.1`,
  says: 'a client that is too far behind the events of its channel is closed with a code that says so (1013)',
  harm: 'the queue grows until the process dies, or the client takes what it has for the whole',
  fix: 'close with 1013 when an event does not fit into what may wait: the client comes back, and asks for what it missed',
  check: (exchange) => slow(exchange, 'events').flatMap((connection): Finding[] => {
    const { close } = connection
    const events = replies(connection, 'event')
    const last = publishedTo(exchange).at(-1)
    const hasLast = events.some(({ members }) => members['data'] === last)
    if (!endedFirst(connection) && !hasLast && !isDecided(connection, events.at(-1)?.at ?? Infinity)) return []
    const ok = isPolicy(close?.code) || (close === undefined && connection.isDropped)
    const actual = ok ? 'that' : close ? `a Close with ${close.code}` : `open behind ${events.length} events`
    return [{ where: connection.endPlace, ok, expected: 'a Close with 1013, 1008 or 4000 to 4999', actual }]
  }),
  mutants: {
    'all waits': {
      edit: (transcript) => heldOpen('behind', 2000)(changed(transcript, 'behind', (link) => ({ ...link, chunks: link.chunks.slice(0, -1) }))),
      fault: 'queueUnbounded',
    },
  },
})

const dropSignalled = promised({
  id: 'ws/backpressure/drop-signalled',
  clause: `${rfc}#section-5.4`,
  says: 'a client that did not get all events can tell: its connection ends, and what it got has no hole',
  harm: 'what the client shows is wrong from then on, and nothing ever says so',
  fix: 'close in place of dropping; where something may be dropped, number the events so that the hole is seen',
  check: (exchange) => slow(exchange, 'events').flatMap((connection): Finding[] => {
    const order = publishedTo(exchange)
    const got = replies(connection, 'event').map(({ members }) => order.indexOf(String(members['data'])))
    if (got.length === 0) return []
    const hole = got.findIndex((place, i) => i > 0 && place !== (got[i - 1] ?? 0) + 1)
    return [{
      where: connection.endPlace, ok: hole < 0, expected: 'events without a hole', actual: hole < 0 ? 'that' : `event ${got[hole]} behind event ${got[hole - 1]}`,
    }]
  }),
  mutants: { 'a hole': { edit: followed('behind', (said) => said['data'] === 'event 0', { type: 'event', data: 'event 2' }), fault: 'eventsThrownAway', alsoBreaks: ['ws/backpressure/policy'] } },
})

const capIncludesNext = promised({
  id: 'ws/backpressure/cap-includes-next',
  clause: `${rfc}#section-10.4`,
  says: 'a message that does not fit into what may wait is not queued, however little waits already',
  harm: 'the bound is missed by as much as the largest message, for each client',
  fix: 'compare what waits and the next message together with the bound, before the send',
  check: (exchange) => slow(exchange, 'large').flatMap((connection): Finding[] => {
    const most = bound(exchange, 'bufferBytes')
    const course = courses(connection)[0]
    if (most === undefined || !course) return []
    const got = replies(connection, 'event').find(({ members }) => String(members['data']).length > most)
    if (!got && !isDecided(connection, lastAt(course))) return []
    return [{
      where: connection.endPlace, ok: !got && endedFirst(connection), expected: `the end of the connection in place of an event of more than ${most} bytes`,
      actual: got ? 'the event' : endedFirst(connection) ? 'that' : 'neither',
    }]
  }),
  mutants: {
    'queued': { edit: (transcript) => heldOpen('full')(followed('full', nth('full', 1), { type: 'event', data: large })(transcript)), fault: 'capWithoutNext' },
  },
})

const stallTimeout = promised({
  id: 'ws/backpressure/stall-timeout',
  clause: `${rfc}#section-10.4`,
  says: 'a client that takes nothing for stallMs is dropped',
  harm: 'clients that stopped reading hold their buffers until the process ends',
  fix: 'note when the queue last got shorter, and terminate the connection when that is too long ago',
  check: (exchange) => slow(exchange, 'stalled').flatMap((connection): Finding[] => {
    const stallMs = bound(exchange, 'stallMs')
    const from = courses(connection)[0]?.starts[0]?.at
    const stats = from === undefined ? undefined : statsAfter(exchange, from)
    const sockets = stats && numberIn(stats, 'sockets')
    if (stallMs === undefined || from === undefined || !stats || sockets === undefined) return []
    if (sockets > 0 && stats.doneAt - from < stallMs + graceMs) return []
    return [{
      where: connection.endPlace, ok: sockets === 0, expected: `sockets: 0 within ${stallMs} ms (stallMs) and a little`, actual: sockets === 0 ? 'that' : `sockets: ${sockets}`,
    }]
  }),
  mutants: { 'kept': { edit: onAct('stats', 4500, { body: '{"plays":1,"sockets":1,"bufferedBytes":64}', doneAt: 9000 }), fault: 'stalledKept' } },
})

const freedOnClose = promised({
  id: 'ws/backpressure/freed-on-close',
  clause: `${rfc}#section-7.1.5`,
  says: 'what waited for a client is freed when it is gone, and can come back no longer',
  harm: 'memory grows with each client that leaves in the middle',
  fix: 'drop queues and pending sends in the close handler, and what is kept to be resumed when replayMs is over',
  check: (exchange) => slow(exchange, 'gone').flatMap((connection): Finding[] => {
    const most = bound(exchange, 'bufferBytes')
    const replayMs = bound(exchange, 'replayMs')
    const stats = statsAfter(exchange, connection.link.ended.at)
    const waits = stats && numberIn(stats, 'bufferedBytes')
    if (most === undefined || replayMs === undefined || !stats || waits === undefined) return []
    const ok = waits < most / 2
    if (!ok && stats.doneAt - connection.link.ended.at < replayMs + graceMs) return []
    return [{ where: connection.endPlace, ok, expected: 'bufferedBytes: 0', actual: ok ? 'that' : `bufferedBytes: ${waits}` }]
  }),
  mutants: { 'kept': { edit: onAct('stats', 6500, { body: '{"plays":1,"sockets":0,"bufferedBytes":64}', doneAt: 9000 }), fault: 'streamKept' } },
})

const mebibyte = 1024 * 1024

const inbound: Rule<WsExchange> = {
  id: 'ws/backpressure/inbound',
  level: 'advice',
  promisedBy: 'echo',
  clause: `${rfc}#section-10.4`,
  says: 'a target reads no more from a client that does not read what it sends back',
  harm: 'a client fills the memory of the server with its own messages',
  fix: 'stop reading (socket.pause() of ws and node:http), or close, while what was sent waits',
  check: (exchange) => withRole(exchange, 'inbound').filter(({ isOpen }) => isOpen).map((connection): Finding => {
    // of the last write nobody knows whether it was taken
    const taken = (connection.link.sent ?? []).slice(0, -1).reduce((sum, { bytes }) => sum + bytes.length, 0)
    const ok = taken < mostTaken || endedFirst(connection)
    return {
      where: connection.endPlace, ok, expected: `less than ${mostTaken} bytes taken, or the end of the connection`, actual: ok ? 'that' : `${taken} bytes taken, with nothing read`,
    }
  }),
  mutants: {
    'takes all': {
      edit: (transcript) => changed(transcript, 'inbound', (link) => {
        const frame = sent(7020, client.binary(new Uint8Array(mebibyte)))
        return { ...link, sent: Array.from({ length: 34 }, () => frame), chunks: [...link.chunks.slice(0, 1), sent(7300, server.binary(new Uint8Array(1)))] }
      }),
      fault: 'echoReadsOn',
    },
  },
}

export const rules: readonly Rule<WsExchange>[] =
  [bounded, producerPaused, isolated, resumeReading, policy, dropSignalled, capIncludesNext, stallTimeout, freedOnClose, inbound]
