/** That a message is the same however it is cut into frames. */
import { sent as at } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { says, silenced, socket } from '../bytes.ts'
import { echoes, isEcho, onEcho, type Echo } from '../echoes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import type { Message } from '../machine.ts'
import { mustRead } from '../pongs.ts'
import { isText } from '../text.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const first = { fin: false }

export const links = [
  socket('words', {
    sent: [client.text('one ', first), client.more('two ', first), client.more('three')], received: [at(31, server.text('one two three'))],
  }, 'echo/words'),
  socket('words-read', { sent: [client.text('one ', first), client.more('two'), client.ping('behind')], received: [at(31, server.pong('behind'))] }, 'words'),
  socket('words-twin', { sent: [client.text('one two'), client.ping('behind')], received: [at(21, server.pong('behind'))] }, 'words/twin'),
  socket('gaps', {
    sent: [client.text('', first), client.more('one', first), client.more('', first), client.more('two', first), client.more('')],
    received: [at(51, server.text('onetwo'))],
  }, 'echo/gaps'),
  socket('gaps-read', { sent: [client.text('', first), client.more('one'), client.ping('behind')], received: [at(31, server.pong('behind'))] }, 'gaps'),
  socket('gaps-twin', { sent: [client.text('one'), client.ping('behind')], received: [at(21, server.pong('behind'))] }, 'gaps/twin'),
  socket('octets', { sent: [client.binary('ab', first), client.more('cd')], received: [at(21, server.binary('abcd'))] }, 'echo/octets'),
  socket('numbers', { sent: [client.text('12', first), client.more('34'), client.ping('behind')], received: [at(22, server.text('1234')), at(31, server.pong('behind'))] }),
  socket('numbers-twin', { sent: [client.text('1234'), client.ping('behind')], received: [server.text('1234'), server.pong('behind')] }, 'numbers/twin'),
]

/** In fragments that follow each other, not compressed: what stands between fragments is judged with control frames. */
const isCut = ({ frames, compressed }: Message): boolean =>
  frames.length > 1 && !compressed && frames.every(({ span }, i) => i === 0 || span.start === frames[i - 1]?.span.end)

const hasGap = ({ frames }: Message): boolean => frames.some(({ payload }) => payload.length === 0)

/** No cut goes through a character: those are judged with text. */
const isClean = ({ type, frames }: Message): boolean => type === 'binary' || frames.every(({ payload }) => isText(payload))

/** One finding for each message that came back, or did not: it has the same payload. */
const samePayload = (connection: Connection, all: readonly Echo[]): Finding[] => all.map(({ sent, back }) => {
  const isSame = back !== undefined && Buffer.compare(sent.payload, back.payload) === 0
  return {
    where: back?.frames[0] ? connection.place(back.frames[0]) : connection.endPlace,
    ok: isSame,
    expected: `the ${sent.payload.length} bytes of ${sent.frames.length} fragments in one message`,
    actual: !back ? 'no message' : isSame ? 'them' : `a message of ${back.payload.length} bytes`,
  }
})

/** What became of the messages that are meant: their payload on an echo, a pong behind them on any server. */
function taken(exchange: WsExchange, isMeant: (message: Message) => boolean): Finding[] {
  return exchange.connections.filter(({ provocation }) => !provocation).flatMap((connection) => {
    if (isEcho(connection)) return samePayload(connection, echoes(connection).filter(({ sent }) => isMeant(sent)))
    const messages = connection.sent.happenings.filter((one): one is Message => one.kind === 'message')
    return messages.length > 0 && messages.every(isMeant) ? mustRead(exchange, [connection], 'fragments taken') : []
  })
}

const reassemble: Rule<WsExchange> = {
  id: 'ws/fragmentation/reassemble',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a message that comes in several frames is one message',
  harm: 'whatever a client or a proxy sends in pieces arrives as several messages, or not at all',
  fix: 'collect the payloads until FIN, and hand on the message then; read frames with a library',
  check: (exchange) => taken(exchange, (message) => isCut(message) && !hasGap(message) && isClean(message)),
  mutants: {
    'a message for each fragment': {
      edit: says('words', [server.text('one '), server.text('two '), server.text('three')]), fault: 'fragmentsAlone',
    },
    'the last fragment alone': { edit: says('words', [at(31, server.text('three'))]) },
    'no pong behind it': { edit: silenced('words-read') },
  },
}

