/**
 * Request bodies of the contract: from bytes to values, or to the problem that answers them. A batch is taken or
 * refused as a whole.
 */
import { channelName, limits } from '../../spec/contract/contract.ts'
import type { PlayRequest, Problem, TokenRequest, Tuning, WorkRequest } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import { problem } from './answer.ts'
import type { Whole } from './answer.ts'
import type { Hooks } from './hooks.ts'

type Refusing = Hooks['refusal']

/** A body that cannot be taken; `answer` says why: 400 not JSON, 413 too much, 422 not what was asked for. */
export class Unacceptable extends Error {
  readonly answer: Whole

  constructor(answer: Whole) {
    super(answer.body ?? '')
    this.answer = answer
  }
}

/** The same in words, for who has asked by other means than HTTP. */
export function detailOf({ answer }: Unacceptable): string {
  const { index, field, detail } = JSON.parse(answer.body ?? '{}') as Problem
  const place = [...(index === undefined ? [] : [`event ${index}`]), ...(field === undefined ? [] : [field])].join(', ')
  return place ? `${place}: ${detail}` : detail
}

/** Body of `POST play`. Throws Unacceptable. */
export function parsePlay(body: Uint8Array | undefined, refusal: Refusing): PlayRequest {
  const { events, pauseMs = 0, end, ...unknown } =
    object(parse(body), 'the body is an object with events, end and, if wanted, pauseMs')
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw unprocessable('there is no such member', { field: stranger })
  if (end !== 'close' && end !== 'hold' && end !== 'throw') {
    throw unprocessable('must be "close", "hold" or "throw"', { field: 'end' })
  }
  return { events: batchOf(events, refusal), pauseMs: waitable(pauseMs), end }
}

/** Body of `POST work`. Throws Unacceptable. */
export function parseWork(body: Uint8Array | undefined, refusal: Refusing): WorkRequest {
  const { events, pauseMs = 0, ...unknown } = object(parse(body), 'the body is an object with events and, if wanted, pauseMs')
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw unprocessable('there is no such member', { field: stranger })
  return { events: batchOf(events, refusal), pauseMs: waitable(pauseMs) }
}

/** ms that a timer can wait. Throws Unacceptable. */
function waitable(pauseMs: unknown): number {
  if (typeof pauseMs === 'number' && pauseMs >= 0 && pauseMs <= 0x7fffffff) return pauseMs
  throw unprocessable('must be a number of milliseconds that a timer can wait, 0 or more', { field: 'pauseMs' })
}

/** Body of `POST publish`. Throws Unacceptable. */
export const parseBatch = (body: Uint8Array | undefined, refusal: Refusing): readonly Event[] =>
  batchOf(parse(body), refusal)

/** What each bound may be; a timer waits at most 2^31 - 1 ms. */
const ranges = {
  heartbeatMs: [10, 0x7fffffff],
  replayEvents: [0, 100_000],
  bufferBytes: [0, 64 * 1024 * 1024],
  bufferEvents: [0, 100_000],
  stallMs: [10, 0x7fffffff],
  replayMs: [10, 0x7fffffff],
} as const satisfies Record<keyof Tuning, readonly [least: number, most: number]>

/** Body of `PUT tune`. Throws Unacceptable. */
export function parseTuning(body: Uint8Array | undefined): Tuning {
  const given = object(parse(body), `the body is an object with some of ${Object.keys(ranges).join(', ')}`)
  for (const [field, value] of Object.entries(given)) {
    if (!Object.hasOwn(ranges, field)) throw unprocessable('there is no such member', { field })
    const [least, most] = ranges[field as keyof Tuning]
    if (!isWhole(value, least, most)) {
      throw unprocessable(`must be a whole number from ${least} to ${most}`, { field })
    }
  }
  return given as Tuning
}

const isWhole = (value: unknown, least: number, most: number): value is number =>
  Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most

/** ms; the longest that a token lasts */
const longestTokenMs = 3_600_000

/** Body of `POST tokens`. Throws Unacceptable. */
export function parseTokenRequest(body: Uint8Array | undefined): TokenRequest {
  const { ttlMs, user, once = false, ...unknown } = object(parse(body), 'the body is an object with ttlMs and user')
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw unprocessable('there is no such member', { field: stranger })
  if (!isWhole(ttlMs, 1, longestTokenMs)) {
    throw unprocessable(`must be a whole number from 1 to ${longestTokenMs}`, { field: 'ttlMs' })
  }
  if (typeof user !== 'string' || !channelName.test(user)) {
    throw unprocessable('must be the name of a channel', { field: 'user' })
  }
  if (typeof once !== 'boolean') throw unprocessable('must be true or false', { field: 'once' })
  return { ttlMs, user, once }
}

function object(given: unknown, detail: string): Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw unprocessable(detail)
  return given as Readonly<Record<string, unknown>>
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parse(body: Uint8Array | undefined): unknown {
  if (body === undefined) throw new Unacceptable(problem(413, `a body has at most ${limits.bodyBytes} bytes`))
  try {
    return JSON.parse(utf8.decode(body))
  } catch {
    throw new Unacceptable(problem(400, 'the body is not JSON in UTF-8'))
  }
}

/** Events that are to be published. Throws Unacceptable. */
export function batchOf(events: unknown, refusal: Refusing): readonly Event[] {
  if (!Array.isArray(events)) throw unprocessable('events are an array', { field: 'events' })
  if (events.length > limits.events) throw new Unacceptable(problem(413, `at most ${limits.events} events at once`))
  for (const [index, event] of events.entries()) {
    const refused = refusal(event)
    if (refused) throw unprocessable(refused.detail, { index, field: refused.field })
  }
  return events as readonly Event[]
}

const unprocessable = (detail: string, place?: { index?: number; field: string }): Unacceptable =>
  new Unacceptable(problem(422, detail, {}, place))
