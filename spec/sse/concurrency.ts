/**
 * Many streams at once: each gets what is its own, all of it, and nothing else.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import {
  append, both, bytes, cutAfter, driven, ended, lastChunk, later, live, onBody, onLink, published, sent, swap,
} from '../bytes.ts'
import type { LinkEdit } from '../bytes.ts'
import type { Act, Chunk, Event, Finding, Link, Note, Room, Rule } from '../model.ts'
import { quote, withRole, type Answer, type Exchange } from './exchange.ts'
import { history, unquoted, type Published } from './history.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const notes = `${html}#authoring-notes`
const processing = `${html}#sse-processing-model`

/** ms for an event that others have got already */
const patienceMs = 2000

const says = (at: number, ...texts: readonly string[]): Act => published(at, texts.map((data) => ({ data })))
const heard = (at: number, ...texts: readonly string[]): Chunk => sent(at, ...texts.map((text) => `data: ${text}\n\n`))
const link = (id: string, role: string, at: number, ...arrivals: readonly Chunk[]): Link =>
  later(live(role, sent(5, ': connected\n\n'), ...arrivals), id, at)

const example = driven(
  {},
  [
    says(100, 'crowd'), says(5100, 'one'), says(5200, 'two'), says(5300, 'three'), says(10_002, 'at once'),
    says(10_060, 'later'), says(20_100, 'ours'), { ...says(20_200, 'theirs'), to: 'sibling' },
  ],
  link('crowd-1', 'crowd', 0, heard(105, 'crowd')),
  link('crowd-2', 'crowd', 0, heard(105, 'crowd')),
  link('leaver', 'leaver', 5000, heard(105, 'one')),
  link('fanout-1', 'fanout', 5000, heard(105, 'one'), heard(205, 'two'), heard(305, 'three')),
  link('fanout-2', 'fanout', 5000, heard(105, 'one'), heard(205, 'two'), heard(305, 'three')),
  link('eager', 'eager', 10_000, heard(10, 'at once'), heard(65, 'later')),
  link('first', 'first-of-two', 15_000, heard(300, 'hello')),
  link('second', 'second-of-two', 15_100, heard(200, 'hello')),
  link('ours', 'channel', 20_000, heard(105, 'ours')),
  link('sibling', 'sibling', 20_000, heard(205, 'theirs')),
)

const load = ({ parts }: { readonly parts: ReadonlySet<string> }): string | undefined =>
  (parts.has('channel') && parts.has('publish') ? undefined : 'only a driver with channel, publish can show it')

/** How often each text arrived. */
function countsOf({ stream }: Answer): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { data } of stream.events) counts.set(unquoted(data), (counts.get(unquoted(data)) ?? 0) + 1)
  return counts
}

const textOf = ({ data = '' }: Event): string => unquoted(data)

/** What was published while the link was open, long enough before its end that it had time to arrive. */
function owedTo(one: Answer, all: readonly Published[]): Published[] {
  const { head } = one
  const end = one.message.body?.completeAt ?? one.link.ended.at
  const got = countsOf(one)
  const behind = all.findLastIndex(({ event }) => got.has(textOf(event)))
  return head === undefined ? [] : all.filter(({ at, doneAt }, i) =>
    at >= head.at && (i <= behind || end - doneAt >= patienceMs))
}

/** What a link lacks of what it is owed. */
const lacks = (one: Answer, owed: readonly Published[]): Published[] => {
  const got = countsOf(one)
  return owed.filter(({ event }) => !got.has(textOf(event)))
}

