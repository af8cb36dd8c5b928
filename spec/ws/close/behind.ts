/** That a Close is the last word of whoever sends it. https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1 */
import type { Finding, Note, Rule } from '../../model.ts'
import { says } from '../bytes.ts'
import { isSame } from '../echoes.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { opcodes, server } from '../frame.ts'
import type { Message } from '../machine.ts'
import { provoked } from '../reaction.ts'
import type { Frame } from '../reader.ts'
import { closePlace, codeOf, spoken } from './goodbye.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const fin = { at: 60, by: 'target', how: 'fin' } as const

/** Connections on which the kit sent one of these behind its own right Close. */
const sentBehind = ({ connections }: WsExchange, isMeant: (frame: Frame) => boolean): Connection[] =>
  connections.filter(({ isOpen, provocation, sent }) => isOpen && !provocation && sent.afterClose.some(isMeant))

const isPing = ({ opcode }: Frame): boolean => opcode === opcodes.ping
const isPong = ({ opcode }: Frame): boolean => opcode === opcodes.pong
const isClose = ({ opcode }: Frame): boolean => opcode === opcodes.close
const isData = ({ opcode }: Frame): boolean => opcode <= opcodes.binary
const carries = (frame: Frame, all: readonly Frame[]): boolean =>
  all.some(({ payload }) => Buffer.compare(payload, frame.payload) === 0)

const nothing = (connection: Connection, came: Frame | undefined, what: string): Finding => ({
  where: came ? connection.place(came) : connection.endPlace,
  ok: came === undefined,
  expected: 'no answer to what came behind the Close',
  actual: came ? what : 'none',
})

const thenData: Rule<WsExchange> = {
  id: 'ws/close/then-data-ignored',
  level: 'must',
  clause: `${rfc}#section-5.5.1`,
  says: 'messages and a second Close behind a Close cause nothing',
  harm: 'commands are carried out of a client that has left, and its close is announced twice',
  fix: 'throw away what is read behind a Close',
  check: (exchange) => sentBehind(exchange, (frame) => isData(frame) || isClose(frame)).map((connection) => {
    const behind = connection.sent.afterClose.filter(isData)
    const closes = connection.received.frames.filter(isClose)
    const echoed = connection.received.frames.find((frame) => isData(frame) && carries(frame, behind))
    return nothing(connection, echoed ?? closes[1], echoed ? 'the message that came behind it' : 'a second Close')
  }),
  mutants: {
    'answered': {
      edit: says('then-data', [server.close(1000), server.text('behind')], fin),
      alsoBreaks: ['ws/close/then-ping'],
      fault: 'readsBehindClose',
    },
    'two Closes': { edit: says('then-data', [server.close(1000), server.close(1000)], fin) },
  },
}

const thenPing: Rule<WsExchange> = {
  id: 'ws/close/then-ping',
  level: 'must',
  clause: `${rfc}#section-5.5.2`,
  says: 'a ping behind a Close gets no pong',
  harm: 'the client takes a connection that it has closed for a live one, or reads a frame where none may be',
  fix: 'look whether a Close came before you answer a ping',
  check: (exchange) => sentBehind(exchange, isPing).map((connection) => {
    const pings = connection.sent.afterClose.filter(isPing)
    return nothing(connection, connection.received.frames.find((frame) => isPong(frame) && carries(frame, pings)), 'a pong')
  }),
  mutants: {
    'a pong': {
      edit: says('then-ping', [server.close(1000), server.pong('behind')], fin),
      alsoBreaks: ['ws/close/then-data-ignored'],
      fault: 'readsBehindClose',
    },
  },
}

const single: Rule<WsExchange> = {
  id: 'ws/close/single',
  level: 'must',
  clause: `${rfc}#section-5.5.1`,
  says: 'the server sends one Close, and no frame behind it',
  harm: 'what stands behind a Close is never read: the last tokens are lost, and strict clients see 1006',
  fix: 'mark the connection as closing before you write the Close, and let every writer look at that',
  check: ({ connections }) => connections
    .filter(({ isOpen, close, sent }) => isOpen && close && sent.afterClose.length === 0)
    .map((connection) => {
      const [next] = connection.received.afterClose
      return {
        where: next ? connection.place(next) : closePlace(connection),
        ok: next === undefined,
        expected: 'no frame behind the Close',
        actual: next ? (isClose(next) ? 'a second Close' : `a frame with opcode ${next.opcode}`) : 'none',
      }
    }),
  mutants: {
    'two Closes': {
      edit: says('normal', [server.close(1000), server.close(1000)], fin),
      alsoBreaks: ['ws/close/then-data-ignored'],
      fault: 'closedTwice',
    },
    'a message behind it': { edit: says('normal', [server.close(1000), server.text('late')], fin) },
  },
}

