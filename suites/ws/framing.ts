/** How the framing room is provoked: legal frames of every length cut anywhere, and every fault of a header. */
import fc from 'fast-check'
import { bytes, join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client, frame, opcodes } from '../../spec/ws/frame.ts'
import { chops, ramp, streams } from './frames.ts'
import type { Address, Property, Step, Stimulus, Suite } from './stimulus.ts'

/** ms; a right server answers at once, one that does not costs this once */
const patienceMs = 1000

const open = (link: string, role: string, to: Address): Step => ({ do: 'open', link, role, to })
const send = (link: string, ...frames: readonly Uint8Array[]): Step => ({ do: 'send', link, bytes: join(...frames) })
const ended = (link: string): Step => ({ do: 'await', link, for: { end: true }, withinMs: patienceMs })
const gone = (link: string): Step => ({ do: 'leave', link, by: 'fin' })

/** A ping, and the pong to it. */
const pinged = (link: string, nonce: string): Step[] => [
  send(link, client.ping(nonce)), { do: 'await', link, for: { pong: nonce }, withinMs: patienceMs },
]

/** The message with this payload has come back. */
const back = (link: string, payload: string | Uint8Array): Step =>
  ({ do: 'await', link, for: { message: bytes(payload) }, withinMs: patienceMs })

/** Messages to an echo one after the other, each when the one before has come back. */
const echoed = (link: string, ...payloads: readonly (string | Uint8Array)[]): Step[] => payloads.flatMap((payload) => [
  send(link, typeof payload === 'string' ? client.text(payload) : client.binary(payload)), back(link, payload),
])

/** One connection for each fault, all with this role; beside those about data one that is right. */
function faulty(role: string, wrong: readonly Uint8Array[], about: 'data' | 'control'): Step[] {
  const branches = wrong.map((one, i) => {
    const link = `${role}-${i}`
    return [open(link, role, 'target'), send(link, one), ended(link)]
  })
  return [{ do: 'together', branches: [...branches, ...(about === 'data' ? [beside(role)] : [])] }]
}

const word = 'streamproof'
const ascii = (length: number): string => Buffer.from(ramp(length)).toString('latin1')
const plain = client.text(word)

/** The twin of a role: what the target does about an ordinary message. */
const beside = (role: string): Step[] => [
  open(`${role}-twin`, `${role}/twin`, 'target'), send(`${role}-twin`, plain), ...pinged(`${role}-twin`, 'twin'), gone(`${role}-twin`),
]

const bad = client.frame(3, word)

/** A frame with reserved bits of each kind of data. */
const reserved = [
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => client.text(word, { rsv })),
  ...[1, 2, 4].map((rsv) => client.binary(word, { rsv })),
  join(client.text(word, { fin: false }), client.more(word, { rsv: 4 })),
]
const reservedControls = [1, 2, 4].flatMap((rsv) => [client.ping(word, { rsv }), client.pong('', { rsv }), client.close(1000, '', { rsv })])

/** Lengths in more bits than they need. */
const longForms = [
  ...[0, 11, 125].flatMap((length) => ([16, 64] as const).map((lengthForm) => client.text(ramp(length), { lengthForm }))),
  ...[126, 300].map((length) => client.text(ramp(length), { lengthForm: 64 })),
]

