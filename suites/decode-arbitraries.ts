/** Bodies of event streams that hold what is easy to get wrong, and ways to cut them. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'

const token = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('\n', '\r', '\r\n', '\n\n', ':', ' ', ': ') },
  { weight: 4, arbitrary: fc.constantFrom('data', 'event', 'id', 'retry', 'data:', 'dat', 'a', '9') },
  { weight: 3, arbitrary: fc.constantFrom('data: a\n', 'id: 1\n', 'event: e\n', 'event:\n', 'retry: 1', '\n\n') },
  { weight: 2, arbitrary: fc.constantFrom('\t', '\0', 'é', '😀', '\ufeff', 'ï»¿', '\u0085', '\u2028') },
  { weight: 1, arbitrary: fc.constantFrom('longer than sixteen bytes', 'x'.repeat(5000)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
).map((text) => Buffer.from(text))

/** whole and broken UTF-8 */
const rawBytes = fc.oneof(
  fc
    .constantFrom('ff', 'c08a', 'eda080', 'f09f98', 'ef', 'efbb', 'efbbbf', 'e282', 'f4908080')
    .map((hex) => Buffer.from(hex, 'hex')),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
)

/** Weighted towards line ends, names and the BOM, with some arbitrary bytes. */
export const bodies: fc.Arbitrary<Buffer> = fc
  .array(fc.oneof({ weight: 9, arbitrary: token }, { weight: 1, arbitrary: rawBytes }), { maxLength: 40 })
  .map((parts) => Buffer.concat(parts))

/** Sorted offsets to cut a body of this many bytes at; an offset may come twice (an empty piece). */
export const cuts = (length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat({ max: length }), { maxLength: 8 }).map((offsets) => offsets.toSorted((a, b) => a - b))

export function cutAt(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  return [0, ...offsets].map((start, index) => bytes.subarray(start, offsets[index] ?? bytes.length))
}

/** Pieces of this many bytes; the last may be shorter. */
export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size))
}
