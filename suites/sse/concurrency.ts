/** How the concurrency room is provoked: many readers, readers that leave, and two of everything. */
import type { Event } from '../../spec/model.ts'
import type { Step, Suite } from '../stimulus.ts'

/** streams at once on one channel */
export const crowd = 100
/** readers that stay, and readers that leave meanwhile; events published to them */
const fanout = { stay: 20, leave: 8, events: 40 }

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** With an id, as the sync events have one too: what has ids at all has them on every event. */
const said = (text: string): Event => ({ id: text.replaceAll(/[^a-z0-9]+/g, '-'), data: text })

const open = (link: string, role: string): Step => ({ do: 'open', link, role, to: 'stream' })

/** Every third reader leaves: also those that stand before others in whatever list the target keeps. */
const readers = range(fanout.stay).flatMap((n): Step[] => [
  ...(n % 2 === 1 && n < 2 * fanout.leave ? [open(`leaver-${n}`, 'leaver')] : []),
  open(`reader-${n}`, 'fanout'),
])
const leavers = readers.flatMap((step) => (step.do === 'open' && step.role === 'leaver' ? [step.link] : []))

/** A step for each stream of the crowd, in ten branches. */
const inTens = (step: (link: string) => Step): Step[][] =>
  range(10).map((branch) => range(crowd / 10).map((n) => step(`crowd-${branch}-${n}`)))

export const concurrency: Suite = {
  id: 'sse/concurrency',
  properties: [],
  stimuli: [
    {
      id: 'concurrency/crowd',
      loud: true,
      says: `${crowd} streams at once on one channel`,
      feeds: ['sse/concurrency/many-streams', 'sse/lifecycle/survives'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        {
          do: 'together',
          branches: inTens((link) => open(link, 'crowd')),
        },
        { do: 'publish', batches: [[said('to everybody')]] },
        {
          do: 'together',
          branches: inTens((link) => ({ do: 'read', link, until: { sentinel: 'to everybody' } })),
        },
        ...inTens((link) => ({ do: 'leave', link })).flat(),
        { do: 'open', link: 'alive', role: 'alive', to: 'stream', until: { head: true, thenMs: 0 } },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'concurrency/fanout',
      loud: true,
      says: `${fanout.events} events to ${fanout.stay} subscribers, while ${fanout.leave} others leave`,
      feeds: ['sse/concurrency/fanout-complete'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        ...readers,
        { do: 'sync', link: `reader-${fanout.stay}` },
        {
          do: 'together',
          branches: [
            [{
              do: 'publish',
              batches: range(fanout.events).map((n) => [said(`event ${n} of ${fanout.events}`)]),
              everyMs: 10,
            }],
            ...leavers.map((link, i): readonly Step[] => [
              { do: 'read', link, until: { sentinel: `event ${4 * (i + 1)} of ${fanout.events}` } },
              i % 2 === 0 ? { do: 'leave', link } : { do: 'leave', link, by: 'rst' },
            ]),
          ],
        },
        { do: 'publish', batches: [[said('the last event')]] },
        ...range(fanout.stay).map((n): Step =>
          ({ do: 'read', link: `reader-${n}`, until: { sentinel: 'the last event' } })),
        ...range(fanout.stay).map((n): Step => ({ do: 'leave', link: `reader-${n}` })),
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'concurrency/eager',
      says: 'an event published as soon as the head is there, five times',
      feeds: ['sse/concurrency/subscribe-before-headers'],
      profile: 'full',
      needs: ['channel', 'publish'],
      // no sync: it would hide what is to be seen
      steps: range(5).flatMap((n): Step[] => [
        open(`eager-${n}`, 'eager'),
        { do: 'publish', batches: [[said(`at once ${n}`)]] },
        { do: 'read', link: `eager-${n}`, until: { ms: 100 } },
        { do: 'publish', batches: [[said(`a moment later ${n}`)]] },
        { do: 'read', link: `eager-${n}`, until: { sentinel: `a moment later ${n}` } },
        { do: 'leave', link: `eager-${n}` },
      ]),
      deadlineMs: 12_000,
    },
    {
      id: 'concurrency/two',
      says: 'two streams at once, one of which is left by RST, and a third request',
      feeds: ['sse/concurrency/streams-independent', 'sse/lifecycle/survives'],
      profile: 'full',
      when: ({ isEventStream, endedAfterMs }) => isEventStream && endedAfterMs === undefined,
      steps: [
        open('first', 'first-of-two'),
        { do: 'open', link: 'second', role: 'second-of-two', to: 'stream', until: { ms: 500 }, stay: true },
        { do: 'leave', link: 'second', by: 'rst' },
        { do: 'read', link: 'first', until: { ms: 500 } },
        { do: 'leave', link: 'first' },
        { do: 'open', link: 'alive', role: 'alive', to: 'stream', until: { head: true, thenMs: 0 } },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'concurrency/two-subscribers',
      says: 'two subscribers from one address, one of which leaves, and an event for the other',
      feeds: ['sse/concurrency/streams-independent'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        open('first', 'first-of-two'),
        { do: 'sync', link: 'first' },
        open('second', 'second-of-two'),
        { do: 'sync', link: 'second' },
        { do: 'leave', link: 'second' },
        { do: 'publish', batches: [[said('still there?')]] },
        { do: 'read', link: 'first', until: { sentinel: 'still there?' } },
        { do: 'leave', link: 'first' },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'concurrency/siblings',
      says: 'events on two channels, the name of one of which begins with that of the other',
      feeds: ['sse/concurrency/topic-isolation'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        open('own', 'channel'),
        { do: 'open', link: 'sibling', role: 'sibling', to: 'sibling' },
        { do: 'sync', link: 'own' },
        { do: 'publish', batches: [[said('for the own channel')]] },
        { do: 'publish', batches: [[said('for the sibling')]], to: 'sibling' },
        { do: 'read', link: 'sibling', until: { sentinel: 'for the sibling' } },
        { do: 'publish', batches: [[said('the end of the own channel')]] },
        { do: 'read', link: 'own', until: { sentinel: 'the end of the own channel' } },
        { do: 'leave', link: 'own' },
        { do: 'leave', link: 'sibling' },
      ],
      deadlineMs: 12_000,
    },
  ],
}
