/** How the resume room is provoked: clients that leave, and come back with the id of their last event or another. */
import type { Event } from '../../spec/model.ts'
import { marker } from '../../spec/sse/resume/hostile.ts'
import type { Asked, BaseFacts, Step, Stimulus, Suite, Until } from '../stimulus.ts'

/** ms that a client stays after the sentinel: a target that replays late must not look as if it did not replay */
const afterwardsMs = 60
/** an id that no target has given, larger than any counter and any time in ns */
const future = '9007199254740993'
const neverGiven = 'streamproof-never-given'

const named = (prefix: string, from: number, to: number): Event[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ id: `${prefix}-${from + i}`, data: `${prefix}-${from + i}` }))

// ---- steps -------------------------------------------------------------------------------------------------------

const open = (link: string, role = 'channel', asked?: Asked): Step =>
  ({ do: 'open', link, role, to: 'stream', ...(asked ? { asked } : {}) })
const read = (link: string, until: Until): Step => ({ do: 'read', link, until })
const until = (link: string, sentinel: string): Step => read(link, { sentinel })
const leave = (link: string): Step => ({ do: 'leave', link })
const reset = (link: string): Step => ({ do: 'leave', link, by: 'rst' })
const publish = (...events: readonly Event[]): Step => ({ do: 'publish', batches: [events] })
const after = (link: string): Asked => ({ lastEventId: { of: link } })
const sync = (link: string): Step => ({ do: 'sync', link })

/** A client that reads those events live and leaves with the id of the last one. */
const reader = (link: string, events: readonly Event[]): Step[] =>
  [open(link), sync(link), publish(...events), until(link, events.at(-1)?.data ?? ''), leave(link)]

/**
 * A client that opens, sees three live events, stays a moment for what comes late, and leaves. The last of them is the
 * sentinel: those before it may be lost to a target that subscribes late.
 */
const visitor = (
  link: string, role: string, asked: Asked, events: readonly Event[], left: Step = leave(link),
): Step[] => [
  open(link, role, asked),
  { do: 'publish', batches: events.map((event) => [event]), everyMs: 30 },
  until(link, events.at(-1)?.data ?? ''), read(link, { ms: afterwardsMs }), left,
]

const [note, ...rest]: readonly Event[] = [
  { id: 'r-4', event: 'note', data: '{"n": 4,  "of": [1, 2]}' },
  { id: 'r-5', data: 'r-5\nsecond line' },
  { id: 'r-6', data: 'r-6 \u00e9 \u20ac \u{1f600}' },
  { id: 'r-7', event: 'note', data: 'r-7' },
]

// ---- beside steady publishing ------------------------------------------------------------------------------------

const steady = 60
/** after which event each connection ends, by what, and how many events later the client is back */
const cuts: readonly (readonly [at: number, by: 'fin' | 'rst', away: number])[] =
  [[4, 'fin', 2], [11, 'rst', 1], [18, 'rst', 3], [27, 'fin', 1], [38, 'rst', 2]]

const cycles: readonly Step[] = cuts.flatMap(([at, by, away], i): Step[] => {
  const link = `cycle-${i + 1}`
  return [
    until(link, `c-${at}`), read(link, { ms: afterwardsMs }), by === 'rst' ? reset(link) : leave(link),
    until('beside', `c-${at + away}`),
    open(`cycle-${i + 2}`, 'cycle', after(link)),
  ]
})
const lastCycle = `cycle-${cuts.length + 1}`

// ---- hostile ids -------------------------------------------------------------------------------------------------

const hostile: Readonly<Record<string, string>> = {
  'escaped-line-ends': `x%0d%0adata: ${marker}%0d%0a%0d%0aid: ${marker}`,
  'spelled-line-ends': `x\\r\\n${marker}: 1\\r\\n\\r\\ndata: ${marker}\\n\\n`,
  'sql': `' OR 1=1; DROP TABLE events; -- ${marker}`,
  'path': `../../../../etc/passwd${marker}`,
  'invalid-utf-8': `\xff\xfe\xc3(${marker}\xed\xa0\x80`,
  'property-name': `__proto__`,
  'template': `\${7*7}{{7*7}}<script>${marker}</script>"'\``,
  'long': `${marker}${'9'.repeat(3000)}`,
}

/** Ids are in play: some were seen, or nothing at all was. */
const mayHaveIds = ({ isEventStream, events, ids }: BaseFacts): boolean => isEventStream && (ids > 0 || events === 0)

