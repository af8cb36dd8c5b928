/** What a client gets that asks for what there is not, or is not for it; and ids, from which others are not found. */
import { both, ended, onLink } from '../../bytes.ts'
import type { Finding, Rule, Scene } from '../../model.ts'
import { altered, chunk, idOf, nth, ofType, retold, unsaid } from '../conversation.ts'
import type { WsExchange } from '../exchange.ts'
import { allCourses, isDecided, lastAt, promised, resumptions, saidPlace, courses, type Course, type Resumption } from '../streams.ts'
import { replies } from '../talk.ts'
import { isElsewhere, seam, tokenOf } from './suffix.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const pastOf = ({ earlier, connection }: Resumption): number =>
  Math.max(-1, ...earlier.flatMap(({ chunks }) => chunks).filter(({ said }) => said.at <= connection.link.openedAt).map(({ n }) => n))

const unknownId = promised({
  id: 'ws/resume/unknown-id',
  clause: `${rfc}#section-7.2.3`,
  says: 'a client that asks for what is behind an id that is not known gets a reset, and nothing of the past',
  harm: 'it gets all from the start behind what it has, or from somewhere, and cannot tell',
  fix: 'answer with a reset before anything else: the client then throws away what it has, or asks for the whole',
  check: (exchange) => resumptions(exchange).filter((one) => one.lastEventId !== undefined && one.after === undefined).flatMap((one): Finding[] => {
    const { connection, course: { resets: [reset], chunks, ends } } = one
    if (!connection.isOpen || (!reset && chunks.length + ends.length === 0 && !isDecided(connection, connection.link.openedAt))) return []
    const past = chunks.find(({ n }) => n <= pastOf(one))
    const first = reset !== undefined && chunks.every(({ said }) => said.at >= reset.at)
    return [{
      where: past ? saidPlace(connection, past.said) : reset ? saidPlace(connection, reset) : connection.endPlace,
      ok: first && !past,
      expected: 'a reset, and nothing of the past',
      actual: past ? `chunk ${past.n}` : reset ? (first ? 'that' : 'a reset behind chunks') : chunks.length + ends.length > 0 ? 'the stream without a reset' : 'nothing',
    }]
  }),
  mutants: {
    'nothing is said': { edit: unsaid('unknown', ofType('reset')), fault: 'unknownIdSilent' },
    'from the start': { edit: altered('unknown', nth('open', 9), { n: 0 }), alsoBreaks: ['ws/resume/no-rerun'] },
  },
})

const authRecheck = promised({
  id: 'ws/resume/auth-recheck',
  clause: `${rfc}#section-10.5`,
  says: 'a stream is gone on with only by the user who started it',
  harm: 'an id in a log, a screenshot or a shared link is enough to read the answer of somebody else',
  fix: 'keep the user with the stream, and compare: for anybody else the stream does not exist (reset, or 404 before 101)',
  check: (exchange) => resumptions(exchange).filter((one) => isOther(one, exchange)).flatMap((one): Finding[] => {
    const { connection, course } = one
    if (connection.status === 0) return []
    const [got] = course.chunks
    const ok = !got && course.ends.length === 0
    return [{
      where: got ? saidPlace(connection, got.said) : connection.endPlace, ok,
      expected: 'a reset, or a refusal', actual: ok ? 'that' : `what belongs to another user`,
    }]
  }),
  mutants: {
    'the id is enough': { edit: retold('stranger', () => [chunk('mine', 2)]), fault: 'streamOfAnybody' },
  },
})

/** It comes with a token of another user than the one who started the stream. */
function isOther({ connection, earlier }: Resumption, { acts }: WsExchange): boolean {
  const userOf = (token: string | undefined): unknown => {
    const issue = acts.find(({ kind, body }) => kind === 'token' && token !== undefined && body.includes(JSON.stringify(token.replace(/^bearer /i, ''))))
    const { body } = issue?.request ?? {}
    return typeof body === 'string' ? (JSON.parse(body) as { readonly user?: unknown }).user : undefined
  }
  const user = userOf(tokenOf(connection))
  const owner = earlier.map((course) => userOf(tokenOf(course.connection))).find((one) => one !== undefined)
  return user !== undefined && owner !== undefined && user !== owner
}

