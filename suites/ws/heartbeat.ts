/** How the heartbeat room is provoked: connections that are idle, dead, busy, streaming, closed, and beside much work. */
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { leave, together } from './steps.ts'
import { ping, start, tell } from './socket.ts'
import type { Address, BaseFacts, Event, Step, Stimulus, Suite } from './stimulus.ts'

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/heartbeat/${slug}` as RuleId)

/** ms; the heartbeat that is asked of a driver that lets the kit choose */
const tunedMs = 300
/** ms; a slower one that cannot be chosen is not waited for several times */
const slowestMs = 8000
/** ms between two pings beside much work */
const apartMs = 30
/** ms for what is late */
const graceMs = 1000

const open = (link: string, to: Address): Step => ({ do: 'open', link, role: `beat/${link}`, to })

const answer = (link: string): Step => ({ do: 'answer', link })

const say = (link: string, bytes: Uint8Array): Step => ({ do: 'send', link, bytes })

const until = (link: string, event: Event, withinMs: number): Step => ({ do: 'await', link, for: event, withinMs })

const stay = (link: string, ms: number): Step => until(link, { ms }, ms)

/** What depends on the pace of the target. */
function measured({ heartbeatMs, tunes = false, observeMs = 0 }: BaseFacts): Stimulus[] {
  const told = tunes ? tunedMs : heartbeatMs
  const pace = told ?? slowestMs
  const watching: Stimulus = {
    id: 'heartbeat/watch',
    says: `a connection that only answers pings, and one that does not even that, for ${observeMs} ms`,
    feeds: fed('server-pings', 'interval-proxy-safe', 'pong-keeps-alive', 'dead-peer', 'stops-on-close'),
    profile: 'safe',
    when: (base) => base.heartbeatMs === undefined,
    steps: [together(
      [open('idle', 'target'), answer('idle'), stay('idle', observeMs), leave('idle')],
      [open('dead', 'target'), stay('dead', observeMs), leave('dead', 'fin')],
    )],
    deadlineMs: observeMs + 5000,
  }
  /** messages twice in each interval */
  const busy = (intervals: number): Step[] => Array.from({ length: 2 * intervals }, (_, i): Step[] =>
    [say('busy', ping(`busy ${i}`)), stay('busy', pace / 2)]).flat()
  return [
    watching,
    {
      id: 'heartbeat/beats',
      says: `connections that are idle, dead, busy, streaming and closing, at a heartbeat of ${pace} ms`,
      feeds: fed('server-pings', 'dead-peer', 'pong-keeps-alive', 'data-keeps-alive', 'during-stream', 'stops-on-close'),
      profile: 'full',
      needs: ['socket'],
      when: () => told !== undefined && told <= slowestMs,
      steps: [
        ...(tunes ? [{ do: 'tune', values: { heartbeatMs: pace } } as const] : []),
        together(
          [open('idle', 'socket'), answer('idle'), stay('idle', 4 * pace), leave('idle')],
          [open('dead', 'socket'), until('dead', { end: true }, 4.5 * pace + graceMs), leave('dead', 'fin')],
          [open('busy', 'socket'), ...busy(4), answer('busy'), ...busy(1), leave('busy')],
          [
            open('streaming', 'socket'), answer('streaming'),
            say('streaming', start('fast', { count: 8, bytes: 8, everyMs: Math.round(pace / 8) })),
            say('streaming', start('slow', { count: 2, bytes: 8, everyMs: 7 * pace })),
            stay('streaming', 7.5 * pace), leave('streaming'),
          ],
          [
            open('closing', 'socket'), say('closing', tell({ type: 'close', code: 4000, reason: 'bye', after: 0 })),
            until('closing', { end: true }, 2.5 * pace), leave('closing', 'fin'),
          ],
        ),
      ],
      deadlineMs: 8 * pace + 6000,
    },
  ]
}

const nonces = Array.from({ length: 30 }, (_, i) => `load ${i}`)
const last = 'load end'

/** 2 MiB in messages of 64 KiB, and all of it back. */
const work = (link: string): Step[] => [
  { do: 'open', link, role: 'echo/load', to: 'echo' },
  say(link, Buffer.concat(Array.from({ length: 32 }, () => client.binary(new Uint8Array(65_536))))),
  until(link, { messages: 32 }, 4000),
  leave(link),
]

const stimuli: readonly Stimulus[] = [
  {
    id: 'heartbeat/ask',
    says: 'ping messages of the application',
    feeds: fed('app-level'),
    profile: 'full',
    needs: ['socket'],
    steps: [
      open('asking', 'socket'), say('asking', ping('one')), say('asking', ping('zwei ü')), until('asking', { messages: 2 }, 1000), leave('asking'),
    ],
    deadlineMs: 4000,
  },
  {
    id: 'heartbeat/load',
    says: 'pings beside three connections that send 2 MiB each to an echo',
    feeds: fed('pong-latency'),
    profile: 'full',
    needs: ['echo'],
    loud: 'alone',
    get steps(): readonly Step[] {
      return [together(
        work('one'), work('two'), work('three'),
        [
          open('loaded', 'echo'), ...nonces.flatMap((nonce) => [say('loaded', client.ping(nonce)), stay('loaded', apartMs)]),
          say('loaded', client.ping(last)), until('loaded', { pong: last }, 4000), leave('loaded'),
        ],
      )]
    },
    deadlineMs: 12_000,
  },
]

export const heartbeat: Suite = { id: 'ws/heartbeat', properties: [], stimuli, measured }
