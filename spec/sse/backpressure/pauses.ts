/**
 * How long a client may take: a short pause costs it nothing, a long one its connection.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { append, both, cutAfter, ended, onBody, onLink, swap } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { forEvery, withRole, type Answer, type Exchange } from '../exchange.ts'
import { floodOf, isOver, lastArrival, load, numbered, pouredOn, silenceMs } from '../flood.ts'
import { boundsOf } from '../stats.ts'
import { open } from './overflow.ts'

const notes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'

/** ms from the stall timeout to the end of the connection */
const stallGraceMs = 5000
/** ms; a longer stall timeout is not waited for */
const longestStallMs = 10_000

export const recovers: Rule<Exchange> = {
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
    'disconnected': {
      edit: both(onBody('paused', cutAfter(`${numbered(11, 64)}\n\n`)), ended('paused', 'fin')),
      fault: 'pauseDisconnects',
      alsoBreaks: ['sse/http1/last-chunk'],
    },
    'one lost': { edit: onBody('paused', swap(`data: ${numbered(12, 64)}\n\n`, ':\n\n')) },
    'one twice': { edit: onBody('paused', append(10, `data: ${numbered(13, 64)}\n\n`)) },
  },
}

export const stallTimeout: Rule<Exchange> = {
  id: 'sse/backpressure/stall-timeout',
  level: 'advice',
  promisedBy: 'stallMs',
  clause: notes,
  says: 'a client that takes nothing of what waits for it is closed after the declared time',
  harm: 'connections of clients that are long gone keep their buffers and their places for ever',
  fix: 'remember when each client last took something, and destroy its socket after stallMs without progress',
  applies: (scene) => load(scene) ??
    (scene.parts.has('tune') ? undefined : 'only a driver with tune has a stall timeout that can be waited for'),
  check: (exchange) => {
    const { stallMs } = boundsOf(exchange)
    if (stallMs === undefined || stallMs > longestStallMs) return []
    return forEvery(
      // of a client that was reset before it read, not even the head may be left
      withRole(exchange, 'stalled').filter((one) => (one.isEventStream || one.link.ended.how === 'rst') &&
        (isOver(one) || waitedFor(one, exchange) >= stallMs + stallGraceMs)),
      `the end of the connection within ${stallMs + stallGraceMs} ms`,
      (one) => {
        const ok = isOver(one)
        return { where: { ...one.where, at: one.link.ended.at }, ok, actual: ok ? 'that' : 'an open one' }
      },
    )
  },
  mutants: {
    'for ever': { edit: both(onLink('stalled', open), ended('stalled', 'limit', 'kit', 9900)), fault: 'stallForever' },
  },
}

/** ms between the flood and the moment at which the kit left. */
const waitedFor = (one: Answer, exchange: Exchange): number =>
  one.link.ended.at - (pouredOn(one, exchange).at(-1)?.doneAt ?? one.link.ended.at)
