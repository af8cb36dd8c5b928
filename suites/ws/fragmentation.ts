/** How the fragmentation room is provoked: messages cut in every way, fragments out of order, messages that do not end. */
import fc from 'fast-check'
import { join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { binaries, chops, fragmented, plainTexts, plans, type Draft } from './frames.ts'
import { back, faulty, leave, open, patienceMs, pinged, send, together } from './steps.ts'
import type { Property, Step, Stimulus, Suite, Talk } from './stimulus.ts'

const rules = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/fragmentation/${slug}` as RuleId)

const first = { fin: false }

type Begin = typeof client.text

/** A message in these fragments. */
const cutInto = (begin: Begin, parts: readonly string[]): Uint8Array =>
  join(...parts.map((part, i) => (i === 0 ? begin : client.more)(part, i === parts.length - 1 ? {} : first)))
const text = (...parts: readonly string[]): Uint8Array => cutInto(client.text, parts)

/** Messages in fragments to an echo one after the other, each when the one before has come back. */
const echoed = (link: string, messages: readonly (readonly string[])[], begin: (i: number) => Begin = () => client.text): Step[] => [
  open(link, `echo/${link}`, 'echo'),
  ...messages.flatMap((parts, i) => [send(link, cutInto(begin(i), parts)), back(link, parts.join(''))]),
]

/** The same on any server: a connection with a ping behind it, and one with an ordinary message. */
const taken = (role: string, message: Uint8Array): Step => together(
  [open(role, role), ...pinged(role, 'ready'), send(role, message), ...pinged(role, 'behind'), leave(role)],
  [open('twin', `${role}/twin`), send('twin', client.text('one two three')), ...pinged('twin', 'behind'), leave('twin')],
)

const command = (ending: string): Uint8Array =>
  client.text(JSON.stringify({ type: 'publish', ref: ending, events: [{ data: `cut off by ${ending}` }] }), first)

/** 1 MiB and a little of one message, in sixteen fragments. */
const endless = (): Uint8Array => join(...Array.from({ length: 16 }, () => client.more(new Uint8Array(65_540), first)))
const mebibytes = 64

const stimuli: readonly Stimulus[] = [
  {
    id: 'fragmentation/words',
    says: 'messages to an echo in two, three and many fragments',
    feeds: rules('reassemble', 'send-grammar'),
    profile: 'full',
    needs: ['echo'],
    steps: echoed('words', [['two ', 'fragments'], ['one ', 'two ', 'three'], [...'each letter alone'], ['x'.repeat(126), 'y'.repeat(70_000)]]),
    deadlineMs: 6000,
  },
  {
    id: 'fragmentation/words-taken',
    says: 'a message in three fragments with a ping behind it',
    feeds: rules('reassemble'),
    profile: 'full',
    steps: [taken('words', text('one ', 'two ', 'three'))],
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/gaps',
    says: 'messages to an echo with empty fragments at the beginning, in the middle and at the end',
    feeds: rules('empty-fragments'),
    profile: 'full',
    needs: ['echo'],
    steps: echoed('gaps', [['', 'first'], ['mid', '', 'dle'], ['last', ''], ['', '', 'many', '', '', 's', ''], ['', '']]),
    deadlineMs: 7000,
  },
  {
    id: 'fragmentation/gaps-taken',
    says: 'a message with empty fragments and a ping behind it',
    feeds: rules('empty-fragments'),
    profile: 'full',
    steps: [taken('gaps', text('', 'one ', '', 'two three', ''))],
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/types',
    says: 'binary data and text in fragments to an echo',
    feeds: rules('binary-type'),
    profile: 'full',
    needs: ['echo'],
    steps: echoed('types', [['binary ', 'data'], ['some ', 'text'], ['more ', 'of ', 'the first']], (i) => (i === 1 ? client.text : client.binary)),
    deadlineMs: 5000,
  },
  {
    id: 'fragmentation/numbers',
    says: 'a JSON number to an echo, in one frame and in fragments that are numbers too',
    feeds: rules('no-boundary-meaning'),
    profile: 'full',
    needs: ['echo'],
    steps: [together(
      [open('numbers', 'numbers', 'echo'), send('numbers', text('12', '34')), back('numbers', '1234'), ...pinged('numbers', 'behind'), leave('numbers')],
      [open('twin', 'numbers/twin', 'echo'), send('twin', client.text('1234')), back('twin', '1234'), ...pinged('twin', 'behind'), leave('twin')],
    )],
    deadlineMs: 5000,
  },
  {
    id: 'fragmentation/orphans',
    says: 'continuations of nothing',
    feeds: rules('orphan-continuation'),
    profile: 'full',
    steps: faulty('orphan', [client.more('orphan'), client.more('orphan', first), client.more(''), client.more('x'.repeat(300))]),
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/state-reset',
    says: 'a continuation behind the end of a message',
    feeds: rules('state-reset'),
    profile: 'full',
    steps: faulty(
      'state-reset',
      [join(text('one two', ' three'), client.more('four')), join(client.text('one two three'), client.more('four', first))],
      text('one two', ' three'),
    ),
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/interleaved',
    says: 'a new message within one that has not ended',
    feeds: rules('interleave'),
    profile: 'full',
    steps: faulty('within', [
      join(client.text('one', first), client.text('two')),
      join(client.text('one', first), client.binary('two', first)),
      join(client.binary('one', first), client.more('and', first), client.text('two')),
    ]),
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/cut-echo',
    says: 'a Close to an echo in the middle of a message',
    feeds: rules('abandoned'),
    profile: 'full',
    needs: ['echo'],
    steps: [open('cut', 'echo/cut', 'echo'), send('cut', client.text('cut off by goodbye', first)), ...pinged('cut', 'ready'), leave('cut')],
    deadlineMs: 4000,
  },
  {
    id: 'fragmentation/cut',
    says: 'commands that a Close, FIN and RST cut off before their last fragment',
    feeds: rules('abandoned'),
    profile: 'full',
    needs: ['socket', 'stats'],
    steps: [
      open('witness', 'witness', 'socket'),
      together(...(['close', 'fin', 'rst'] as const).map((by) => [
        open(by, 'cut', 'socket'), send(by, command(by)), ...pinged(by, 'ready'), leave(by, by),
      ])),
      // the target knows of the ends before the witness speaks
      { do: 'stats', of: 'sockets', is: 1, withinMs: 2000 },
      send('witness', client.text(JSON.stringify({ type: 'publish', ref: 'witness', events: [{ data: 'the witness hears' }] }))),
      { do: 'await', link: 'witness', for: { text: 'the witness hears' }, withinMs: patienceMs },
      leave('witness'),
    ],
    deadlineMs: 6000,
  },
  {
    id: 'fragmentation/endless',
    says: 'fragments of one message up to 64 MiB',
    feeds: rules('open-bound'),
    profile: 'full',
    loud: true,
    get steps(): readonly Step[] {
      const bytes = endless()
      return [
        open('endless', 'endless'),
        send('endless', client.binary('', first)),
        ...Array.from({ length: mebibytes }, (): Step => ({ do: 'send', link: 'endless', bytes })),
        // a slow reader has some MiB of it still before it
        send('endless', client.ping('all of it')), { do: 'await', link: 'endless', for: { pong: 'all of it' }, withinMs: 4000 },
        leave('endless', 'rst'),
      ]
    },
    deadlineMs: 12_000,
  },
]

/** One message without an odd payload: what is wrong is the fragments. */
const drafts: fc.Arbitrary<Draft> = fc.oneof(
  plainTexts(2000).map((payload) => ({ type: 'text' as const, payload })),
  binaries(2000).map((payload) => ({ type: 'binary' as const, payload })),
)

const talk = ([{ payload }, frames]: readonly [Draft, readonly Uint8Array[]]): fc.Arbitrary<Talk> =>
  chops(frames).map((chop) => ({ frames, ...(chop === undefined ? {} : { chop }), until: { message: payload } }))

/** No fragment of it is empty. */
const dense: fc.Arbitrary<Talk> = fc.tuple(drafts, plans).map(([draft, plan]) => {
  const { length } = draft.payload
  return [draft, fragmented(draft, length < 2 ? [] : [...new Set(plan.map((at) => 1 + (at % (length - 1))))])] as const
}).chain(talk)

/** Each cut is made twice: an empty fragment stands at each of them. */
const sparse: fc.Arbitrary<Talk> = fc.tuple(drafts, plans.filter((plan) => plan.length > 0))
  .map(([draft, plan]) => [draft, fragmented(draft, [...plan, ...plan])] as const)
  .chain(talk)

const properties: readonly Property[] = [
  {
    id: 'fragmentation/plans',
    says: 'messages to an echo in up to seven fragments, cut anywhere by TCP',
    feeds: rules('reassemble', 'send-grammar'),
    needs: 'echo',
    talks: dense,
    examples: [],
    runs: 40,
  },
  {
    id: 'fragmentation/holes',
    says: 'messages to an echo with empty fragments anywhere, cut anywhere by TCP',
    feeds: rules('empty-fragments'),
    needs: 'echo',
    talks: sparse,
    examples: [],
    runs: 30,
  },
]

export const fragmentation: Suite = { id: 'ws/fragmentation', stimuli, properties }
