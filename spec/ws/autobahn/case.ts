/**
 * The nouns of the Autobahn cases: what is sent on one connection each, and what is accepted in answer. The frames, cuts
 * and pauses are those of autobahntestsuite 25.10.1, but for the mask keys, which are random there.
 */
import { join } from '../../bytes.ts'
import type { FrameShape } from '../frame.ts'

/** What is written without a pause. */
export interface Part {
  readonly bytes: Uint8Array
  /** how it is cut into writes: after each octet, or at these offsets */
  readonly chop?: 'octets' | readonly number[]
  /** ms to wait before it; it is not sent when the target has closed by then */
  readonly pauseMs?: number
}

/** One thing that a target may say. */
export interface Heard {
  readonly kind: 'text' | 'binary' | 'pong'
  readonly payload: Uint8Array
}

export interface Case {
  /** as Autobahn numbers it; a `+` behind it: not Autobahn's, stands beside the case of that number */
  readonly id: string
  /** what is sent, as a phrase */
  readonly says: string
  readonly parts: readonly Part[]
  /** all that the target may say, in order, before it closes */
  readonly ok: readonly Heard[]
  /** what conforms too, though the standard recommends `ok` */
  readonly nonStrict?: readonly Heard[]
  /** how many parts have been sent when the target fails the connection */
  readonly failsAfter?: { readonly ok: number; readonly nonStrict: number }
  /** who sends the first Close: the kit when all is well, the target about a fault */
  readonly closes: 'kit' | 'target'
  /** the parts hold the Close of the kit */
  readonly closesItself?: true
  /** what the parts hold is wrong, so that a target that says nothing to it has not noticed */
  readonly isFault?: true
  /** codes of the Close of the target; it may also leave the code out */
  readonly codes: readonly number[]
  /** the target has to answer the Close, and to end TCP */
  readonly clean: boolean
  /** a Close with another code fails the case, not only its close column */
  readonly codeDecides?: true
  /** the standard leaves open what comes */
  readonly informational?: true
  /** ms at most for the last answer */
  readonly withinMs: number
}

/** All of it in one write. */
export const whole = (...frames: readonly Uint8Array[]): Part => ({ bytes: join(...frames) })

/** One write for each frame. */
export function byFrame(...frames: readonly Uint8Array[]): Part {
  let end = 0
  return { bytes: join(...frames), chop: frames.slice(0, -1).map(({ length }) => (end += length)) }
}

/** One write for each octet. */
export const byOctet = (...frames: readonly Uint8Array[]): Part => ({ bytes: join(...frames), chop: 'octets' })

/** Writes of that many octets. */
export const inChops = (octets: number, bytes: Uint8Array): Part => ({
  bytes, chop: Array.from({ length: Math.ceil(bytes.length / octets) - 1 }, (_, i) => (i + 1) * octets),
})

/**
 * The pieces of a payload as Autobahn fragments a message: where the size divides the length, an empty one ends it.
 */
export const pieces = (payload: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.floor(payload.length / size) + 1 }, (_, i) => payload.subarray(i * size, (i + 1) * size))

type Write = (payload: Uint8Array, shape?: Partial<FrameShape>) => Uint8Array

/** The frames of a message in pieces. */
export const fragments = (parts: readonly Uint8Array[], { first, more }: { readonly first: Write; readonly more: Write }): Uint8Array[] =>
  parts.map((part, i) => (i === 0 ? first : more)(part, { fin: i === parts.length - 1 }))

/** Something that is right: the target answers as it should, then the kit closes. */
export const right = (id: string, says: string, parts: Part | readonly Part[], ok: readonly Heard[], more: Partial<Case> = {}): Case =>
  ({ id, says, parts: [parts].flat(), ok, closes: 'kit', codes: [1000], clean: true, withinMs: 1000, ...more })

/** Something that is wrong: the target fails the connection, with one of these codes or without. */
export const wrong = (id: string, says: string, parts: Part | readonly Part[], codes: readonly number[], more: Partial<Case> = {}): Case =>
  ({ id, says, parts: [parts].flat(), ok: [], closes: 'target', isFault: true, codes, clean: false, withinMs: 1000, ...more })

/** The kit closes, rightly or not, and perhaps goes on. */
export const closing = (id: string, says: string, part: Part, codes: readonly number[], more: Partial<Case> = {}): Case =>
  ({ id, says, parts: [part], ok: [], closes: 'kit', closesItself: true, codes, clean: true, codeDecides: true, withinMs: 1000, ...more })
