/** What properties are made of: payloads, keys, fragments and cuts as fast-check values, and the frames that come of them. */
import fc from 'fast-check'
import { bytes } from '../../spec/bytes.ts'
import { client, opcodes } from '../../spec/ws/frame.ts'
import type { Chop } from './stimulus.ts'

/** Any scalar value. Not the library's unit `binary`, which builds a table of them all, for a second at every start. */
const scalar = fc.integer({ min: 0, max: 0x10f7ff }).map((n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800))

/** Lengths on both sides of every change of the length field, and some beside them. */
export const edgeLengths: readonly number[] = [0, 1, 2, 3, 4, 5, 123, 124, 125, 126, 127, 128, 129, 65_534, 65_535, 65_536, 65_537]

/** Payload lengths up to `most` bytes, edges often; a shrunk one is an edge or a small one. */
export function lengths(most: number): fc.Arbitrary<number> {
  const edges = edgeLengths.filter((length) => length <= most)
  const small = fc.integer({ min: 0, max: Math.min(most, 300) })
  return fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...edges) }, { weight: 2, arbitrary: small }, fc.integer({ min: 0, max: most }))
}

/** Keys of four bytes; one in two is of the kind that is easily taken for a special case. */
export const keys: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.constantFrom(0x00, 0xff, 0x5a, 0x80).map((byte) => new Uint8Array(4).fill(byte)),
)

/** The first and the last code point of each length in UTF-8, what surrounds the surrogates, and what is often stripped. */
const oddCharacters = ['\0', '\x7f', '\x80', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufeff', '\ufffe', '\uffff', '\u{10000}', '\u{10ffff}']

/** Text of up to so many characters, planes 0 to 16, as UTF-8. */
export function texts(mostCharacters: number): fc.Arbitrary<Uint8Array> {
  const unit = fc.oneof(fc.constantFrom(...oddCharacters), scalar, fc.constantFrom('a', 'é', '€', '😀'))
  return fc.array(unit, { maxLength: mostCharacters }).map((parts) => bytes(parts.join('')))
}

/** ASCII text of any of these lengths: long payloads without the cost of generating every byte. */
export function plainTexts(most: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(lengths(most), fc.integer({ min: 0x20, max: 0x7e })).map(([length, first]) => ramp(length, first, 0x20, 95))
}

/** Binary payloads: every byte drawn while they are short, else a run of all byte values. */
export function binaries(most: number): fc.Arbitrary<Uint8Array> {
  const long = fc.tuple(lengths(most), fc.nat(255)).map(([length, first]) => ramp(length, first, 0, 256))
  return fc.oneof(fc.uint8Array({ maxLength: Math.min(most, 200) }), long)
}

/** `length` bytes that count up from `first` and stay in `[least, least + count)`. */
export function ramp(length: number, first = 0x20, least = 0x20, count = 95): Uint8Array {
  const round = Uint8Array.from({ length: count }, (_, i) => least + ((first - least + i) % count))
  return new Uint8Array(Buffer.alloc(length, round))
}

/** A message before it is cut into frames. */
export interface Draft {
  readonly type: 'text' | 'binary'
  readonly payload: Uint8Array
}

/** Messages of both types, of up to `most` bytes; text is good UTF-8. */
export function drafts(most: number): fc.Arbitrary<Draft> {
  const text = fc.oneof(texts(Math.min(60, most >> 2)), plainTexts(most)).map((payload) => ({ type: 'text' as const, payload }))
  return fc.oneof(text, binaries(most).map((payload) => ({ type: 'binary' as const, payload })))
}

/** Where a message is cut: offsets into its payload, taken modulo its length and one. The same one twice is an empty fragment. */
export const plans: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(70_000), { maxLength: 6 })

/**
 * The frames of one message: a cut at 0 gives an empty first fragment, one at its end an empty last one. Keys are taken
 * in turn; without keys each frame has an ordinary one.
 */
export function fragmented({ type, payload }: Draft, plan: readonly number[] = [], masks: readonly Uint8Array[] = []): Uint8Array[] {
  const cuts = plan.map((at) => at % (payload.length + 1)).toSorted((a, b) => a - b)
  const edges = [0, ...cuts, payload.length]
  return edges.slice(1).map((end, i) => {
    const mask = masks[i % masks.length]
    return client.frame(i === 0 ? opcodes[type] : opcodes.continuation, payload.subarray(edges[i], end), {
      fin: i === edges.length - 2, ...(mask ? { mask } : {}),
    })
  })
}

/** One message as frames, whole (`fragments: false`) or cut. */
export function messages({ most = 1000, fragments = true } = {}): fc.Arbitrary<readonly Uint8Array[]> {
  return fc.tuple(drafts(most), fragments ? plans : fc.constant([]), fc.array(keys, { minLength: 1, maxLength: 3 }))
    .map(([draft, plan, masks]) => fragmented(draft, plan, masks))
}

/** Up to four pings of ASCII. */
export const pings: fc.Arbitrary<readonly Uint8Array[]> = fc.array(
  fc.uint8Array({ maxLength: 125 }).map((payload) => client.ping(payload.map((byte) => byte & 0x7f))), { maxLength: 4 },
)

/** A ping or a pong of 0 to 125 arbitrary bytes, which may stand between any two frames. */
export const controls: fc.Arbitrary<Uint8Array> = fc.tuple(fc.constantFrom('ping', 'pong'), fc.uint8Array({ maxLength: 125 }), keys)
  .map(([kind, payload, mask]) => client[kind as 'ping' | 'pong'](payload, { mask }))

/** The same frames with others put in at these places, taken modulo the number of gaps. */
export function interleaved(frames: readonly Uint8Array[], inserts: readonly (readonly [gap: number, frame: Uint8Array])[]): Uint8Array[] {
  const gaps = frames.length + 1
  return Array.from({ length: gaps }, (_, gap) => [
    ...inserts.filter(([at]) => at % gaps === gap).map(([, insert]) => insert),
    ...frames.slice(gap, gap + 1),
  ]).flat()
}

/** A stream of 0 to `most` legal messages with pings and pongs anywhere. */
export function streams({ most = 4, bytes: mostBytes = 1000, fragments = true } = {}): fc.Arbitrary<readonly Uint8Array[]> {
  return fc.tuple(
    fc.array(messages({ most: mostBytes, fragments }), { maxLength: most }),
    fc.array(fc.tuple(fc.nat(60), controls), { maxLength: 4 }),
  ).map(([all, inserts]) => interleaved(all.flat(), inserts))
}

/** Bytes up to which each octet goes in a write of its own: they are 1 ms apart. */
const mostOctets = 120

/** How the bytes of these frames are cut into writes: not at all, at up to 16 places, at every frame, after each octet. */
export function chops(frames: readonly Uint8Array[]): fc.Arbitrary<Chop | undefined> {
  const starts = frames.reduce<number[]>((all, frame) => [...all, (all.at(-1) ?? 0) + frame.length], [])
  const length = starts.at(-1) ?? 0
  // within the first header, length and key: where a parser that wants more than there is goes wrong
  const early = fc.array(fc.integer({ min: 1, max: Math.max(1, Math.min(14, length)) }), { maxLength: 6 })
  return fc.oneof(
    fc.constant(undefined),
    fc.constant(starts),
    early,
    fc.array(fc.integer({ min: 1, max: Math.max(1, length) }), { maxLength: 16 }),
    ...(length <= mostOctets ? [fc.constant('octets' as const)] : []),
  )
}
