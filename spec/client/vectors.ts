/** The vectors of `spec/vectors`, how they are cut into pieces, and what a client made of them. */
import { Buffer } from 'node:buffer'
import file from '../vectors/event-stream.json' with { type: 'json' }

/** An event as a client fires it. */
export interface Fired {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

export interface Vector {
  readonly name: string
  readonly text?: string
  readonly hex?: string
  readonly events: readonly Fired[]
  /** the last event ID string when the stream has ended */
  readonly lastEventId: string
  /** ms; null when none was set */
  readonly retry: number | null
  /** byte offsets where a cut goes wrong most easily */
  readonly cuts?: readonly number[]
  readonly note?: string
  readonly disputed?: string
}

export const vectors: readonly Vector[] = (file as unknown as { readonly vectors: readonly Vector[] }).vectors

/** The bytes on the wire. */
export function bytesOf({ text, hex }: Vector): Buffer {
  return hex === undefined ? Buffer.from(text ?? '') : Buffer.from(hex, 'hex')
}

/**
 * How a vector is delivered:
 * - `whole`: one piece
 * - `bytes`: byte by byte, but never between CR and LF
 * - `random`: pieces of one to seven bytes, always the same ones, never between CR and LF
 * - `crlf`: cut between every CR and LF, and nowhere else
 */
export type Cut = 'whole' | 'bytes' | 'random' | 'crlf'

const CR = 0x0d
const LF = 0x0a

/** The pieces of a vector. The empty vector has none. */
export function pieces(bytes: Buffer, cut: Cut): Buffer[] {
  const inCrlf = (at: number): boolean => bytes[at - 1] === CR && bytes[at] === LF
  const sizes = sizesOf(bytes.length)
  const offsets = [...bytes.keys()].slice(1).filter((at) => {
    if (cut === 'whole') return false
    if (cut === 'crlf') return inCrlf(at)
    return !inCrlf(at) && (cut === 'bytes' || sizes.has(at))
  })
  return [0, ...offsets].map((start, i) => bytes.subarray(start, offsets[i] ?? bytes.length)).filter(({ length }) => length > 0)
}

/** Offsets that a linear congruential generator with a fixed seed gives: the same in every run. */
function sizesOf(length: number): Set<number> {
  const offsets = new Set<number>()
  let state = 20_260_316
  for (let at = 0; at < length; offsets.add(at)) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    at += 1 + ((state >>> 16) % 7)
  }
  return offsets
}

/** What a client made of a stream. What could not be seen is absent. */
export interface Reading {
  readonly events: readonly Fired[]
  /** what it sent as `Last-Event-ID` when it came back; empty for no header */
  readonly lastEventId?: string
  /** ms; null for none */
  readonly retry?: number | null
  /** how it failed: an exit code, or that it never came to the end */
  readonly died?: string
}

/** A reading in one line. */
export function sayReading({ events, lastEventId, retry, died }: Reading): string {
  const fired = events.map(({ type, data, lastEventId: id }) => {
    const withId = id === '' ? '' : ` with id ${JSON.stringify(id)}`
    return `${type} ${JSON.stringify(data)}${withId}`
  })
  return [
    fired.length === 0 ? 'no event' : fired.join(', then '),
    ...(lastEventId === undefined ? [] : [lastEventId === '' ? 'no last event ID' : `last event ID ${JSON.stringify(lastEventId)}`]),
    ...(retry === undefined ? [] : [retry === null ? 'no reconnection time' : `reconnection time ${retry} ms`]),
    ...(died === undefined ? [] : [`the client failed: ${died}`]),
  ].join('; ')
}

/** Whether a reading is another one, as far as both could be seen. */
export function sameReading(one: Reading, other: Reading): boolean {
  const both = <T>(a: T | undefined, b: T | undefined): boolean => a === undefined || b === undefined || Object.is(a, b)
  return JSON.stringify(one.events.map(tuple)) === JSON.stringify(other.events.map(tuple))
    && one.died === other.died && both(one.lastEventId, other.lastEventId) && both(one.retry, other.retry)
}

const tuple = ({ type, data, lastEventId }: Fired): string[] => [type, data, lastEventId]
