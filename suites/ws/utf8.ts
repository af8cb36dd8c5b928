/** How the utf8 room is provoked: good text of every kind, text that is none, and bytes where no text is meant. */
import fc from 'fast-check'
import { bytes, hex, join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { chops, fragmented, texts } from './frames.ts'
import { flawed, hardTexts, type Flawed } from './odd-texts.ts'
import type { Property, Step, Stimulus, Suite, Talk } from './stimulus.ts'

/** What every target takes, and a ping that shows it. */
const greeting = [client.text('streamproof'), client.ping('0')]
const euro = hex('e2 82 ac')

/** Messages with a ping behind each: the pong says that it was taken. The last one shows an echo that all before it were. */
const probed = (messages: readonly Uint8Array[]): Uint8Array[] =>
  [...messages, client.text('.')].flatMap((message, i) => [message, client.ping(String(i + 1))])

const awaited = (link: string, pong: number): Step => ({ do: 'await', link, for: { pong: String(pong) }, withinMs: 2000 })

const fed = (slug: string): RuleId => `ws/utf8/${slug}`

type Legal = readonly [before: readonly Uint8Array[], messages: readonly Uint8Array[]]

/** Right messages on a connection of their own. */
const legal = (slug: string, says: string, [before, messages]: Legal, feeds: readonly string[]): Stimulus => ({
  id: `utf8/${slug}`,
  says,
  feeds: feeds.map(fed),
  profile: 'full',
  steps: [
    { do: 'open', link: slug, role: slug, to: 'target' },
    { do: 'send', link: slug, bytes: join(...before) },
    awaited(slug, 0),
    { do: 'send', link: slug, bytes: join(...probed(messages)) },
    awaited(slug, messages.length + 1),
    { do: 'leave', link: slug, by: 'close' },
  ],
  deadlineMs: 6000,
})

/** Bytes behind which nothing is to come but the end. */
const refused = (slug: string, says: string, sent: Uint8Array, feeds = slug): Stimulus => ({
  id: `utf8/${slug}`,
  says,
  feeds: [fed(feeds)],
  profile: 'full',
  steps: [
    { do: 'open', link: slug, role: slug, to: 'target' },
    { do: 'send', link: slug, bytes: sent },
    { do: 'await', link: slug, for: { pong: 'behind' }, withinMs: 1000 },
    // who looks at the text in the application closes behind the pong
    { do: 'await', link: slug, for: { close: true }, withinMs: 300 },
  ],
  deadlineMs: 4000,
})

const behind = client.ping('behind')
const long = bytes('x'.repeat(100))

/** A sequence cut at each of its bytes, one message for each. */
const cutEverywhere = hardTexts.flatMap((text) => {
  const payload = bytes(text)
  return Array.from({ length: payload.length - 1 }, (_, i) => join(...fragmented({ type: 'text', payload }, [i + 1])))
})

const stimuli: readonly Stimulus[] = [
  legal('valid', 'text with characters that are rare', [greeting, hardTexts.map((text) => client.text(text))], ['valid-accept', 'send-valid']),
  legal('split', 'characters cut by the ends of fragments', [greeting, cutEverywhere], ['split-valid']),
  {
    id: 'utf8/segments',
    says: 'characters cut by the ends of segments',
    feeds: [fed('split-valid')],
    profile: 'full',
    steps: [
      { do: 'open', link: 'segments', role: 'segments', to: 'target' },
      { do: 'send', link: 'segments', bytes: join(...greeting) },
      awaited('segments', 0),
      { do: 'send', link: 'segments', bytes: client.text('κόσμε €😀'), chop: 'octets' },
      { do: 'send', link: 'segments', bytes: join(client.ping('1'), client.text('.'), client.ping('2')) },
      awaited('segments', 2),
      { do: 'leave', link: 'segments', by: 'close' },
    ],
    deadlineMs: 6000,
  },
  legal('binary', 'binary messages that are not UTF-8', [[client.binary('streamproof'), client.ping('0')], [
    client.binary(hex('80 ff c0 af')), client.binary(hex('ed a0 80')), client.binary(euro.slice(0, 2)),
    join(client.binary(hex('ff'), { fin: false }), client.more(hex('fe'))),
  ]], ['binary-exempt']),
  {
    id: 'utf8/control',
    says: 'a ping and a pong with bytes that are not UTF-8',
    feeds: [fed('control-exempt')],
    profile: 'safe',
    steps: [
      { do: 'open', link: 'control', role: 'control', to: 'target' },
      { do: 'send', link: 'control', bytes: client.ping('0') },
      awaited('control', 0),
      { do: 'send', link: 'control', bytes: join(client.pong(hex('ff 80')), client.ping(hex('c0 80 ff fe')), client.ping('1')) },
      awaited('control', 1),
      { do: 'leave', link: 'control', by: 'close' },
    ],
    deadlineMs: 5000,
  },
  refused('early-frame', 'the first fragment of a text that is not UTF-8, and a ping',
    join(client.text(hex('61 ff 62'), { fin: false }), behind), 'fail-fast-frame'),
  refused('early-split', 'two fragments of a text that goes wrong at the second, and a ping',
    join(client.text(hex('61 e2'), { fin: false }), client.more(hex('28 62'), { fin: false }), behind), 'fail-fast-frame'),
  refused('early-chop', 'the beginning of a frame of text that is not UTF-8',
    client.text(join(hex('61 ff 62'), long)).slice(0, 30), 'fail-fast-chop'),
  refused('replacement', 'text that is not UTF-8, and a ping', join(client.text(hex('61 ff 62')), behind), 'no-replacement'),
]

/** The text in fragments that are not cut inside its flaw. */
function whole({ bytes: payload, at, length }: Flawed, plan: readonly number[]): Uint8Array[] {
  const isOutside = (cut: number): boolean => cut <= at || (cut >= at + length && cut < payload.length)
  return fragmented({ type: 'text', payload }, plan.map((cut) => cut % (payload.length + 1)).filter(isOutside))
}

/** The text cut behind the first byte of its flaw. */
const within = ({ bytes: payload, at }: Flawed, plan: readonly number[]): Uint8Array[] =>
  fragmented({ type: 'text', payload }, [at + 1, ...plan])

/** Behind these, only the next byte shows the flaw. */
const innocent: ReadonlySet<number | undefined> = new Set([0xe0, 0xed, 0xf0, 0xf4])

const innocentFlaws = fc.oneof(flawed('overlong'), flawed('surrogate'), flawed('range'))
  .filter(({ bytes: all, at }) => innocent.has(all[at]))

const cuts = fc.array(fc.nat(60), { maxLength: 4 })

type Frames = fc.Arbitrary<readonly Uint8Array[]>

const provoking = (bad: Frames): fc.Arbitrary<Talk> =>
  bad.map((sent) => [...sent, behind]).chain((frames) =>
    chops(frames).map((chop) => ({ frames, ...(chop === undefined ? {} : { chop }), until: { pong: 'behind' } })))

const example = (...frames: readonly Uint8Array[]): Talk => ({ frames: [...frames, behind], until: { pong: 'behind' } })
const text = (digits: string): Talk => example(client.text(hex(digits)))

/** P3 for one kind of flaw: generated text x fragments x cuts. */
const property = (slug: string, says: string, bad: Frames, examples: readonly Talk[]): Property => ({
  id: `utf8/${slug}`, says, feeds: [fed(slug)], talks: provoking(bad), examples, runs: 15,
})

const flaw = (kind: Parameters<typeof flawed>[0]): Frames => fc.tuple(flawed(kind), cuts).map(([bad, plan]) => whole(bad, plan))

/** Good text, cut as planned, with a ping behind each message. */
const echoed = (slug: string, says: string, plans: fc.Arbitrary<readonly number[]>): Property => ({
  id: `utf8/${slug}`,
  says,
  feeds: [fed(slug)],
  talks: fc.tuple(fc.array(texts(20), { minLength: 1, maxLength: 3 }), plans).map(([all, plan]) => ({
    frames: [...greeting, ...probed(all.map((payload) => join(...fragmented({ type: 'text', payload }, plan))))],
    until: { pong: String(all.length + 1) },
  })),
  examples: [],
  runs: 20,
})

const properties: readonly Property[] = [
  property('invalid-reject', 'text with bytes that are not UTF-8', flaw('invalid'), [
    text('80'), text('bf'), text('fe'), text('ff'), text('61 c2 20'),
  ]),
  property('overlong-reject', 'text with overlong forms', flaw('overlong'), [
    text('c0 af'), text('c1 bf'), text('c0 80'), text('e0 80 af'), text('e0 9f bf'), text('f0 80 80 af'), text('f0 8f bf bf'),
  ]),
  property('surrogate-reject', 'text with encoded surrogates', flaw('surrogate'), [
    text('ed a0 80'), text('ed bf bf'), text('ed a0 80 ed b0 80'),
  ]),
  property('range-reject', 'text with sequences above U+10FFFF', flaw('range'), [
    text('f4 90 80 80'), text('f7 bf bf bf'), text('f8 88 80 80 80'), text('fc 84 80 80 80 80'), text('fd bf bf bf bf bf'),
  ]),
  property('truncated-reject', 'text that ends inside a character', flaw('truncated'), [
    text('c2'), text('e2 82'), text('f0 9f 98'), text('61 f4'),
    example(client.text(hex('e2 82'), { fin: false }), client.more('')),
  ]),
  property('split-invalid', 'text with a flaw that is cut by fragments',
    fc.tuple(innocentFlaws, cuts).map(([bad, plan]) => within(bad, plan)), [
      example(client.text(hex('61 ed'), { fin: false }), client.more(hex('a0 80'))),
      example(client.text(hex('e2 82'), { fin: false }), client.more(hex('28 62'))),
      example(client.text(hex('f0 9f'), { fin: false }), client.more(''), client.more(hex('c3 a9'))),
    ]),
  echoed('valid-accept', 'text of any characters', fc.constant([])),
  echoed('split-valid', 'text in fragments', fc.array(fc.nat(80), { minLength: 1, maxLength: 6 })),
]

export const utf8: Suite = { id: 'ws/utf8', stimuli, properties }
