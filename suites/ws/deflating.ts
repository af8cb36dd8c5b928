/** What the compression properties are made of: messages compressed in every way that the format allows. */
import fc from 'fast-check'
import { hex, join } from '../../spec/bytes.ts'
import { Deflater, storedMessage, type Compression } from '../../spec/ws/deflater.ts'
import { client, opcodes } from '../../spec/ws/frame.ts'
import { drafts, plans, type Draft } from './frames.ts'

/** RSV1 */
const compressed = { rsv: 4 } as const

/** A compressed payload as frames, cut where the plan says, taken modulo its length and one. */
export function compressedFrames(type: Draft['type'], payload: Uint8Array, plan: readonly number[] = []): Uint8Array[] {
  const edges = [0, ...plan.map((at) => at % (payload.length + 1)).toSorted((a, b) => a - b), payload.length]
  return edges.slice(1).map((end, i) => {
    const shape = { fin: i === edges.length - 2, ...(i === 0 ? compressed : {}) }
    return client.frame(i === 0 ? opcodes[type] : opcodes.continuation, payload.subarray(edges[i], end), shape)
  })
}

/** How one message goes out. */
interface Way {
  readonly how: 'compressed' | 'in parts' | 'stored' | 'final' | 'uncompressed'
  readonly plan: readonly number[]
}

const ways: fc.Arbitrary<Way> = fc.record({
  how: fc.oneof({ weight: 4, arbitrary: fc.constant('compressed' as const) }, fc.constantFrom('in parts', 'stored', 'final', 'uncompressed')),
  plan: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, plans),
})

function framesOf({ type, payload }: Draft, { how, plan }: Way, deflater: Deflater): Uint8Array[] {
  switch (how) {
    case 'uncompressed': return [client.frame(opcodes[type], payload)]
    case 'stored': return compressedFrames(type, storedMessage(payload), plan)
    case 'final': return compressedFrames(type, storedMessage(payload, true), plan)
    case 'in parts': return compressedFrames(type, deflater.message(payload.subarray(0, payload.length >> 1), payload.subarray(payload.length >> 1)), plan)
    case 'compressed': return compressedFrames(type, deflater.message(payload), plan)
  }
}

/** Settings of the compressor. */
export const compressions: fc.Arbitrary<Compression> = fc.record({
  windowBits: fc.integer({ min: 8, max: 15 }),
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  takeover: fc.boolean(),
  fixed: fc.boolean(),
})

/** 1 to 6 messages on one connection as frames, and how many they are. */
export function deflated(bytes = 3000): fc.Arbitrary<{ frames: readonly Uint8Array[]; count: number }> {
  return fc.tuple(fc.array(fc.tuple(drafts(bytes), ways), { minLength: 1, maxLength: 6 }), compressions).map(([all, compression]) => {
    const deflater = new Deflater(compression)
    let reset = false
    const frames = all.flatMap(([draft, way]) => {
      const made = framesOf(draft, way, reset ? new Deflater({ ...compression, takeover: false }) : deflater)
      // zlib forgets its history behind BFINAL: a client that goes on looking back could not rely on it
      reset ||= way.how === 'final'
      return made
    })
    return { frames, count: all.length }
  })
}

/** Compressed data that no inflater takes, by what is wrong with it. */
export const corruptions = {
  /** block type 3 */
  type: hex('07'),
  /** a stored block whose two lengths do not belong to each other */
  lengths: hex('000500ffff48656c6c6f00'),
  /** a copy from 32768 bytes back at the very beginning */
  distance: hex('02deff0f00'),
} as const

/** A corrupt message behind some good data, in one or more frames. */
export const corrupted: fc.Arbitrary<readonly Uint8Array[]> = fc.tuple(
  fc.constantFrom(corruptions.type, corruptions.lengths), fc.uint8Array({ maxLength: 40 }), plans,
).map(([bad, good, plan]) => {
  // the good data ends on a byte, so that the bad one begins a block
  const before = good.length === 0 ? new Uint8Array(0) : join(storedMessage(good).slice(0, -1))
  return compressedFrames('binary', join(before, bad), plan)
})
