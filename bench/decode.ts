/**
 * `node bench/decode.ts`: the decoder beside eventsource-parser with a streaming TextDecoder, on the same bytes.
 * Both run in every round, in turn; a ratio is the median of those inside the rounds, so a slow moment of the machine
 * slows both. Above 1 the decoder is the faster one.
 */
import { Buffer } from 'node:buffer'
import { fileURLToPath } from 'node:url'
import { createParser } from 'eventsource-parser'
import { EventStreamDecoder } from '../spec/sse/decode.ts'

export interface DecodeRow {
  readonly corpus: string
  /** bytes */
  readonly chunk: number
  /** median over the rounds */
  readonly ratio: number
  /** the decoder's own median */
  readonly megabytesPerSecond: number
  readonly goal: number
}

const CORPUS_BYTES = 2 << 20
const ROUNDS = 41
const WARM_UP = 10

// What a model writes: mostly English, with the characters of typography, other languages and emoji between.
const english = 'The decoder reads bytes as they arrive, finds the ends of lines, fires an event at each blank one. '
const prose =
  `${english}It’s fast — “streaming” means that nobody waits. Voilà : le café coûte 3 €. Grüße aus Köln! ` +
  'バイト列を行に分ける。 Это тоже работает. Here is a list: first, second, third 🙂 and then some plain words again. '

/** Pieces of text as a model gives them out: a word or a part of one, with the space before it. */
const tokensOf = (text: string): string[] => text.match(/\s?[^\s]{1,5}|\s/gu) ?? []

function completion(text: string, eol: string): Buffer {
  const tokens = tokensOf(text)
  const events = tokens.map((content, index) => {
    const chunk = {
      id: 'chatcmpl-BtQ9x2',
      object: 'chat.completion.chunk',
      created: 1784736000 + index,
      model: 'm-1',
      choices: [{ index: 0, delta: { content }, finish_reason: null }],
    }
    return `data: ${JSON.stringify(chunk)}${eol}${eol}`
  })
  return repeated(events.join(''))
}

function repeated(text: string): Buffer {
  const once = Buffer.from(text)
  return Buffer.concat(Array<Buffer>(Math.ceil(CORPUS_BYTES / once.length)).fill(once))
}

const llm = completion(prose, '\n')
const corpora: readonly { name: string; bytes: Buffer; chunks: Record<number, number> }[] = [
  { name: 'LLM tokens, utf-8', bytes: llm, chunks: { 64: 1.3, 1024: 1.4, 16384: 1.3, 65536: 1.3 } },
  { name: 'LLM tokens, ASCII', bytes: completion(english, '\n'), chunks: { 16384: 2.7, 65536: 2.7 } },
  { name: 'LLM tokens, CRLF', bytes: completion(prose, '\r\n'), chunks: { 16384: 1.1 } },
  { name: 'tiny events (9 B)', bytes: repeated('data: a\n\n'), chunks: { 16384: 1.05 } },
  { name: '64 KiB events', bytes: repeated(`data: ${'x'.repeat(65_536)}\n\n`), chunks: { 16384: 2.7, 65536: 2.7 } },
]

/** Keeps the compiler from dropping work whose result nobody reads. */
let characters = 0

function byDecoder(chunks: readonly Buffer[]): void {
  const decoder = new EventStreamDecoder({ onEvent: ({ data }) => { characters += data.length } })
  for (const chunk of chunks) decoder.push(chunk)
}

function byPeer(chunks: readonly Buffer[]): void {
  const text = new TextDecoder()
  const parser = createParser({ onEvent: ({ data }) => { characters += data.length } })
  for (const chunk of chunks) parser.feed(text.decode(chunk, { stream: true }))
}

function cut(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function milliseconds(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** Some seconds of work. */
export function decodeRows(): DecodeRow[] {
  return corpora.flatMap(({ name, bytes, chunks: goals }) => Object.entries(goals).map(([size, goal]) => {
    const chunks = cut(bytes, Number(size))
    const rounds = Array.from({ length: WARM_UP + ROUNDS }, () => {
      const peer = milliseconds(() => byPeer(chunks))
      const own = milliseconds(() => byDecoder(chunks))
      return { own, ratio: peer / own }
    }).slice(WARM_UP)
    const own = median(rounds.map((round) => round.own))
    const ratio = median(rounds.map((round) => round.ratio))
    return { corpus: name, chunk: Number(size), ratio, megabytesPerSecond: bytes.length / own / 1000, goal }
  }))
}

/** ns per byte of lines from 1 KiB to 16 MiB: flat when nothing is quadratic. */
export function longLines(chunk: number): { readonly lineBytes: number; readonly nsPerByte: number }[] {
  return [1 << 10, 1 << 14, 1 << 18, 1 << 21, 1 << 24].map((lineBytes) => {
    const event = Buffer.from(`data: ${'x'.repeat(lineBytes)}\n\n`)
    const chunks = cut(Buffer.concat(Array<Buffer>(Math.max(1, (1 << 21) / lineBytes)).fill(event)), chunk)
    const total = chunks.reduce((sum, { length }) => sum + length, 0)
    byDecoder(chunks)
    const runs = Array.from({ length: 3 }, () => milliseconds(() => byDecoder(chunks)))
    return { lineBytes, nsPerByte: (median(runs) * 1e6) / total }
  })
}

function print(): void {
  const tokens = tokensOf(prose)
  const share = tokens.filter((token) => /[^\p{ASCII}]/u.test(token)).length / tokens.length
  console.log('ratio to eventsource-parser + TextDecoder')
  console.log(`${Math.round(share * 100)} % of the utf-8 tokens are not ASCII`)
  for (const { corpus, chunk, ratio, megabytesPerSecond, goal } of decodeRows()) {
    const columns = [corpus.padEnd(20), `${chunk} B`.padStart(8), `${ratio.toFixed(2)}x`.padStart(8)]
    const rate = `${megabytesPerSecond.toFixed(0)} MB/s`.padStart(11)
    console.log(...columns, rate, ` goal ${goal}x`, ratio < goal ? 'missed' : '')
  }
  for (const chunk of [64, 65_536]) {
    const flat = longLines(chunk).map(({ lineBytes, nsPerByte }) => `${lineBytes >> 10} KiB ${nsPerByte.toFixed(2)}`)
    console.log(`ns per byte of long lines, chunks of ${chunk} B:`, flat.join(', '))
  }
  console.log(`${characters} characters of data in all`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) print()
