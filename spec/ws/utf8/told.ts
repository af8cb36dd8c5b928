/** What a server sends as text. https://www.rfc-editor.org/rfc/rfc6455#section-5.6 */
import { hex } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { changed, says, together } from '../bytes.ts'
import { onEcho } from '../echoes.ts'
import type { WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { provoked } from '../reaction.ts'
import { isWhole } from '../text.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const hasReplacement = (payload: Uint8Array): boolean => Buffer.from(payload).includes('\ufffd')

const noReplacement: Rule<WsExchange> = {
  id: 'ws/utf8/no-replacement',
  level: 'must',
  clause: `${rfc}#section-8.1`,
  says: 'text that is not UTF-8 is not sent on with replacement characters',
  harm: 'the text is changed and nobody knows: what arrives looks like what was sent',
  fix: 'do not repair (Buffer.toString() and errors="replace" do): refuse the text, or relay the bytes as a binary message',
  applies: onEcho,
  check: (exchange) => provoked(exchange, 'utf8', (_, connection) => isWhole(connection)).map((connection) => {
    const repaired = connection.messages.find(({ payload }) => hasReplacement(payload))
    const [frame] = repaired?.frames ?? []
    return {
      where: frame ? connection.place(frame) : connection.endPlace,
      ok: repaired === undefined,
      expected: 'no message for text that is not UTF-8',
      actual: repaired ? 'one with U+FFFD in its place' : 'none',
    }
  }),
  mutants: {
    'repaired': {
      edit: says('invalid', [server.text('a\ufffdb'), server.pong('b')]),
      alsoBreaks: ['ws/utf8/invalid-reject'],
      fault: 'textRepaired',
    },
  },
}

const sendValid: Rule<WsExchange> = {
  id: 'ws/utf8/send-valid',
  level: 'must',
  clause: `${rfc}#section-5.6`,
  says: 'text messages of the server are UTF-8, each by itself',
  harm: 'browsers close the connection with 1007 and lose what follows; others show replacement characters',
  fix: 'send decoded text: a token or a read may end inside a character, so decode with stream: true first, or send binary',
  check: ({ connections }) => connections.flatMap((connection): Finding[] => {
    const { fault } = connection.received
    const expected = 'UTF-8'
    const good = connection.messages.filter(({ type }) => type === 'text').flatMap(({ frames }) => frames.slice(0, 1))
      .map((frame) => ({ where: connection.place(frame), ok: true, expected, actual: 'that' }))
    if (fault?.kind !== 'utf8' && fault?.kind !== 'close-reason') return good
    const where = { ...connection.place(fault.frame), byte: fault.byte, length: fault.illFormed?.length ?? 1 }
    return [...good, { where, ok: false, expected, actual: fault.says }]
  }),
  mutants: {
    'a character is cut in two messages': {
      edit: (transcript) => changed(transcript, 'split', (link) => ({
        ...link,
        chunks: [...link.chunks, { at: link.ended.at - 1, bytes: together(server.text(hex('e2')), server.text(hex('82ac'))) }],
      })),
      fault: 'characterCut',
    },
  },
}

export const told: readonly Rule<WsExchange>[] = [noReplacement, sendValid]
