/** How the lifecycle room is provoked: silence, and clients that leave in every way they can. */
import type { Script, Step, Stimulus, Suite } from '../stimulus.ts'

/** clients that come and go */
const churned = 60
/** readers that vanish while events are written to them */
const torn = 8
/** ms of silence: longer than a first byte may take */
const quietMs = 2400
/** ms for a target to notice that a client is gone */
const noticeMs = 5000
/** events published one by one, each as soon as the one before was taken */
const timed = 100

const mebibyte = 'x'.repeat(1024 * 1024)

const alive: Step = { do: 'open', link: 'alive', role: 'alive', to: 'stream', until: { head: true, thenMs: 0 } }

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** With ids, as the sync events have them: what has ids at all has them on every event. */
const burst = numbers(60).map((n) => [{ id: `burst-${n}`, data: `burst ${n} ${'x'.repeat(4096)}` }])

/** Half a minute of work. */
const work: Script = { events: numbers(600).map((n) => ({ data: `work ${n}` })), pauseMs: 50, end: 'close' }

/** One client that leaves, and the count of subscribers before and after. */
const leaving = (link: string, by?: 'rst'): readonly Step[] => [
  { do: 'stats', of: 'subscribers', is: 0, withinMs: noticeMs },
  { do: 'open', link, role: 'left', to: 'stream' },
  { do: 'stats', of: 'subscribers', is: 1, withinMs: 1000 },
  { do: 'leave', link, ...(by ? { by } : {}) },
  { do: 'stats', of: 'subscribers', is: 0, withinMs: noticeMs },
]

const departures: readonly Stimulus[] = [
  {
    id: 'lifecycle/leave',
    says: 'a subscriber that leaves by FIN and one that leaves by RST, to see whether they are still counted',
    feeds: ['sse/lifecycle/disconnect-detected'],
    profile: 'full',
    needs: ['channel', 'stats'],
    steps: [...leaving('fin'), ...leaving('rst', 'rst')],
    deadlineMs: 20_000,
  },
  {
    id: 'lifecycle/churn',
    loud: true,
    says: `${churned} subscribers that come and go, to see what is left of them`,
    feeds: ['sse/lifecycle/resources-released', 'sse/lifecycle/survives'],
    profile: 'full',
    needs: ['channel', 'publish', 'stats'],
    steps: [
      { do: 'stats', of: 'subscribers', is: 0, withinMs: 1000 },
      {
        do: 'together',
        branches: numbers(6).map((branch) => numbers(churned / 6).flatMap((n): Step[] => {
          const link = `churn-${branch}-${n}`
          const leave: Step = n % 2 === 0 ? { do: 'leave', link } : { do: 'leave', link, by: 'rst' }
          return [{ do: 'open', link, role: 'churn', to: 'stream' }, leave]
        })),
      },
      // what is left of a client shows where the next event waits for it
      { do: 'publish', batches: [[{ data: mebibyte }]] },
      { do: 'stats', of: 'subscribers', is: 0, withinMs: noticeMs },
      alive,
    ],
    deadlineMs: 12_000,
  },
  {
    id: 'lifecycle/vanish',
    loud: true,
    says: `${torn} readers that vanish by RST while events are written to them`,
    feeds: ['sse/lifecycle/write-after-close-safe', 'sse/lifecycle/survives'],
    profile: 'full',
    needs: ['channel', 'publish'],
    steps: [
      ...numbers(torn).map((n): Step => ({ do: 'open', link: `torn-${n}`, role: 'torn', to: 'stream' })),
      {
        do: 'together',
        branches: [
          [{ do: 'publish', batches: burst, everyMs: 5 }],
          ...numbers(torn).map((n): readonly Step[] => [
            { do: 'read', link: `torn-${n}`, until: { ms: 25 * n } },
            { do: 'leave', link: `torn-${n}`, by: 'rst' },
          ]),
        ],
      },
      alive,
    ],
    deadlineMs: 12_000,
  },
  {
    id: 'lifecycle/abort-play',
    says: 'a long play that its reader aborts, to see whether the work behind it stops',
    feeds: ['sse/lifecycle/post-abort'],
    profile: 'full',
    needs: ['play', 'stats'],
    steps: [
      { do: 'stats', of: 'plays', is: 0, withinMs: 1000 },
      {
        do: 'open', link: 'aborted', role: 'aborted', to: 'play', until: { events: 1 }, stay: true,
        asked: { body: JSON.stringify(work) },
      },
      { do: 'leave', link: 'aborted' },
      { do: 'stats', of: 'plays', is: 0, withinMs: noticeMs },
    ],
    deadlineMs: 12_000,
  },
  {
    id: 'lifecycle/abort',
    says: 'a stream left by RST, and another request, to see whether the target is still there',
    feeds: ['sse/lifecycle/survives'],
    profile: 'full',
    // of a stream that stays open concurrency/two leaves one
    when: ({ isEventStream, endedAfterMs }) => isEventStream && endedAfterMs !== undefined,
    steps: [
      { do: 'open', link: 'left', role: 'left', to: 'stream' },
      { do: 'leave', link: 'left', by: 'rst' },
      alive,
    ],
    deadlineMs: 12_000,
  },
]

