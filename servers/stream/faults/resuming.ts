/** Wrong in ids, and in what somebody gets who comes back with one. */
import type { Event } from '../../../spec/model.ts'
import { problem } from '../answer.ts'
import type { Block, Streamed } from '../answer.ts'
import type { Hooks } from '../hooks.ts'
import type { Log } from '../log.ts'
import { idOf, onBlocks, onEvents, onStream, replayed, textOf } from './makers.ts'

const raw = (header = ''): string => Buffer.from(header, 'latin1').toString()

export const resuming = {
  // ---- ids ----
  /** each client has its own */
  idPerConnection: (right) => {
    let connections = 0
    return onBlocks(() => {
      const connection = ++connections
      return (block) => block.replace(/^id: (.*)$/m, `id: $1-${connection}`)
    })(right)
  },
  /** numbered anew by whoever replays */
  idCounterPerReplay: replayed((block, index) => block.replace(/^id: .*$/m, `id: ${index + 1}`)),
  /** every third event goes without */
  idMissingSometimes: onEvents(() => {
    let count = 0
    return ({ id, ...event }) => (++count % 3 === 0 || id === undefined ? event : { ...event, id })
  }),
  /** no id is written as an empty one, and the reader forgets where it was */
  idEmptyAccidental: onEvents(() => (event) => ({ ...event, id: event.id ?? '' })),
  /** the time of day, which two events share */
  idsDuplicated: onEvents(() => ({ id, ...event }) =>
    (id === undefined ? event : { ...event, id: String(Math.floor(Date.now() / 50)) })),
  /** counted down */
  idsBackwards: onEvents(() => {
    let next = 1_000_000
    return (event) => (event.id === undefined ? event : { ...event, id: String(next--) })
  }),

  /** a line end in an id is taken and written: the rest of it is a line of the sender's choice */
  idRaw: (right) => ({
    ...right,
    refusal: (event) => {
      const refused = right.refusal(event)
      return refused?.field === 'id' && /[\r\n]/.test(String((event as Event).id)) ? undefined : refused
    },
    encoder: () => {
      const encode = right.encoder()
      return ({ id, ...rest }) => (id === undefined ? '' : `id: ${id}\n`) + textOf(encode(rest))
    },
  }),

  // ---- replay ----
  /** `>=`: the event that the client names is sent again */
  replayInclusive: (right) => ({ ...right, replay: (log, at) => log.slice(at) }),
  /** the header is not read */
  lastEventIdIgnored: (right) => ({ ...right, lastEventId: () => undefined }),
  /** newest first, as the database gave it */
  replayReversed: (right) => ({ ...right, replay: (log, at) => right.replay(log, at).toReversed() }),
  /** the storage has no column for it */
  replayTypeLost: replayed((block) => block.replace(/^event: .*\n/m, '')),
  /** what was stored is serialised once more */
  replayReencoded: replayed((block) =>
    block.replace(/^data: (.*)$/gm, (_, line: string) => `data: ${JSON.stringify(line)}`)),
  /** the log is read first, and who reads it takes its time to subscribe */
  replayGapOnRace: (right) => ({
    ...right,
    resume: ({ missed, send, register }) => {
      const entries = missed()
      setTimeout(() => {
        send(entries)
        register()
      }, 50)
    },
  }),
  /** subscribed first, and what came meanwhile is in the log as well */
  replayDuplicateOnRace: (right) => ({
    ...right,
    resume: ({ missed, send, register }) => {
      register()
      setTimeout(() => send(missed()), 50)
    },
  }),
  /** the head is out before the subscription is there */
  subscribeAfterHead: (right) => ({
    ...right,
    resume: ({ missed, send, register }) => {
      send(missed())
      setTimeout(register, 30)
    },
  }),
  /** what was written counts as delivered: the event in which the connection was cut is not sent again */
  partialCommitted: (right) => {
    const inFlight = new WeakSet<object>()
    const mark = (block: Block | undefined): void => { if (typeof block === 'object') inFlight.add(block) }
    return {
      ...right,
      deliver: (blocks, write) => {
        mark(blocks.at(-1))
        right.deliver(blocks, write)
      },
      replay: (log, at) =>
        right.replay(log, at).filter(({ block }, index) => index > 0 || !inFlight.has(block as object)),
    }
  },

  // ---- ids that are not in the log ----
  /** who was away too long gets what is left, and cannot tell that something is missing */
  expiredSilently: (right) => {
    const ids = new Set<string | undefined>()
    return onEvents(() => (event) => {
      ids.add(event.id)
      return event
    })({ ...right, unknown: (reset, log, id) => (ids.has(id) ? log : right.unknown(reset, log, id)) })
  },
  /** a query that never comes back */
  unknownIdHangs: (right) => ({
    ...right,
    subscribed: (answer, known) => (known ? answer : { ...answer, headHeld: true, stream: () => () => {} } as Streamed),
  }),
  unknownId500: (right) => ({
    ...right,
    subscribed: (answer, known) => (known ? answer : problem(500, 'the id could not be parsed')),
  }),
  /** `id > given`, also for what is live: nothing is ever newer than an id from the future */
  futureIdBlocksLive: onBlocks(({ header }) => {
    const given = /^\d+$/.exec(header('last-event-id') ?? '')?.[0]
    return (block) => (given !== undefined && Number(idOf(block)?.match(/\d+$/)?.[0]) <= Number(given) ? '' : block)
  }),
  /** one log for everybody: an id of another channel shows what was published there */
  foreignChannelReplayed: (right) => {
    const logs: Log[] = []
    return {
      ...right,
      log: (log) => {
        logs.push(log)
        return log
      },
      unknown: (reset, log, id) => {
        const foreign = logs.find((other) => other.indexOf(id) >= 0)
        return foreign ? foreign.entries.slice(foreign.indexOf(id) + 1) : right.unknown(reset, log, id)
      },
    }
  },

  // ---- the request ----
  /** what the client sent is written into a comment, which a line end in it leaves */
  hostileIdEchoed: onStream((stream, { header, query }) => (sink) => {
    const id = raw(header('last-event-id')) || new URLSearchParams(query).get('lastEventId')
    if (id) sink.write(`: resumed after ${id}\n\n`)
    return stream(sink)
  }),
  /** the URL of a reconnecting browser never changes, and so it starts at the same place each time */
  queryWins: (right) => ({
    ...right,
    lastEventId: (request) => new URLSearchParams(request.query).get('lastEventId') || right.lastEventId(request),
  }),
  /** an empty id is an id: the one before all others */
  emptyHeaderReplaysAll: (right) => ({
    ...right,
    lastEventId: (request) => (request.header('last-event-id') === '' ? '' : right.lastEventId(request)),
    unknown: (reset, log, id) => (id === '' ? log : right.unknown(reset, log, id)),
  }),
  /** the header as Node gives it, each byte one character */
  latin1Id: (right) => ({
    ...right,
    lastEventId: (request) => request.header('last-event-id') || right.lastEventId(request),
  }),
} satisfies Record<string, (right: Hooks) => Hooks>
