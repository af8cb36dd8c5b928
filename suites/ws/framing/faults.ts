/** Every fault of a frame header, and what stands before it, behind it and beside it. */
import fc from 'fast-check'
import { join } from '../../../spec/bytes.ts'
import { client, frame, opcodes } from '../../../spec/ws/frame.ts'
import { chops, pings, ramp } from '../frames.ts'
import { ended, faulty, leave, open, pinged, ponged, send, together, twin } from '../steps.ts'
import type { Property, Stimulus } from '../stimulus.ts'

const word = 'streamproof'
const plain = client.text(word)
const bad = client.frame(3, word)

/** A frame with reserved bits of each kind of data. */
const reserved = [
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) => client.text(word, { rsv })),
  ...[1, 2, 4].map((rsv) => client.binary(word, { rsv })),
  join(client.text(word, { fin: false }), client.more(word, { rsv: 4 })),
]
const reservedControls = [1, 2, 4].flatMap((rsv) =>
  [client.ping(word, { rsv }), client.pong('', { rsv }), client.close(1000, '', { rsv })])

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

export const stimuli: readonly Stimulus[] = [
  {
    id: 'framing/long-forms',
    says: 'messages whose length stands in more bits than it needs',
    feeds: ['ws/framing/length-minimal-receive'],
    profile: 'full',
    // a ping behind each shows at once that the message was taken
    steps: [together(
      ...longForms.map((one, i) => [open(`long-${i}`, 'long-form'), send(`long-${i}`, one), ...pinged(`long-${i}`, 'behind')]),
      twin('long-form', plain),
    )],
    deadlineMs: 5000,
  },
  {
    id: 'framing/huge',
    says: 'lengths of 64 bits with the highest one set',
    feeds: ['ws/framing/length-msb'],
    profile: 'full',
    steps: faulty('huge', [2n ** 63n, 2n ** 63n + 11n, 2n ** 64n - 1n].map((announced) => client.text(word, { announced })), plain),
    deadlineMs: 4000,
  },
  {
    id: 'framing/reserved-bits',
    says: 'data frames with reserved bits',
    feeds: ['ws/framing/rsv-unnegotiated'],
    profile: 'full',
    steps: faulty('rsv', reserved, plain),
    deadlineMs: 4000,
  },
  {
    id: 'framing/reserved-bits-control',
    says: 'pings, pongs and Closes with reserved bits',
    feeds: ['ws/framing/rsv-control'],
    profile: 'full',
    steps: faulty('rsv-control', reservedControls),
    deadlineMs: 4000,
  },
  {
    id: 'framing/opcodes-data',
    says: 'frames with the opcodes 3 to 7',
    feeds: ['ws/framing/opcode-reserved-data'],
    profile: 'full',
    steps: faulty('opcode-data', [3, 4, 5, 6, 7].flatMap((opcode) => [client.frame(opcode, ''), client.frame(opcode, word)]), plain),
    deadlineMs: 4000,
  },
  {
    id: 'framing/opcodes-control',
    says: 'frames with the opcodes 11 to 15',
    feeds: ['ws/framing/opcode-reserved-control'],
    profile: 'full',
    steps: faulty('opcode-control', [11, 12, 13, 14, 15].flatMap((opcode) => [client.frame(opcode, ''), client.frame(opcode, word)])),
    deadlineMs: 4000,
  },
  {
    id: 'framing/behind',
    says: 'a ping and a message behind a fault',
    feeds: ['ws/framing/fault-stops'],
    profile: 'full',
    steps: [together(...[bad, client.text(word, { rsv: 2 }), client.frame(11, '')].map((fault, i) => [
      open(`behind-${i}`, 'behind'),
      send(`behind-${i}`, fault, client.text('behind the fault'), client.ping('behind')),
      ponged(`behind-${i}`, 'behind'),
    ]))],
    deadlineMs: 4000,
  },
  {
    id: 'framing/before',
    says: 'a message before a fault, to an echo',
    feeds: ['ws/framing/prefault-delivered'],
    profile: 'full',
    needs: ['echo'],
    steps: [open('before', 'echo/before', 'echo'), send('before', client.text('before the fault'), bad), ended('before')],
    deadlineMs: 4000,
  },
  {
    id: 'framing/isolated',
    says: 'nonsense on many connections beside one that is right',
    feeds: ['ws/framing/fault-isolated'],
    profile: 'full',
    steps: [
      open('bystander', 'bystander'),
      ...pinged('bystander', 'before'),
      together(
        ...garbage.map((nonsense, i) => {
          const link = `garbage-${i}`
          return [open(link, 'garbage'), send(link, nonsense), ended(link), leave(link, i % 2 === 0 ? 'rst' : 'fin')]
        }),
        twin('garbage', plain),
      ),
      ...pinged('bystander', 'after'),
      open('newcomer', 'newcomer'),
      ...pinged('newcomer', 'after'),
    ],
    deadlineMs: 8000,
  },
]

/** Faults of a header, alone. */
const faultsAlone: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15), fc.uint8Array({ maxLength: 20 }))
    .map(([opcode, payload]) => client.frame(opcode, payload)),
  fc.tuple(fc.constantFrom(1, 2, 9, 10), fc.integer({ min: 1, max: 7 })).map(([opcode, rsv]) => client.frame(opcode, word, { rsv })),
  fc.constantFrom(1, 2, 9, 10).map((opcode) => frame({ opcode, payload: word })),
  fc.constantFrom(9, 10).map((opcode) => client.frame(opcode, word, { fin: false })),
  fc.constant(client.more(word)),
)

export const faultyStreams: Property = {
  id: 'framing/faulty-streams',
  says: 'right pings and pongs, one fault of a header, and right frames behind it, cut anywhere',
  feeds: ['ws/framing/fault-stops'],
  talks: fc.tuple(pings, faultsAlone).chain(([before, fault]) => {
    const all = [...before, fault, client.text('behind the fault'), client.ping('behind')]
    return chops(all).map((chop) => ({ frames: all, until: { pong: 'behind' }, ...(chop === undefined ? {} : { chop }) }))
  }),
  examples: [],
  runs: 40,
}
