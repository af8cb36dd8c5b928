/** The driver contract (spec/contract/openapi.yaml) on channels in memory: the handlers, and what they promise. */
import { channelName, limits } from '../../spec/contract/contract.ts'
import type { Descriptor, Stats, Tuning } from '../../spec/contract/contract.ts'
import type { Declares, Event } from '../../spec/model.ts'
import type { Refusal } from '../../spec/sse/encode.ts'
import { json, noContent, problem, streamed, type Answer, type BodyWanted, type Request, type Sink, type Whole } from './answer.ts'
import { unauthorized } from './auth.ts'
import { Unacceptable, batchOf, parseBatch, parsePlay, parseTokenRequest, parseTuning, parseWork } from './bodies.ts'
import { Channel, type ChannelOptions } from './channel.ts'
import { Channels } from './channels.ts'
import type { Hooks } from './hooks.ts'
import { play } from './play.ts'
import { maxMessageBytes } from './socket/duplex.ts'
import { Sockets } from './socket/sockets.ts'
import { Works } from './works.ts'
import { Tokens } from './tokens.ts'

/** What the bounds of a channel are unless they are tuned. */
const tuning: Required<Tuning> = {
  heartbeatMs: 1000,
  replayEvents: 1000,
  bufferBytes: 1024 * 1024,
  bufferEvents: 1000,
  stallMs: 5000,
  replayMs: 30_000,
}

/** Channels that are tuned and not used yet. */
const mostTuned = 1000

/** What the reference servers promise, each on its streams of the contract. */
export const promises = {
  ...tuning,
  data: 'text',
  overflow: 'disconnect',
  maxSubscribers: 2,
  drainMs: 2000,
  maxMessageBytes,
  endEvent: 'end',
  unknownId: { event: 'reset' },
  tickets: true,
} as const satisfies Declares

export interface DriverOptions {
  readonly name: string
  readonly version: string
  readonly hooks: Hooks
  /** what depends on how the server was started: ids, origins, credentials, auth */
  readonly declares: Declares
  /** every open stream of the server */
  readonly open: ReadonlySet<Sink>
  /** why the transport could not read this id back from `Last-Event-ID` */
  readonly unresumable: ((id: string) => string | undefined) | undefined
  /** called when the last WebSocket is over */
  readonly empty: () => void
}

export class Driver {
  readonly #options: DriverOptions
  readonly #channels: Channels
  /** of channels that nobody has used yet, the oldest first */
  readonly #tuned = new Map<string, Required<Tuning>>()
  // One counter for all channels, so that an id of one is not known in another; it starts at the time of day so that
  // ids go on rising after a restart.
  #id = Date.now() * 1000
  #plays = 0
  readonly #tokens = new Tokens()
  readonly #works: Works
  readonly sockets: Sockets

