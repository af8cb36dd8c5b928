/**
 * The hybrid of chat products: one request starts work, a stream shows it, another request cancels it.
 * https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3
 */
import { append, both, drop, ended, onAct, onBody, onLink, swap } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { cited, valueOf } from '../../thresholds.ts'
import { quote, type Answer, type Exchange } from '../exchange.ts'
import { resumedFrom, unquoted } from '../history.ts'
import { around, countsOf } from '../stats.ts'
import { overAt } from './terminators.ts'
import { outcomeNames, worksOf, type Work } from './works.ts'

const accepted = 'https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3'

const isOutcome = (type: string): boolean => (outcomeNames as readonly string[]).includes(type)

/** Payloads as they were asked for; the outcome is none of them. */
const shownBy = ({ stream }: Answer): string[] =>
  stream.events.filter(({ type }) => !isOutcome(type)).map(({ data }) => unquoted(data))

const lastType = ({ stream }: Answer): string | undefined => stream.events.at(-1)?.type

/** The request itself: 202, an id, and two URLs on the same origin. */
function taken({ act, started, shown }: Work): Finding {
  const { status, body } = act
  const answered = status === 0 ? 'no answer' : status === 202 ? `202 with ${quote(body)}` : `status ${status}`
  return {
    where: shown[0]?.where ?? { link: 'work', at: act.at },
    ok: started !== undefined,
    expected: '202 with id, stream and cancel, both URLs on the origin of the target',
    actual: started ? 'that' : answered,
  }
}

/** What a reader had to get: all of it, or what follows the event that he named, as far as he had read before. */
function due(work: Work, one: Answer): readonly string[] | undefined {
  const made = work.made.map(unquoted)
  const after = resumedFrom(one)
  if (after === undefined) return made
  const before = work.shown.find((other) => other !== one && other.stream.lastEventId === after)
  return before && made.slice(shownBy(before).length)
}

const readToTheEnd = ({ shown, cancelled }: Work): Answer[] =>
  (cancelled.length > 0 ? [] : shown.filter((one) => one.isEventStream && !one.isOpen))

export const workShown: Rule<Exchange> = {
  id: 'sse/delivery/work-shown',
  level: 'advice',
  promisedBy: 'work',
  clause: accepted,
  says: 'the stream of work shows all that it makes, in order, from its beginning or after the event that a reader ' +
    'names, and then that it is done',
  harm: 'the answer lacks its first words, as work began before the stream was open; or who reloads sees half of it',
  fix: 'log what work makes under ids from its first event on, and replay the log to every reader: do not tie the ' +
    'producer to the response of the reader',
  check: (exchange) => worksOf(exchange).flatMap((work): Finding[] => [
    taken(work),
    ...readToTheEnd(work).flatMap((one): Finding[] => {
      const wanted = due(work, one)
      if (!wanted) return []
      const got = shownBy(one)
      const same = got.length === wanted.length && got.every((data, i) => data === wanted[i])
      const isDone = lastType(one) === 'done'
      return [{
        where: one.where,
        ok: same && isDone,
        expected: `${wanted.length} events as they were asked for, then "done"`,
        actual: !same ? `${got.length} events: ${quote(got.join(', '))}` : isDone ? 'that' : 'the end without "done"',
      }]
    }),
    ...stuck(work),
  ]),
  mutants: {
    'the first event missed': { edit: onBody('work', drop('id: 1\ndata: one\n\n')), fault: 'workFromNow' },
    'nothing says that it is done': { edit: onBody('work', swap('event: done\ndata:\n\n', ':\n\n')) },
    'shown again from the beginning': { edit: onBody('work-back', swap('id: 3', 'id: 2\ndata: two\n\nid: 3')) },
    'refused': { edit: onAct('work', 5000, { status: 500, body: '' }) },
    'stuck with its reader': {
      edit: both(onLink('work-back', (chunks) => chunks.slice(0, 1)), ended('work-back', 'deadline', 'kit', 13_000)),
    },
  },
}

/** ms; work that is shown longer than it takes does not go on */
const patienceMs = 2000

/** A reader whom the kit has left, although all of it was due long ago. */
const stuck = (work: Work): Finding[] => {
  const { pauseMs = 0 } = JSON.parse(String(work.act.request.body)) as { pauseMs?: number }
  const overdue = work.act.doneAt + pauseMs * work.made.length + patienceMs
  return work.shown
    .filter((one) => one.link.ended.how === 'deadline' && work.cancelled.length === 0 && one.link.ended.at > overdue)
    .map(({ where }) => ({ where, ok: false, expected: 'the end of the stream once work is done', actual: 'no end' }))
}

