/** What a target does about compressed data that is wrong, or too much. https://www.rfc-editor.org/rfc/rfc7692#section-6 */
import { onAct } from '../../bytes.ts'
import type { Finding, Note, Rule } from '../../model.ts'
import { says, silenced } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { fateOf, limitOf, spoken, unknownLimit } from '../limit.ts'
import { mustFail, provoked, reactionOf } from '../reaction.ts'
import { causeOf } from './content.ts'
import { refusing } from './example.ts'

const deflateRfc = 'https://www.rfc-editor.org/rfc/rfc7692'
const wsRfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const onDeflate = (exchange: WsExchange, isMeant: (rsv: number) => boolean): Connection[] =>
  provoked(exchange, 'reserved-bit', ({ frame }, { deflate }) => deflate !== undefined && isMeant(frame.rsv))

const rsv1FirstOnly: Rule<WsExchange> = {
  id: 'ws/deflate/rsv1-first-only',
  level: 'must',
  clause: `${deflateRfc}#section-6.1`,
  says: 'RSV1 on a continuation or a control frame ends the connection, compression or not',
  harm: 'a client that lost the place in the stream is not told, and data that is none is decompressed',
  fix: 'allow RSV1 on text and binary frames alone, not wherever compression was agreed on',
  check: (exchange) => mustFail(onDeflate(exchange, (rsv) => rsv === 4)),
  mutants: {
    'no reaction': { edit: silenced('rsv1'), fault: 'rsv1Anywhere' },
    'a ping answered': { edit: says('rsv1-ping', [server.pong('Hello')]) },
  },
}

const rsv23: Rule<WsExchange> = {
  id: 'ws/deflate/rsv23',
  level: 'must',
  clause: `${wsRfc}#section-5.2`,
  says: 'RSV2 and RSV3 end the connection where only permessage-deflate was agreed on',
  harm: 'a client that lost the place in the stream is not told',
  fix: 'when compression is agreed on, allow RSV1 only: check against 0x30, not against nothing',
  check: (exchange) => mustFail(onDeflate(exchange, (rsv) => (rsv & 3) !== 0)),
  mutants: { 'read all the same': { edit: says('rsv2', [server.text('Hello')]), fault: 'rsv23Read', alsoBreaks: ['ws/framing/fault-stops'] }, 'no reaction': { edit: silenced('rsv2') } },
}

/** Handshakes behind a fault that might have ended the whole process. */
const afterwards = ({ connections }: WsExchange): Finding[] => connections.filter(({ link }) => link.role === 'corrupt/after').map((one) => ({
  where: one.where, ok: one.isOpen, expected: 'a new connection that opens', actual: one.isOpen ? 'that' : `status ${one.status}`,
}))

const corruptStream: Rule<WsExchange> = {
  id: 'ws/deflate/corrupt-stream',
  level: 'must',
  clause: `${wsRfc}#section-7.1.7`,
  says: 'data that cannot be decompressed ends its connection, and nothing else',
  harm: 'one client with bad data ends the process for all, or waits for an answer for ever',
  fix: 'listen for the error of the decompressor, and close with 1007',
  check: (exchange) => [
    ...mustFail(provoked(exchange, 'deflate', (_, one) => causeOf(one, 'sent') === 'stream'), { late: true }), ...afterwards(exchange),
  ],
  mutants: {
    'no reaction': { edit: silenced('corrupt'), fault: 'corruptIgnored' },
    'the process ends': { edit: refusing('corrupt/after') },
  },
}

const utf8AfterInflate: Rule<WsExchange> = {
  id: 'ws/deflate/utf8-after-inflate',
  level: 'must',
  clause: `${wsRfc}#section-8.1`,
  says: 'text that is not UTF-8 once it is decompressed ends the connection',
  harm: 'broken text gets in where only compressed messages are not looked at',
  fix: 'check UTF-8 behind the decompressor, not before it',
  check: (exchange) => mustFail(provoked(exchange, 'utf8', (_, { sent }) => sent.open[0]?.rsv === 4), { late: true }),
  mutants: { 'no reaction': { edit: silenced('ill-formed'), fault: 'inflatedUnchecked' } },
}

/** A compressed message that holds more than a limit says, and much more than it takes. */
const isBomb = ({ sent }: Connection, limit: number): boolean => sent.happenings.some((one) =>
  one.kind === 'message' && one.compressed && one.payload.length > limit && one.payload.length > 20 * one.frames.reduce((sum, { payload }) => sum + payload.length, 0))

