/** How the framing room is provoked: legal frames of every length cut anywhere; the faults stand in framing/faults.ts. */
import { bytes } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { chops, pings, ramp, streams } from './frames.ts'
import * as faults from './framing/faults.ts'
import { back, echoed, ended, leave, open, pinged, ponged, send, together, twin } from './steps.ts'
import type { Property, Step, Stimulus, Suite } from './stimulus.ts'

const word = 'streamproof'
const ascii = (length: number): string => Buffer.from(ramp(length)).toString('latin1')

/** Where the writes of one frame end: within the header, within the length, within the key, within the payload. */
const cutsOf = ({ length }: Uint8Array): number[] => [1, 2, 3, 4, 7, 9, 10, 12, 15, length - 1].filter((at) => at < length)

/** Text of so many bytes between two pings. */
const taken = (role: string, link: string, length: number): Step[] =>
  [open(link, role), ...pinged(link, 'ready'), send(link, client.text(ramp(length))), ...pinged(link, 'behind')]

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/framing/${slug}` as RuleId)

/** What is looked at in every frame that the target sends. */
const passive: readonly RuleId[] = [...rules('length-minimal-send', 'length-msb-send', 'rsv-send', 'opcode-send'), 'ws/masking/server-never']

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
      together(...[65_535, 65_536].map((length) =>
        [open(`of-${length}`, 'echo/long', 'echo'), ...echoed(`of-${length}`, ramp(length, 0, 0, 251))])),
    ],
    deadlineMs: 12_000,
  },
  {
    id: 'framing/lengths-taken',
    says: 'messages of 125 to 128, 65535 and 65536 bytes, each with a ping behind it',
    feeds: rules('length-boundaries'),
    profile: 'full',
    steps: [together(
      ...[125, 126, 127, 128, 65_535, 65_536].map((length) => taken('lengths', `of-${length}`, length)),
      twin('lengths', client.text(word)),
    )],
    deadlineMs: 5000,
  },
  {
    id: 'framing/empty',
    says: 'empty messages to an echo',
    feeds: rules('empty-payload'),
    profile: 'full',
    needs: ['echo'],
    steps: [
      open('empty', 'echo/empty', 'echo'),
      send('empty', client.text('')), send('empty', client.binary('')), ...echoed('empty', 'the last'),
    ],
    deadlineMs: 5000,
  },
  {
    id: 'framing/empty-taken',
    says: 'an empty message with a ping behind it',
    feeds: rules('empty-payload'),
    profile: 'full',
    steps: [together(taken('empty', 'empty', 0), twin('empty', client.text(word)))],
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
    steps: [open('pings', 'pings'), ...pinged('pings', ''), ...pinged('pings', 'x'.repeat(125)), leave('pings')],
    deadlineMs: 5000,
  },
  {
    id: 'framing/chop',
    says: 'pings in single bytes',
    feeds: rules('tcp-chop'),
    profile: 'full',
    steps: [
      open('chop', 'chop'),
      ...pinged('chop', 'whole'),
      { do: 'send', link: 'chop', bytes: client.ping('one by one'), chop: 'octets' },
      ponged('chop', 'one by one'),
      leave('chop'),
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
      open('many', 'many'),
      ...pinged('many', 'alone'),
      send('many', ...Array.from({ length: 20 }, (_, i) => client.ping(`${i}`))),
      ponged('many', '19'),
      leave('many'),
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
    id: 'framing/cut-off',
    says: 'FIN within the header, the key and the payload of a frame',
    feeds: rules('eof-mid-frame'),
    profile: 'full',
    steps: [together(...[1, 3, 15].map((most): Step[] => {
      const link = `at-${most}`
      return [open(link, 'cut-off'), send(link, client.text(word).subarray(0, most)), { do: 'shut', link }, ended(link)]
    }))],
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

export const framing: Suite = {
  id: 'ws/framing', stimuli: [...stimuli, ...faults.stimuli], properties: [legalStreams, choppedPings, faults.faultyStreams],
}
