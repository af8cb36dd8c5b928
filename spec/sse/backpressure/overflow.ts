/**
 * What a client learns that was too slow: the loss, and nothing that looks like an event and is none.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { both, ended, onBody, onLink, swap } from '../../bytes.ts'
import type { LinkEdit } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { quote, type Answer, type Exchange } from '../exchange.ts'
import { floodOf, lastArrival, load, numbered, pouredOn, silenceMs, stalled } from '../flood.ts'
import { unquoted } from '../history.ts'

const interpretation = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation'
const notes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'

/** Without its last chunk. */
export const open: LinkEdit = (chunks) => chunks.slice(0, -1)

export const overflowVisible: Rule<Exchange> = {
  id: 'sse/backpressure/overflow-visible',
  level: 'advice',
  promisedBy: 'overflow',
  clause: notes,
  says: 'a client that was too slow can tell that it has missed something: the connection ends, or an event says so',
  harm: 'the reader goes on with a hole in what it knows, and nothing ever repairs it: the stream looks fine',
  fix: 'close the connection when the buffer of a client is full, so that it resumes with Last-Event-ID; or send an ' +
    'event of its own name ("reset") in place of what is dropped',
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
      actual: hole ? `event ${hole.n} after a gap`
        : stopped ? `nothing after event ${last.n}, on an open stream` : 'that',
    }
  }),
  mutants: {
    'a hole': {
      edit: onBody('stalled', swap(`data: ${numbered(2, 64)}\n\n`, ':\n\n')),
      fault: 'overflowDropsSilently',
    },
    'an open stream with nothing more': {
      edit: both(onLink('stalled', open), ended('stalled', 'window', 'kit', 9900)),
      alsoBreaks: ['sse/backpressure/stall-timeout'],
    },
  },
}

/** Something between two events that a client hears of: an event that the kit did not publish. */
const marked = ({ stream: { events } }: Answer, from: number, to: number): boolean =>
  events.some(({ start, end, data, type }) => start >= from && end <= to &&
    !/^(?:flood |sync-|=)/.test(unquoted(data)) && !/^(?:ping|heartbeat|keep-?alive)$/i.test(type))

export const noTornEvent: Rule<Exchange> = {
  id: 'sse/backpressure/no-torn-event',
  level: 'interop',
  clause: interpretation,
  says: 'when something is dropped it is whole events, never a part of one on a stream that goes on',
  harm: 'a client puts the rest of one event and the beginning of another together, and takes it for an event',
  fix: 'keep a queue of whole events for each client and drop from that, never from the bytes; once a part of an ' +
    'event is out, send the rest or close',
  check: (exchange) => stalled(exchange).map((one): Finding => {
    const torn = floodOf(one).find(({ n }) => n === undefined)?.event
    const stray = one.stream.lines.find(({ kind, name }) => kind === 'field' && /==|^flood /.test(name))
    const at = torn ? one.eventPlace(torn) : stray ? one.linePlace(stray) : one.where
    return {
      where: at,
      ok: !torn && !stray,
      expected: 'whole events, and at most a cut one where the connection ends',
      actual: torn ? `an event nobody published: ${quote(torn.data)}`
        : stray ? 'the rest of an event as a line of its own' : 'that',
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
