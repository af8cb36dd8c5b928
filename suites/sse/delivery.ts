/** How the delivery room is provoked: a slow reader, seven tabs, and work that is watched and cancelled. */
import type { Step, Stimulus, Suite } from '../stimulus.ts'

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** ms that the slow reader does not read: longer than a server waits that takes a full buffer for a lost client */
const stalledMs = 1500
/** bytes; what the system takes for a reader who does not read is 4 MiB and more, and a stream shows nothing below */
const slowBytes = 16 * 1024 * 1024

const words = (count: number, pauseMs: number): Extract<Step, { do: 'work' }> =>
  ({ do: 'work', events: range(count).map((n) => ({ data: `word ${n} of ${count}` })), pauseMs })

const slow: Stimulus = {
  id: 'delivery/slow',
  says: 'a reader of a finite stream who begins to read late, beside a prompt one',
  feeds: ['sse/delivery/slow-reader'],
  profile: 'full',
  loud: true,
  when: ({ isEventStream, events, endedAfterMs }) => isEventStream && events > 0 && endedAfterMs !== undefined,
  steps: [
    { do: 'open', link: 'prompt', role: 'prompt', to: 'stream', limitBytes: slowBytes },
    { do: 'open', link: 'slow', role: 'slow', to: 'stream', stalled: true, limitBytes: slowBytes },
    { do: 'read', link: 'prompt', until: { end: true, thenMs: stalledMs } },
    { do: 'read', link: 'slow', until: { end: true, thenMs: 0 } },
  ],
  deadlineMs: 15_000,
}

const seven: Stimulus = {
  id: 'delivery/seven',
  says: 'seven streams at once and a request beside them, as of a page in many tabs',
  feeds: ['sse/delivery/seven-streams'],
  profile: 'full',
  getOnly: true,
  loud: true,
  when: ({ isEventStream }) => isEventStream,
  steps: [
    {
      do: 'together',
      branches: range(7).map((n): Step[] => [{ do: 'open', link: `seven-${n}`, role: 'seven', to: 'stream' }]),
    },
    { do: 'open', link: 'beside', role: 'beside-seven', to: 'stream', until: { head: true, thenMs: 0 } },
  ],
  deadlineMs: 6000,
}

const work: Stimulus = {
  id: 'delivery/work',
  says: 'work that is started, and three readers of it: one who leaves, one who comes late, and the first again',
  feeds: ['sse/delivery/work-shown'],
  profile: 'full',
  needs: ['work'],
  steps: [
    words(8, 60),
    { do: 'open', link: 'leaves', role: 'work', to: 'work', until: { events: 3 }, stay: true },
    { do: 'leave', link: 'leaves', by: 'rst' },
    // what was made before is shown all the same, and work goes on without its first reader
    { do: 'open', link: 'late', role: 'work', to: 'work', until: { end: true, thenMs: 0 } },
    {
      do: 'open', link: 'back', role: 'work', to: 'work',
      asked: { lastEventId: { of: 'leaves' } }, until: { end: true, thenMs: 0 },
    },
  ],
  deadlineMs: 5000,
}

const cancelled: Stimulus = {
  id: 'delivery/cancel',
  says: 'work that is cancelled twice while it is read, and the cancellation of work that there is not',
  feeds: ['sse/delivery/work-cancelled'],
  profile: 'full',
  needs: ['work'],
  // beside other work the count of it would not tell
  loud: true,
  steps: [
    { do: 'stats', of: 'works', is: 0, withinMs: 1000 },
    words(200, 50),
    { do: 'open', link: 'read', role: 'work', to: 'work', until: { events: 2 }, stay: true },
    { do: 'cancel' },
    { do: 'read', link: 'read', until: { end: true, thenMs: 0 } },
    { do: 'stats', of: 'works', is: 0, withinMs: 500 },
    { do: 'cancel' },
    { do: 'cancel', unknown: true },
  ],
  deadlineMs: 5000,
}

export const delivery: Suite = { id: 'sse/delivery', properties: [], stimuli: [work, cancelled, seven, slow] }
