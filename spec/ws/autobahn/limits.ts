/**
 * Cases 9.* (limits and performance), 12.* and 13.* (compression): long messages, and many. The payloads of 9.* are
 * Autobahn's, those of 12.* and 13.* are generated: its five files belong to others.
 */
import { hex } from '../../bytes.ts'
import { corpora, type Corpus } from './corpus.ts'

export interface Load {
  readonly id: string
  readonly says: string
  readonly kind: 'text' | 'binary'
  /** each is sent when the one before has come back */
  readonly messages: number
  /** bytes of each */
  readonly size: number
  /** bytes of a fragment; without it a message is one frame */
  readonly fragment?: number
  /** octets of a write */
  readonly chop?: number
  /** ms for all of it */
  readonly withinMs: number
  /** of permessage-deflate; without it nothing is offered */
  readonly offer?: string
  /** the payload of a message, from 0 */
  readonly payload: (index: number) => Uint8Array
}

const KiB = 1024
const MiB = 1024 * KiB
const second = 1000

const star = Uint8Array.of(0x2a)
const fe = Uint8Array.of(0xfe)
const letters = new Uint8Array(Buffer.from('BAsd7&jh23'))
const octets = hex('00fe23faf0')

/** That pattern again and again, the last time perhaps cut. */
const repeated = (pattern: Uint8Array, size: number) => (): Uint8Array => new Uint8Array(Buffer.alloc(size, pattern))

const shown = (size: number): string => (size >= MiB ? `${size / MiB} MiB` : size >= KiB ? `${size / KiB} KiB` : `${size} bytes`)

const sizes = [64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB] as const
const fragmentSizes = [64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB] as const
const chopSizes = [64, 128, 256, 512, 1024, 2048] as const
/** bytes and seconds of a thousand round trips */
const trips = [[0, 60], [16, 60], [64, 60], [256, 120], [1024, 240], [4096, 480]] as const

const both = [['text', letters, star], ['binary', octets, fe]] as const

const long = both.flatMap(([kind, pattern], row) => sizes.map((size, i): Load => ({
  id: `9.${1 + row}.${i + 1}`, says: `a ${kind} message of ${shown(size)}`, kind, messages: 1, size,
  withinMs: (i < 2 || (kind === 'binary' && i < 4) ? 10 : 100) * second, payload: repeated(pattern, size),
})))

const fragmented = both.flatMap(([kind, , filler], row) => fragmentSizes.map((fragment, i): Load => ({
  id: `9.${3 + row}.${i + 1}`, says: `a ${kind} message of 4 MiB in fragments of ${shown(fragment)}`, kind, messages: 1, size: 4 * MiB, fragment,
  // only the first of the binary ones has the other byte
  withinMs: 100 * second, payload: repeated(i === 0 ? filler : star, 4 * MiB),
})))

const chopped = both.flatMap(([kind, pattern], row) => chopSizes.map((chop, i): Load => ({
  id: `9.${5 + row}.${i + 1}`, says: `a ${kind} message of 1 MiB in writes of ${chop} bytes`, kind, messages: 1, size: MiB, chop,
  withinMs: 1000 * second, payload: repeated(pattern, MiB),
})))

const tripped = both.flatMap(([kind, , filler], row) => trips.map(([size, seconds], i): Load => ({
  id: `9.${7 + row}.${i + 1}`, says: `1000 ${kind} messages of ${shown(size)}, one after the other`, kind, messages: 1000, size,
  withinMs: seconds * second, payload: repeated(filler, size),
})))

/** bytes, seconds, bytes of a fragment */
const rows: readonly (readonly [size: number, seconds: number, fragment?: number])[] = [
  [16, 60], [64, 60], [256, 120], [KiB, 240], [4 * KiB, 480], [8 * KiB, 480], [16 * KiB, 480], [32 * KiB, 480], [64 * KiB, 480], [128 * KiB, 480],
  [8 * KiB, 480, 256], [16 * KiB, 480, 256], [32 * KiB, 480, 256], [64 * KiB, 480, 256], [128 * KiB, 480, 256],
  [128 * KiB, 480, KiB], [128 * KiB, 480, 4 * KiB], [128 * KiB, 480, 32 * KiB],
]

const plainOffer = 'permessage-deflate; client_no_context_takeover; client_max_window_bits'
const alone = '; server_no_context_takeover'
const bits = (count: number): string => `; server_max_window_bits=${count}`
const offers = [
  plainOffer, plainOffer + alone, plainOffer + bits(9), plainOffer + bits(15), plainOffer + alone + bits(9), plainOffer + alone + bits(15),
  [plainOffer + alone + bits(9), plainOffer + alone, plainOffer].join(', '),
] as const

const compressed = (number: string, { name, kind, at }: Corpus, offer: string): Load[] =>
  rows.map(([size, seconds, fragment], i): Load => ({
    id: `${number}.${i + 1}`, says: `1000 messages of ${shown(size)} of ${name}${fragment === undefined ? '' : ` in fragments of ${shown(fragment)}`}, offering ${offer}`,
    kind, messages: 1000, size, withinMs: seconds * second, offer, ...(fragment === undefined ? {} : { fragment }),
    payload: (index) => at(index * size, size),
  }))

/** 54 of 9.*, 90 of 12.*, 126 of 13.*. */
export const loads: readonly Load[] = [
  ...long, ...fragmented, ...chopped, ...tripped,
  ...corpora.flatMap((corpus, i) => compressed(`12.${i + 1}`, corpus, plainOffer)),
  ...offers.flatMap((offer, i) => compressed(`13.${i + 1}`, corpora[0], offer)),
]
