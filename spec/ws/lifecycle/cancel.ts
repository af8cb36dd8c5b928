/** Work that nobody wants any more, because the client has said so or is gone. */
import { onAct } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { chunk, followed, ofType, retold, unsaid } from '../conversation.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import {
  allCourses, bound, isBehind, isDecided, lastAt, numberIn, patienceMs, promised, resumptions, saidPlace, statsAfter, wanted, type Course,
} from '../streams.ts'
import { commands, replies, type Said } from '../talk.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** ms from a look at stats to what it is about */
const near = 3000
/** ms that a busy machine may be late */
const graceMs = 1000

/** The work would have gone on for longer than a cancellation takes. */
const isLong = (course: Course, from: number): boolean => {
  const made = course.chunks.filter(({ said }) => said.at <= from).length
  return (wanted(course, 'count') - made) * wanted(course, 'everyMs') > patienceMs
}

const cancelMessage = promised({
  id: 'ws/lifecycle/cancel-message',
  clause: `${rfc}#section-7.2.3`,
  says: `a stream that is cancelled says so within ${patienceMs} ms, and its work has ended`,
  harm: 'the user pressed Stop and the answer still comes; or it stops on the screen, and is paid for to its end',
  fix: 'pass an AbortSignal from the message to the call upstream, and abort it; then say that it is cancelled',
  check: (exchange) => allCourses(exchange).flatMap((course): Finding[] => {
    const { connection, cancels: [told], ends: [end] } = course
    if (!told || !isLong(course, told.at) || (!end && !isDecided(connection, told.at))) return []
    const ms = end && end.at - told.at
    const stats = statsAfter(exchange, end?.at ?? told.at)
    const plays = stats && stats.at - told.at < near ? numberIn(stats, 'plays') : undefined
    const prompt = end?.type === 'cancelled' && ms !== undefined && ms <= patienceMs
    const others = allCourses(exchange).filter((one) => one !== course && one.starts.some(({ at }) => at < (stats?.at ?? 0)) && isAtWork(one, stats?.at ?? 0))
    const works = plays !== undefined && plays > others.length
    return [{
      where: end ? saidPlace(connection, end) : connection.endPlace, ok: prompt && !works,
      expected: `cancelled within ${patienceMs} ms, and no work any more`,
      actual: !end ? 'no end' : end.type !== 'cancelled' ? end.type : !prompt ? `after ${Math.round(ms ?? 0)} ms` : works ? `plays: ${plays}` : 'that',
    }]
  }),
  mutants: {
    'no answer': { edit: unsaid('cancels', ofType('cancelled', 'stopped')), fault: 'streamCancelIgnored', alsoBreaks: ['ws/lifecycle/usable-after-cancel'] },
    'still at work': { edit: onAct('stats', 200, { body: '{"subscribers":0,"plays":1,"sockets":1}' }) },
  },
})

const isAtWork = ({ ends }: Course, at: number): boolean => !ends.some((end) => end.at <= at)

/** Streams whose client left before their end, and never came back. */
function orphans(exchange: WsExchange): Course[] {
  const back = new Set(resumptions(exchange).map(({ stream }) => stream))
  return allCourses(exchange).filter((course) => course.starts.length > 0 && course.ends.length === 0 && !back.has(course.stream))
}

const saidGoodbye = ({ sent }: Connection): boolean => sent.happenings.some(({ kind }) => kind === 'close')

/** One finding for each: once nobody may come back for it the work has ended. */
const mustEnd = (exchange: WsExchange, subjects: readonly Course[]): Finding[] => subjects.flatMap((course): Finding[] => {
  const { link } = course.connection
  const replayMs = bound(exchange, 'replayMs')
  const stats = statsAfter(exchange, link.ended.at)
  const plays = stats && numberIn(stats, 'plays')
  if (!stats || plays === undefined || replayMs === undefined || !isLong(course, stats.at)) return []
  const ms = stats.doneAt - link.ended.at
  if (plays > 0 && ms < replayMs + graceMs) return []
  return [{
    where: course.connection.endPlace, ok: plays === 0,
    expected: `no work any more ${replayMs} ms behind the end (replayMs)`, actual: plays === 0 ? 'that' : `plays: ${plays} after ${Math.round(ms)} ms`,
  }]
})