  constructor(options: DriverOptions) {
    this.#options = options
    this.#channels = new Channels({
      make: (c) => this.#made(c),
      isUsed: (c) => this.sockets.uses(c),
      forgotten: (c) => this.sockets.forget(c),
    })
    this.#works = new Works(() => this.channelOptions(), options.hooks)
    this.sockets = new Sockets({
      hooks: options.hooks.socket,
      origins: options.declares.origins ?? [],
      tokens: this.#tokens,
      channel: (c) => {
        const channel = this.#channels.open(c)
        return {
          hooks: options.hooks.socket,
          bounds: channel.bounds,
          publish: (events) => this.#publish(c, batchOf(events, (event) => this.#refusal(event))),
          observe: (listener) => channel.observe(listener),
        }
      },
      empty: options.empty,
    })
  }

  descriptor(): Whole {
    const { name, version, declares } = this.#options
    const descriptor: Descriptor = {
      streamproof: 1,
      name,
      version,
      play: '/play',
      channel: '/channels/{c}',
      publish: '/channels/{c}/events',
      stats: '/stats{?c}',
      tune: '/channels/{c}',
      limited: '/limited/{c}',
      secure: '/secure/{c}',
      tokens: '/tokens',
      work: '/works',
      echo: '/echo',
      socket: '/channels/{c}/socket{?stream,lastEventId}',
      socketAuth: '/secure/{c}/socket{?stream,lastEventId}',
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
      return json(202, { ids: this.#publish(c, events) })
    })
  }

  /** Throws Unacceptable. */
  #publish(c: string, events: readonly Event[]): (string | null)[] {
    if (this.#channels.isFinished(c)) throw new Unacceptable(problem(409, 'the channel is finished'))
    const channel = this.#channels.open(c)
    const others = this.#options.hooks.alsoTo(c, this.#channels.names)
    for (const other of others) this.#channels.get(other)?.publish(events)
    const ids = channel.publish(events)
    this.#channels.tidy()
    return ids
  }

  /** Every value that is not given is the one that is promised, also when the channel was tuned before. */
  tune(c: string): Answer | BodyWanted {
    return withBody((body) => {
      const values = { ...tuning, ...parseTuning(body) }
      if (this.#channels.get(c) || this.#channels.isFinished(c)) return problem(409, 'the channel is in use')
      this.#tuned.set(c, values)
      const [oldest] = this.#tuned.keys()
      if (oldest !== undefined && this.#tuned.size > mostTuned) this.#tuned.delete(oldest)
      return json(200, values)
    })
  }

  subscribe(c: string, request: Request): Answer {
    const { hooks } = this.#options
    const channel = this.#channels.get(c)
    const after = hooks.lastEventId(request)
    // 204 is the one answer that stops a browser from coming back; whoever missed something gets that first.
    if (this.#channels.isFinished(c) && (channel?.rest(after) ?? []).length === 0) return noContent()
    const known = after === undefined || (channel?.knows(after) ?? false)
    return hooks.subscribed(streamed((sink) => this.#channels.open(c).subscribe(sink, after)), known)
  }

  /** As subscribe, for `maxSubscribers` at a time. A 5xx is what keeps clients from coming back at once (HTML 17.7). */
  limited(c: string, request: Request): Answer {
    const full = (this.#channels.get(c)?.subscribers ?? 0) >= promises.maxSubscribers
    return full ? problem(503, 'the channel is full', { 'Retry-After': '2' }) : this.subscribe(c, request)
  }

  /** As subscribe, with a token of the user `c` and for as long as that is valid. */
  secure(c: string, request: Request): Answer {
    const { hooks } = this.#options
    const given = hooks.token(request)
    const grant = this.#tokens.grant(given)
    const refused = hooks.admission(grant?.user, c, request)
    if (refused === 401) return unauthorized(given)
    if (refused === 403) return problem(403, 'the token was issued to another user')
    const answer = this.subscribe(c, request)
    if (!grant || !('stream' in answer)) return answer
    return {
      ...answer,
      stream: (sink) => {
        // A clean end: the client comes back, and is told by the status why it may not.
        const end = (): void => hooks.tokenOver(sink)
        grant.streams.add(end)
        if (given !== undefined) this.#tokens.use(given)
        const leave = answer.stream(sink)
        return () => {
          grant.streams.delete(end)
          leave()
        }
      },
    }
  }

  issueToken(): BodyWanted {
    return withBody((body) => {
      const token = this.#tokens.issue(parseTokenRequest(body))
      return token ? json(201, token) : problem(429, 'too many tokens are out', { 'Retry-After': '60' })
    })
  }

  revokeToken(token: string): Answer {
    this.#tokens.revoke(token)
    return noContent()
  }

  startWork(): BodyWanted {
    return withBody((body) => this.#works.start(parseWork(body, this.#options.hooks.refusal)))
  }

  showWork(id: string, request: Request): Answer {
    return this.#works.show(id, this.#options.hooks.lastEventId(request))
  }

  cancelWork(id: string): Answer {
    return this.#works.cancel(id)
  }

  finish(c: string): Answer {
    this.#channels.open(c).finish()
    return noContent()
  }

  /** Of one channel with `c` in the query: what belongs to a channel differs. */
  stats(request: Request): Answer {
    const c = new URLSearchParams(request.query).get('c')
    if (c !== null && !channelName.test(c)) return problem(404, 'there is no such channel')
    const { all } = this.#channels
    const channels = c === null ? all : [this.#channels.get(c)]
    const { sockets, producers, bufferedBytes } = this.sockets.counts(c ?? undefined)
    const held = c === null
      ? [...this.#options.open].reduce((sum, sink) => sum + sink.pending(), all.reduce((sum, channel) => sum + channel.waiting, 0))
      : this.#channels.get(c)?.held ?? 0
    const stats: Stats = {
      subscribers: channels.reduce((sum, channel) => sum + (channel?.subscribers ?? 0), 0),
      plays: this.#plays + producers,
      sockets,
      works: this.#works.running,
      bufferedBytes: held + bufferedBytes,
      rssBytes: process.memoryUsage.rss(),
    }
    return json(200, stats)
  }

  /** Sends what was published in this tick. */
  flush(): void {
    for (const channel of this.#channels.all) channel.flush()
  }

  /** How the channels of this server are, for those values. */
  channelOptions(values: Required<Tuning> = tuning): ChannelOptions {
    const { hooks, declares } = this.#options
    return {
      ...values,
      hooks,
      identify: declares.ids === 'server' ? (event) => ({ ...event, id: String(this.#id++) }) : (event) => event,
      opening: { comment: 'open', retry: 2000 },
      reset: { event: promises.unknownId.event, data: 'the last event id is not known here, or no longer' },
      endEvent: { event: promises.endEvent, data: '' },
    }
  }

  /** A channel replays, so it takes no id that would not come back. */
  #refusal(event: unknown): Refusal | undefined {
    const { hooks, unresumable } = this.#options
    const refused = hooks.refusal(event)
    if (refused) return refused
    const detail = unresumable?.((event as Event).id ?? '')
    return detail === undefined ? undefined : { field: 'id', detail }
  }

  #made(c: string): Channel {
    const values = this.#tuned.get(c)
    this.#tuned.delete(c)
    return new Channel(this.channelOptions(values))
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