const takeover = promised({
  id: 'ws/resume/takeover',
  clause: `${rfc}#section-7.4.2`,
  says: 'a second connection that goes on with a stream replaces the first, which is closed with 4409',
  harm: 'a half-open connection that nobody reads keeps eating chunks, or two tabs get half of the answer each',
  fix: 'let a stream have one writer; who comes back gets it, and the one before is closed with a code of its own',
  check: (exchange) => resumptions(exchange).flatMap((one): Finding[] => one.earlier.flatMap((course) => {
    const { connection: old } = course
    const openedAt = one.connection.link.openedAt
    const isThere = old.link.ended.at > openedAt && (old.close === undefined || old.close.frame.at > openedAt) && course.ends.length === 0
    if (!isThere || one.after === undefined || !one.connection.isOpen || one.connection.close?.code === 4409) return []
    if (!old.close && !old.isDropped && !isDecided(old, openedAt)) return []
    const code = old.close?.code
    return [{
      where: old.endPlace, ok: code === 4409, expected: 'a Close with 4409 on the first connection',
      actual: code === 4409 ? 'that' : old.close ? `a Close with ${code}` : old.isDropped ? 'the end of TCP' : 'none',
    }]
  })),
  mutants: {
    'both are served': {
      edit: both(onLink('taken', (came) => came.slice(0, -1)), ended('taken', 'window', 'kit', 5500)), fault: 'takeoverBoth',
      // the first one gets again what was on its way to it when the second one asked for it
      alsoBreaks: ['ws/lifecycle/order-per-stream'],
    },
  },
})

const clientDedupe = promised({
  id: 'ws/resume/client-dedupe',
  clause: `${rfc}#section-7.2.3`,
  says: 'a start that is sent again does its work once, and is answered with an error that ends no stream',
  harm: 'a client that sends its message again, as it saw no answer, pays for two answers, and gets them mixed',
  fix: 'let the client name what it starts, and answer the same name with an error in place of doing it twice',
  check: ({ connections }) => {
    const all = connections.filter(({ isOpen }) => isOpen).flatMap(courses)
    const names = new Set(all.flatMap(({ stream, starts }) => starts.map(() => stream)).filter((name, i, list) => list.indexOf(name) < i))
    return [...names].flatMap((name): Finding[] => {
      const own = all.filter(({ stream }) => stream === name)
      const numbers = own.flatMap(({ chunks }) => chunks.map(({ n }) => n))
      const again = own.flatMap(({ starts, connection }) => starts.map((start) => ({ start, connection }))).toSorted((a, b) => a.start.at - b.start.at).slice(1)
      return again.flatMap(({ start, connection }) => {
        const refused = replies(connection, 'error').some(({ at, members }) => at >= start.at && members['stream'] === undefined)
        const isTwice = new Set(numbers).size < numbers.length || own.flatMap(({ ends }) => ends).length > 1
        if (!refused && !isTwice && !isDecided(connection, start.at)) return []
        return [{
          where: connection.endPlace, ok: refused && !isTwice, expected: 'an error without the name of the stream, and the work once',
          actual: isTwice ? 'chunks of two' : refused ? 'that' : 'no error',
        }]
      })
    })
  },
  mutants: {
    'no answer': { edit: unsaid('twice', ofType('error')) },
    'two at once': {
      edit: retold('twice', (said) => (said['type'] === 'error' ? [chunk('twice', 0)] : [said])), fault: 'startedTwice',
    },
  },
})

// ---- ids -------------------------------------------------------------------------------------------------------

const idsMonotonic = promised({
  id: 'ws/resume/ids-monotonic',
  clause: 'https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header',
  says: 'each chunk has an id of its own, which is that of no other chunk of its stream',
  harm: 'a client that comes back goes on at another place than where it was',
  fix: 'count in the stream, not in the connection, and put an id into every chunk',
  check: (exchange) => allCourses(exchange).filter(({ chunks }) => chunks.length > 1).map((course): Finding => {
    const numberOf = new Map<string, number>()
    const wrong = course.chunks.find(({ id, n }) => {
      const known = numberOf.get(id)
      numberOf.set(id, n)
      return id === '' || (known !== undefined && known !== n)
    })
    return {
      where: wrong ? saidPlace(course.connection, wrong.said) : course.connection.endPlace,
      ok: !wrong, expected: 'an id for each chunk', actual: !wrong ? 'that' : wrong.id === '' ? `chunk ${wrong.n} without one` : `chunk ${wrong.n} with that of another`,
    }
  }),
  mutants: {
    'one for all': { edit: altered('old', ofType('chunk'), { id: idOf('old', 1) }), fault: 'idOfStream', alsoBreaks: ['ws/resume/id-unguessable'] },
    'none': { edit: altered('open', nth('open', 1), { id: '' }) },
  },
})

