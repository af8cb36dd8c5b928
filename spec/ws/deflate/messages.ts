/** Compressed messages in both directions. https://www.rfc-editor.org/rfc/rfc7692#section-7.2 */
import { hex, join } from '../../bytes.ts'
import type { Finding, Mutant, Rule, RuleId } from '../../model.ts'
import { says } from '../bytes.ts'
import { Deflater } from '../deflater.ts'
import { onEcho, sentMessages } from '../echoes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { answers, causeOf, peculiar, type Oddity } from './content.ts'
import { compressed, hello, inTwo, lengths, packed, twice } from './example.ts'
import { contextAnswered } from './negotiation.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc7692'

// ---- what the target compresses --------------------------------------------------------------------------------

/** Connections on which the target compressed at least so many messages, or something that cannot be read. */
const compressing = ({ connections }: WsExchange, least: number): Connection[] => connections.filter((one) =>
  one.deflate !== undefined && (one.received.fault?.kind === 'deflate' || one.messages.filter((message) => message.compressed).length >= least))

const unread = (one: Connection): Finding['where'] => {
  const { fault } = one.received
  return fault ? { ...one.place(fault.frame), byte: fault.byte } : one.where
}

const serverWindowHonoured: Rule<WsExchange> = {
  id: 'ws/deflate/server-window-honoured',
  level: 'must',
  clause: `${rfc}#section-7.2.1`,
  says: 'what the target compresses looks back no farther than the window that was agreed on',
  harm: 'a client that keeps as much as it was told fails the connection in the middle of a message',
  fix: 'hand the agreed server_max_window_bits to the compressor (windowBits of zlib; it makes 9 of 8: decline 8)',
  applies: onEcho,
  check: (exchange) => compressing(exchange, 1).filter(({ deflate }) => (deflate?.serverMaxWindowBits ?? 15) < 15).map((one) => {
    const bits = one.deflate?.serverMaxWindowBits ?? 15
    const ok = causeOf(one, 'received') !== 'window'
    return { where: unread(one), ok, expected: `copies from at most ${2 ** bits} bytes back`, actual: ok ? 'that' : 'a copy from farther back' }
  }),
  mutants: { 'a larger window': { edit: says('server-window', [packed(new Deflater(), twice)]), fault: 'serverWindowIgnored' } },
}

const serverNct: Rule<WsExchange> = {
  id: 'ws/deflate/server-nct',
  level: 'must',
  clause: `${rfc}#section-7.1.1.1`,
  says: 'server_no_context_takeover that is accepted stands in the answer, and every message can be decompressed alone',
  harm: 'a client that forgets each message, as it was allowed to, cannot decompress the second one',
  fix: 'reset the compressor behind every message (serverNoContextTakeover in ws), and name the parameter in the answer',
  applies: onEcho,
  check: (exchange) => [
    ...contextAnswered(exchange),
    ...compressing(exchange, 2).filter(({ deflate }) => deflate?.serverNoContextTakeover).map((one) => {
      const ok = causeOf(one, 'received') !== 'context'
      return { where: unread(one), ok, expected: 'messages that can be read alone', actual: ok ? 'those' : 'a message that looks back into an earlier one' }
    }),
  ],
  mutants: {
    'context kept': {
      edit: says('server-alone', [server.text(hello.fixed, compressed), server.text(hello.again, compressed)]), fault: 'serverContextKept',
    },
  },
}

const tailAndRsv1Send: Rule<WsExchange> = {
  id: 'ws/deflate/tail-and-rsv1-send',
  level: 'must',
  clause: `${rfc}#section-7.2.1`,
  says: 'a compressed message has RSV1 on its first frame only, and lacks the last four bytes of the flush',
  harm: 'every client fails the connection at the first compressed message',
  fix: 'flush with Z_SYNC_FLUSH, cut off 00 00 ff ff, and set RSV1 on the first fragment alone',
  check: (exchange) => exchange.connections.filter((one) => {
    const { fault } = one.received
    return one.deflate && (isRepeatedRsv1(one) || causeOf(one, 'received') === 'stream' || (!fault && one.messages.some((message) => message.compressed)))
  }).map((one) => {
    const ok = one.received.fault === undefined
    const actual = ok ? 'such' : isRepeatedRsv1(one) ? 'RSV1 on a frame that begins no message' : endsInTail(one) ? 'a message that ends in 00 00 ff ff' : 'data that is not DEFLATE'
    return { where: unread(one), ok, expected: 'messages that can be read, with RSV1 on the first frame', actual }
  }),
  mutants: {
    'tail left': { edit: says('plain', [server.text(join(hello.fixed, hex('0000ffff')), compressed)]), fault: 'tailLeft' },
    'RSV1 on every fragment': { edit: says('plain', inTwo(hello.fixed, compressed)), fault: 'rsv1Repeated', alsoBreaks: ['ws/framing/rsv-send'] },
  },
}