export const lifecycle: Suite = {
  id: 'sse/lifecycle',
  properties: [],
  stimuli: [
    {
      id: 'lifecycle/idle-head',
      says: 'a subscription to a channel without any event, to see when its head comes',
      feeds: ['sse/lifecycle/headers-promptly'],
      profile: 'safe',
      needs: ['channel'],
      steps: [{ do: 'open', link: 'idle', role: 'channel', to: 'stream', until: { head: true, thenMs: 0 } }],
      deadlineMs: 3000,
    },
    {
      id: 'lifecycle/quiet',
      says: `a second stream, watched for ${quietMs} ms`,
      feeds: ['sse/lifecycle/first-bytes', 'sse/lifecycle/stays-open'],
      profile: 'full',
      when: ({ isEventStream }) => isEventStream,
      steps: [{ do: 'open', link: 'quiet', role: 'quiet', to: 'stream', until: { ms: quietMs } }],
      deadlineMs: quietMs + 1000,
    },
    {
      id: 'lifecycle/shutdown',
      says: 'SIGTERM to the server that the kit has started, with a stream open, and another one asked for after it',
      feeds: ['sse/lifecycle/graceful-shutdown'],
      profile: 'safe',
      final: true,
      steps: [
        { do: 'open', link: 'draining', role: 'channel', to: 'stream' },
        { do: 'signal' },
        // the signal is on its way a moment longer than a request
        { do: 'read', link: 'draining', until: { ms: 300 } },
        { do: 'open', link: 'late', role: 'late', to: 'stream', until: { head: true, thenMs: 0 } },
        { do: 'read', link: 'draining', until: { end: true, thenMs: 0 } },
      ],
      deadlineMs: 9000,
    },
    {
      id: 'lifecycle/latency',
      says: `${timed} events published one by one, to see how long each is on its way`,
      feeds: ['sse/lifecycle/event-latency'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'timed', role: 'timed', to: 'stream' },
        { do: 'sync', link: 'timed' },
        {
          do: 'publish',
          batches: numbers(timed).map((n) => [{ id: `timed-${n}`, data: `timed ${n} of ${timed}` }]),
          everyMs: 5,
        },
        { do: 'read', link: 'timed', until: { sentinel: `timed ${timed} of ${timed}` } },
        { do: 'leave', link: 'timed' },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'lifecycle/finish',
      says: 'a channel that is finished, to see what its subscriber is told',
      feeds: ['sse/lifecycle/end-marker', 'sse/delivery/terminator-last'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'reader', role: 'channel', to: 'stream' },
        { do: 'sync', link: 'reader' },
        { do: 'finish' },
        { do: 'read', link: 'reader', until: { end: true, thenMs: 0 } },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'lifecycle/post',
      says: 'a POST that is answered with a stream, to see how it is announced',
      feeds: ['sse/lifecycle/post-stream'],
      profile: 'safe',
      needs: ['play'],
      steps: [{
        do: 'open', link: 'posted', role: 'play', to: 'play',
        asked: { body: JSON.stringify({ events: [{ data: 'answer' }], end: 'close' }) },
        until: { end: true, thenMs: 0 },
      }],
      deadlineMs: 3000,
    },
    ...departures,
  ],
}
