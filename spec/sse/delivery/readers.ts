/**
 * What a stream is to a reader who takes his time, and to a page that opens it in many tabs.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { both, drop, ended, onBody, onLink, swap } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { cited } from '../../thresholds.ts'
import { forEvery, withRole, type Answer, type Exchange } from '../exchange.ts'
import { ownStreams } from './payloads.ts'
import { terminatorOf } from './terminators.ts'

const authoringNotes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'
const processing = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model'

const dataOf = ({ stream }: Answer): string[] => stream.events.map(({ data }) => data)

const isWhole = ({ endedCleanly, stream }: Answer): boolean => endedCleanly && stream.events.length > 0

/** The kit stopped to read, for want of time or at its byte limit: what is missing then is not the target's fault. */
const isUnread = ({ link, message }: Answer): boolean => link.ended.by === 'kit' && message.body?.complete !== true

export const slowReader: Rule<Exchange> = {
  id: 'sse/delivery/slow-reader',
  level: 'advice',
  clause: authoringNotes,
  says: 'a reader who takes his time gets the whole of a finite stream, each event once, and its end',
  harm: 'on a slow line the answer stops in the middle, and looks complete; or it comes twice in parts',
  fix: 'when res.write() returns false wait for "drain": it says that the buffer is full, not that the client has ' +
    'gone; listen for "close" beside it, so that the wait ends when he has',
  applies: ({ exchanges }) => (exchanges.some((exchange) => withRole(exchange, 'slow').length > 0 || ownStreams(exchange).some(isWhole))
    ? undefined
    : 'only a finite stream with events shows it'),
  check: (exchange) => {
    const [prompt] = withRole(exchange, 'prompt').filter((one) => one.isEventStream && one.endedCleanly)
    if (!prompt) return []
    const slow = withRole(exchange, 'slow').filter((one) => one.isEventStream && !isUnread(one))
    return forEvery(slow, 'what a prompt reader gets beside him', (one): Omit<Finding, 'expected'> => {
      const fault = missing(prompt, one, exchange)
      return { where: { ...one.where, at: one.link.ended.at }, ok: fault === undefined, actual: fault ?? 'that' }
    })
  },
  mutants: {
    'cut in the middle': {
      edit: both(onLink('slow', (chunks) => chunks.slice(0, -2)), ended('slow', 'fin')),
      alsoBreaks: ['sse/http1/last-chunk'],
    },
    'an event lost': { edit: onBody('slow', drop('data: {"n":2}\n\n')) },
    'an event twice': { edit: onBody('slow', swap('data: {"n":2}\n\n', 'data: {"n":2}\n\ndata: {"n":2}\n\n')) },
    'the end lost': { edit: onBody('slow', drop('data: [DONE]\n\n')) },
  },
}

/** What the slow reader did not get; an answer that is generated anew is compared by its end alone. */
function missing(prompt: Answer, slow: Answer, exchange: Exchange): string | undefined {
  if (!slow.endedCleanly) return 'an end that is none: the message is not complete'
  const isMarked = ({ stream }: Answer): boolean =>
    stream.events.some((event) => terminatorOf(event, exchange) !== undefined)
  if (isMarked(prompt) && !isMarked(slow)) return 'a clean end without the event that completes the answer'
  const [wanted, got] = [dataOf(prompt), dataOf(slow)]
  const own = got.filter((data) => !wanted.includes(data))
  if (own.length > 0 || new Set(wanted).size < wanted.length) return undefined
  const lost = wanted.filter((data) => !got.includes(data)).length
  if (lost > 0) return `${lost} of ${wanted.length} events less`
  return got.length > wanted.length ? `${got.length - wanted.length} events twice` : undefined
}

/** Refused because it is too much, and said so. */
const isTurnedAway = ({ status }: Answer): boolean => status === 429 || status === 503

/** times the quickest answer of several */
const evenly = 1.5

export const sevenStreams: Rule<Exchange> = {
  id: 'sse/delivery/seven-streams',
  level: 'advice',
  clause: processing,
  needs: ['times'],
  says: 'seven streams to one address are served at once, and another request beside them',
  harm: 'the seventh tab of a user waits for the first to be closed, and so does every other request of the page',
  fix: 'give each stream no worker, thread or database connection of its own (async handlers, more workers); over ' +
    'HTTP/1.1 browsers open six connections to a host themselves: offer HTTP/2, or share one stream among tabs',
  check: (exchange) => {
    const asked = [...withRole(exchange, 'seven'), ...withRole(exchange, 'beside-seven')]
    const served = asked.filter((one) => !isTurnedAway(one))
    // where the first are not served either, the number of them is not what stops them
    if (served.filter(({ head }) => head !== undefined).length < 2) return []
    const bound = exchange.thresholds.head
    const msOf = (one: Answer): number => (one.head?.at ?? Infinity) - one.link.openedAt
    // where each of them is as late as the first the number of them is not what holds them up
    const likeAll = evenly * Math.min(...served.map(msOf))
    return forEvery(
      served.filter(({ head, link: { ended: { by, at }, openedAt } }) =>
        head !== undefined || by === 'target' || at - openedAt > bound),
      `an answer within ${cited('head', exchange.thresholds)}, with seven streams open`,
      (one) => {
        const ms = msOf(one)
        const ok = ms <= Math.max(bound, likeAll)
        const late = one.head ? `after ${(ms / 1000).toFixed(1)} s` : `none (${one.link.ended.how})`
        return { where: one.where, ok, actual: ok ? 'that' : late }
      },
    )
  },
  mutants: {
    'six and no more': { edit: both(onLink('seven-7', () => []), ended('seven-7', 'deadline', 'kit', 15_000)) },
    'nothing beside them': {
      edit: both(onLink('beside-seven', () => []), ended('beside-seven', 'deadline', 'kit', 15_000)),
    },
    'the seventh reset': { edit: both(onLink('seven-7', () => []), ended('seven-7', 'rst')) },
  },
}