function isRepeatedRsv1({ received: { fault } }: Connection): boolean {
  return fault?.kind === 'reserved-bit' && fault.frame.rsv === 4 && fault.frame.opcode === 0
}

const endsInTail = ({ received: { open } }: Connection): boolean =>
  Buffer.from(join(...open.map(({ payload }) => payload))).toString('hex').endsWith('0000ffff')

// ---- what the target decompresses ------------------------------------------------------------------------------

interface Peculiarity {
  readonly oddity: Oddity
  readonly slug: string
  readonly section: string
  readonly says: string
  readonly harm: string
  readonly fix: string
  readonly mutants: Readonly<Record<string, Mutant>>
}

/** A rule about messages that are peculiar in one way: they come back the same. */
const returned = ({ oddity, slug, section, ...told }: Peculiarity): Rule<WsExchange> => ({
  ...told,
  id: `ws/deflate/${slug}` satisfies RuleId,
  level: 'must',
  clause: `${rfc}#section-${section}`,
  applies: onEcho,
  check: ({ connections }) => connections.flatMap((one) => peculiar(one, oddity).map(({ message, isEqual, back }) => ({
    where: back?.frames[0] ? one.place(back.frames[0]) : one.endPlace,
    ok: isEqual,
    expected: `the ${message.payload.length} bytes that were sent`,
    actual: isEqual ? 'they' : back ? `${back.payload.length} bytes of ${back.type} that are not` : one.close ? `Close ${one.close.code ?? 'without code'}` : 'nothing',
  }))),
})

/** The target gives up on it, as zlib errors make servers do. */
const failing = (id: string, ...before: readonly Uint8Array[]): Mutant['edit'] => says(id, [...before, server.close(1007)])

const clientNct = returned({
  oddity: 'reset',
  slug: 'client-nct',
  section: '7.1.1.2',
  says: 'a target that answers client_no_context_takeover reads each message alone',
  harm: 'a client that forgets each message, as it was told to, gets the connection failed at the second one',
  fix: 'reset the decompressor behind every message where client_no_context_takeover was answered',
  mutants: { 'history expected': { edit: failing('client-alone', server.text(twice)), fault: 'clientResetForgotten' } },
})

const contextTakeover = returned({
  oddity: 'context',
  slug: 'context-takeover',
  section: '7.2.2',
  says: 'a message may look back into earlier ones, unless client_no_context_takeover was answered',
  harm: 'the second message of every browser fails the connection, or is read wrongly',
  fix: 'keep one decompressor for each connection, or answer client_no_context_takeover',
  mutants: { 'decompressor reset': { edit: failing('context', server.text('Hello')), fault: 'historyForgotten' } },
})

const uncompressedOk = returned({
  oddity: 'uncompressed',
  slug: 'uncompressed-ok',
  section: '6',
  says: 'messages without RSV1 are taken as they are, in any mix with compressed ones',
  harm: 'clients that leave short messages uncompressed, as most do, are cut off or misread',
  fix: 'decide by RSV1 of the first frame of each message whether to decompress it',
  mutants: { 'decompressed all the same': { edit: failing('mixed', server.text('Hello')), fault: 'allInflated' } },
})

const fragmented = returned({
  oddity: 'fragmented',
  slug: 'fragmented',
  section: '6.1',
  says: 'compressed data may be cut anywhere into frames',
  harm: 'long messages of clients that fragment are lost, and the connection with them',
  fix: 'hand the payloads of all fragments to one decompressor, and add 00 00 ff ff behind the last one',
  mutants: { 'each frame alone': { edit: failing('fragmented'), fault: 'framesInflatedAlone' } },
})

