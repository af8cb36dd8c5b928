/** What a client gets that comes back in time: what it has missed, once, and the rest. */
import { both } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { altered, chunk, followed, nth, ofType, retold, unsaid } from '../conversation.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { allCourses, bound, isDecided, lastAt, promised, resumptions, saidPlace, wanted, type Course, type Resumption } from '../streams.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** ms that a busy machine may be late */
const graceMs = 1000

/** ms; when the last connection of a stream ended before */
export const leftAt = ({ earlier }: Resumption): number => Math.max(...earlier.map(({ connection }) => connection.link.ended.at))

/** The stream had to be there still. */
const isKept = (one: Resumption, exchange: WsExchange): boolean =>
  one.connection.link.openedAt - Math.min(leftAt(one), one.connection.link.openedAt) < (bound(exchange, 'replayMs') ?? Infinity)

/** Another process may not know the stream. */
export const isElsewhere = ({ connection, earlier }: Resumption): boolean =>
  connection.link.role === 'elsewhere' || earlier.some(({ connection: { close } }) => close?.code === 1001 || close?.code === 1012)

/** The end of the stream had come before. */
const wasOver = ({ connection, earlier }: Resumption): boolean =>
  earlier.some(({ ends }) => ends.some(({ at }) => at <= connection.link.openedAt))

/** The work was cancelled, or is to fail: what there is of it depends on when. */
const isPlain = ({ earlier }: Resumption): boolean =>
  earlier.every((course) => course.cancels.length === 0 && Number.isNaN(wanted(course, 'failAt')))

/** Clients that come back in time, to this process, with the id of a chunk that they have. */
const returns = (exchange: WsExchange): Resumption[] =>
  resumptions(exchange).filter((one) => one.after !== undefined && !isElsewhere(one) && isKept(one, exchange) && isPlain(one) && isOwn(one))

/** The handshake carries what the earlier ones carried. */
const isOwn = ({ connection, earlier }: Resumption): boolean => earlier.every((one) => tokenOf(one.connection) === tokenOf(connection))
export const tokenOf = ({ link: { request } }: Connection): string | undefined =>
  new URL(request.url).searchParams.get('token') ?? request.headers.find(([name]) => /^authorization$/i.test(name))?.[1]

/** What is wrong with the chunks of a course that goes on behind `n`; undefined when nothing is. */
export function seam({ chunks }: Course, n: number): { readonly at: number; readonly actual: string } | undefined {
  const at = chunks.findIndex((one, i) => one.n !== n + 1 + i)
  const wrong = chunks[at]
  return wrong && { at, actual: `${wrong.n} in the place of ${n + 1 + at}` }
}

const suffixExact = promised({
  id: 'ws/resume/suffix-exact',
  clause: `${rfc}#section-7.2.3`,
  says: 'a client that comes back with the id of its last chunk gets the one behind it first, and each one once',
  harm: 'an answer with a word twice or a sentence missing, after every change from Wi-Fi to mobile',
  fix: 'keep what was sent, look up the id, and send from the next one on; let missed and new chunks take the same way',
  check: (exchange) => returns(exchange).filter((one) => !wasOver(one)).flatMap((one): Finding[] => {
    const { connection, course, after } = one
    if (!after) return []
    const wrong = seam(course, after.n)
    const at = wrong && course.chunks[wrong.at]
    const reset = course.resets[0]
    if (!wrong && !reset && course.chunks.length === 0 && course.ends.length === 0 && !isDecided(connection, lastAt(course))) return []
    const isSilent = course.chunks.length === 0 && course.ends.length === 0
    const ok = connection.isOpen && !wrong && !reset && !isSilent
    return [{
      where: at ? saidPlace(connection, at.said) : connection.endPlace,
      ok,
      expected: `chunk ${after.n + 1}, and the rest behind it`,
      actual: ok ? 'that' : wrong ? `chunk ${wrong.actual}` : reset ? 'a reset' : connection.isOpen ? 'nothing' : `no 101 (${connection.status})`,
    }]
  }),
  mutants: {
    'one is missing': { edit: unsaid('second', nth('cut', 3), 0), fault: 'resumeSkips', alsoBreaks: ['ws/resume/after-complete'] },
    'one comes again': {
      edit: retold('second', (said) => (nth('cut', 3)(said) ? [chunk('cut', 2), said] : [said])), fault: 'resumeRepeats', alsoBreaks: ['ws/resume/after-complete'],
    },
  },
})

/** The courses of one stream, in the order in which their connections were opened. */
function journeys(exchange: WsExchange): Course[][] {
  const starting = allCourses(exchange).filter((course) => course.starts.length > 0)
  const back = returns(exchange)
  return starting.flatMap((first) => {
    const path = [first]
    for (;;) {
      const last = path.at(-1)?.chunks.at(-1)
      const next = back.find(({ stream, after, course }) => stream === first.stream && after?.n === last?.n && !path.includes(course))
      if (!last || !next) break
      path.push(next.course)
    }
    return path.length > 1 ? [path] : []
  })
}