const working = '{"subscribers":0,"plays":1,"sockets":0}'

const byClose = promised({
  id: 'ws/lifecycle/cancel-by-close',
  clause: `${rfc}#section-7.1.2`,
  says: 'the work of a client that has closed ends when it can come back no longer',
  harm: 'each closed tab costs the rest of its answer',
  fix: 'abort the work in the close handler, or replayMs behind it where streams can be resumed',
  check: (exchange) => mustEnd(exchange, orphans(exchange).filter(({ connection }) => saidGoodbye(connection))),
  mutants: { 'runs on': { edit: onAct('stats', 3900, { body: working, doneAt: 4990 }), fault: 'streamNeverDropped', alsoBreaks: ['ws/lifecycle/cancel-by-drop'] } },
})

const byDrop = promised({
  id: 'ws/lifecycle/cancel-by-drop',
  clause: `${rfc}#section-7.1.5`,
  says: 'the work of a client whose connection was lost ends when it can come back no longer',
  harm: 'phones that lose their network leave work behind that runs to its end for nobody',
  fix: 'listen for the end of the connection, not for a Close: FIN and RST come without one, and a missing pong is an end too',
  check: (exchange) => mustEnd(exchange, orphans(exchange).filter(({ connection }) => !saidGoodbye(connection) && !connection.isDropped)),
  mutants: { 'runs on': { edit: onAct('stats', 4900, { body: working, doneAt: 5990 }), fault: 'streamKept', alsoBreaks: ['ws/lifecycle/cancel-by-close'] } },
})

/** Cancellations of what had ended, or never was. */
function pointless(connection: Connection, exchange: WsExchange): Said[] {
  const all = allCourses(exchange)
  return commands(connection, 'cancel').filter((told, i, list) => {
    const { stream } = told.members
    const own = all.filter((course) => course.stream === stream)
    const again = list.findIndex((one) => one.members['stream'] === stream) < i
    return again || own.every(({ starts }) => starts.length === 0) || own.some(({ ends }) => ends.some(({ at }) => at < told.at))
  })
}

const idempotent = promised({
  id: 'ws/lifecycle/cancel-idempotent',
  clause: `${rfc}#section-7.2.3`,
  says: 'a cancellation that comes twice, late, or for what never was changes nothing',
  harm: 'a second click on Stop ends the connection, with everything else on it',
  fix: 'look the stream up, and do nothing where there is none that works',
  check: (exchange) => exchange.connections.filter(({ isOpen }) => isOpen).flatMap((connection): Finding[] => {
    const told = pointless(connection, exchange).at(-1)
    const question = told && commands(connection, 'ping').find(({ at }) => at >= told.at)
    if (!question) return []
    const answered = replies(connection, 'pong').some(({ members }) => members['ref'] === question.members['ref'])
    if (!answered && !isDecided(connection, question.at)) return []
    const code = connection.close?.code
    return [{
      where: connection.endPlace, ok: answered, expected: 'a pong to a ping message behind it',
      actual: answered ? 'that' : connection.close ? `a Close${code === undefined ? '' : ` with ${code}`}` : 'none',
    }]
  }),
  mutants: { 'no answer any more': { edit: unsaid('scope', (said) => said['ref'] === 'late'), fault: 'pointlessCancelRaises' } },
})

const scope = promised({
  id: 'ws/lifecycle/cancel-scope',
  clause: `${rfc}#section-7.2.3`,
  says: 'a cancellation ends the stream that it names, and no other one of its connection',
  harm: 'Stop in one chat window stops the answers in all',
  fix: 'an AbortController for each stream, not one for the connection',
  check: (exchange) => allCourses(exchange).flatMap((course): Finding[] => {
    const { connection, starts: [start], cancels, ends: [end] } = course
    const told = allCourses(exchange).find((one) => one !== course && one.connection === connection
      && one.cancels.some(({ at }) => start && at > start.at && at < (end?.at ?? Infinity)) && one.starts.length > 0 && one.ends.some(({ type }) => type === 'cancelled'))
    if (!start || !told || cancels.some(({ at }) => at < (end?.at ?? Infinity)) || !Number.isNaN(wanted(course, 'failAt'))) return []
    if (!end && !isDecided(connection, lastAt(course))) return []
    const ok = end?.type === 'done' && course.chunks.length === wanted(course, 'count')
    return [{
      where: end ? saidPlace(connection, end) : connection.endPlace, ok, expected: 'all chunks of the other stream, and done',
      actual: ok ? 'that' : `${course.chunks.length} chunks and ${end?.type ?? 'no end'}`,
    }]
  }),
  mutants: { 'all of them': { edit: retold('scope', (said) => (ofType('done', 'kept')(said) ? [{ type: 'cancelled', stream: 'kept' }] : [said])), fault: 'cancelStopsAll' } },
})