/** Streams that are no frames at all, or frames of nonsense: for what they do to others. */
const garbage: readonly Uint8Array[] = [
  Uint8Array.from({ length: 200 }, (_, i) => (i * 167 + 13) & 255),
  new Uint8Array(64),
  new Uint8Array(64).fill(255),
  join('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  frame({ opcode: opcodes.text, payload: word }),
  client.text(word, { announced: 2n ** 63n }),
  client.text(word, { announced: 2n ** 64n - 1n }),
  client.frame(15, 'x'.repeat(125), { fin: false, rsv: 7 }),
  client.text(Uint8Array.of(0xff, 0xfe, 0xc0)),
  client.more(word),
  client.close(0, ''),
  client.frame(opcodes.close, 'x'),
  client.ping('x'.repeat(126)),
  client.text(word, { rsv: 4 }),
]

/** Where the writes of one frame end: within the header, within the length, within the key, within the payload. */
const cutsOf = ({ length }: Uint8Array): number[] => [1, 2, 3, 4, 7, 9, 10, 12, 15, length - 1].filter((at) => at < length)

const long = (length: number): Step[] => [
  { do: 'together', branches: [length, length + 1].map((one, i) => {
    const link = `long-${i}`
    return [open(link, 'echo/long', 'echo'), ...echoed(link, ramp(one, 0, 0, 251))]
  }) },
]

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/framing/${slug}` as RuleId)

/** What is looked at in every frame that the target sends. */
const passive: readonly RuleId[] = [...rules('length-minimal-send', 'rsv-send', 'opcode-send'), 'ws/masking/server-never']

const stimuli: readonly Stimulus[] = [
  {
    id: 'framing/lengths',
    says: 'messages of 125 to 128, 65535 and 65536 bytes to an echo',
    feeds: rules('length-boundaries'),
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('short', 'echo/lengths', 'echo'),
      ...echoed('short', ...[125, 126, 127, 128].flatMap((length) => [ascii(length), ramp(length, 0, 0, 256)])),
      ...long(65_535),
    ],
    deadlineMs: 12_000,
  },
  {
    id: 'framing/lengths-taken',
    says: 'messages of 125 to 128, 65535 and 65536 bytes, each with a ping behind it',
    feeds: rules('length-boundaries'),
    profile: 'full',
    steps: [{ do: 'together', branches: [
      ...[125, 126, 127, 128, 65_535, 65_536].map((length) => [
        open(`of-${length}`, 'lengths', 'target'), ...pinged(`of-${length}`, 'ready'), send(`of-${length}`, client.text(ramp(length))), ...pinged(`of-${length}`, 'behind'),
      ]),
      beside('lengths'),
    ] }],
    deadlineMs: 5000,
  },
  {
    id: 'framing/empty',
    says: 'empty messages to an echo',
    feeds: rules('empty-payload'),
    profile: 'full',
    needs: ['echo'],
    steps: [open('empty', 'echo/empty', 'echo'), send('empty', client.text('')), send('empty', client.binary('')), ...echoed('empty', 'the last')],
    deadlineMs: 5000,
  },
  {
    id: 'framing/empty-taken',
    says: 'an empty message with a ping behind it',
    feeds: rules('empty-payload'),
    profile: 'full',
    steps: [{ do: 'together', branches: [
      [open('empty', 'empty', 'target'), ...pinged('empty', 'ready'), send('empty', client.text('')), ...pinged('empty', 'behind')],
      beside('empty'),
    ] }],
    deadlineMs: 4000,
  },
  {
    id: 'framing/echo',
    says: 'text and binary messages to an echo',
    feeds: [...rules('type-preserved', 'payload-preserved'), ...passive],
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('some', 'echo', 'echo'),
      ...echoed('some', word, ramp(64, 0, 0, 256), ascii(1000), ramp(5000, 0, 0, 251), 'déjà vu'),
      open('large', 'echo', 'echo'),
      ...echoed('large', ramp(300_000, 0, 0, 251)),
    ],
    deadlineMs: 8000,
  },
  {
    id: 'framing/pings',
    says: 'pings, for the frames that answer them',
    feeds: passive,
    profile: 'safe',
    steps: [open('pings', 'pings', 'target'), ...pinged('pings', ''), ...pinged('pings', 'x'.repeat(125)), { do: 'leave', link: 'pings', by: 'close' }],
    deadlineMs: 5000,
  },
  {
    id: 'framing/long-forms',
    says: 'messages whose length stands in more bits than it needs',
    feeds: rules('length-minimal-receive'),
    profile: 'full',
    // a ping behind each shows at once that the message was taken
    steps: [{ do: 'together', branches: [
      ...longForms.map((one, i) => [open(`long-${i}`, 'long-form', 'target'), send(`long-${i}`, one), ...pinged(`long-${i}`, 'behind')]),
      beside('long-form'),
    ] }],
    deadlineMs: 5000,
  },
  {
    id: 'framing/huge',
    says: 'lengths of 64 bits with the highest one set',
    feeds: rules('length-msb'),
    profile: 'full',
    steps: faulty('huge', [2n ** 63n, 2n ** 63n + 11n, 2n ** 64n - 1n].map((announced) => client.text(word, { announced })), 'data'),
    deadlineMs: 4000,
  },
  {
    id: 'framing/reserved-bits',
    says: 'data frames with reserved bits',
    feeds: rules('rsv-unnegotiated'),
    profile: 'full',
    steps: faulty('rsv', reserved, 'data'),
    deadlineMs: 4000,
  },
  {
    id: 'framing/reserved-bits-control',
    says: 'pings, pongs and Closes with reserved bits',
    feeds: rules('rsv-control'),
    profile: 'full',
    steps: faulty('rsv-control', reservedControls, 'control'),
    deadlineMs: 4000,
  },
  {
    id: 'framing/opcodes-data',
    says: 'frames with the opcodes 3 to 7',
    feeds: rules('opcode-reserved-data'),
    profile: 'full',
    steps: faulty('opcode-data', [3, 4, 5, 6, 7].flatMap((opcode) => [client.frame(opcode, ''), client.frame(opcode, word)]), 'data'),
    deadlineMs: 4000,
  },
  {
    id: 'framing/opcodes-control',
    says: 'frames with the opcodes 11 to 15',
    feeds: rules('opcode-reserved-control'),
    profile: 'full',
    steps: faulty('opcode-control', [11, 12, 13, 14, 15].flatMap((opcode) => [client.frame(opcode, ''), client.frame(opcode, word)]), 'control'),
    deadlineMs: 4000,
  },
  {
    id: 'framing/chop',
    says: 'pings in single bytes',
    feeds: rules('tcp-chop'),
    profile: 'full',
    steps: [
      open('chop', 'chop', 'target'),
      ...pinged('chop', 'whole'),
      { do: 'send', link: 'chop', bytes: client.ping('one by one'), chop: 'octets' },
      { do: 'await', link: 'chop', for: { pong: 'one by one' }, withinMs: patienceMs },
      { do: 'leave', link: 'chop', by: 'close' },
    ],
    deadlineMs: 5000,
  },
  {
    id: 'framing/chop-echo',
    says: 'messages to an echo in single bytes and cut in every part of the header',
    feeds: rules('tcp-chop'),
    profile: 'full',
    needs: ['echo'],
    steps: [open('chop', 'echo/chop', 'echo'), ...[word, ascii(300), ascii(126)].flatMap((text): Step[] => [
      { do: 'send', link: 'chop', bytes: client.text(text), chop: text === word ? 'octets' : cutsOf(client.text(text)) },
      back('chop', text),
    ])],
    deadlineMs: 6000,
  },
  {
    id: 'framing/coalesced',
    says: 'many pings in one write',
    feeds: rules('coalesced'),
    profile: 'full',
    steps: [
      open('many', 'many', 'target'),
      ...pinged('many', 'alone'),
      send('many', ...Array.from({ length: 20 }, (_, i) => client.ping(`${i}`))),
      { do: 'await', link: 'many', for: { pong: '19' }, withinMs: patienceMs },
      { do: 'leave', link: 'many', by: 'close' },
    ],
    deadlineMs: 4000,
  },
  {
    id: 'framing/coalesced-echo',
    says: 'many messages to an echo in one write',
    feeds: rules('coalesced'),
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('many', 'echo/many', 'echo'),
      send('many', ...Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? client.text(`text ${i}`) : client.binary(ramp(i * 10))))),
      back('many', ramp(190)),
    ],
    deadlineMs: 4000,
  },
  {
    id: 'framing/behind',
    says: 'a ping and a message behind a fault',
    feeds: rules('fault-stops'),
    profile: 'full',
    steps: [{ do: 'together', branches: [bad, client.text(word, { rsv: 2 }), client.frame(11, '')].map((fault, i): Step[] => [
      open(`behind-${i}`, 'behind', 'target'),
      send(`behind-${i}`, fault, client.text('behind the fault'), client.ping('behind')),
      { do: 'await', link: `behind-${i}`, for: { pong: 'behind' }, withinMs: patienceMs },
    ]) }],
    deadlineMs: 4000,
  },
  {
    id: 'framing/before',
    says: 'a message before a fault, to an echo',
    feeds: rules('prefault-delivered'),
    profile: 'full',
    needs: ['echo'],
    steps: [open('before', 'echo/before', 'echo'), send('before', client.text('before the fault'), bad), ended('before')],
    deadlineMs: 4000,
  },
  {
    id: 'framing/isolated',
    says: 'nonsense on many connections beside one that is right',
    feeds: rules('fault-isolated'),
    profile: 'full',
    steps: [
      open('bystander', 'bystander', 'target'),
      ...pinged('bystander', 'before'),
      { do: 'together', branches: garbage.map((nonsense, i): Step[] => [
        open(`garbage-${i}`, 'garbage', 'target'), send(`garbage-${i}`, nonsense), ended(`garbage-${i}`),
        { do: 'leave', link: `garbage-${i}`, by: i % 2 === 0 ? 'rst' : 'fin' },
      ]).concat([beside('garbage')]) },
      ...pinged('bystander', 'after'),
      open('newcomer', 'newcomer', 'target'),
      ...pinged('newcomer', 'after'),
    ],
    deadlineMs: 8000,
  },
  {
    id: 'framing/cut-off',
    says: 'FIN within the header, the key and the payload of a frame',
    feeds: rules('eof-mid-frame'),
    profile: 'full',
    steps: [{ do: 'together', branches: [1, 3, plain.length - 4].map((most, i): Step[] => [
      open(`cut-${i}`, 'cut-off', 'target'), send(`cut-${i}`, plain.subarray(0, most)), { do: 'shut', link: `cut-${i}` }, ended(`cut-${i}`),
    ]) }],
    deadlineMs: 4000,
  },
]

// ---- generated ---------------------------------------------------------------------------------------------------

const legalStreams: Property = {
  id: 'framing/legal-streams',
  says: 'messages of every length in any fragments with pings and pongs between them, cut anywhere',
  feeds: [...rules('payload-preserved'), ...passive],
  needs: 'echo',
  talks: streams({ most: 4, bytes: 3000 }).chain((frames) => {
    const all = [...frames, client.text('the last')]
    return chops(all).map((chop) => ({ frames: all, until: { message: bytes('the last') }, ...(chop === undefined ? {} : { chop }) }))
  }),
  examples: [],
  runs: 40,
}

const pings = fc.array(fc.uint8Array({ maxLength: 125 }).map((payload) => client.ping(payload.map((byte) => byte & 0x7f))), { maxLength: 4 })

const choppedPings: Property = {
  id: 'framing/chopped-pings',
  says: 'pings cut anywhere',
  feeds: [...rules('tcp-chop'), ...passive],
  talks: pings.chain((frames) => {
    const all = [...frames, client.ping('last')]
    return chops(all).map((chop) => ({ frames: all, until: { pong: 'last' }, ...(chop === undefined ? {} : { chop }) }))
  }),
  examples: [],
  runs: 30,
}

/** Faults of a header, alone. */
const faultsAlone: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15), fc.uint8Array({ maxLength: 20 })).map(([opcode, payload]) => client.frame(opcode, payload)),
  fc.tuple(fc.constantFrom(1, 2, 9, 10), fc.integer({ min: 1, max: 7 })).map(([opcode, rsv]) => client.frame(opcode, word, { rsv })),
  fc.constantFrom(1, 2, 9, 10).map((opcode) => frame({ opcode, payload: word })),
  fc.constantFrom(9, 10).map((opcode) => client.frame(opcode, word, { fin: false })),
  fc.constant(client.more(word)),
)

const faultyStreams: Property = {
  id: 'framing/faulty-streams',
  says: 'right pings and pongs, one fault of a header, and right frames behind it, cut anywhere',
  feeds: rules('fault-stops'),
  talks: fc.tuple(pings, faultsAlone).chain(([before, fault]) => {
    const all = [...before, fault, client.text('behind the fault'), client.ping('behind')]
    return chops(all).map((chop) => ({ frames: all, until: { pong: 'behind' }, ...(chop === undefined ? {} : { chop }) }))
  }),
  examples: [],
  runs: 40,
}

export const framing: Suite = { id: 'ws/framing', stimuli, properties: [legalStreams, choppedPings, faultyStreams] }
