/** What is taken: good text, and bytes where no text is meant. https://www.rfc-editor.org/rfc/rfc6455#section-5.6 */
import type { Finding, Rule } from '../../model.ts'
import { refusedByApplication, taken as takenAs } from '../acceptance.ts'
import { says } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import type { Control, Message } from '../machine.ts'
import { isText } from '../text.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const forEach = (look: (connection: Connection) => Finding[]): Rule<WsExchange>['check'] =>
  ({ connections }) => connections.flatMap(look)

const fin = { at: 60, by: 'target', how: 'fin' } as const
/** The first message, which every target takes, and the pong to the ping behind it. */
const plain = [server.text('streamproof'), server.pong('a')]

/** A character is cut by the end of a fragment or of a write. */
const isSplit = ({ link }: Connection, { frames }: Message): boolean => {
  const writes = (link.sent ?? []).reduce<number[]>((all, { bytes }) => [...all, (all.at(-1) ?? 0) + bytes.length], [])
  return frames.some(({ payload, payloadAt, fin }) => {
    const within = writes.map((at) => at - payloadAt).filter((at) => at > 0 && at < payload.length)
    return [...within, ...(fin ? [] : [payload.length])].some((at) => !isText(payload.slice(0, at)))
  })
}

const isAscii = (payload: Uint8Array): boolean => payload.every((byte) => byte > 0 && byte < 0x80)

const validAccept: Rule<WsExchange> = {
  id: 'ws/utf8/valid-accept',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'text with any character from U+0000 to U+10FFFF is taken as it is',
  harm: 'messages with rare characters are lost, and the connection with them; without its byte order mark a text is another',
  fix: 'refuse no character: NUL, U+FFFE, U+FFFF and unassigned ones are good; give TextDecoder ignoreBOM: true',
  inconclusive: refusedByApplication,
  check: forEach((connection) => takenAs(connection, (message) =>
    message.type === 'text' && !isAscii(message.payload) && !isSplit(connection, message))),
  mutants: {
    'refused': {
      edit: says('valid', [...plain, server.close(1007)], fin),
      fault: 'noncharacterRefused',
    },
    'the byte order mark is lost': {
      edit: says('valid', [...plain, server.text('\0\ufffe\u{10ffff}'), server.pong('b'), server.text('.'), server.pong('c')]),
      fault: 'byteOrderMarkStripped',
    },
  },
}

const splitValid: Rule<WsExchange> = {
  id: 'ws/utf8/split-valid',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'a character may be split over fragments and segments',
  harm: 'long messages in any language but English end the connection, or arrive with replacement characters, now and then',
  fix: 'decode the message, not the fragments; or decode with stream: true',
  inconclusive: refusedByApplication,
  check: forEach((connection) => takenAs(connection, (message) => message.type === 'text' && isSplit(connection, message))),
  mutants: {
    'refused': {
      edit: says('split', [...plain, server.close(1007)], fin),
      fault: 'splitTextRefused',
    },
    'decoded by fragment': { edit: says('split', [...plain, server.text('\ufffd\ufffd'), server.pong('b'), server.text('.')]) },
  },
}

const binaryExempt: Rule<WsExchange> = {
  id: 'ws/utf8/binary-exempt',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'binary messages are arbitrary bytes',
  harm: 'audio, images and compressed data end the connection',
  fix: 'decode text messages only',
  inconclusive: refusedByApplication,
  check: forEach((connection) => takenAs(connection, ({ type, payload }) => type === 'binary' && !isText(payload))),
  mutants: {
    'refused': {
      edit: says('binary', [server.binary('streamproof'), server.pong('a'), server.close(1007)], fin),
      fault: 'binaryChecked',
    },
  },
}

const controlExempt: Rule<WsExchange> = {
  id: 'ws/utf8/control-exempt',
  level: 'must',
  clause: `${rfc}#section-5.5.2`,
  says: 'the payload of a ping is arbitrary bytes',
  harm: 'clients that put a counter or a clock into their pings lose the connection',
  fix: 'answer a ping with its bytes, and decode them nowhere',
  check: forEach(pingFindings),
  mutants: {
    'refused': {
      edit: says('control', [server.pong('a'), server.close(1007)], fin),
      fault: 'pingChecked',
    },
  },
}

/** Pings with bytes that are not text, behind one that was answered. */
function pingFindings(connection: Connection): Finding[] {
  const { isOpen, provocation, sent, received, pongs, close, isDropped } = connection
  const [first, ...more] = sent.happenings.filter((one): one is Control => one.kind === 'ping')
  const isAnswered = (ping: Control): boolean => pongs.some(({ payload }) => Buffer.compare(payload, ping.payload) === 0)
  if (!isOpen || provocation || received.fault || !first || !isText(first.payload) || !isAnswered(first)) return []
  return more.filter(({ payload }) => !isText(payload)).flatMap((ping) => {
    const ok = isAnswered(ping)
    const ended = close ? `a Close${close.code === undefined ? '' : ` with ${close.code}`}` : 'the end of TCP'
    // a pong that is missing while the connection lives is the business of ping-pong
    if (!ok && (sent.happenings.some(({ kind }) => kind === 'close') || !(close || isDropped))) return []
    return { where: connection.endPlace, ok, expected: 'a pong with the same bytes', actual: ok ? 'that' : ended }
  })
}

export const taken: readonly Rule<WsExchange>[] = [validAccept, splitValid, binaryExempt, controlExempt]