const race = promised({
  id: 'ws/lifecycle/cancel-race',
  clause: `${rfc}#section-7.2.3`,
  says: 'a cancellation that meets the end of its stream gives one end message',
  harm: 'the client shows the answer as done, and then as cancelled, and its bookkeeping is wrong in one of them',
  fix: 'let one place decide how a stream has ended, once; whatever comes behind does nothing',
  check: (exchange) => allCourses(exchange).filter(({ cancels, starts }) => cancels.length > 0 && starts.length > 0).flatMap((course): Finding[] => {
    const { connection, ends } = course
    const isWhole = course.chunks.length >= wanted(course, 'count') && isDecided(connection, lastAt(course))
    if (ends.length === 0 && !isWhole) return []
    return [{
      where: ends[0] ? saidPlace(connection, ends[0]) : connection.endPlace, ok: ends.length === 1,
      expected: 'one end message', actual: ends.length === 1 ? 'that' : ends.map(({ type }) => type).join(' and ') || 'none',
    }]
  }),
  mutants: { 'both': { edit: followed('race', ofType('done'), { type: 'cancelled', stream: 'race' }), fault: 'cancelledAndDone' } },
})

const usable = promised({
  id: 'ws/lifecycle/usable-after-cancel',
  clause: `${rfc}#section-7.2.3`,
  says: 'a connection on which a stream was cancelled takes the next one',
  harm: 'after one Stop the chat answers nothing until the page is loaded again',
  fix: 'clear what says "busy" wherever a stream ends, in a finally',
  check: (exchange) => allCourses(exchange).flatMap((course): Finding[] => {
    const { connection, starts: [start], ends: [end] } = course
    const cancelled = start && commands(connection, 'cancel').some(({ at, members }) => at < start.at && members['stream'] !== course.stream)
    const isShort = course.cancels.some(({ at }) => start && at < (end?.at ?? start.at + patienceMs))
    if (!cancelled || isShort || (connection.close?.frame.at ?? Infinity) <= start.at) return []
    if (!end && !isDecided(connection, course.chunks.at(-1)?.said.at ?? start.at)) return []
    const ok = end?.type === 'done' && course.chunks.length === wanted(course, 'count')
    return [{
      where: end ? saidPlace(connection, end) : connection.endPlace, ok, expected: 'all chunks of the next stream, and done',
      actual: ok ? 'that' : `${course.chunks.length} chunks and ${end?.type ?? 'no end'}`,
    }]
  }),
  mutants: { 'nothing more': { edit: unsaid('cancels', (said) => said['stream'] === 'fresh'), fault: 'busyAfterCancel' } },
})

const noLateChunk = promised({
  id: 'ws/lifecycle/no-late-chunk',
  clause: `${rfc}#section-5.4`,
  says: 'no chunk of a stream comes behind its end message',
  harm: 'words appear under an answer that is over, or in the next one',
  fix: 'let the end go through the same queue as the chunks, and drop what is in it when a stream is cancelled',
  check: (exchange) => allCourses(exchange).flatMap((course): Finding[] => {
    const [end] = course.ends
    if (!end) return []
    const late = course.chunks.find(({ said }) => isBehind(said, end))
    return [{ where: saidPlace(course.connection, late?.said ?? end), ok: !late, expected: 'nothing behind the end message', actual: late ? `chunk ${late.n}` : 'that' }]
  }),
  mutants: { 'one more': { edit: followed('cancels', ofType('cancelled', 'stopped'), chunk('stopped', 3)), fault: 'chunkAfterCancel' } },
})

export const cancel: readonly Rule<WsExchange>[] = [cancelMessage, byClose, byDrop, idempotent, scope, race, usable, noLateChunk]
