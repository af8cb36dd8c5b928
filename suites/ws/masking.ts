/** How the masking room is provoked: frames without mask, odd keys, and cuts within key and payload. */
import fc from 'fast-check'
import { bytes, join } from '../../spec/bytes.ts'
import { client, closeBody, frame, opcodes } from '../../spec/ws/frame.ts'
import { keys, ramp } from './frames.ts'
import { faulty, leave, open, ponged, send } from './steps.ts'
import type { Property, Step, Stimulus, Suite } from './stimulus.ts'

const word = 'streamproof'

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
    steps: faulty(
      'unmasked',
      [opcodes.text, opcodes.binary].flatMap((opcode) => ['', word, ramp(200)].map((payload) => frame({ opcode, payload }))),
      client.text(word),
    ),
    deadlineMs: 4000,
  },
  {
    id: 'masking/control',
    says: 'a ping, a pong and a Close without mask',
    feeds: ['ws/masking/required-control', 'ws/masking/code-1002'],
    profile: 'full',
    steps: faulty('unmasked-control', [
      frame({ opcode: opcodes.ping, payload: word }), frame({ opcode: opcodes.ping }), frame({ opcode: opcodes.pong, payload: word }),
      frame({ opcode: opcodes.close, payload: closeBody(1000) }),
    ]),
    deadlineMs: 4000,
  },
  {
    id: 'masking/continuation',
    says: 'a continuation without mask behind a masked first frame',
    feeds: ['ws/masking/required-continuation'],
    profile: 'full',
    steps: faulty(
      'unmasked-more',
      [true, false].map((fin) => join(first, frame({ opcode: opcodes.continuation, payload: word, fin }))),
      first, client.more(word),
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
      open('keys', 'keys'),
      ...oddKeys.flatMap((mask, i): Step[] => [send('keys', client.ping(`key ${i}`, { mask })), ponged('keys', `key ${i}`)]),
      leave('keys'),
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
