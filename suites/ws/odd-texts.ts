/** Texts that are hard to take, and texts that are none, as fast-check values. */
import fc from 'fast-check'
import { join } from '../../spec/bytes.ts'
import { texts } from './frames.ts'

/** The ends of every range, what surrounds the surrogates, characters that are none, and what is often stripped. */
export const hardTexts: readonly string[] = [
  'κόσμε', '\0', '\x7f\x80\u07ff\u0800', '\u2028\u2029', '\ud7ff\ue000', '\ufdd0\ufdef', '\ufffd', '\ufffe\uffff',
  '\u{10000}\u{1fffe}', '\u{10ffff}', '\ufeffmarked',
]

const between = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max })
const tail = between(0x80, 0xbf)
const run = (...bytes: readonly fc.Arbitrary<number>[]): fc.Arbitrary<readonly number[]> => fc.tuple(...bytes)

/** Ill-formed sequences by what is wrong with them. Each stays ill-formed whatever good text stands around it. */
const wrong = {
  /** continuations of nothing, bytes that are never there, characters that break off */
  invalid: fc.oneof(
    run(tail), run(between(0xfe, 0xff)), run(between(0xc2, 0xdf), fc.constant(0x20)), run(fc.constant(0xe2), tail, fc.constant(0x20)),
  ),
  overlong: fc.oneof(
    run(between(0xc0, 0xc1), tail), run(fc.constant(0xe0), between(0x80, 0x9f), tail),
    run(fc.constant(0xf0), between(0x80, 0x8f), tail, tail),
  ),
  surrogate: fc.oneof(
    run(fc.constant(0xed), between(0xa0, 0xbf), tail),
    run(fc.constant(0xed), between(0xa0, 0xaf), tail, fc.constant(0xed), between(0xb0, 0xbf), tail),
  ),
  range: fc.oneof(
    run(fc.constant(0xf4), between(0x90, 0xbf), tail, tail), run(between(0xf5, 0xf7), tail, tail, tail),
    run(between(0xf8, 0xfb), tail, tail, tail, tail), run(between(0xfc, 0xfd), tail, tail, tail, tail, tail),
  ),
  /** the beginning of a character, for the end of a text */
  truncated: fc.oneof(
    run(between(0xc2, 0xdf)), run(between(0xe1, 0xec)), run(between(0xe1, 0xec), tail),
    run(between(0xf1, 0xf3)), run(between(0xf1, 0xf3), tail), run(between(0xf1, 0xf3), tail, tail),
  ),
} as const

/** Text that is not UTF-8. */
export interface Flawed {
  readonly bytes: Uint8Array
  /** offset and length of the sequence that is ill-formed */
  readonly at: number
  readonly length: number
}

/** Good text with one ill-formed sequence of that kind in it. */
export function flawed(kind: keyof typeof wrong): fc.Arbitrary<Flawed> {
  return fc.tuple(texts(12), wrong[kind], texts(kind === 'truncated' ? 0 : 12)).map(([before, sequence, behind]) => ({
    bytes: join(before, Uint8Array.from(sequence), behind), at: before.length, length: sequence.length,
  }))
}

/** One of any kind. */
export const anyFlawed: fc.Arbitrary<Flawed> = fc.oneof(...(Object.keys(wrong) as (keyof typeof wrong)[]).map(flawed))
