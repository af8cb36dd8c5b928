/** How the deflate room is provoked: offers, messages compressed in every way, and data that is none. */
import fc from 'fast-check'
import { bytes, hex } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { hello } from '../../spec/ws/deflate/example.ts'
import { Deflater, storedMessage } from '../../spec/ws/deflater.ts'
import { client } from '../../spec/ws/frame.ts'
import { compressedFrames, corrupted, corruptions, deflated } from './deflating.ts'
import { chops, ramp } from './frames.ts'
import type { BaseFacts, Handshake, Step, Stimulus, Suite, Talk } from './stimulus.ts'

const plain = 'permessage-deflate'

const offering = (offer: string): Handshake => ({ headers: { 'Sec-WebSocket-Extensions': offer } })

const deflates = ({ deflates: agreed }: BaseFacts): boolean => agreed

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/deflate/${slug}` as const)

/** Text that compresses well, and looks back some 1400 bytes; servers leave short messages uncompressed. */
const long = bytes(Array.from({ length: 3 }, () => Array.from({ length: 280 }, (_, i) => ((i + 1000) * 7919 * 7919).toString(36).slice(-5)).join('')).join(''))

const text = (payload: Uint8Array): Uint8Array => client.text(payload, { rsv: 4 })

/** Opens, sends all in one write, and waits for what it is about. */
function talk(link: string, to: 'target' | 'echo', offer: string, frames: readonly Uint8Array[], until: Extract<Step, { do: 'await' }>['for']): Step[] {
  return [
    { do: 'open', link, role: `deflate/${link}`, to, asked: offering(offer) },
    { do: 'send', link, bytes: Buffer.concat(frames) },
    { do: 'await', link, for: until, withinMs: 1500 },
    // a goodbye would be the reason for the end that is waited for
    { do: 'leave', link, by: 'messages' in until ? 'close' : 'fin' },
  ]
}

const echoed = (link: string, ...frames: readonly Uint8Array[]): Step[] => talk(link, 'echo', plain, frames, { messages: frames.length })
const refusedOn = (link: string, ...frames: readonly Uint8Array[]): Step[] => talk(link, 'target', plain, frames, { end: true })

const together = (...branches: readonly (readonly Step[])[]): Step[] => [{ do: 'together', branches }]

/** What is offered in the base contact and was accepted there. */
const known = `${plain}; client_max_window_bits`

const goodOffers = [plain, `${plain}; server_max_window_bits=10`, `${plain}; server_max_window_bits=15`, `${plain}; server_max_window_bits=8`,
  `${plain}; client_max_window_bits=10`, `${plain}; server_no_context_takeover; client_no_context_takeover`]
const badWindows = ['server_max_window_bits=7', 'server_max_window_bits=16', 'server_max_window_bits=09', 'server_max_window_bits=0',
  'server_max_window_bits=1000', 'client_max_window_bits=16', 'client_max_window_bits=08']
const badParameters = ['x_streamproof=1', 'server_no_context_takeover; server_no_context_takeover', 'server_no_context_takeover=1',
  'client_no_context_takeover=true', 'server_max_window_bits', 'server_max_window_bits=10; server_max_window_bits=10', 'server_max_window_bits=x']

const handshakes = (name: string, offers: readonly string[]): Step[] => together(...offers.map((offer, i): Step[] => [
  { do: 'open', link: `${name}-${i}`, role: `deflate/${name}`, to: 'target', asked: offering(offer) },
  { do: 'leave', link: `${name}-${i}`, by: 'close' },
]))

const handshake = (slug: string, says: string, feeds: readonly RuleId[], offers: readonly string[]): Stimulus => ({
  id: `deflate/${slug}`, says, feeds, profile: 'full', when: deflates, steps: handshakes(slug, offers), deadlineMs: 6000,
})

const content = (slug: string, says: string, feeds: readonly RuleId[], steps: readonly Step[]): Stimulus => ({
  id: `deflate/${slug}`, says, feeds, profile: 'full', needs: ['echo'], when: deflates, steps, deadlineMs: 6000,
})

/** bytes; the lengths of Autobahn 12 */
const lengths = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072]

/** Messages of all lengths, some with history and some in fragments. */
function allLengths(): Uint8Array[] {
  const deflater = new Deflater()
  return lengths.flatMap((length, i) => [0, 1].flatMap((round) => {
    const payload = ramp(length, 0x21 + i + round)
    return compressedFrames('text', deflater.message(payload), round === 0 || length < 8192 ? [] : Array.from({ length: 20 }, (_, at) => at * 37))
  }))
}

/** bytes; more than most servers take, and than is said of those that take more */
const bombBytes = 33 * 1024 * 1024

const bombSteps = (size: number): Step[] => talk('bomb', 'target', plain, [client.binary(new Deflater().message(new Uint8Array(size)), { rsv: 4 }), client.ping('bomb')], { pong: 'bomb' })

const wrongs: readonly Stimulus[] = [
  {
    id: 'deflate/wrong', says: 'reserved bits and compressed data that are wrong, each on a connection of its own',
    feeds: rules('rsv1-first-only'), profile: 'full', when: deflates, deadlineMs: 5000,
    steps: together(
      refusedOn('rsv1', client.text('Hel', { fin: false }), client.more('lo', { rsv: 4 })), refusedOn('rsv1-ping', client.ping('Hello', { rsv: 4 })),
    ),
  },
  {
    id: 'deflate/rsv23', says: 'RSV2 and RSV3 where compression is agreed on', feeds: rules('rsv23'), profile: 'full', when: deflates, deadlineMs: 5000,
    steps: together(...[6, 2, 5, 1].map((rsv) => refusedOn(`rsv-${rsv}`, client.text(rsv & 4 ? hello.fixed : 'Hello', { rsv })))),
  },
  {
    id: 'deflate/corrupt', says: 'data that is not compressed', feeds: rules('corrupt-stream'), profile: 'full', when: deflates, deadlineMs: 6000,
    steps: [
      ...together(...Object.entries(corruptions).map(([name, payload]) => refusedOn(`corrupt-${name}`, client.binary(payload, { rsv: 4 })))),
      { do: 'open', link: 'after', role: 'corrupt/after', to: 'target' },
      { do: 'leave', link: 'after', by: 'close' },
    ],
  },
  {
    id: 'deflate/ill-formed', says: 'compressed text that is not UTF-8', feeds: rules('utf8-after-inflate'), profile: 'full', when: deflates, deadlineMs: 5000,
    steps: together(refusedOn('stored', text(storedMessage(hex('48c328')))), refusedOn('packed', text(new Deflater().message(hex('4865 6c6c eda0 80'))))),
  },
  {
    id: 'deflate/window-exceeded', says: 'a copy from beyond the window that was agreed on', feeds: rules('sizes'), profile: 'full', needs: ['echo'], when: deflates, deadlineMs: 4000,
    steps: talk('far', 'echo', `${plain}; client_max_window_bits=9`, [text(new Deflater().message(long))], { messages: 1 }),
  },
]

export const deflate: Suite = {
  id: 'ws/deflate',
  stimuli: [
    handshake('offers', 'good offers of compression', rules('optional', 'server-window-answer', 'client-window-only-if-offered', 'server-nct'), goodOffers),
    handshake('fallback', 'an offer that no server accepts before one that this one does', rules('offer-fallback'),
      [`${plain}; server_max_window_bits=99, ${known}`, `${plain}; x_streamproof=1, ${known}`]),
    handshake('bad-windows', 'windows that are no number from 8 to 15', rules('window-syntax'), badWindows.map((one) => `${plain}; ${one}`)),
    handshake('bad-parameters', 'parameters that an offer does not have', rules('invalid-param-declined'), badParameters.map((one) => `${plain}; ${one}`)),
    content('context', 'a message that looks back into an earlier one', rules('context-takeover'), echoed('context', text(hello.fixed), text(hello.again))),
    content('mixed', 'uncompressed messages between compressed ones', rules('uncompressed-ok'),
      echoed('mixed', text(hello.fixed), client.text('plain'), text(hello.fixed), client.binary('plain too'))),
    content('fragments', 'a compressed message in fragments', rules('fragmented'), together(
      talk('halves', 'echo', plain, compressedFrames('text', hello.fixed, [3]), { messages: 1 }),
      talk('bytes', 'echo', plain, compressedFrames('text', hello.fixed, [0, 1, 2, 3, 4, 5, 6, 7]), { messages: 1 }),
    )),
    content('blocks', 'blocks of every type', rules('block-types'), together(
      echoed('stored', text(hello.stored)), echoed('final', text(hello.final), text(hello.fixed)), echoed('several', text(hello.blocks)),
      echoed('packed', text(new Deflater().message(long, long))),
    )),
    content('empty', 'a compressed message of no bytes', rules('empty-message'), echoed('empty', text(Uint8Array.of(0)))),
    content('server-window', 'a message that is longer than the window asked for', rules('server-window-honoured'), together(...[9, 10].map((bits) =>
      talk(`window-${bits}`, 'echo', `${plain}; server_max_window_bits=${bits}`, [text(new Deflater({ takeover: false }).message(long))], { messages: 1 })))),
    content('server-alone', 'the same message twice to a server that is to forget it', rules('server-nct', 'tail-and-rsv1-send'), together(
      talk('alone', 'echo', `${plain}; server_no_context_takeover`, [1, 2].map(() => text(new Deflater().message(long))), { messages: 2 }),
      echoed('kept', ...[1, 2].map(() => text(new Deflater().message(long)))),
    )),
    content('client-alone', 'messages of a client that forgets each', rules('client-nct'),
      talk('alone', 'echo', `${plain}; client_no_context_takeover`, [1, 2, 3].map(() => text(new Deflater().message(long))), { messages: 3 })),
    content('order', 'long and short messages in one write', rules('order'), echoed('order',
      ...Array.from({ length: 12 }, (_, i) => text(new Deflater().message(bytes(i % 2 === 0 ? `${i}`.repeat(30_000) : `short ${i}`)))))),
    ...wrongs,
    {
      id: 'deflate/bomb', says: 'a compressed message of 33 MiB', feeds: rules('bomb'), profile: 'full', loud: true, deadlineMs: 6000,
      when: ({ deflates: agreed, maxMessageBytes }) => agreed && maxMessageBytes === undefined,
      get steps() { return bombSteps(bombBytes) },
    },
    {
      id: 'deflate/sizes', says: 'compressed messages of 16 bytes to 128 KiB', feeds: rules('sizes'), profile: 'full', loud: true, needs: ['echo'], when: deflates, deadlineMs: 8000,
      get steps() { return talk('sizes', 'echo', plain, allLengths(), { messages: 2 * lengths.length }) },
    },
    {
      id: 'deflate/memory', says: '100 connections with compression', feeds: rules('memory'), profile: 'full', loud: true, needs: ['stats'], when: deflates, deadlineMs: 8000,
      steps: [
        { do: 'stats', of: 'sockets', is: 0, withinMs: 0 },
        { do: 'together', branches: Array.from({ length: 100 }, (_, i): Step[] => [
          { do: 'open', link: `${i}`, role: 'deflate/idle', to: 'target', asked: offering(plain) },
          { do: 'send', link: `${i}`, bytes: client.ping('idle') },
          { do: 'await', link: `${i}`, for: { pong: 'idle' }, withinMs: 2000 },
        ]) },
        { do: 'stats', of: 'sockets', is: 0, withinMs: 0 },
        { do: 'together', branches: Array.from({ length: 100 }, (_, i): Step[] => [{ do: 'leave', link: `${i}`, by: 'fin' }]) },
      ],
    },
  ],
  measured: ({ deflates: agreed, maxMessageBytes: most }) => (!agreed || most === undefined || most > bombBytes / 2 ? [] : [{
    id: 'deflate/bomb-declared', says: 'a compressed message of twice what the target says it takes', feeds: rules('bomb'), profile: 'full', loud: true, deadlineMs: 6000,
    steps: bombSteps(2 * most),
  }]),
  properties: [
    {
      id: 'deflate/roundtrip',
      says: 'messages compressed in every way come back the same',
      feeds: rules('sizes', 'context-takeover', 'uncompressed-ok', 'fragmented', 'block-types', 'empty-message', 'client-nct', 'server-nct',
        'server-window-honoured', 'server-window-answer', 'client-window-only-if-offered', 'tail-and-rsv1-send'),
      needs: 'echo',
      when: deflates,
      talks: fc.tuple(deflated(), fc.constantFrom(plain, `${plain}; server_no_context_takeover`, `${plain}; server_max_window_bits=9`,
        `${plain}; server_max_window_bits=12; server_no_context_takeover`)).chain(([{ frames, count }, offer]) =>
        chops(frames).map((chop): Talk => ({ asked: offering(offer), frames, until: { messages: count }, ...(chop ? { chop } : {}) }))),
      examples: [],
      runs: 30,
    },
    {
      id: 'deflate/corruption',
      says: 'compressed data with one fault ends the connection',
      feeds: rules('corrupt-stream'),
      when: deflates,
      talks: fc.noShrink(corrupted).map((frames): Talk => ({ asked: offering(plain), frames, until: { end: true } })),
      examples: [],
      runs: 15,
    },
    {
      id: 'deflate/negotiation',
      says: 'offers of all kinds are answered as they are to be',
      feeds: rules('window-syntax', 'invalid-param-declined', 'optional', 'server-window-answer', 'client-window-only-if-offered'),
      when: deflates,
      talks: fc.oneof(
        fc.constantFrom(...badParameters),
        fc.tuple(fc.constantFrom('server', 'client'), fc.constantFrom('', '0', '-', '+'), fc.nat(40)).map(([side, prefix, bits]) => `${side}_max_window_bits=${prefix}${bits}`),
      ).map((offer): Talk => ({ asked: offering(`${plain}; ${offer}`), frames: [client.ping('last')], until: { pong: 'last' } })),
      examples: [],
      runs: 20,
    },
  ],
}