const manyStreams: Rule<Exchange> = {
  id: 'sse/concurrency/many-streams',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc9112#section-9',
  says: 'a hundred streams are served at once, and each of them gets what is published',
  harm: 'the server stops taking readers at the size of a pool that nobody has thought of',
  fix: 'do not hold a thread, a worker or a database connection for each stream; raise the limit of open files',
  applies: load,
  check: (exchange) => {
    const crowd = withRole(exchange, 'crowd').filter(({ head, link: { openedAt, ended: end } }) =>
      end.how !== 'abort' && (head !== undefined || end.by === 'target' || end.at - openedAt >= patienceMs))
    const all = history(exchange)
    return crowd.flatMap((one): Finding[] => {
      const { where, head, status } = one
      if (head && !one.isEventStream) {
        return [{ where, ok: false, expected: 'an event stream', actual: `status ${status}` }]
      }
      const owed = owedTo(one, all)
      if (head && owed.length === 0) return []
      const [missing] = lacks(one, owed)
      return [{
        where,
        ok: head !== undefined && missing === undefined,
        expected: `each of ${crowd.length} streams at once gets what is published`,
        actual: head === undefined ? 'no head' : missing ? 'less' : 'that',
      }]
    })
  },
  mutants: {
    'one too many': { edit: onBody('crowd-2', cutAfter('connected\n\n')), fault: 'poolExhausted' },
    'refused': { edit: both(onLink('crowd-2', () => []), ended('crowd-2', 'refused')) },
    'turned away': { edit: onLink('crowd-2', swap('200 OK', '503 Service Unavailable')) },
  },
}

const fanoutComplete: Rule<Exchange> = {
  id: 'sse/concurrency/fanout-complete',
  level: 'advice',
  promisedBy: 'channel',
  clause: notes,
  says: 'every subscriber gets every event exactly once, also while others leave',
  harm: 'whoever stands behind a leaving client in the list misses an event, and nobody ever finds out why',
  fix: 'iterate over a copy of the subscribers, or over a Set, never over an array that a "close" handler splices',
  applies: load,
  check: (exchange) => {
    const all = history(exchange)
    return withRole(exchange, 'fanout').filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
      const got = countsOf(one)
      const live = all.findIndex(({ event }) => got.has(textOf(event)))
      const owed = live < 0 ? [] : owedTo(one, all.slice(live))
      if (owed.length === 0) return []
      const [missing] = lacks(one, owed)
      const twice = owed.find(({ event }) => (got.get(textOf(event)) ?? 0) > 1)
      return [{
        where: one.where,
        ok: missing === undefined && twice === undefined,
        expected: 'every event once, while other subscribers leave',
        actual: missing ? `not ${quote(textOf(missing.event))}`
          : twice ? `${quote(textOf(twice.event))} more than once` : 'that',
      }]
    })
  },
  mutants: {
    'one skipped': { edit: onBody('fanout-2', swap('data: two\n\n', ':\n\n')), fault: 'fanoutSkipsAfterLeave' },
    'one twice': { edit: onBody('fanout-2', swap('data: two\n\n', 'data: two\n\ndata: two\n\n')) },
  },
}

const subscribeBeforeHeaders: Rule<Exchange> = {
  id: 'sse/concurrency/subscribe-before-headers',
  level: 'advice',
  promisedBy: 'channel',
  clause: processing,
  says: 'who has seen the head is subscribed: what is published from then on arrives',
  harm: 'a page that subscribes, sees "open" and then asks for something misses the answer, once in a while',
  fix: 'add the response to the subscribers first, and send the head then (res.flushHeaders() after subscribe()); in ' +
    'FastAPI subscribe in a dependency, for the generator begins to run after the head',
  applies: load,
  check: (exchange) => {
    const all = history(exchange)
    return withRole(exchange, 'eager').filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
      const owed = owedTo(one, all)
      if (owed.length === 0) return []
      const [missing] = lacks(one, owed)
      return [{
        where: one.where,
        ok: missing === undefined,
        expected: 'the event published right after the head',
        actual: missing ? 'only later ones, or none' : 'that',
      }]
    })
  },
  mutants: {
    'subscribed later': {
      edit: onBody('eager', swap('data: at once\n\n', ':\n\n')),
      fault: 'subscribeAfterHead',
      alsoBreaks: ['sse/resume/no-gap', 'sse/resume/many-cycles', 'sse/status/5xx-for-capacity'],
    },
    'never': { edit: onBody('eager', cutAfter('connected\n\n')) },
  },
}

