/** How the masking room is provoked: frames without mask, odd keys, and cuts within key and payload. */
import fc from 'fast-check'
import { bytes, join } from '../../spec/bytes.ts'
import { client, frame, opcodes } from '../../spec/ws/frame.ts'
import { keys, ramp } from './frames.ts'
import type { Property, Step, Stimulus, Suite } from './stimulus.ts'

/** ms; a right server answers at once, one that does not costs this once */
const patienceMs = 1000

const word = 'streamproof'

/** One connection for each frame without mask. */
const unmasked = (role: string, wrong: readonly Uint8Array[]): Step[][] => wrong.map((bytes, i) => {
  const link = `${role}-${i}`
  return [
    { do: 'open', link, role, to: 'target' }, { do: 'send', link, bytes }, { do: 'await', link, for: { end: true }, withinMs: patienceMs },
  ]
})

/** The same with a mask: what the target does about the content. */
const twin = (role: string, bytes: Uint8Array): Step[] => [
  { do: 'open', link: 'twin', role: `${role}/twin`, to: 'target' },
  { do: 'send', link: 'twin', bytes: join(bytes, client.ping('twin')) },
  { do: 'await', link: 'twin', for: { pong: 'twin' }, withinMs: patienceMs },
  { do: 'leave', link: 'twin', by: 'fin' },
]

const together = (...branches: readonly (readonly Step[])[]): Step[] => [{ do: 'together', branches }]

const oddKeys = [0x00, 0xff, 0x01, 0x80].map((byte) => new Uint8Array(4).fill(byte))
const first = client.text(word, { fin: false })

/** Offsets behind the length of a short frame: within the key, at its end, within the payload. */
const behindLength = (length: number): number[] => Array.from({ length: length - 3 }, (_, i) => i + 3)

const stimuli: readonly Stimulus[] = [
  {
    id: 'masking/data',
    says: 'text and binary frames without mask',
    feeds: ['ws/masking/required-data', 'ws/masking/code-1002'],
    profile: 'full',
    steps: together(
      ...unmasked('unmasked', [opcodes.text, opcodes.binary].flatMap((opcode) => ['', word, ramp(200)].map((payload) => frame({ opcode, payload })))),
      twin('unmasked', client.text(word)),
    ),
    deadlineMs: 4000,
  },
  {
    id: 'masking/control',
    says: 'a ping, a pong and a Close without mask',
    feeds: ['ws/masking/required-control', 'ws/masking/code-1002'],
    profile: 'full',
    steps: together(...unmasked('unmasked-control', [
      frame({ opcode: opcodes.ping, payload: word }), frame({ opcode: opcodes.ping }), frame({ opcode: opcodes.pong, payload: word }),
      frame({ opcode: opcodes.close, payload: Uint8Array.of(0x03, 0xe8) }),
    ])),
    deadlineMs: 4000,
  },
  {
    id: 'masking/continuation',
    says: 'a continuation without mask behind a masked first frame',
    feeds: ['ws/masking/required-continuation'],
    profile: 'full',
    steps: together(
      ...unmasked('unmasked-more', [true, false].map((fin) => join(first, frame({ opcode: opcodes.continuation, payload: word, fin })))),
      twin('unmasked-more', join(first, client.more(word))),
    ),
    deadlineMs: 4000,
  },
  {
    id: 'masking/keys',
    says: 'pings under the keys 00000000, ffffffff and others of equal bytes',
    feeds: ['ws/masking/any-key', 'ws/masking/server-never'],
    profile: 'safe',
    // one at a time: of several pings only the last needs a pong
    steps: [
      { do: 'open', link: 'keys', role: 'keys', to: 'target' },
      ...oddKeys.flatMap((mask, i): Step[] => [
        { do: 'send', link: 'keys', bytes: client.ping(`key ${i}`, { mask }) },
        { do: 'await', link: 'keys', for: { pong: `key ${i}` }, withinMs: patienceMs },
      ]),
      { do: 'leave', link: 'keys', by: 'close' },
    ],
    deadlineMs: 6000,
  },
]

/** An ordinary message behind the one that is meant: what is wrong with that is seen at once. */
const last = client.text('the last')
const until = { message: bytes('the last') }

const keyed: Property = {
  id: 'masking/keys-echo',
  says: 'messages under any key',
  feeds: ['ws/masking/any-key', 'ws/masking/server-never'],
  needs: 'echo',
  talks: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 200 }), keys)
    .map(([payload, mask]) => ({ frames: [client.binary(payload, { mask }), last], until })),
  examples: oddKeys.map((mask) => ({ frames: [client.text(word, { mask }), last], until })),
  runs: 30,
}

const aligned: Property = {
  id: 'masking/alignment',
  says: 'messages of odd lengths cut within the key and the payload',
  feeds: ['ws/masking/alignment'],
  needs: 'echo',
  talks: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 120 }), keys, fc.array(fc.nat(120), { minLength: 1, maxLength: 8 }))
    .map(([payload, mask, at]) => ({
      frames: [client.binary(payload, { mask }), last], chop: at.map((one) => 3 + (one % (payload.length + 3))), until,
    })),
  examples: [1, 2, 3, 5, 7, 8, 13].map((length) => ({
    frames: [client.binary(ramp(length)), last], chop: behindLength(length + 6), until,
  })),
  runs: 30,
}

export const masking: Suite = { id: 'ws/masking', stimuli, properties: [keyed, aligned] }