const strange = (slug: string, says: string, role: string, asked: Asked): Stimulus => ({
  id: `resume/${slug}`,
  says,
  feeds: [`sse/resume/${slug}`],
  profile: 'full',
  when: mayHaveIds,
  steps: [{ do: 'open', link: role, role, to: 'stream', asked, until: { head: true, thenMs: 100 } }],
  deadlineMs: 5500,
})

const onChannel = (
  slug: string, says: string, feeds: readonly string[], steps: readonly Step[], more: Partial<Stimulus> = {},
): Stimulus => ({
  id: `resume/${slug}`,
  says,
  feeds: feeds.map((rule) => `sse/resume/${rule}` as const),
  profile: 'full',
  needs: ['channel', 'publish'],
  steps,
  deadlineMs: 5000,
  ...more,
})

export const resume: Suite = {
  id: 'sse/resume',
  properties: [],
  stimuli: [
    {
      id: 'resume/once',
      says: 'a second connection, and two more at once, with the last id and with the third that it saw',
      feeds: [
        'sse/resume/honours-last-event-id', 'sse/resume/exclusive', 'sse/resume/no-gap', 'sse/resume/no-duplicate', 'sse/resume/order',
        'sse/resume/same-content', 'sse/resume/first-connect',
      ],
      profile: 'safe',
      getOnly: true,
      when: ({ isEventStream, ids }) => isEventStream && ids > 0,
      steps: [
        { do: 'open', link: 'first', role: 'first', to: 'stream', until: { ms: 2500 } },
        {
          do: 'together',
          branches: [
            [{ do: 'open', link: 'back', role: 'resume', to: 'stream', asked: after('first'), until: { ms: 1600 } }],
            [{ do: 'open', link: 'earlier', role: 'resume', to: 'stream', asked: { lastEventId: { thirdOf: 'first' } }, until: { ms: 1600 } }],
          ],
        },
      ],
      deadlineMs: 5000,
    },
    onChannel(
      'replay', 'a client that leaves and comes back twice with the same id, and events published meanwhile',
      ['honours-last-event-id', 'exclusive', 'no-gap', 'no-duplicate', 'order', 'first-connect'],
      [
        ...reader('first', named('r', 1, 3)),
        publish(note ?? {}, ...rest),
        ...visitor('back', 'resume', after('first'), named('r', 8, 10), reset('back')),
        ...visitor('again', 'resume', after('first'), named('r', 11, 13)),
      ],
    ),
    onChannel(
      'same-content', 'events that one client gets live and another when it comes back', ['same-content'],
      [
        open('witness', 'witness'),
        ...reader('first', named('r', 1, 3)),
        publish(note ?? {}, ...rest), until('witness', 'r-7'),
        ...visitor('back', 'resume', after('first'), named('r', 8, 10)),
      ],
    ),
    onChannel(
      'after-partial-event', 'a client that is cut off in an event, and comes back with the id of the one before',
      ['after-partial-event'],
      [
        open('cut'),
        ...reader('first', named('p', 1, 3)),
        // of its own, so that it is the last thing that was written
        publish(...named('p', 4, 4)), until('cut', 'p-4'), reset('cut'),
        publish(...named('p', 5, 5)),
        ...visitor('back', 'resume', after('first'), named('p', 6, 8)),
      ],
    ),
    onChannel(
      'many-cycles', 'a client that is cut off again and again beside steady publishing',
      ['many-cycles', 'no-gap', 'no-duplicate', 'order'],
      [
        open('beside'), open('cycle-1', 'cycle'), sync('cycle-1'),
        {
          do: 'together',
          branches: [
            [{ do: 'publish', everyMs: 10, batches: named('c', 1, steady).map((event) => [event]) }],
            [...cycles, until(lastCycle, `c-${steady}`), read(lastCycle, { ms: afterwardsMs })],
          ],
        },
      ],
      { deadlineMs: 6000 },
    ),
    onChannel(
      'header-wins', 'a client that comes back with one id in the header and another in the query',
      ['header-wins'],
      [
        ...reader('early', named('h', 1, 2)),
        ...reader('first', named('h', 3, 5)),
        publish(...named('h', 6, 7)),
        ...visitor('two-ids', 'two-ids', { ...after('first'), query: { lastEventId: { of: 'early' } } }, named('h', 8, 10)),
        ...visitor('query', 'query-id', { query: { lastEventId: { of: 'early' } } }, named('h', 11, 13)),
      ],
    ),
    onChannel(
      'tenant-scope', 'an id of one channel, sent to another', ['tenant-scope'],
      [
        ...reader('first', named('t', 1, 2)),
        publish(...named('t', 3, 4)),
        { do: 'publish', to: 'sibling', batches: [named('u', 1, 2)] },
        { do: 'open', link: 'foreign', role: 'sibling', to: 'sibling', asked: after('first') },
        { do: 'publish', to: 'sibling', batches: named('u', 3, 5).map((event) => [event]), everyMs: 60 },
        until('foreign', 'u-5'),
      ],
      { deadlineMs: 4000 },
    ),
    onChannel(
      'expired-id', 'a client whose last event has gone out of a history of 8 events', ['expired-id'],
      [
        { do: 'tune', values: { replayEvents: 8 } },
        open('recent'),
        ...reader('first', named('e', 1, 2)),
        publish(...named('e', 3, 16)), until('recent', 'e-16'), leave('recent'),
        publish(...named('e', 17, 18)),
        ...visitor('kept', 'resume', after('recent'), named('e', 19, 21)),
        ...visitor('expired', 'resume', after('first'), named('e', 22, 24)),
      ],
      { needs: ['channel', 'publish', 'tune'] },
    ),
    onChannel(
      'future-live', 'an id beyond the newest, then live events', ['future-id'],
      [
        open('witness', 'witness'), sync('witness'),
        publish({ id: '1001', data: 'f-1' }, { id: '1002', data: 'f-2' }), until('witness', 'f-2'),
        open('future', 'future-id', { lastEventId: { text: future } }),
        {
          do: 'publish', everyMs: 80,
          batches: [3, 4, 5, 6, 7].map((n) => [{ id: String(1000 + n), data: `f-${n}` }]),
        },
        until('witness', 'f-7'), read('future', { events: 2 }),
      ],
      { deadlineMs: 4500 },
    ),
    onChannel(
      'unknown-live', 'an id that nobody was given, and what is kept', ['unknown-id'],
      [
        ...reader('first', named('n', 1, 3)),
        publish(...named('n', 4, 5)),
        ...visitor('kept', 'resume', after('first'), named('n', 6, 8)),
        ...visitor('unknown', 'unknown-id', { lastEventId: { text: 'n-never-given' } }, named('n', 9, 11)),
      ],
    ),
    onChannel(
      'empty-live', 'an empty Last-Event-ID beside none, and what is kept', ['empty-header'],
      [
        ...reader('first', named('m', 1, 3)),
        open('newcomer', 'newcomer'),
        ...visitor('empty', 'empty-id', { headers: { 'Last-Event-ID': '' } }, named('m', 4, 6)),
      ],
    ),
    strange('empty-header', 'an empty Last-Event-ID', 'empty-id', { headers: { 'Last-Event-ID': '' } }),
    strange('unknown-id', 'an id that the target never gave', 'unknown-id', { lastEventId: { text: neverGiven } }),
    {
      id: 'resume/future-id',
      says: 'an id beyond any other, beside a client without one',
      feeds: ['sse/resume/future-id'],
      profile: 'full',
      when: ({ isEventStream, ids, events, endedAfterMs }) =>
        isEventStream && ids > 0 && events > 1 && endedAfterMs === undefined,
      steps: [
        open('newcomer', 'newcomer'), open('future', 'future-id', { lastEventId: { text: future } }),
        {
          do: 'together',
          branches: [[read('newcomer', { ms: 3000 })], [read('future', { ms: 3000 })]],
        },
      ],
      deadlineMs: 5000,
    },
    {
      id: 'resume/hostile-id',
      says: `${Object.keys(hostile).length} requests with ids that an attacker may write, and one after them`,
      feeds: ['sse/resume/hostile-id'],
      profile: 'full',
      when: mayHaveIds,
      steps: [
        // what is wrong with any unknown id says nothing about these
        {
          do: 'open', link: 'unknown', role: 'unknown-id', to: 'stream',
          asked: { lastEventId: { text: neverGiven } }, until: { head: true, thenMs: 0 },
        },
        ...Object.entries(hostile).map(([link, id]): Step => ({
          do: 'open', link, role: 'hostile-id', to: 'stream',
          asked: { headers: { 'Last-Event-ID': id } }, until: { head: true, thenMs: 60 },
        })),
        { do: 'open', link: 'after-hostile', role: 'after-hostile', to: 'stream', until: { head: true, thenMs: 0 } },
      ],
      deadlineMs: 7000,
    },
  ],
}
