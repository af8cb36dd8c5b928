/** Texts and bytes to compress, one for each kind of file that Autobahn sends. The same at each run. */

export interface Corpus {
  readonly name: string
  readonly kind: 'text' | 'binary'
  /** so many bytes from an offset on; behind the end it begins again */
  readonly at: (offset: number, length: number) => Uint8Array
}

/** bytes of each; longer than the longest message */
const length = 160 * 1024

/** Numbers below a bound (xorshift32, Marsaglia 2003). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** Pieces of text until there is enough. */
function text(seed: number, piece: (below: (bound: number) => number, i: number) => string): Uint8Array {
  const below = numbers(seed)
  let whole = ''
  for (let i = 0; whole.length < length; i++) whole += piece(below, i)
  return new Uint8Array(Buffer.from(whole, 'latin1').subarray(0, length))
}

const words = 'the of stream a frame and to is in that it was for on are as with close they at be this message from one had by word but not what all were we when your can said there use an each which'.split(' ')
const word = (below: (bound: number) => number): string => words[below(words.length)] ?? ''
const sentence = (below: (bound: number) => number): string => Array.from({ length: 6 + below(9) }, () => word(below)).join(' ')

const records = (): Uint8Array => text(1, (below, i) =>
  `{"id":${i},"name":"${word(below)} ${word(below)}","values":[${below(1000)},${below(1000)},${below(1000)}],"on":${below(2) === 0},"note":"${sentence(below)}"},\n`)
const prose = (): Uint8Array => text(3, (below) => `${sentence(below)}.${below(5) === 0 ? '\r\n\r\n' : ' '}`)
const page = (): Uint8Array => text(4, (below, i) => `<li class="item item-${below(4)}"><a href="/page/${i}">${sentence(below)}</a></li>\n`)

/** Grey values of neighbours that differ little. */
function picture(): Uint8Array {
  const below = numbers(2)
  return Uint8Array.from({ length }, (_, i) => 128 + 80 * Math.sin(i / 512 / 40) * Math.cos((i % 512) / 60) + below(8))
}

/** As a file that is compressed already. */
function noise(): Uint8Array {
  const below = numbers(5)
  return Uint8Array.from({ length }, () => below(256))
}

function corpus(name: string, kind: Corpus['kind'], make: () => Uint8Array): Corpus {
  let made: Uint8Array | undefined
  return {
    name,
    kind,
    at: (offset, size) => {
      made ??= make()
      const from = offset % length
      return from + size <= length ? made.subarray(from, from + size)
        : new Uint8Array(Buffer.concat([made.subarray(from), made.subarray(0, from + size - length)]))
    },
  }
}

/** In the order of 12.1 to 12.5; the first is that of 13.*. */
export const corpora: readonly [Corpus, ...Corpus[]] = [
  corpus('JSON', 'text', records), corpus('a picture', 'binary', picture), corpus('prose', 'binary', prose),
  corpus('HTML', 'text', page), corpus('noise', 'binary', noise),
]