const blockTypes = returned({
  oddity: 'blocks',
  slug: 'block-types',
  section: '7.2.3',
  says: 'blocks of every type are read, several in one message, and BFINAL does not end the connection',
  harm: 'clients with another compressor than zlib, or another level, are cut off',
  fix: 'use a complete DEFLATE decoder, and begin a new stream behind a block with BFINAL',
  mutants: {
    'BFINAL refused': { edit: failing('blocks', server.text('Hello')), fault: 'finalBlockRefused' },
    'stored blocks refused': { edit: failing('blocks') },
  },
})

const emptyMessage = returned({
  oddity: 'empty',
  slug: 'empty-message',
  section: '7.2.3.6',
  says: 'the payload 00 is the empty message',
  harm: 'an empty message ends the connection, or never arrives',
  fix: 'treat a decompressor that yields nothing as an empty message, not as an error',
  mutants: {
    'refused': { edit: failing('empty'), fault: 'emptyRefused' },
    'lost': { edit: says('empty', []) },
  },
})

const order: Rule<WsExchange> = {
  id: 'ws/deflate/order',
  level: 'must',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.4',
  says: 'messages keep their order however long each takes to compress',
  harm: 'tokens and events arrive in the wrong order under load, and nowhere else',
  fix: 'send in the order of the calls: queue behind the compressor of the connection (await it, or use the library\'s queue)',
  applies: onEcho,
  check: ({ connections }) => connections.flatMap((one) => {
    const sent = sentMessages(one)
    // which of two same ones came back cannot be told
    const isDistinct = new Set(sent.map(({ payload }) => Buffer.from(payload).toString('latin1'))).size === sent.length
    if (!one.deflate || one.received.fault || sent.length < 3 || !isDistinct) return []
    const places = one.messages.map(({ payload }) => sent.findIndex((message) => Buffer.compare(message.payload, payload) === 0)).filter((i) => i >= 0)
    if (places.length < 2) return []
    const late = places.findIndex((place, i) => i > 0 && place < (places[i - 1] ?? 0))
    const actual = late < 0 ? 'that' : `message ${(places[late - 1] ?? 0) + 1} before message ${(places[late] ?? 0) + 1}`
    return [{ where: one.endPlace, ok: late < 0, expected: 'answers in the order of what was sent', actual }]
  }),
  mutants: { 'short ones first': { edit: says('order', [lengths[1], lengths[0], lengths[3], lengths[2]].map((one) => server.text(one))), fault: 'shortFirst' } },
}

const sizes: Rule<WsExchange> = {
  id: 'ws/deflate/sizes',
  level: 'must',
  clause: `${rfc}#section-7.2`,
  says: 'compressed messages of all lengths and shapes come back the same, however many there are',
  harm: 'data is changed or lost on the way, in a way that only some contents show',
  fix: 'compare with the examples of RFC 7692 7.2.3; the counterexample is the shortest message that was found',
  umbrella: true,
  applies: onEcho,
  check: ({ connections }) => connections.flatMap((one) => {
    const all = answers(one)
    const bad = all.find(({ isEqual }) => !isEqual)
    if (!all.some(({ message }) => message.compressed)) return []
    return [{
      where: bad?.back?.frames[0] ? one.place(bad.back.frames[0]) : one.endPlace,
      ok: !bad,
      expected: 'every message as it was sent',
      actual: bad ? `message ${all.indexOf(bad) + 1} of ${bad.message.payload.length} bytes did not come back the same` : 'that',
    }]
  }),
  mutants: { 'a byte changed': { edit: says('fragmented', [server.text('Hallo')]), alsoBreaks: ['ws/deflate/fragmented', 'ws/deflate/context-takeover'], fault: 'lastByteLost' } },
}

export const messages: readonly Rule<WsExchange>[] = [
  serverWindowHonoured, serverNct, clientNct, contextTakeover, uncompressedOk, fragmented, blockTypes, emptyMessage,
  tailAndRsv1Send, order, sizes,
]