/** bytes; what a target is offered in one message when it does not say how much it takes */
const mostBombs = 16 * 1024 * 1024

const bomb: Rule<WsExchange> = {
  id: 'ws/deflate/bomb',
  level: 'must',
  promisedBy: 'maxMessageBytes',
  clause: `${wsRfc}#section-10.4`,
  says: 'a message whose decompressed data goes beyond the limit ends the connection',
  harm: 'some kilobytes of a client become gigabytes in the server, which ends for all',
  fix: 'count while decompressing and stop at the limit with 1009 (maxPayload in ws), not when all of it is there',
  inconclusive: unknownLimit(({ connections }) => connections.some((one) => one.isOpen && isBomb(one, mostBombs))),
  check: (exchange) => {
    const limit = limitOf(exchange)
    return exchange.connections.filter((one) => one.isOpen && !one.provocation && isBomb(one, limit ?? mostBombs)).flatMap((one) => {
      const fate = fateOf(one)
      // who takes it all and tells no limit may have a larger one
      if (fate === 'unclear' || (fate === 'taken' && limit === undefined)) return []
      const expected = limit === undefined ? 'the end of the connection' : `the end of the connection beyond ${limit} bytes`
      return [{ where: one.endPlace, ok: fate === 'refused', expected, actual: spoken(one) }]
    })
  },
  mutants: { 'taken': { edit: says('bomb', [server.binary('0')]), fault: 'bombTaken' }, 'no reaction': { edit: silenced('bomb') } },
}

/** bytes; zlib takes about 300 KiB for both directions */
const mostForOne = 1024 * 1024
const fewestIdle = 20

const memory: Rule<WsExchange> = {
  id: 'ws/deflate/memory',
  level: 'advice',
  promisedBy: 'stats',
  clause: `${deflateRfc}#section-8`,
  says: 'an idle connection with compression takes less than 1 MiB of memory',
  harm: 'some thousand idle clients take gigabytes, most of it windows that nothing is in',
  fix: 'lower windowBits and memLevel, answer both no_context_takeover parameters, or compress no short messages',
  applies: ({ parts }) => (parts.has('stats') ? undefined : 'only a driver with stats tells its memory'),
  inconclusive: () => ({ why: 'no-subject', note: 'stats of this driver has no rssBytes' }),
  check: ({ connections, transcript, acts }) => {
    const idle = connections.filter(({ link, deflate }) => link.role === 'deflate/idle' && deflate)
    const memories = acts.filter(({ kind }) => kind === 'stats').flatMap(({ body }) => bytesOf(body))
    const [before, after] = [memories[0], memories.at(-1)]
    const [first] = transcript.links
    if (idle.length < fewestIdle || before === undefined || after === undefined || memories.length < 2 || !first) return []
    const each = Math.round((after - before) / idle.length)
    return [{ where: { link: first.id }, ok: each < mostForOne, expected: `less than ${mostForOne} bytes for each`, actual: `${each} bytes for each of ${idle.length}` }]
  },
  mutants: { 'megabytes each': { edit: onAct('stats', 100, { body: '{"sockets":0,"rssBytes":99000000}' }) } },
}

function bytesOf(body: string): number[] {
  try {
    const { rssBytes } = JSON.parse(body) as { readonly rssBytes?: unknown }
    return typeof rssBytes === 'number' ? [rssBytes] : []
  } catch {
    return []
  }
}

/** What becomes of a copy from beyond the window that the client was told to keep to. */
const windowExceeded: Note<WsExchange> = {
  id: 'ws/deflate/window-exceeded',
  clause: `${deflateRfc}#section-7.1.2.2`,
  says: 'whether copies from beyond client_max_window_bits are noticed',
  record: (exchange) => provoked(exchange, 'deflate', (_, one) => causeOf(one, 'sent') === 'window').map((one) => {
    const { kind } = reactionOf(one)
    const isRead = one.messages.length > 0 || kind === 'ignored' || kind === 'went-on'
    return isRead ? 'data from beyond client_max_window_bits is read' : 'data from beyond client_max_window_bits ends the connection'
  }),
}

export const faultRules: readonly Rule<WsExchange>[] = [rsv1FirstOnly, rsv23, corruptStream, utf8AfterInflate, bomb, memory]
export const notes: readonly Note<WsExchange>[] = [windowExceeded]
