/**
 * How the backpressure room is provoked: one flood beside a client that does not read, a pause, and a stall.
 *
 * A system holds 4 to 6 MB for a client that does not read before its server feels anything, so all of them are larger.
 */
import type { Event } from '../../spec/model.ts'
import { numbered } from '../../spec/sse/flood.ts'
import type { Step, Suite } from '../stimulus.ts'

const mebibyte = 1024 * 1024
/** publishes of the flood, and how many of the first and last ones healthy readers get beside the stalled one */
const flood = { all: 64, first: 16, last: 4 }
/** publishes that wait for a healthy reader together; half of what the target may hold for one client */
const atOnce = 4
const bufferBytes = 2 * atOnce * mebibyte
/** events published before anybody reads, so that the memory which a target takes once and keeps does not count */
const warmUp = 8

/** An event as large as that, and a short one behind it whose arrival shows that both have come. */
const pair = (n: number): readonly Event[] => [{ data: numbered(2 * n, mebibyte) }, { data: tail(n) }]
const tail = (n: number): string => numbered(2 * n + 1, 32)

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** One publish after the other. */
const poured = (from: number, to: number): Step[] => range(from, to).map((n) => ({ do: 'publish', batches: [pair(n)] }))

/** The same, no faster than it arrives: of whoever reads less than `bufferBytes` is pending. */
const followed = (link: string, from: number, to: number): Step[] =>
  range(0, Math.floor((to - from) / atOnce)).flatMap((i): Step[] => {
    const last = Math.min(to, from + (i + 1) * atOnce - 1)
    return [...poured(from + i * atOnce, last), { do: 'read', link, until: { sentinel: tail(last) } }]
  })

/** No sync: where the stalled client holds up all others, that is what is to be seen. */
const healthy = (link: string, from: number, to: number): Step[] => [
  { do: 'open', link, role: 'channel', to: 'stream', limitBytes: 32 * mebibyte },
  ...followed(link, from, to),
]

const lastFrom = flood.all - flood.last + 1

export const backpressure: Suite = {
  id: 'sse/backpressure',
  properties: [],
  stimuli: [
    {
      id: 'backpressure/flood',
      says: `${flood.all} publishes of 1 MiB on a channel with a client that does not read, beside others that do`,
      feeds: [
        'sse/backpressure/bounded-buffer', 'sse/backpressure/isolation', 'sse/backpressure/overflow-visible',
        'sse/backpressure/no-torn-event', 'sse/lifecycle/survives',
      ],
      profile: 'full',
      loud: true,
      needs: ['channel', 'publish'],
      steps: [
        { do: 'tune', values: { bufferBytes, bufferEvents: 1000, replayEvents: 4, stallMs: 60_000 } },
        ...range(1, warmUp).map((): Step => ({ do: 'publish', batches: [[{ data: 'x'.repeat(mebibyte) }]] })),
        { do: 'open', link: 'stalled', role: 'stalled', to: 'stream', stalled: true, limitBytes: 48 * mebibyte },
        { do: 'stats', of: 'subscribers', is: 1, withinMs: 2000 },
        ...healthy('healthy-1', 1, flood.first),
        { do: 'leave', link: 'healthy-1' },
        ...poured(flood.first + 1, lastFrom - 1),
        ...healthy('healthy-2', lastFrom, flood.all),
        { do: 'stats', of: 'subscribers', is: 1, withinMs: 0 },
        { do: 'leave', link: 'healthy-2' },
        { do: 'read', link: 'stalled', until: { sentinel: tail(flood.all) } },
        { do: 'leave', link: 'stalled' },
        { do: 'open', link: 'alive', role: 'alive', to: 'stream', until: { head: true, thenMs: 0 } },
      ],
      deadlineMs: 15_000,
    },
    {
      id: 'backpressure/pause',
      says: 'a client that does not read for a second, with less pending than it may have',
      feeds: ['sse/backpressure/recovers'],
      profile: 'full',
      loud: true,
      needs: ['channel', 'publish', 'tune'],
      steps: [
        { do: 'tune', values: { bufferBytes: 16 * mebibyte, bufferEvents: 1000, replayEvents: 4, stallMs: 60_000 } },
        { do: 'open', link: 'paused', role: 'paused', to: 'stream', stalled: true, limitBytes: 16 * mebibyte },
        { do: 'stats', of: 'subscribers', is: 1, withinMs: 2000 },
        {
          do: 'publish', everyMs: 50,
          batches: range(1, 14).map((batch) => range(1, 8).map((n) => ({ data: numbered(8 * batch + n, 64 * 1024) }))),
        },
        { do: 'read', link: 'paused', until: { sentinel: numbered(8 * 15, 64 * 1024) } },
        { do: 'leave', link: 'paused' },
      ],
      deadlineMs: 12_000,
    },
    {
      id: 'backpressure/stall',
      says: 'a client that never reads, with a stall timeout of a second',
      feeds: ['sse/backpressure/stall-timeout', 'sse/lifecycle/survives'],
      profile: 'full',
      loud: true,
      needs: ['channel', 'publish', 'tune', 'stats'],
      steps: [
        { do: 'tune', values: { bufferBytes: 16 * mebibyte, bufferEvents: 1000, replayEvents: 4, stallMs: 1000 } },
        { do: 'open', link: 'stalled', role: 'stalled', to: 'stream', stalled: true, limitBytes: 16 * mebibyte },
        { do: 'stats', of: 'subscribers', is: 1, withinMs: 2000 },
        ...range(1, 8).map((n): Step => ({ do: 'publish', batches: [[{ data: numbered(n, mebibyte) }]] })),
        { do: 'stats', of: 'subscribers', is: 0, withinMs: 6500 },
        { do: 'read', link: 'stalled', until: { ms: 1500 } },
        { do: 'leave', link: 'stalled' },
        { do: 'open', link: 'alive', role: 'alive', to: 'stream', until: { head: true, thenMs: 0 } },
      ],
      deadlineMs: 13_000,
    },
  ],
}
