/** How the limits room is provoked: too long, too many, too fast. What is loud is bounded to 2 s and 64 MiB. */
import fc from 'fast-check'
import type { RuleId } from '../../spec/model.ts'
import { client, opcodes } from '../../spec/ws/frame.ts'
import { fragmented, ramp } from './frames.ts'
import type { BaseFacts, Step, Stimulus, Suite, Talk } from './stimulus.ts'

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/limits/${slug}` as const)

const MiB = 1024 * 1024

/** bytes; what is tried of a limit that a target tells */
const mostTold = 16 * MiB

const headerOf = (announced: bigint, opcode: number = opcodes.binary): Uint8Array => client.frame(opcode, '', { announced, lengthForm: announced < 65_536n ? 16 : 64 })

/** Opens, sends in these writes, and waits for the end, or for a pong to a ping behind it. */
function sending(link: string, writes: readonly Uint8Array[], { role = link, withinMs = 1500, pong = false } = {}): Step[] {
  return [
    { do: 'open', link, role: `limits/${role}`, to: 'target' },
    ...writes.map((bytes): Step => ({ do: 'send', link, bytes })),
    ...(pong ? [{ do: 'send', link, bytes: client.ping('last') } as const] : []),
    { do: 'await', link, for: pong ? { pong: 'last' } : { end: true }, withinMs },
    // a goodbye would be the reason for the end that is waited for
    { do: 'leave', link, by: 'fin' },
  ]
}

/** A message that never ends, in fragments of these lengths. */
const endless = (...lengths: readonly number[]): Uint8Array[] => lengths.map((length, i) =>
  client.frame(i === 0 ? opcodes.binary : opcodes.continuation, new Uint8Array(length), { fin: false }))

/** A target that says how much it takes: a byte more, as much, and more in parts. */
function told(most: number): Stimulus[] {
  const stimulus = (slug: string, says: string, feeds: readonly RuleId[], steps: readonly Step[]): Stimulus =>
    ({ id: `limits/${slug}`, says, feeds, profile: 'full', loud: true, steps, deadlineMs: 6000 })
  const quarter = Math.ceil(most / 4) + 1
  return [
    stimulus('over', 'a message of one byte more than the target says it takes', rules('max-message'), sending('over', [client.binary(new Uint8Array(most + 1))])),
    stimulus('at', 'a message of exactly as many bytes as the target says it takes', rules('at-limit-accepted'),
      sending('at', [client.binary(new Uint8Array(most))], { pong: true, withinMs: 3000 })),
    stimulus('fragments', 'more than that in four fragments', rules('fragment-sum'), sending('fragments', endless(quarter, quarter, quarter, quarter))),
    stimulus('declared', 'a header that announces more than that', rules('declared-length'), sending('declared', [headerOf(BigInt(most) + 1n)])),
  ]
}

/**
 * A frame that was announced is filled: by a ping, which answers who takes the frame for a short one, and by as much as
 * ends the connection of who counts what comes.
 */
const filled = (link: string): Step[] => [
  { do: 'send', link, bytes: client.ping('inside') },
  { do: 'await', link, for: { pong: 'inside' }, withinMs: 300 },
  { do: 'send', link, bytes: new Uint8Array(17 * MiB), withinMs: 1000 },
  { do: 'await', link, for: { end: true }, withinMs: 1500 },
  { do: 'leave', link, by: 'fin' },
]

/** A target that does not: fragments, each time as many bytes again, up to 64 MiB. */
const doubling = (): Stimulus => ({
  id: 'limits/doubling', says: 'a message that never ends, doubled up to 64 MiB or until it is refused', feeds: rules('max-message', 'fragment-sum'),
  profile: 'full', loud: true, deadlineMs: 10_000,
  get steps(): readonly Step[] {
    const fragments = endless(...[1, 1, 2, 4, 8, 16, 32].map((size) => size * MiB))
    return [
      { do: 'open', link: 'doubling', role: 'limits/doubling', to: 'target' },
      ...fragments.flatMap((bytes, i): Step[] => [
        { do: 'send', link: 'doubling', bytes },
        { do: 'send', link: 'doubling', bytes: client.ping(`${i}`) },
        { do: 'await', link: 'doubling', for: { pong: `${i}` }, withinMs: 2000 },
      ]),
      { do: 'leave', link: 'doubling', by: 'fin' },
    ]
  },
})

/** fragments; ws takes 131072 */
const manyPieces = 140_000

/** Fragments of no byte and of one. */
function pieces(): Uint8Array {
  const [empty, one] = [client.more('', { fin: false }), client.more('x', { fin: false })]
  return Buffer.concat([client.binary('', { fin: false }), ...Array.from({ length: manyPieces }, (_, i) => (i % 2 === 0 ? empty : one))])
}

/** MiB; more than both systems and a bounded queue hold for a client that does not read */
const floodMiB = 10

function flood(): Step[] {
  const ping = client.ping('x'.repeat(125))
  const bytes = Buffer.concat(Array.from({ length: Math.floor(MiB / ping.length) }, () => ping))
  const link = 'flood'
  return [
    { do: 'open', link, role: 'limits/ping-flood', to: 'target' },
    { do: 'pause', link },
    { do: 'together', branches: [
      Array.from({ length: floodMiB }, (): Step => ({ do: 'send', link, bytes })),
      [{ do: 'await', link, for: { ms: 2500 }, withinMs: 2500 }, { do: 'resume', link }],
    ] },
    { do: 'send', link, bytes: client.ping('last') },
    { do: 'await', link, for: { pong: 'last' }, withinMs: 3000 },
    { do: 'leave', link, by: 'fin' },
  ]
}

/** Names of two characters: so many fit into a head that is still taken. */
const names = Array.from({ length: 2001 }, (_, i) => `${String.fromCharCode(97 + (i % 26))}${(i / 26 | 0).toString(36)}`)

/** Those of the handshake last: parsers leave out what comes behind the first 2000. */
const manyFields = {
  ...Object.fromEntries(names.map((name) => [name, '1'])),
  Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

const spaces = ' '.repeat(6000)

const crowd = 100

const silent = (): Step[] => [
  { do: 'together', branches: Array.from({ length: crowd }, (_, i): Step[] => [{ do: 'open', link: `${i}`, role: 'limits/crowd', to: 'target' }]) },
  { do: 'together', branches: Array.from({ length: crowd }, (_, i): Step[] => [
    { do: 'send', link: `${i}`, bytes: client.ping('here') },
    { do: 'await', link: `${i}`, for: { pong: 'here' }, withinMs: 2000 },
  ]) },
  { do: 'together', branches: Array.from({ length: crowd }, (_, i): Step[] => [{ do: 'leave', link: `${i}`, by: 'fin' }]) },
]

const throughput = (link: string, frames: readonly Uint8Array[], chop?: readonly number[]): Step[] => [
  { do: 'open', link, role: 'limits/throughput', to: 'echo' },
  { do: 'send', link, bytes: Buffer.concat(frames), ...(chop ? { chop } : {}) },
  { do: 'await', link, for: { messages: 1 }, withinMs: 4300 },
  { do: 'leave', link, by: 'close' },
]

const octets = client.binary(ramp(1200))

export const limits: Suite = {
  id: 'ws/limits',
  stimuli: [
    {
      id: 'limits/huge', says: 'headers that announce 2^32 bytes and more, and 17 MiB behind one', feeds: rules('huge-length'), profile: 'full', deadlineMs: 7000,
      steps: [{ do: 'together', branches: [
        [...sending('huge-0', [headerOf(2n ** 32n)]).slice(0, -1), ...filled('huge-0')],
        ...[2n ** 53n, 2n ** 63n - 1n].map((length, i) => sending(`huge-${i + 1}`, [headerOf(length)])),
      ] }],
    },
    {
      id: 'limits/headers', says: 'a handshake with 2000 more fields, and 20 pings on one behind it', feeds: rules('header-count'), profile: 'full', deadlineMs: 6000,
      steps: [
        { do: 'open', link: 'many', role: 'limits/headers', to: 'target', asked: { headers: manyFields } },
        { do: 'leave', link: 'many', by: 'close' },
        { do: 'open', link: 'after', role: 'limits/headers/after', to: 'target' },
        ...Array.from({ length: 20 }, (_, i): Step[] => [
          { do: 'send', link: 'after', bytes: client.ping(`${i}`) },
          { do: 'await', link: 'after', for: { pong: `${i}` }, withinMs: 200 },
        ]).flat(),
        { do: 'leave', link: 'after', by: 'close' },
      ],
    },
    {
      id: 'limits/long-field', says: 'fields of 6000 spaces', feeds: rules('header-parse-linear'), profile: 'full', deadlineMs: 6000,
      steps: [{ do: 'together', branches: [
        { 'Sec-WebSocket-Protocol': `a,${spaces}b` }, { 'Sec-WebSocket-Extensions': `x-streamproof;${spaces}a` },
      ].map((headers, i): Step[] => [
        { do: 'open', link: `${i}`, role: 'limits/long-field', to: 'target', asked: { headers } },
        { do: 'leave', link: `${i}`, by: 'close' },
      ]) }],
    },
    {
      id: 'limits/pieces', says: `a message in ${manyPieces} fragments of no byte or one`, feeds: rules('fragment-count'), profile: 'full', loud: true, deadlineMs: 6000,
      get steps() { return sending('pieces', [pieces()], { withinMs: 2000 }) },
    },
    {
      id: 'limits/octets', says: 'a message that comes one byte at a time', feeds: rules('tiny-chunks'), profile: 'full', loud: true, deadlineMs: 8000,
      steps: [
        { do: 'open', link: 'octets', role: 'limits/octets', to: 'target' },
        { do: 'send', link: 'octets', bytes: octets, chop: 'octets' },
        { do: 'send', link: 'octets', bytes: client.ping('last') },
        { do: 'await', link: 'octets', for: { pong: 'last' }, withinMs: 1000 },
        { do: 'leave', link: 'octets', by: 'fin' },
      ],
    },
    {
      id: 'limits/ping-flood', says: `${floodMiB} MiB of pings from a client that does not read`, feeds: rules('ping-flood'), profile: 'full', loud: true, deadlineMs: 9000,
      get steps() { return flood() },
    },
    { id: 'limits/crowd', says: `${crowd} connections at once`, feeds: rules('connections'), profile: 'full', loud: true, deadlineMs: 8000, steps: silent() },
    {
      id: 'limits/throughput', says: 'messages of up to 512 KiB, whole, in fragments and in small segments', feeds: rules('throughput'), profile: 'full', loud: 'alone',
      needs: ['echo'], deadlineMs: 14_000,
      get steps() {
        const text = ramp(256 * 1024)
        const fragments = fragmented({ type: 'text', payload: text }, Array.from({ length: 1023 }, (_, i) => 256 * (i + 1)))
        return [
          ...throughput('whole', [client.binary(ramp(512 * 1024, 0, 0, 256))]),
          ...throughput('fragments', fragments),
          ...throughput('segments', [client.text(text)], Array.from({ length: 255 }, (_, i) => 1024 * (i + 1))),
        ]
      },
    },
  ],
  measured: ({ maxMessageBytes, isLocal }: BaseFacts) =>
    (maxMessageBytes !== undefined ? (maxMessageBytes <= mostTold ? told(maxMessageBytes) : []) : isLocal ? [doubling()] : []),
  properties: [
    {
      id: 'limits/lengths',
      says: 'headers that announce 2^32 bytes and more, with some of them behind',
      feeds: rules('huge-length'),
      talks: fc.noShrink(fc.record({ power: fc.integer({ min: 32, max: 62 }), isText: fc.boolean(), came: fc.nat(300) })).map(({ power, isText, came }): Talk => ({
        frames: [headerOf(2n ** BigInt(power), isText ? opcodes.text : opcodes.binary), new Uint8Array(came)], until: { end: true },
      })),
      examples: [],
      runs: 8,
    },
  ],
}
