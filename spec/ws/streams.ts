/** The streams of a channel socket (contract: socket.md), as the connections of an exchange show them. */
import type { Act, Finding, Rule } from '../model.ts'
import type { Connection, WsExchange } from './exchange.ts'
import { endedFirst } from './reaction.ts'
import { commands, replies, type Said } from './talk.ts'

/** ms; what a right target does at once has happened by then */
export const patienceMs = 1000

export interface StreamChunk {
  readonly n: number
  readonly id: string
  readonly data: string
  readonly said: Said
}

/** What one connection showed of a stream. */
export interface Course {
  readonly stream: string
  readonly connection: Connection
  /** the messages of the kit that start it and cancel it */
  readonly starts: readonly Said[]
  readonly cancels: readonly Said[]
  readonly chunks: readonly StreamChunk[]
  /** `done`, `cancelled`, and `error` with the name of the stream */
  readonly ends: readonly Said[]
  readonly resets: readonly Said[]
}

const ending: ReadonlySet<string> = new Set(['done', 'cancelled', 'error'])

const chunkOf = (said: Said): StreamChunk => {
  const { n, id, data } = said.members
  return { n: typeof n === 'number' ? n : NaN, id: typeof id === 'string' ? id : '', data: typeof data === 'string' ? data : '', said }
}

// a flood is read by many rules, and takes each of them long
const read = new WeakMap<Connection, readonly Course[]>()

/** The streams that a connection names. */
export function courses(connection: Connection): readonly Course[] {
  const known = read.get(connection)
  if (known) return known
  const told = commands(connection)
  const came = replies(connection)
  const asked = resumedBy(connection)?.stream
  const names = new Set([asked, ...[...told, ...came].map(({ members }) => members['stream'])].filter((name) => typeof name === 'string'))
  const all = [...names].map((stream): Course => {
    const of = (said: readonly Said[], is: (type: string) => boolean): Said[] =>
      said.filter(({ type, members }) => members['stream'] === stream && is(type))
    return {
      stream,
      connection,
      starts: of(told, (type) => type === 'start'),
      cancels: of(told, (type) => type === 'cancel'),
      chunks: of(came, (type) => type === 'chunk').map(chunkOf),
      ends: of(came, (type) => ending.has(type)),
      resets: of(came, (type) => type === 'reset'),
    }
  })
  read.set(connection, all)
  return all
}

/** Of all connections that opened. A name that was started twice is left out: what comes of that has rules of its own. */
export function allCourses({ connections }: WsExchange): Course[] {
  const all = connections.filter(({ isOpen }) => isOpen).flatMap(courses)
  const twice = new Set(all.flatMap(({ stream, starts }) => starts.map(() => stream)).filter((name, i, names) => names.indexOf(name) < i))
  return all.filter(({ stream }) => !twice.has(stream))
}

/** A number that the `start` of a course names; NaN when it names none. */
export const wanted = ({ starts: [start] }: Course, name: 'count' | 'everyMs' | 'failAt' | 'bytes'): number => {
  const value = start?.members[name]
  return typeof value === 'number' ? value : NaN
}

/** ms; the kit left the connection, or said that it would */
const leftAt = ({ sent, link }: Connection): number => {
  const goodbye = sent.happenings.find(({ kind }) => kind === 'close')
  return goodbye?.kind === 'close' ? goodbye.frame.at : link.ended.at
}

/** ms; the last thing that came of it, or was said about it. What waited in the target until the kit left is none of that. */
export function lastAt({ chunks, ends, starts, cancels, connection }: Course): number {
  const until = leftAt(connection)
  const last = chunks.findLast(({ said }) => said.at <= until)?.said.at ?? 0
  return Math.max(connection.link.openedAt, last, ...[...ends, ...starts, ...cancels].map(({ at }) => at).filter((at) => at <= until))
}

/** The kit listened for so long behind that time, or the target ended the connection: what has not come does not come. */
export const isDecided = (connection: Connection, since: number): boolean =>
  endedFirst(connection) || leftAt(connection) - since >= patienceMs

/** One message of the target came behind another one. */
export const isBehind = (one: Said, other: Said): boolean => offset(one) > offset(other)
const offset = ({ message: { frames } }: Said): number => frames.at(-1)?.span.start ?? 0

export const saidPlace = (connection: Connection, { message }: Said): Finding['where'] => {
  const frame = message.frames.at(-1)
  return frame ? connection.place(frame) : connection.endPlace
}

// ---- coming back -----------------------------------------------------------------------------------------------

/** A connection that names a stream to go on with. */
export interface Return {
  readonly stream: string
  /** undefined where it asks for all of it */
  readonly lastEventId: string | undefined
}

function resumedBy({ link }: Connection): Return | undefined {
  const { searchParams } = new URL(link.request.url)
  const stream = searchParams.get('stream')
  return stream === null ? undefined : { stream, lastEventId: searchParams.get('lastEventId') ?? undefined }
}

export interface Resumption extends Return {
  readonly connection: Connection
  readonly course: Course
  /** the chunk of that stream which had come before with that id */
  readonly after: StreamChunk | undefined
  /** courses of that stream on connections that were opened before */
  readonly earlier: readonly Course[]
}

/** The connections that go on with a stream; with `all` those too that did not open. */
export function resumptions(exchange: WsExchange): Resumption[] {
  return exchange.connections.flatMap((connection): Resumption[] => {
    const asked = resumedBy(connection)
    const course = asked && courses(connection).find(({ stream }) => stream === asked.stream)
    if (!asked || !course) return []
    const earlier = exchange.connections
      .filter(({ link }) => link.openedAt < connection.link.openedAt)
      .flatMap(courses).filter(({ stream }) => stream === asked.stream)
    const after = earlier.flatMap(({ chunks }) => chunks).find(({ id, said }) => id !== '' && id === asked.lastEventId && said.at <= connection.link.openedAt)
    return [{ ...asked, connection, course, after, earlier }]
  })
}

// ---- what the driver says of itself ----------------------------------------------------------------------------

/** A number in the body of an act that was answered with 200; undefined when there is none. */
export function numberIn({ status, body }: Act, name: string): number | undefined {
  if (status !== 200) return undefined
  try {
    const value = (JSON.parse(body) as Readonly<Record<string, unknown>>)[name]
    return typeof value === 'number' ? value : undefined
  } catch {
    return undefined
  }
}

/** The first answer of stats to a question asked at that time or later, ms. */
export const statsAfter = ({ acts }: WsExchange, ms: number): Act | undefined => acts.find(({ kind, at }) => kind === 'stats' && at >= ms)

/** A bound of the channel: as the kit has tuned it, else as it is declared. */
export function bound({ acts, declares }: WsExchange, name: 'replayMs' | 'bufferBytes' | 'stallMs'): number | undefined {
  const tuned = acts.findLast(({ kind, status }) => kind === 'tune' && status < 300)
  const { body = '{}' } = tuned?.request ?? {}
  try {
    const value = (JSON.parse(typeof body === 'string' ? body : '{}') as Readonly<Record<string, unknown>>)[name]
    return typeof value === 'number' ? value : declares[name]
  } catch {
    return declares[name]
  }
}

// ---- rules -----------------------------------------------------------------------------------------------------

/** A rule that the contract of the socket promises, and no RFC. */
export const promised = (rule: Omit<Rule<WsExchange>, 'level' | 'promisedBy'>): Rule<WsExchange> =>
  ({ ...rule, level: 'advice', promisedBy: 'socket' })
