/** How streams go, and how they end. https://www.rfc-editor.org/rfc/rfc6455#section-5.4 */
import type { Finding, Rule } from '../../model.ts'
import { followed, nth, ofType, retold, unsaid } from '../conversation.ts'
import type { WsExchange } from '../exchange.ts'
import { endedFirst } from '../reaction.ts'
import { allCourses, isBehind, isDecided, lastAt, promised, saidPlace, wanted, type Course } from '../streams.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** All of it has come, or what there was before the producer raised. */
const isDue = (course: Course): boolean => {
  const failAt = wanted(course, 'failAt')
  return course.chunks.length >= (Number.isNaN(failAt) ? wanted(course, 'count') : failAt)
}

const terminalOnce = promised({
  id: 'ws/lifecycle/terminal-once',
  clause: `${rfc}#section-5.4`,
  says: 'a stream ends with one of done, cancelled and error',
  harm: 'without an end the client waits for ever; with two it finishes twice',
  fix: 'send the end in one place, a finally behind the loop, and remember that it was sent',
  check: (exchange) => allCourses(exchange).filter(({ cancels }) => cancels.length === 0).flatMap((course): Finding[] => {
    const { connection, ends } = course
    const isLate = course.starts.length > 0 && isDue(course) && !endedFirst(connection) && isDecided(connection, lastAt(course))
    if (ends.length === 0 && !isLate) return []
    return [{
      where: ends[1] ? saidPlace(connection, ends[1]) : connection.endPlace, ok: ends.length === 1, expected: 'one end message',
      actual: ends.length === 1 ? 'that' : ends.map(({ type }) => type).join(' and ') || 'none',
    }]
  }),
  mutants: {
    'two': { edit: followed('ends', ofType('done', 'none'), { type: 'done', stream: 'none', count: 0, received: 0 }), fault: 'doneTwice' },
    'none': { edit: unsaid('ends', ofType('done', 'none')), fault: 'endMissing' },
  },
})

const errorVisible = promised({
  id: 'ws/lifecycle/error-visible',
  clause: `${rfc}#section-7.4.1`,
  says: 'a stream whose producer raises ends with an error, or its connection with 1011',
  harm: 'half an answer looks like a whole one',
  fix: 'catch what the call upstream raises and send an error; done belongs behind the last chunk, not into a finally',
  check: (exchange) => allCourses(exchange).filter((course) => wanted(course, 'failAt') < wanted(course, 'count')).flatMap((course): Finding[] => {
    const { connection, ends: [end] } = course
    if (!end && connection.close?.code !== 1011) return []
    const ok = !end || end.type === 'error'
    return [{ where: end ? saidPlace(connection, end) : connection.endPlace, ok, expected: 'an error, or a Close with 1011', actual: ok ? 'that' : end?.type ?? '' }]
  }),
  mutants: {
    'done': {
      edit: retold('ends', (said) => (ofType('error', 'broken')(said) ? [{ type: 'done', stream: 'broken', count: 2, received: 0 }] : [said])),
      fault: 'errorAsDone',
    },
  },
})

const order = promised({
  id: 'ws/lifecycle/order-per-stream',
  clause: `${rfc}#section-5.4`,
  says: 'the chunks of a stream come in their order from 0 on, beside those of other streams',
  harm: 'words change their places, now and then, under load',
  fix: 'wait for each chunk before the next one is taken: asynchronous transforms overtake each other',
  check: (exchange) => allCourses(exchange).filter(({ starts, chunks }) => starts.length > 0 && chunks.length > 1).map((course): Finding => {
    const [end] = course.ends
    const chunks = course.chunks.filter(({ said }) => !end || !isBehind(said, end))
    const at = chunks.findIndex(({ n }, i) => n !== i)
    const wrong = chunks[at]
    return {
      where: wrong ? saidPlace(course.connection, wrong.said) : course.connection.endPlace, ok: !wrong,
      expected: `chunks 0 to ${chunks.length - 1}`, actual: wrong ? `chunk ${wrong.n} in the place of ${at}` : 'that',
    }
  }),
  mutants: {
    'two change places': {
      edit: retold('race', (said) => (nth('race', 0)(said) ? [{ ...said, n: 1 }] : nth('race', 1)(said) ? [{ ...said, n: 0 }] : [said])),
      fault: 'chunksSwapped',
    },
  },
})

export const ends: readonly Rule<WsExchange>[] = [terminalOnce, errorVisible, order]