const streamsIndependent: Rule<Exchange> = {
  id: 'sse/concurrency/streams-independent',
  level: 'advice',
  promisedBy: 'channel',
  clause: notes,
  says: 'two streams from one address live side by side: neither is ended, or loses events, because of the other',
  harm: 'the second tab, or the colleague behind the same proxy, silences the first',
  fix: 'key subscriptions by an object or a random id of each response, never by IP address, session or user',
  check: (exchange) => {
    const second = withRole(exchange, 'second-of-two')
    const all = history(exchange)
    return withRole(exchange, 'first-of-two').flatMap((one): Finding[] => {
      const other = second.find(({ isEventStream, link: beside }) =>
        isEventStream && beside.openedAt < one.link.ended.at)
      if (!one.isEventStream || !other) return []
      const owed = owedTo(one, all).filter(({ at }) => at > other.link.openedAt)
      const closed = one.link.ended.by === 'target' || one.message.body?.complete === true
      const missing = lacks(one, owed).length > 0
      return [{
        where: { ...one.where, at: one.link.ended.at },
        ok: !closed && !missing,
        expected: 'a stream that goes on beside a second one, and after it',
        actual: closed ? 'ended by the target' : missing ? 'open, without its events' : 'that',
      }]
    })
  },
  mutants: {
    'replaced by the second': { edit: both(onLink('first', endAt(150)), ended('first', 'complete', 'kit')) },
    'closed with the second': {
      edit: both(onLink('first', endAt(900)), ended('first', 'complete', 'kit')),
      fault: 'streamsMixed',
      alsoBreaks: ['sse/heartbeat/interval', 'sse/concurrency/many-streams'],
    },
  },
}

/** The target ends the message so many ms after the head; what would have come later does not. */
function endAt(ms: number): LinkEdit {
  return (chunks) => {
    const at = (chunks[0]?.at ?? 0) + ms
    return [...chunks.filter((chunk) => chunk.at < at), { at, bytes: bytes(lastChunk) }]
  }
}

const topicIsolation: Rule<Exchange> = {
  id: 'sse/concurrency/topic-isolation',
  level: 'advice',
  promisedBy: 'channel',
  clause: notes,
  says: 'events go to the subscribers of their own channel alone',
  harm: 'readers see what is not meant for them: with a channel per user, other people\'s messages',
  fix: 'compare whole channel names, not prefixes or patterns, and escape what is special to the broker',
  applies: load,
  check: (exchange) => {
    const own = history(exchange)
    const foreign = history(exchange, 'sibling')
    return [
      ...strangersOn(withRole(exchange, 'sibling'), foreign, own),
      ...strangersOn(foreign.length > 0 ? withRole(exchange, 'channel') : [], own, foreign),
    ]
  },
  mutants: {
    'the longer name too': { edit: onBody('sibling', append(0, 'data: ours\n\n')), fault: 'topicPrefixMatch' },
    'the shorter name too': { edit: onBody('ours', append(0, 'data: theirs\n\n')) },
  },
}

/** What was published on another channel while they were open is not on these streams. */
function strangersOn(answers: readonly Answer[], own: readonly Published[], foreign: readonly Published[]): Finding[] {
  const known = new Set(own.map(({ event }) => textOf(event)))
  return answers.filter(({ isEventStream }) => isEventStream).flatMap((one): Finding[] => {
    // what was published before is a matter of replay
    const opened = one.head?.at ?? Infinity
    const strange = new Set(foreign.filter(({ at }) => at >= opened).map(({ event }) => textOf(event)))
    if (strange.size === 0) return []
    const stranger = one.stream.events.find(({ data }) => strange.has(unquoted(data)) && !known.has(unquoted(data)))
    return [{
      where: stranger ? one.eventPlace(stranger) : one.where,
      ok: stranger === undefined,
      expected: 'events of this channel alone',
      actual: stranger ? 'an event of another channel' : 'those',
    }]
  })
}

const h1PerHost: Note<Exchange> = {
  id: 'sse/concurrency/h1-per-host',
  clause: notes,
  says: 'browsers open few HTTP/1.1 connections to one host, commonly six, and each stream takes one; over HTTP/2 ' +
    'many share one',
  record: (exchange) => withRole(exchange, 'base')
    .filter((one) => one.isEventStream && one.link.request.url.startsWith('https:'))
    .map(() => 'the stream was read over HTTP/1.1 in TLS; a browser gets more than a few at once only over HTTP/2'),
}

export const concurrency: Room<Exchange> = {
  id: 'sse/concurrency',
  clause: notes,
  example,
  rules: [manyStreams, fanoutComplete, subscribeBeforeHeaders, streamsIndependent, topicIsolation],
  notes: [h1PerHost],
}