const emptyFragments: Rule<WsExchange> = {
  id: 'ws/fragmentation/empty-fragments',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a fragment may be empty: the first, one in the middle, and the last one',
  harm: 'clients that end what they stream by an empty fragment, as many do, lose the message',
  fix: 'only FIN ends a message; a frame without payload is a frame',
  check: (exchange) => taken(exchange, (message) => isCut(message) && hasGap(message) && isClean(message)),
  mutants: {
    'empty is the end': { edit: says('gaps', [at(51, server.text('one'))]), fault: 'emptyFragmentEnds' },
    'the end of the connection': { edit: says('gaps-read', [server.close(1002)], { at: 13, by: 'target', how: 'fin' }) },
  },
}

const binaryType: Rule<WsExchange> = {
  id: 'ws/fragmentation/binary-type',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'the first frame says whether a message is text or binary data, the others do not',
  harm: 'binary data arrives as text and is altered, or text as binary data that nobody parses',
  fix: 'keep the opcode of the first frame; that of a continuation is 0 and says nothing',
  applies: onEcho,
  check: ({ connections }) => connections.filter(({ provocation }) => !provocation).flatMap((connection) =>
    echoes(connection).filter(({ sent }) => isCut(sent)).flatMap(({ sent, back }) => {
      // other bytes are another message
      if (!back?.frames[0] || Buffer.compare(sent.payload, back.payload) !== 0) return []
      return [{ where: connection.place(back.frames[0]), ok: back.type === sent.type, expected: `a ${sent.type} message`, actual: `a ${back.type} message` }]
    })),
  mutants: {
    'binary data becomes text': {
      edit: says('octets', [at(21, server.text('abcd'))]), fault: 'fragmentedAsText', alsoBreaks: ['ws/framing/type-preserved'],
    },
  },
}

/** What came back for what was sent, in either direction a part of it; what a target says by itself is left out. */
function answersTo({ messages, sent }: Connection): string[] {
  const [told] = sent.happenings
  if (told?.kind !== 'message') return []
  const whole = latin1(told.payload)
  return messages.map(({ payload }) => latin1(payload)).filter((text) => text !== '' && (whole.includes(text) || text.includes(whole)))
}

const latin1 = (payload: Uint8Array): string => Buffer.from(payload).toString('latin1')

const noBoundaryMeaning: Rule<WsExchange> = {
  id: 'ws/fragmentation/no-boundary-meaning',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a message whose fragments would be messages of their own is answered as the same message in one frame is',
  harm: 'what a client has said depends on where a library or a proxy in between has cut it',
  fix: 'parse messages, not frames: JSON.parse belongs into the handler of messages, behind the last fragment',
  applies: onEcho,
  check: ({ connections }) => connections.filter(({ link: { role }, isOpen }) => role === 'numbers' && isOpen).flatMap((connection) => {
    const twin = connections.find(({ link: { role } }) => role === 'numbers/twin')
    const usual = twin ? answersTo(twin) : []
    if (usual.length === 0 || connection.received.fault) return []
    const answers = answersTo(connection)
    return [{
      where: connection.endPlace,
      ok: answers.join('\n') === usual.join('\n'),
      expected: `${counted(usual)}, as for one frame`,
      actual: counted(answers),
    }]
  }),
  mutants: {
    'an answer to each': { edit: says('numbers', [server.text('12'), server.text('34'), at(31, server.pong('behind'))]), fault: 'numbersAtOnce' },
    'one more': { edit: says('numbers', [server.text('12'), at(22, server.text('1234')), at(31, server.pong('behind'))]) },
  },
}

const counted = (answers: readonly string[]): string =>
  (answers.length === 1 ? `one message of ${answers[0]?.length} bytes` : `${answers.length} messages`)

export const rules: readonly Rule<WsExchange>[] = [reassemble, emptyFragments, binaryType, noBoundaryMeaning]