const noReservedSend: Rule<WsExchange> = {
  id: 'ws/close/no-reserved-send',
  level: 'must',
  clause: `${rfc}#section-7.4.1`,
  says: 'a Close of the server carries a code that may be sent, or none',
  harm: 'browsers take 1005, 1006, 1015 and codes below 1000 for a fault, and onclose says 1006',
  fix: 'do not pass on event.code: 1005 becomes a Close without a code, 1006 no Close at all',
  check: ({ connections }) => connections.flatMap((connection): Finding[] => {
    const expected = 'a code that may be sent, or none'
    const { close, received: { fault } } = connection
    if (fault?.kind === 'close-code' || fault?.kind === 'close-length') {
      return [{ where: connection.place(fault.frame), ok: false, expected, actual: fault.says }]
    }
    return close ? [{ where: closePlace(connection), ok: true, expected, actual: spoken(close.code) }] : []
  }),
  mutants: {
    'an empty Close is answered by 1005': { edit: says('empty', [server.close(1005)], fin), fault: 'reservedCodeSent' },
    '1006': { edit: says('normal', [server.close(1006)], fin) },
  },
}

/** Codes by which an application refuses what it was sent: they are about the content. */
const isOfApplication = (code: number): boolean => code === 1003 || code === 1008 || code >= 3000

const failCode: Rule<WsExchange> = {
  id: 'ws/close/fail-code',
  level: 'should',
  clause: `${rfc}#section-7.1.7`,
  says: 'the Close after a fault carries the code that fits it',
  harm: 'the client cannot tell a fault of its own from the end of the work, and tries the same again',
  fix: 'send 1002 for frames that are wrong, 1007 for text that is not UTF-8, 1009 for what is too long',
  check: (exchange) => {
    const kinds = new Set(exchange.connections.flatMap(({ provocation }) => provocation?.kind ?? []))
    return [...kinds].flatMap((kind) => provoked(exchange, kind)).flatMap((connection): Finding[] => {
      const { provocation, close } = connection
      const code = close?.code
      if (!close || !provocation || (code !== undefined && isOfApplication(code))) return []
      const fitting = [...provocation.codes, ...(/^(?:control-too-long|length)/.test(provocation.kind) ? [1009] : [])]
      // one that is answered like a right Close is the business of the rules about codes
      if (provocation.frame.opcode === opcodes.close && (code === 1000 || code === codeOf(provocation.frame))) return []
      // the target went on, and answers the goodbye of the kit
      const goodbye = connection.sent.frames.slice(provocation.index + 1).find(({ opcode }) => opcode === opcodes.close)
      if (goodbye && code === codeOf(goodbye)) return []
      return [{
        where: closePlace(connection), ok: code !== undefined && fitting.includes(code),
        expected: `a Close with ${fitting.join(' or ')} for ${provocation.says}`, actual: spoken(code),
      }]
    })
  },
  mutants: {
    '1000': { edit: says('fault', [server.close(1000)], fin), fault: 'faultClosed1000' },
    'no code': { edit: says('fault', [server.close()], fin) },
  },
}

export const lasts: readonly Rule<WsExchange>[] = [thenData, thenPing, single, noReservedSend, failCode]

export const afterLarge: Note<WsExchange> = {
  id: 'ws/close/after-large',
  clause: `${rfc}#section-5.5.1`,
  says: 'whether a long answer is finished before a Close that came behind the question is open',
  record: (exchange) => withRole(exchange, 'after-large').flatMap((connection) => {
    const { sent, close, messages } = connection
    const [last, goodbye] = sent.happenings.slice(-2)
    if (last?.kind !== 'message' || goodbye?.kind !== 'close' || !close) return []
    const isTold = messages.some((one: Message) => isSame(one, last))
    return [`an echo of ${last.payload.length} bytes is ${isTold ? 'finished' : 'not finished'} before the Close`]
  }),
}