const concatEqual = promised({
  id: 'ws/resume/concat-equal',
  clause: `${rfc}#section-7.2.3`,
  umbrella: true,
  says: 'what a client has after several connections is what it had got on one',
  harm: 'a chunk that was on its way when the connection broke is gone, and the answer still ends as if it were whole',
  fix: 'keep each chunk until replayMs is over, not until it was written: what was written may never have arrived',
  check: (exchange) => journeys(exchange).flatMap((path): Finding[] => {
    const [first] = path
    const last = path.at(-1)
    const end = last?.ends[0]
    if (!first || !last || end?.type !== 'done') return []
    const numbers = path.flatMap(({ chunks }) => chunks.map(({ n }) => n))
    const count = wanted(first, 'count')
    const wrong = numbers.findIndex((n, i) => n !== i)
    const ok = wrong < 0 && numbers.length === count
    const actual = ok ? 'that' : wrong < 0 ? `${numbers.length} chunks` : `chunk ${numbers[wrong]} in the place of ${wrong}`
    return [{ where: saidPlace(last.connection, end), ok, expected: `chunks 0 to ${count - 1} on ${path.length} connections, and done`, actual }]
  }),
  mutants: {
    'the last one is missing': { edit: unsaid('third', nth('cut', 5)), fault: 'tailLost', alsoBreaks: ['ws/resume/after-complete'] },
  },
})

const afterComplete = promised({
  id: 'ws/resume/after-complete',
  clause: `${rfc}#section-7.2.3`,
  says: 'a stream that is over gives a client that comes back the rest, and its end',
  harm: 'the connection broke with the last words: the client gets an error, or waits for an end that has been',
  fix: 'keep a finished stream as long as one that works (replayMs), its end message included',
  check: (exchange) => returns(exchange).filter(wasOver).flatMap((one): Finding[] => {
    const { connection, course, after, earlier } = one
    const count = Math.max(...earlier.map((each) => wanted(each, 'count')).filter((each) => !Number.isNaN(each)))
    const [end] = course.ends
    if (!after || (!end && course.resets.length === 0 && connection.isOpen && !isDecided(connection, lastAt(course)))) return []
    const ok = end !== undefined && !seam(course, after.n) && after.n + 1 + course.chunks.length === count
    return [{
      where: connection.endPlace,
      ok,
      expected: `chunks ${after.n + 1} to ${count - 1}, and the end`,
      actual: ok ? 'that' : course.resets.length > 0 ? 'a reset' : !connection.isOpen ? `no 101 (${connection.status})`
        : `${course.chunks.length} chunks and ${end ? 'an end' : 'no end'}`,
    }]
  }),
  mutants: {
    'a reset': {
      edit: retold('again', (said) => (nth('cut', 3)(said) ? [{ type: 'reset', stream: 'cut' }] : [])), fault: 'doneForgotten',
      // on a busy machine the stream is over before the client has come back once
      alsoBreaks: ['ws/resume/suffix-exact'],
    },
    'no end': { edit: unsaid('again', ofType('done')) },
  },
})

const noRerun = promised({
  id: 'ws/resume/no-rerun',
  clause: `${rfc}#section-7.2.3`,
  says: 'a chunk that comes again is the same chunk: coming back does not do the work again',
  harm: 'each reconnect pays for the whole answer once more and runs its tools once more, and the text changes midway',
  fix: 'let the work belong to the stream, not to the connection: who comes back reads what is there',
  check: (exchange) => resumptions(exchange).flatMap((one): Finding[] => one.course.chunks.flatMap(({ n, id, data, said }) => {
    const before = one.earlier.flatMap(({ chunks }) => chunks).find((chunk) => chunk.n === n)
    if (!before) return []
    const ok = before.id === id && before.data === data
    return [{ where: saidPlace(one.connection, said), ok, expected: `chunk ${n} as it came before`, actual: ok ? 'that' : 'another one with this number' }]
  })),
  mutants: {
    'other data': {
      edit: altered('again', nth('cut', 3), { data: 'run again' }),
      fault: 'resumeReruns',
      alsoBreaks: ['ws/resume/suffix-exact', 'ws/resume/after-complete'],
    },
  },
})

const expired = promised({
  id: 'ws/resume/expired',
  clause: `${rfc}#section-10.4`,
  says: 'a client that comes back after replayMs is told that nothing is kept for it: reset',
  harm: 'it shows half an answer as if it were whole; and a server that keeps streams for ever runs out of memory',
  fix: 'drop a stream replayMs after its last client has left, and answer its ids like those that are not known',
  check: (exchange) => resumptions(exchange).filter((one) => one.after !== undefined && !isElsewhere(one)).flatMap((one): Finding[] => {
    const { connection, course } = one
    const replayMs = bound(exchange, 'replayMs')
    const keptMs = connection.link.openedAt - leftAt(one)
    if (replayMs === undefined || !(keptMs > replayMs + graceMs)) return []
    if (connection.isOpen && course.resets.length + course.chunks.length + course.ends.length === 0 && !isDecided(connection, connection.link.openedAt)) return []
    const ok = course.resets.length > 0 && course.chunks.length === 0
    const what = course.chunks.length > 0 ? 'chunks' : course.ends.length > 0 ? 'an end' : 'nothing'
    return [{
      where: connection.endPlace, ok: ok || !connection.isOpen,
      expected: `a reset ${Math.round(keptMs)} ms after the last client had left, as replayMs is ${replayMs}`, actual: ok ? 'that' : what,
    }]
  }),
  mutants: {
    'nothing is said': { edit: unsaid('late', ofType('reset')) },
    'still there': {
      edit: both(followed('late', ofType('reset'), chunk('old', 2)), unsaid('late', ofType('reset'))), fault: 'streamKept',
    },
  },
})

export const suffix: readonly Rule<WsExchange>[] = [suffixExact, concatEqual, afterComplete, noRerun, expired]
