/** Facts about delivery that no standard decides, and that people ask for when a stream goes wrong in the field. */
import type { Note } from '../../model.ts'
import { quote, streams, withRole, type Answer, type Exchange } from '../exchange.ts'
import { ownStreams } from './payloads.ts'
import { overAt, terminatorOf } from './terminators.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'

/** ms; the kit reports times by the five seconds, so that two runs say the same */
const roundMs = 5000
const rounded = (ms: number): string => `${Math.round(ms / roundMs) * roundMs / 1000} s`

const base = (exchange: Exchange): Answer[] => withRole(exchange, 'base').filter((one) => one.isEventStream)

const finiteWithoutEnd: Note<Exchange> = {
  id: 'sse/delivery/finite-without-end',
  clause: `${html}#server-sent-events-intro`,
  says: 'a stream that ends is a lost connection to EventSource, which comes back unless an event made the page ' +
    'close() it, or the next answer is 204',
  record: (exchange) => base(exchange).flatMap((one) => {
    const last = one.stream.events.at(-1)
    if (!one.endedCleanly || one.link.request.method !== 'GET' || !last || terminatorOf(last, exchange)) return []
    return [`the stream ends, and its last event is of type ${quote(last.type)}: EventSource asks again after ${
      one.stream.reconnectionTime === undefined ? 'a few seconds' : `${one.stream.reconnectionTime} ms`}`]
  }),
}

const howItEnded: Note<Exchange> = {
  id: 'sse/delivery/how-it-ended',
  clause: `${html}#sse-processing-model`,
  says: 'write deadlines of servers (30 s, 60 s), proxies and platforms (100 s, 300 s) end a stream that goes on; ' +
    '--observe looks longer',
  record: (exchange) => base(exchange).flatMap((one) => {
    const over = overAt(one)
    const ms = (over ?? 0) - one.link.openedAt
    if (over === undefined || ms < 2 * roundMs) return []
    const last = one.stream.events.at(-1)
    const how = one.message.body?.complete === true ? 'cleanly' : `by ${one.link.ended.how.toUpperCase()}`
    const mark = last && terminatorOf(last, exchange)
    const said = mark ? `with ${quote(mark)}` : 'and no event said so'
    return [`the target ended the stream after about ${rounded(ms)}, ${how}, ${said}`]
  }),
}

const eventSilence: Note<Exchange> = {
  id: 'sse/delivery/event-silence',
  clause: `${html}#authoring-notes`,
  says: 'heartbeats keep a stream open and say nothing of what it waits for: a reader needs a clock for events as well',
  record: (exchange) => base(exchange).flatMap((one) => {
    const times = one.stream.events.map(({ end }) => one.arrival(end - 1))
    const until = overAt(one) ?? one.link.ended.at
    const silence = Math.max(0, ...times.map((at, i) => (times[i + 1] ?? until) - at))
    const from = times.findIndex((at, i) => (times[i + 1] ?? until) - at === silence)
    const since = times[from] ?? until
    const beats = one.stream.lines.filter(({ kind, start }) => kind === 'comment' && one.arrival(start) > since)
    return silence >= 2 * roundMs && beats.length > 1 ? [`bytes came, and no event for about ${rounded(silence)}`] : []
  }),
}

const noSpace: Note<Exchange> = {
  id: 'sse/delivery/no-space',
  clause: `${html}#parsing-an-event-stream`,
  says: 'the space after the colon is free, and many hand-written clients look for "data: " with it',
  record: (exchange) => ownStreams(exchange).flatMap((one) => {
    const bytes = one.content.body?.bytes ?? new Uint8Array()
    const bare = one.stream.lines.filter(({ kind, name, value, start }) =>
      kind === 'field' && name === 'data' && value !== '' && bytes[start + 5] !== 0x20)
    return bare.length > 0 ? ['data lines without a space after the colon'] : []
  }),
}

const noRetry: Note<Exchange> = {
  id: 'sse/delivery/no-retry',
  clause: `${html}#concept-event-stream-reconnection-time`,
  says: 'without a retry line every client waits as long as it always does: after a restart they come back together',
  record: (exchange) => streams(exchange).filter(({ link, stream, published }) =>
    link.role === 'base' && link.request.method === 'GET' && published === undefined && stream.events.length > 0 &&
    stream.reconnectionTime === undefined).map(() => 'no retry line'),
}

export const notes: readonly Note<Exchange>[] = [finiteWithoutEnd, howItEnded, eventSilence, noSpace, noRetry]
