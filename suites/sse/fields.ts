/** How the fields room is provoked: names of events, and events with every field. */
import fc from 'fast-check'
import type { Event, RuleId } from '../../spec/model.ts'
import type { Property, Suite } from '../stimulus.ts'
import { controlled, hostile, pieces, word } from './payloads.ts'

/** What shows in the lines of any stream, whatever was asked for. */
const lines: readonly RuleId[] = [
  'sse/fields/exact-names', 'sse/fields/no-space-in-name', 'sse/fields/known-only', 'sse/fields/no-dataless-event',
  'sse/fields/event-name-nonempty', 'sse/fields/no-duplicates-in-block',
]

const property = (
  slug: string,
  says: string,
  events: fc.Arbitrary<readonly Event[]>,
  examples: readonly (readonly Event[])[],
  runs: number,
  also: readonly RuleId[] = [],
): Property => ({
  id: `fields/${slug}`,
  says,
  feeds: [`sse/fields/${slug}`, ...also],
  scripts: events.map((of) => controlled(...of)),
  examples: examples.map((of) => controlled(...of)),
  runs,
})

const named = (event: string): Event[] => [{ data: 'x', event }]

/** Names that the format carries and encoders get wrong. */
const names = [
  'add', 'a b', 'a:b', ':', ':x', 'a: b', 'ж', '例', 'é', '💥', ' x', 'x ', '  x', '\tx', 'x\ty', '\u00a0x', 'data',
  'event', 'id', 'message', 'error', 'open', 'data: y', 'userJoined', '__proto__', '0', 'null', '',
]
const anyName = fc.array(pieces, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('').replace(/[\r\n\0]/g, ''))

const namesWithBreaks = [
  'a\nb', 'a\rb', 'a\r\nb', 'a\ndata: z', 'a\rdata: z', 'a\n\ndata: z', 'a\nevent: b', 'a\nid: 9', 'a\nretry: 1',
  'a\n: c', '\n\n', 'a\n', '\na',
]

/** Two or more events of one name in a row, each batch before the next. */
const batches = fc.array(
  fc.record({ name: fc.option(word, { nil: undefined }), size: fc.integer({ min: 1, max: 3 }) }),
  { minLength: 1, maxLength: 4 },
).map((runs) => runs.flatMap(({ name, size }) => Array.from({ length: size }, (): Event =>
  ({ data: 'x', ...(name === undefined ? {} : { event: name }) }))))

/** Any of the members, data always: blocks without it are asked for elsewhere. */
const whole: fc.Arbitrary<Event> = fc.record(
  { data: word, event: word, id: word, retry: fc.integer({ min: 500, max: 60_000 }), comment: word },
  { requiredKeys: ['data'] },
)

export const fields: Suite = {
  id: 'sse/fields',
  stimuli: [],
  properties: [
    property(
      'event-name-roundtrip', 'event names with colons, spaces and text beyond ASCII',
      fc.oneof(word, anyName).map(named), names.map(named), 60,
    ),
    property(
      'event-name-newline-refused', 'event names with CR and LF', hostile.map(named), namesWithBreaks.map(named), 40,
    ),
    property(
      'event-per-block', 'several events of one name in a row, and events without a name behind them', batches,
      [
        [{ data: '1', event: 'x' }, { data: '2', event: 'x' }],
        [{ data: '1', event: 'x' }, { data: '2' }, { data: '3', event: 'x' }],
        [{ data: '1', event: 'x' }, { data: '2', event: 'y' }, { data: '3', event: 'y' }, { data: '4', event: '' }],
      ],
      30, lines,
    ),
    property(
      'no-duplicates-in-block', 'events with every field, and with some left out',
      fc.array(whole, { minLength: 1, maxLength: 3 }),
      [
        [{ data: 'x', event: 'e', id: '1', retry: 3000, comment: 'c' }],
        [{ data: 'x' }, { data: 'y', id: '1' }, { data: 'z' }],
      ],
      30, lines.filter((id) => id !== 'sse/fields/no-duplicates-in-block'),
    ),
  ],
}