export const workCancelled: Rule<Exchange> = {
  id: 'sse/delivery/work-cancelled',
  level: 'advice',
  promisedBy: 'work',
  clause: accepted,
  says: `within ${valueOf('work-cancelled')} of a cancellation the work stops and its stream ends with "cancelled"; ` +
    'a second one changes nothing, and of unknown work it is 404',
  harm: 'the button does nothing: words come on, tokens are paid for, and the page does not know whether it is over',
  fix: 'keep an AbortController for each work under its id, abort it on DELETE, and let the producer write the last ' +
    'event itself, so that nothing comes after it',
  check: (exchange) => [
    ...worksOf(exchange).flatMap((work) => [...stops(exchange, work), ...again(work)]),
    ...unknown(exchange),
  ],
  mutants: {
    'it goes on': {
      edit: both(
        onLink('work-off', (chunks) => chunks.slice(0, -2)),
        onBody('work-off', append(900, 'id: 3\ndata: three\n\n')),
        ended('work-off', 'deadline', 'kit', 30_000),
      ),
      fault: 'cancelIgnored',
    },
    'the end without a word': {
      edit: onBody('work-off', swap('event: cancelled\ndata:\n\n', ':\n\n')), fault: 'cancelSilent',
    },
    'a word after the last': { edit: onBody('work-off', append(1, 'id: 3\ndata: three\n\n')) },
    'the second one is an error': { edit: onAct('cancel', 20_400, { status: 500 }) },
    'unknown work is cancelled': { edit: onAct('cancel', 20_500, { status: 204 }) },
    'still counted': {
      edit: onAct('stats', 20_600, { body: JSON.stringify({ subscribers: 0, plays: 0, sockets: 0, works: 1 }) }),
    },
  },
}

function stops(exchange: Exchange, work: Work): Finding[] {
  const [cancel] = work.cancelled
  if (!cancel) return []
  const bound = exchange.thresholds['work-cancelled']
  const [before] = around(countsOf(exchange), work.act.at)
  const [, after] = around(countsOf(exchange), cancel.doneAt)
  const left = before?.works !== undefined && after?.works !== undefined && after.works > before.works
  return work.shown.filter((one) => one.isEventStream && one.link.ended.at >= cancel.at).flatMap((one): Finding[] => {
    const over = overAt(one)
    const ms = (over ?? one.link.ended.at) - cancel.doneAt
    if (over === undefined && ms <= bound) return []
    const inTime = over !== undefined && ms <= bound
    const last = lastType(one)
    const ok = inTime && last === 'cancelled' && !left
    return [{
      where: { ...one.where, at: cancel.at },
      ok,
      expected: '"cancelled", the end of the stream and of the work, within ' +
        `${cited('work-cancelled', exchange.thresholds)} of the cancellation`,
      actual: ok ? 'that'
        : !inTime ? (over === undefined ? 'no end' : 'the end later')
        : last !== 'cancelled' ? `the end after ${last === undefined ? 'nothing' : `an event of type ${quote(last)}`}`
        : 'work that is still counted',
    }]
  })
}

function again({ cancelled: [first, second], shown: [one], act }: Work): Finding[] {
  if (!first || !second) return []
  const ok = isSuccess(first.status) && isSuccess(second.status)
  return [{
    where: one?.where ?? { link: 'work', at: act.at },
    ok,
    expected: '2xx to the first and to the second cancellation',
    actual: ok ? 'that' : `status ${first.status}, then ${second.status}`,
  }]
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** Cancellations of work that the target never took. */
function unknown(exchange: Exchange): Finding[] {
  const { acts, answers } = exchange
  const started = new Set(worksOf(exchange).map((work) => work.started?.cancel))
  const others = acts.filter(({ kind, request, status }) =>
    kind === 'cancel' && status > 0 && !started.has(request.url))
  return others.map((act) => ({
    where: { link: answers[0]?.link.id ?? 'work', at: act.at },
    ok: act.status === 404,
    expected: '404 to the cancellation of work that there is not',
    actual: act.status === 404 ? 'that' : `status ${act.status}`,
  }))
}
