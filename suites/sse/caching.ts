/** How the caching room is provoked: by two requests at once. Its other rules look at what everybody is answered. */
import type { Suite } from '../stimulus.ts'

/** ms that the first stream stays open beside the second */
const besideMs = 1000

export const caching: Suite = {
  id: 'sse/caching',
  properties: [],
  stimuli: [
    {
      id: 'caching/at-once',
      says: 'two streams at once, to see whether the second one waits for the end of the first',
      feeds: [
        'sse/caching/live-per-request', 'sse/caching/not-stored', 'sse/caching/no-transform',
        'sse/caching/no-validators',
      ],
      profile: 'full',
      getOnly: true,
      when: ({ isEventStream, endedAfterMs }) => isEventStream && endedAfterMs === undefined,
      steps: [
        { do: 'open', link: 'first', role: 'first-at-once', to: 'stream' },
        {
          do: 'together',
          branches: [
            [{
              do: 'open', link: 'second', role: 'second-at-once', to: 'stream',
              until: { head: true, thenMs: 0 }, stay: true,
            }],
            [{ do: 'read', link: 'first', until: { ms: besideMs } }, { do: 'leave', link: 'first' }],
          ],
        },
      ],
      deadlineMs: 6000,
    },
  ],
}
