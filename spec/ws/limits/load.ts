/** Many connections, many fields, many pings, and how long it takes. https://www.rfc-editor.org/rfc/rfc6455#section-10.4 */
import type { Note, Rule } from '../../model.ts'
import { changed, says, silenced } from '../bytes.ts'
import { onEcho, paired, sentMessages } from '../echoes.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { fateOf, spoken } from '../limit.ts'
import type { Control } from '../machine.ts'

const clause = 'https://www.rfc-editor.org/rfc/rfc6455#section-10.4'

const pingFlood: Rule<WsExchange> = {
  id: 'ws/limits/ping-flood',
  level: 'advice',
  clause,
  says: 'pongs for a client that does not read are not queued without bound',
  harm: 'a client that sends pings and reads nothing makes the server grow until it ends',
  fix: 'read no further while pongs wait to be sent, keep the latest one only, or close (bufferedAmount in ws, before each pong)',
  check: (exchange) => withRole(exchange, 'limits/ping-flood').filter(({ isOpen, sent }) => isOpen && sent.happenings.length > 0).map((one) => {
    const read = one.received.frames[0]?.at ?? one.link.ended.at
    const flood = one.sent.happenings.filter((each): each is Control => each.kind === 'ping')
    // the last one asks whether the target is through
    const isTaken = flood.slice(0, -1).every(({ frame }) => frame.at < read)
    const ok = !(isTaken && one.pongs.length > 0.75 * flood.length)
    const actual = ok ? (one.isDropped ? 'the end of the connection' : isTaken ? 'pongs left out' : 'a target that waits') : `${one.pongs.length} pongs that had waited`
    return { where: one.endPlace, ok, expected: 'a target that stops reading, answers the latest ping, or closes', actual }
  }),
  mutants: {
    'all queued': {
      edit: (transcript) => changed(transcript, 'pings', (link) => ({ ...link, sent: (link.sent ?? []).map((chunk) => ({ ...chunk, at: 10 })) })),
      fault: 'pongsQueued',
    },
  },
}

const headerCount: Rule<WsExchange> = {
  id: 'ws/limits/header-count',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-5.4',
  says: 'a handshake with thousands of fields harms nobody else',
  harm: 'one request ends the process for all (an advisory against ws up to 8.17.0)',
  fix: 'do not rely on a field being there because another one was; keep ws and the HTTP parser up to date',
  check: (exchange) => withRole(exchange, 'limits/headers/after').map((one) => ({
    where: one.where, ok: one.isOpen, expected: 'a connection that opens afterwards', actual: one.isOpen ? 'that' : `status ${one.status}`,
  })),
  mutants: {
    'the process ends': {
      edit: (transcript) => changed(transcript, 'headers/after', (link) => ({
        ...link, chunks: [], ended: { at: 1, by: 'target', how: 'refused', detail: 'ECONNREFUSED' },
      })),
      fault: 'manyHeadersFatal',
    },
  },
}

/** characters; what no honest client sends */
const longValue = 4000
/** ms */
const mostForHead = 1000

const headerParseLinear: Rule<WsExchange> = {
  id: 'ws/limits/header-parse-linear',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-11.3',
  says: 'a handshake with a very long field is answered within a second',
  harm: 'a regular expression that backtracks stops the whole process for some kilobytes of a client',
  fix: 'read Sec-WebSocket-Protocol and Sec-WebSocket-Extensions character by character, and bound the size of the head',
  check: ({ connections }) => connections.filter(({ link }) => link.request.headers.some(([, value]) => value.length >= longValue)).map((one) => {
    const ms = Math.round((one.head?.at ?? one.link.ended.at) - one.link.openedAt)
    return { where: one.where, ok: ms <= mostForHead, expected: `an answer within ${mostForHead} ms`, actual: one.head ? `one after ${ms} ms` : `none within ${ms} ms` }
  }),
  mutants: {
    'late': {
      edit: (transcript) => changed(transcript, 'long-field', (link) => ({
        ...link, chunks: link.chunks.map((chunk) => ({ ...chunk, at: chunk.at + 1500 })), ended: { at: 3000, by: 'kit', how: 'window' },
      })),
      fault: 'longFieldSlow',
    },
  },
}

