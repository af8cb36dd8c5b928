/** Connections with and without permessage-deflate, and the answers of a right server. */
import { counted, driven, hex, join } from '../../bytes.ts'
import type { Edit, Link, SentRequest } from '../../model.ts'
import { changed, closed, refused, socket, switching, type Talk } from '../bytes.ts'
import { Deflater, storedMessage } from '../deflater.ts'
import { client, opcodes, server } from '../frame.ts'
import { keyOf, upgradeFields } from '../upgrade.ts'

const field = 'Sec-WebSocket-Extensions'
const plain = 'permessage-deflate'

const asking = (id: string, offer: string): Partial<SentRequest> =>
  ({ headers: [['Host', 'target.test'], ...upgradeFields(keyOf(id)), [field, offer]] })

const answered = (answer: string): readonly string[] => (answer === '' ? [] : [`${field}: ${answer}`])

/** A connection where compression was offered and answered so. */
const agreed = (id: string, offer: string, answer = offer, talk: Talk = {}, role = id): Link =>
  socket(id, { asked: asking(id, offer), fields: answered(answer), ...talk }, role)

/** The same that the target ended for what was sent. */
const ended = (id: string, code: number, ...sent: readonly Uint8Array[]): Link =>
  closed(id, { asked: asking(id, plain), fields: answered(plain), sent, received: [server.close(code)] })

/** RSV1: this message is compressed */
export const compressed = { rsv: 4 } as const

/** The examples of RFC 7692 7.2.3: all of them are "Hello". */
export const hello = {
  fixed: hex('f248cdc9c90700'),
  /** behind another one, with its history */
  again: hex('f200110000'),
  stored: hex('000500faff48656c6c6f00'),
  final: hex('f348cdc9c9070000'),
  blocks: hex('f248050000 00ffff cac9c90700'),
} as const

/** 700 bytes in which nothing occurs twice, and the same again: a copy of them goes back farther than 512 bytes. */
export const twice = Buffer.from(Array.from({ length: 2 }, () =>
  Array.from({ length: 140 }, (_, i) => (i * 7919 + 1_000_003).toString(36).slice(-5)).join('')).join(''))

/** A compressed answer. */
export const packed = (deflater: Deflater, ...parts: readonly Uint8Array[]): Uint8Array =>
  server.text(deflater.message(...parts), compressed)

const text = (payload: string | Uint8Array): Uint8Array => client.text(payload, compressed)

/** What is sent comes back uncompressed. */
const echoed = (id: string, ...sent: readonly Uint8Array[]): Link =>
  agreed(id, plain, plain, { sent, received: sent.map(() => server.text('Hello')) })

/** Several messages of different lengths, none of which looks back. */
export const lengths = ['x'.repeat(300), 'yy', 'z'.repeat(200), 'end'] as const
const alone = new Deflater({ takeover: false })

/** bytes; what the target of the example takes at most */
const most = 4096

const resets = new Deflater({ takeover: false })
const crowd = Array.from({ length: 20 }, (_, i) => agreed(`idle-${i}`, plain, plain, {}, 'deflate/idle'))

export const example = driven({ maxMessageBytes: most }, [
  counted(1, { sockets: 0, rssBytes: 50_000_000 }), counted(100, { sockets: 0, rssBytes: 56_000_000 }),
],
  agreed('offer', `${plain}; client_max_window_bits`, plain),
  agreed('plain', plain),
  agreed('fallback', `${plain}; server_max_window_bits=99, ${plain}`, plain),
  agreed('unknown', `${plain}; x_streamproof=1`, ''),
  agreed('window-09', `${plain}; server_max_window_bits=09`, ''),
  agreed('server-window', `${plain}; server_max_window_bits=9`, undefined, {
    sent: [text(new Deflater({ takeover: false }).message(twice))], received: [packed(new Deflater({ windowBits: 9 }), twice)],
  }),
  agreed('client-window', `${plain}; client_max_window_bits=10`),
  agreed('server-alone', `${plain}; server_no_context_takeover`, undefined, {
    sent: [text(hello.fixed), text(hello.fixed)], received: [server.text(hello.fixed, compressed), server.text(hello.fixed, compressed)],
  }),
  agreed('client-alone', `${plain}; client_no_context_takeover`, undefined, {
    sent: [text(resets.message(twice)), text(hello.fixed)], received: [server.text(twice), server.text('Hello')],
  }),
  echoed('context', text(hello.fixed), text(hello.again)),
  echoed('mixed', text(hello.fixed), client.text('Hello')),
  echoed('fragmented', client.text(hello.fixed.slice(0, 3), { ...compressed, fin: false }), client.more(hello.fixed.slice(3))),
  echoed('blocks', text(hello.stored), text(hello.final), text(hello.blocks)),
  agreed('empty', plain, plain, { sent: [text(Uint8Array.of(0))], received: [server.text('')] }),
  agreed('order', plain, plain, {
    sent: lengths.map((one) => text(alone.message(Buffer.from(one)))), received: lengths.map((one) => server.text(one)),
  }),
  ended('rsv1', 1002, client.text('Hel', { fin: false }), client.more('lo', compressed)),
  ended('rsv1-ping', 1002, client.ping('Hello', compressed)),
  ended('rsv2', 1002, client.text(hello.fixed, { rsv: 6 })),
  ended('corrupt', 1007, text(hex('ffffff'))),
  socket('corrupt/after', { sent: [client.ping('nonce')], received: [server.pong('nonce')] }),
  ended('ill-formed', 1007, text(storedMessage(hex('48c328')))),
  ended('bomb', 1009, client.binary(new Deflater().message(new Uint8Array(10 * most)), compressed)),
  ...crowd,
)


/** The target refuses the handshake of a link. */
export const refusing = (id: string): Edit => (transcript) =>
  changed(transcript, id, (link) => ({ ...refused(id, link.request, '400 Bad Request'), role: link.role }))

/** The target switches, with this answer about extensions or none. */
export const switching101 = (id: string, ...answers: readonly string[]): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link,
  chunks: [{ at: 1, bytes: join(switching(id, ...answers.map((value) => `${field}: ${value}`))) }, ...link.chunks.slice(1)],
}))

/** A message of the target in two frames. */
export const inTwo = (payload: Uint8Array, second: { readonly rsv: number }): Uint8Array[] => [
  server.frame(opcodes.text, payload.slice(0, 3), { ...compressed, fin: false }),
  server.more(payload.slice(3), second),
]
