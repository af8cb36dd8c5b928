/** How the control room is provoked: pings of all kinds, alone, in series, and between other frames. */
import fc from 'fast-check'
import { join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { controls, drafts, fragmented, interleaved, plans } from './frames.ts'
import { back, endsOf, faulty, leave, open, patienceMs, pinged, ponged, send, sendApart, together } from './steps.ts'
import type { Property, Stimulus, Suite, Talk } from './stimulus.ts'

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/control/${slug}` as RuleId)

/** No UTF-8 in any part, with the bytes that end strings in some languages. */
const octets = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)

const numbered = Array.from({ length: 10 }, (_, i) => client.ping(`ping ${i + 1}`))

const first = { fin: false }

const stimuli: readonly Stimulus[] = [
  {
    id: 'control/ping',
    says: 'pings without payload, with text, with bytes that are no text, and with 125 bytes',
    feeds: rules('ping-pong', 'pong-identical', 'pong-no-extra', 'send-valid'),
    profile: 'safe',
    steps: [together(
      [open('ping', 'ping'), ...['nonce', octets, 'x'.repeat(125)].flatMap((payload) => pinged('ping', payload)), leave('ping')],
      // beside the others an empty pong could be that of this one
      [open('empty', 'ping'), ...pinged('empty', ''), leave('empty')],
    )],
    deadlineMs: 6000,
  },
  {
    id: 'control/pings',
    says: 'ten pings one after the other, without waiting for pongs',
    feeds: rules('pong-latest', 'pong-each', 'pong-no-extra'),
    profile: 'safe',
    steps: [open('pings', 'pings'), sendApart('pings', ...numbered), ponged('pings', 'ping 10'), leave('pings')],
    deadlineMs: 4000,
  },
  {
    id: 'control/unasked-pong',
    says: 'pongs that nobody has asked for, with a ping behind them',
    feeds: rules('unsolicited-pong', 'pong-no-extra'),
    profile: 'safe',
    steps: [together(
      [open('pong', 'unasked-pong'), sendApart('pong', client.pong('unasked'), client.pong('')), ...pinged('pong', 'behind'), leave('pong')],
      [open('twin', 'unasked-pong/twin'), ...pinged('twin', 'behind'), leave('twin')],
    )],
    deadlineMs: 4000,
  },
  {
    id: 'control/long',
    says: 'a ping and a pong of 126 bytes',
    feeds: rules('max-125'),
    profile: 'full',
    steps: faulty('long', [client.ping('x'.repeat(126)), client.pong('x'.repeat(126)), client.ping('x'.repeat(65_536))]),
    deadlineMs: 4000,
  },
  {
    id: 'control/wide',
    says: 'pings, pongs and Closes that have a small length in 16 or 64 bits',
    feeds: rules('length-form'),
    profile: 'full',
    steps: faulty('wide', ([16, 64] as const).flatMap((lengthForm) => [
      client.ping('wide', { lengthForm }), client.pong('wide', { lengthForm }), client.close(4000, '', { lengthForm }),
    ])),
    deadlineMs: 4000,
  },
  {
    id: 'control/cut',
    says: 'a ping, a pong and a Close without FIN',
    feeds: rules('not-fragmented'),
    profile: 'full',
    steps: faulty('cut', [client.ping('cut', first), client.pong('cut', first), client.close(4000, '', first), client.ping('', first)]),
    deadlineMs: 4000,
  },
  {
    id: 'control/inside',
    says: 'a ping between the fragments of a message, and time to answer it before the last one',
    feeds: rules('inside-fragments', 'pong-prompt'),
    profile: 'full',
    steps: [together(
      [
        open('inside', 'inside'), send('inside', client.text('stream', first)), ...pinged('inside', 'inside'),
        send('inside', client.more('proof')), ...pinged('inside', 'behind'), leave('inside'),
      ],
      [open('twin', 'inside/twin'), send('twin', client.text('streamproof')), ...pinged('twin', 'behind'), leave('twin')],
    )],
    deadlineMs: 6000,
  },
  {
    id: 'control/inside-echo',
    says: 'pings and pongs between the fragments of messages to an echo',
    feeds: rules('inside-fragments', 'pong-prompt'),
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('inside', 'echo/inside', 'echo'),
      send('inside', client.text('five ', first), client.pong('unasked'), client.more('frag', first)),
      ...pinged('inside', 'inside'),
      send('inside', client.more('ments', first), client.ping(''), client.more(' and two', first), client.more(' pings')),
      back('inside', 'five fragments and two pings'),
      send('inside', client.binary(octets, first), client.ping(octets), client.more(octets)),
      back('inside', join(octets, octets)),
      leave('inside'),
    ],
    deadlineMs: 6000,
  },
  {
    id: 'control/streaming-echo',
    says: 'a ping behind messages of 256 KiB to an echo',
    feeds: rules('pong-while-streaming'),
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('streaming', 'echo/streaming', 'echo'),
      sendApart('streaming', ...Array.from({ length: 16 }, () => client.text('x'.repeat(16_384))), client.ping('beside')),
      { do: 'await', link: 'streaming', for: { pong: 'beside' }, withinMs: patienceMs + 100 },
      leave('streaming'),
    ],
    deadlineMs: 4000,
  },
  {
    id: 'control/streaming',
    says: 'a ping while the server streams as fast as it can',
    feeds: rules('pong-while-streaming'),
    profile: 'full',
    needs: ['socket'],
    loud: true,
    steps: [
      open('streaming', 'streaming', 'socket'),
      send('streaming', client.text(JSON.stringify({ type: 'start', stream: 'beside', count: 1000, bytes: 16_384, everyMs: 0 }))),
      { do: 'await', link: 'streaming', for: { messages: 1 }, withinMs: patienceMs },
      { do: 'send', link: 'streaming', bytes: client.ping('beside') },
      { do: 'await', link: 'streaming', for: { pong: 'beside' }, withinMs: patienceMs + 100 },
      send('streaming', client.text(JSON.stringify({ type: 'cancel', stream: 'beside' }))),
      leave('streaming'),
    ],
    deadlineMs: 5000,
  },
]

const nonce = 'that was all'

/** Pings and pongs of any bytes, each in a write of its own; a last ping tells that all of them were read. */
const pings: fc.Arbitrary<Talk> = fc.array(controls, { maxLength: 5 }).map((frames) => {
  const all = [...frames, client.ping(nonce)]
  return { frames: all, chop: endsOf(all), until: { pong: nonce } }
})

/** One message in fragments, with pings and pongs between them. */
const inside: fc.Arbitrary<Talk> = fc.tuple(drafts(300), plans, fc.array(fc.tuple(fc.nat(20), controls), { minLength: 1, maxLength: 3 }))
  .map(([draft, plan, inserts]) => ({ frames: interleaved(fragmented(draft, plan), inserts), until: { message: draft.payload } }))

const properties: readonly Property[] = [
  {
    id: 'control/pongs',
    says: 'pings and pongs of 0 to 125 arbitrary bytes',
    feeds: rules('pong-identical', 'pong-no-extra'),
    talks: pings,
    examples: [],
    runs: 30,
  },
  {
    id: 'control/between',
    says: 'pings and pongs anywhere within the fragments of a message to an echo',
    feeds: rules('inside-fragments', 'send-valid'),
    needs: 'echo',
    talks: inside,
    examples: [],
    runs: 40,
  },
]

export const control: Suite = { id: 'ws/control', stimuli, properties }
