/** The driver contract (spec/contract/openapi.yaml) on channels in memory: the handlers, and what they promise. */
import { channelName, limits } from '../../spec/contract/contract.ts'
import type { Descriptor, Stats } from '../../spec/contract/contract.ts'
import type { Declares, Event } from '../../spec/model.ts'
import type { Refusal } from '../../spec/sse/encode.ts'
import { json, noContent, problem, streamed } from './answer.ts'
import type { Answer, BodyWanted, Request, Sink, Whole } from './answer.ts'
import { Unacceptable, parseBatch, parsePlay } from './bodies.ts'
import { Channel } from './channel.ts'
import type { Hooks } from './hooks.ts'
import { play } from './play.ts'

/** What the reference servers promise, each on its streams of the contract. */
export const promises = {
  data: 'text',
  ids: 'client',
  heartbeatMs: 1000,
  replayEvents: 1000,
  maxSubscribers: 2,
  drainMs: 2000,
  endEvent: 'end',
  unknownId: 'live',
} as const satisfies Declares

export interface DriverOptions {
  readonly name: string
  readonly version: string
  readonly hooks: Hooks
  /** what depends on how the server was started: origins, credentials, auth */
  readonly declares: Declares
  /** a token is needed */
  readonly secured: boolean
  /** every open stream of the server */
  readonly open: ReadonlySet<Sink>
  /** why the transport could not read this id back from `Last-Event-ID` */
  readonly unresumable: ((id: string) => string | undefined) | undefined
}

export class Driver {
  readonly #options: DriverOptions
  readonly #channels = new Map<string, Channel>()
  #plays = 0

  constructor(options: DriverOptions) {
    this.#options = options
  }

  descriptor(): Whole {
    const { name, version, declares, secured } = this.#options
    const descriptor: Descriptor = {
      streamproof: 1,
      name,
      version,
      play: '/play',
      channel: '/channels/{c}',
      publish: '/channels/{c}/events',
      stats: '/stats{?c}',
      limited: '/limited/{c}',
      ...(secured ? { secure: '/channels/{c}' } : {}),
      declares: { ...promises, ...declares },
    }
    return json(200, descriptor)
  }

  play(): BodyWanted {
    const { hooks } = this.#options
    return withBody((body) => {
      const request = parsePlay(body, hooks.refusal)
      return streamed((sink) => {
        this.#plays += 1
        const stop = play(request, sink, hooks, promises.heartbeatMs)
        return () => {
          this.#plays -= 1
          stop()
        }
      })
    })
  }

  publish(c: string): Answer | BodyWanted {
    return withBody((body) => {
      const events = parseBatch(body, (event) => this.#refusal(event))
      const channel = this.#channel(c)
      if (channel.finished) return problem(409, 'the channel is finished')
      return json(202, { ids: channel.publish(events) })
    })
  }

  subscribe(c: string, request: Request): Answer {
    const channel = this.#channels.get(c)
    const after = lastEventId(request)
    // 204 is the one answer that stops a browser from coming back; whoever missed something gets that first.
    if (channel?.finished && channel.missed(after).length === 0) return noContent()
    return streamed((sink) => this.#channel(c).subscribe(sink, after))
  }

  /** As subscribe, for `maxSubscribers` at a time. A 5xx is what keeps clients from coming back at once (HTML 17.7). */
  limited(c: string, request: Request): Answer {
    const full = (this.#channels.get(c)?.subscribers ?? 0) >= promises.maxSubscribers
    return full ? problem(503, 'the channel is full', { 'Retry-After': '2' }) : this.subscribe(c, request)
  }

  finish(c: string): Answer {
    this.#channel(c).finish()
    return noContent()
  }

  /** Of one channel with `c` in the query: only the subscribers differ. */
  stats(request: Request): Answer {
    const c = new URLSearchParams(request.query).get('c')
    if (c !== null && !channelName.test(c)) return problem(404, 'there is no such channel')
    const channels = c === null ? [...this.#channels.values()] : [this.#channels.get(c)]
    const stats: Stats = {
      subscribers: channels.reduce((sum, channel) => sum + (channel?.subscribers ?? 0), 0),
      plays: this.#plays,
      sockets: 0,
      bufferedBytes: [...this.#options.open].reduce((sum, sink) => sum + sink.pending(), 0),
      rssBytes: process.memoryUsage.rss(),
    }
    return json(200, stats)
  }

  /** A channel replays, so it takes no id that would not come back. */
  #refusal(event: unknown): Refusal | undefined {
    const { hooks, unresumable } = this.#options
    const refused = hooks.refusal(event)
    if (refused) return refused
    const detail = unresumable?.((event as Event).id ?? '')
    return detail === undefined ? undefined : { field: 'id', detail }
  }

  /** A channel is there once somebody asks for it, so that one can subscribe before the first event. */
  #channel(c: string): Channel {
    let channel = this.#channels.get(c)
    if (channel === undefined) {
      channel = new Channel({
        hooks: this.#options.hooks,
        heartbeatMs: promises.heartbeatMs,
        replayEvents: promises.replayEvents,
        opening: { comment: 'open' },
        endEvent: { event: promises.endEvent, data: '' },
      })
      this.#channels.set(c, channel)
    }
    return channel
  }
}

const withBody = (answer: (body: Uint8Array | undefined) => Answer): BodyWanted => ({
  limit: limits.bodyBytes,
  answer: (body) => {
    try {
      return answer(body)
    } catch (error) {
      if (error instanceof Unacceptable) return error.answer
      throw error
    }
  },
})

/**
 * The id to resume after. The header wins, because a browser that reconnects repeats the URL unchanged; an empty one is
 * as good as none. The header is UTF-8 on the wire (HTML 9.2.4), but HTTP libraries hand it over as latin1.
 */
export function lastEventId(request: Request): string | undefined {
  const header = Buffer.from(request.header('last-event-id') ?? '', 'latin1').toString()
  return header || new URLSearchParams(request.query).get('lastEventId') || undefined
}