/** It was taken and goes on, or was refused in a way that a client understands. */
function isServed(one: Connection): boolean {
  if (one.isOpen) return one.pongs.length > 0 || one.close?.code === 1013
  return one.status === 503 || one.status === 429
}

const connections: Rule<WsExchange> = {
  id: 'ws/limits/connections',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-4.1',
  says: 'of a hundred connections at once each is served, or refused by 503, 429 or Close 1013',
  harm: 'clients beyond the limit wait, or see a reset that they take for a broken network, and reconnect at once',
  fix: 'answer 503 with Retry-After beyond the limit, and raise the limit of open files',
  check: (exchange) => withRole(exchange, 'limits/crowd').map((one) => ({
    where: one.endPlace, ok: isServed(one), expected: 'a pong, 503, 429 or Close 1013',
    actual: isServed(one) ? 'that' : one.isOpen || one.status === 0 ? spoken(one) : `status ${one.status}`,
  })),
  mutants: {
    'cut without a word': {
      edit: (transcript) => changed(transcript, 'crowd-9', (link) => ({ ...link, chunks: [], ended: { at: 2, by: 'target', how: 'rst' } })),
      fault: 'crowdDropped',
      alsoBreaks: ['ws/handshake/reject-is-http'],
    },
    'others harmed': { edit: silenced('crowd-0'), alsoBreaks: ['ws/control/ping-pong'] },
  },
}

/** ms from the last byte of a message to the last byte of its echo */
const mostForEcho = 4000

const throughput: Rule<WsExchange> = {
  id: 'ws/limits/throughput',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.4',
  says: 'messages of hundreds of kilobytes, whole, in fragments or in small segments, come back within four seconds',
  harm: 'time grows with the square of the length: what works in a test stands still with real content',
  fix: 'collect the parts in a list and join them once, in place of joining at every part',
  applies: onEcho,
  check: (exchange) => withRole(exchange, 'limits/throughput').filter((one) => one.isOpen && fateOf(one) === 'taken').flatMap((one) =>
    paired(sentMessages(one), one.messages).echoes.map(({ sent, back }) => {
      const end = back?.frames.at(-1)
      const ms = Math.round((end?.at ?? one.link.ended.at) - (sent.frames.at(-1)?.at ?? 0))
      const actual = end ? `after ${ms} ms` : `not within ${ms} ms`
      return { where: one.endPlace, ok: end !== undefined && ms <= mostForEcho, expected: `${sent.payload.length} bytes back within ${mostForEcho} ms`, actual }
    })),
  mutants: { 'never': { edit: silenced('throughput'), fault: 'largeNeverAnswered' }, 'another one': { edit: says('throughput', []) } },
}

const fewestPings = 10

const rtt: Note<WsExchange> = {
  id: 'ws/limits/rtt',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2',
  says: 'how long a ping takes',
  record: ({ connections: all }) => all.flatMap((one) => {
    const pings = one.sent.happenings.filter((each): each is Control => each.kind === 'ping')
    const { pongs } = one
    const times = pings.flatMap(({ frame }, i) => {
      const pong = pongs[i]
      const next = pings[i + 1]
      // one after the other: what is sent in one write waits for its turn
      return pong && (!next || next.frame.at >= pong.frame.at) ? [pong.frame.at - frame.at] : []
    }).toSorted((a, b) => a - b)
    const median = times[times.length >> 1]
    return median === undefined || times.length < fewestPings ? [] : [`a ping takes ${median.toFixed(1)} ms (median of ${times.length})`]
  }),
}

export const loadLimits: readonly Rule<WsExchange>[] = [pingFlood, headerCount, headerParseLinear, connections, throughput]
export const notes: readonly Note<WsExchange>[] = [rtt]
