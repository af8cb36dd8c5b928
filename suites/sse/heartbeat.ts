/** How the heartbeat room is provoked: silence, and events while heartbeats are due. */
import { beatLines } from '../../spec/sse/heartbeat/place.ts'
import type { Event } from '../../spec/model.ts'
import type { Step, Stimulus, Suite } from '../stimulus.ts'

/** what a client accepts that can read a compressed stream */
const compressed = { headers: { 'Accept-Encoding': 'gzip, deflate, br, zstd' } } as const

/** Half of the events have a name: a heartbeat may part it from the data. */
const beat = (batch: number, n: number): Event =>
  ({ data: beatLines(`${batch}-${n}`, 8), ...(n % 2 === 0 ? { event: 'beat' } : {}) })

const busy: readonly (readonly Event[])[] =
  Array.from({ length: 60 }, (_, batch) => Array.from({ length: 5 }, (__, n) => beat(batch, n)))

/** A clock beside the silence, on another channel: it stands still when the kit or the target does. */
const ticks = (length: number): Event[][] => Array.from({ length }, (_, n) => [{ data: `tick ${n}` }])

const both = (until: Extract<Step, { do: 'read' }>['until']): Step => ({
  do: 'together',
  branches: ['plain', 'compressed'].map((link) => [{ do: 'read', link, until }]),
})

/** ms; heartbeats that a target may have declared and does not let the kit tune: it takes two of them to see one missing */
const fixed = [2000, 4000, 8000, 16_500] as const

/** Nothing is published on the channel for so long, beside ticks on another one. */
const silence = (slug: string, ms: number, tickMs: number, when: (fixedMs: number | undefined) => boolean): Stimulus => ({
  id: `heartbeat/${slug}`,
  says: 'a channel on which nothing happens, with a short heartbeat if it can be set, read as it is and compressed',
  feeds: [
    'sse/heartbeat/interval', 'sse/heartbeat/silence-bounded', 'sse/heartbeat/is-comment',
    'sse/heartbeat/complete-line', 'sse/heartbeat/flushed',
  ],
  profile: 'full',
  needs: ['channel', 'publish'],
  when: ({ fixedHeartbeatMs }) => when(fixedHeartbeatMs),
  steps: [
    // left out by itself where the target does not offer it
    { do: 'tune', values: { heartbeatMs: 500 } },
    { do: 'open', link: 'plain', role: 'channel', to: 'stream' },
    { do: 'open', link: 'compressed', role: 'channel', to: 'stream', asked: compressed },
    { do: 'publish', to: 'sibling', batches: ticks(Math.ceil(ms / tickMs) + 1), everyMs: tickMs },
    { do: 'publish', batches: [[{ data: 'beat-after' }]] },
    both({ sentinel: 'beat-after' }),
  ],
  deadlineMs: ms + 1600,
})

export const heartbeat: Suite = {
  id: 'sse/heartbeat',
  properties: [],
  stimuli: [
    silence('silence', 2400, 100, (fixedMs) => fixedMs === undefined || fixedMs <= 1100),
    ...fixed.map((untilMs, i) => {
      const aboveMs = fixed[i - 1] ?? 1100
      return silence(`silence-${untilMs / 1000}s`, 2 * untilMs + 1500, 250, (fixedMs = 0) => fixedMs > aboveMs && fixedMs <= untilMs)
    }),
    {
      id: 'heartbeat/busy',
      says: 'events of many lines in quick succession, with the shortest heartbeat',
      feeds: ['sse/heartbeat/not-inside-block'],
      profile: 'full',
      needs: ['channel', 'publish', 'tune'],
      steps: [
        { do: 'tune', values: { heartbeatMs: 20 } },
        { do: 'open', link: 'reader', role: 'channel', to: 'stream' },
        { do: 'sync', link: 'reader' },
        { do: 'publish', batches: busy, everyMs: 5 },
        { do: 'publish', batches: [[{ data: 'beat-end' }]] },
        { do: 'read', link: 'reader', until: { sentinel: 'beat-end' } },
        { do: 'leave', link: 'reader' },
      ],
      deadlineMs: 5000,
    },
    {
      id: 'heartbeat/compressed',
      says: 'two GETs at once, one of them accepting compression, to see whether a compressor holds heartbeats back',
      feeds: ['sse/heartbeat/flushed'],
      profile: 'full',
      getOnly: true,
      when: ({ isEventStream, endedAfterMs }) => isEventStream && endedAfterMs === undefined,
      steps: [{
        do: 'together',
        branches: [
          [{ do: 'open', link: 'ordinary', role: 'ordinary', to: 'stream', until: { window: true } }],
          [{ do: 'open', link: 'coded', role: 'coded', to: 'stream', asked: compressed, until: { window: true } }],
        ],
      }],
      deadlineMs: 3000,
    },
  ],
}