/** characters in which the ids of two streams differ, where they cannot be found by counting */
const leastDifferent = 8

const idUnguessable = promised({
  id: 'ws/resume/id-unguessable',
  clause: `${rfc}#section-10.3`,
  says: 'ids of one stream tell nothing about those of another',
  harm: 'who counts finds the answers of others',
  fix: 'put 64 random bits or more into the id (crypto.randomUUID), or a MAC over what it means; never a counter or a time alone',
  check: (exchange) => {
    const [first, ...others] = allCourses(exchange).filter(({ starts, chunks }) => starts.length > 0 && chunks.length > 0)
    return others.flatMap((course): Finding[] => pairs(first, course).map(([one, other]) => {
      const length = Math.max(one.id.length, other.id.length)
      const different = Array.from({ length }, (_, i) => one.id[i] !== other.id[i]).filter(Boolean).length
      return {
        where: saidPlace(course.connection, other.said), ok: different >= leastDifferent,
        expected: `ids of two streams that differ in ${leastDifferent} characters or more`, actual: `in ${different}`,
      }
    }))
  },
  mutants: {
    'counted': { edit: altered('guess-2', nth('guess-2', 0), { id: `${idOf('cut', 0).slice(0, -1)}!` }), fault: 'idCounted' },
  },
})

const pairs = (first: Course | undefined, other: Course): [Course['chunks'][number], Course['chunks'][number]][] =>
  other.chunks.slice(0, 1).flatMap((chunk) => {
    const same = first?.chunks.find(({ n }) => n === chunk.n)
    return same ? [[same, chunk]] : []
  })

// ---- other processes -------------------------------------------------------------------------------------------

const oneInstance = ({ declares }: Scene<WsExchange>): string | undefined =>
  ((declares.instances ?? []).length > 1 ? undefined : 'the target names no second instance (declares.instances)')

/** A reset, or what is behind the id: nothing that is lost in silence. */
const mustTell = (returns: readonly Resumption[]): Finding[] => returns.flatMap((one): Finding[] => {
  const { connection, course, after } = one
  if (!after || !connection.isOpen) return []
  const { resets, chunks, ends } = course
  if (resets.length + chunks.length + ends.length === 0 && !isDecided(connection, lastAt(course))) return []
  const wrong = resets.length === 0 && seam(course, after.n)
  const ok = resets.length > 0 || (!wrong && chunks.length + ends.length > 0)
  return [{
    where: connection.endPlace, ok, expected: `chunk ${after.n + 1} and the rest, or a reset`,
    actual: ok ? 'that' : wrong ? `chunk ${wrong.actual}` : 'nothing',
  }]
})

const isStopped = ({ earlier }: Resumption): boolean => earlier.some(({ connection: { close } }) => close?.code === 1001 || close?.code === 1012)

const otherInstance = promised({
  id: 'ws/resume/other-instance',
  clause: `${rfc}#section-7.2.3`,
  says: 'another instance goes on with a stream, or says by a reset that it cannot',
  harm: 'behind a load balancer every second reconnect is a stream that stays silent',
  fix: 'keep streams where all instances find them (Redis, a database), or answer what this one does not know with a reset',
  applies: oneInstance,
  check: (exchange) => mustTell(resumptions(exchange).filter((one) => isElsewhere(one) && !isStopped(one))),
  mutants: { 'silence': { edit: unsaid('elsewhere', ofType('reset')) } },
})

const afterRestart = promised({
  id: 'ws/resume/after-restart',
  clause: `${rfc}#section-7.4.1`,
  says: 'a client that was sent away by 1001 or 1012 gets what is behind its id, or a reset',
  harm: 'each deployment cuts answers short, and nobody is told',
  fix: 'keep streams outside of the process; or answer ids that this process has not given with a reset',
  applies: oneInstance,
  check: (exchange) => mustTell(resumptions(exchange).filter((one) => isElsewhere(one) && isStopped(one))),
  mutants: { 'a gap': { edit: unsaid('after-stop', nth('kept', 3)) } },
})

export const refusal: readonly Rule<WsExchange>[] =
  [unknownId, authRecheck, takeover, clientDedupe, idsMonotonic, idUnguessable, otherInstance, afterRestart]
