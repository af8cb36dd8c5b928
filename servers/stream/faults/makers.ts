/** The ways to be wrong: each makes a fault of one replaced decision. */
import { createGzip } from 'node:zlib'
import type { Event } from '../../../spec/model.ts'
import type { Answer, Block, Request, Sink, Streamed } from '../answer.ts'
import type { Hooks } from '../hooks.ts'

type MakeFault = (right: Hooks) => Hooks

/** A block as text. */
export const textOf = (block: Block): string => (typeof block === 'string' ? block : Buffer.from(block).toString())

/** A code unit from U+0800 as three bytes, surrogate or not (WTF-8). */
export const bytesOf = (unit: number): Uint8Array =>
  Uint8Array.of(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))

/** Encodes another event than the one published. */
export const eventPublished = (change: (event: Event) => Event): MakeFault => (right) => ({
  ...right,
  encoder: () => {
    const encode = right.encoder()
    return (event) => encode(change(event))
  },
})

/** Encodes other data than was published. */
export const dataPublished = (change: (data: string) => string): MakeFault =>
  eventPublished((event) => (event.data === undefined ? event : { ...event, data: change(event.data) }))

/** Writes the data lines another way; the other fields stay right. */
export const dataWritten = (write: (data: string) => string): MakeFault => (right) => ({
  ...right,
  encoder: () => {
    const encode = right.encoder()
    return ({ data, ...rest }) => {
      const block = textOf(encode(rest))
      return data === undefined ? block : `${block.slice(0, -1)}${write(data)}\n`
    }
  },
})

/** Changes complete answers. */
export const onAnswer = (change: (answer: Answer, request: Request) => Answer): MakeFault => (right) => ({
  ...right,
  answer: (answer, request) => change(right.answer(answer, request), request),
})

/** What a stream is that is over before it began: ended, cut, or closed without a word. */
export const over = (how: 'end' | 'cut' | 'abort'): Streamed['stream'] => (sink) => {
  sink[how]()
  return () => {}
}

/** Changes how streams write and end. */
export const onSink = (change: (sink: Sink) => Sink): MakeFault =>
  onAnswer((answer) => ('stream' in answer ? { ...answer, stream: (sink) => answer.stream(change(sink)) } : answer))

/** A subscription: a GET of a channel. */
const isSubscription = ({ method, path }: Request): boolean =>
  method === 'GET' && /^\/(?:channels|limited|secure)\//.test(path)

/** Changes the streams of channels; what is made for the answers is called once for each stream. */
export const onStream = (
  change: (stream: Streamed['stream'], request: Request) => Streamed['stream'],
): MakeFault => onAnswer((answer, request) =>
  ('stream' in answer && isSubscription(request) ? { ...answer, stream: change(answer.stream, request) } : answer))

/** Changes what a channel writes to one client, block by block, the opening included; '' leaves a block out. */
export const onBlocks = (make: (request: Request) => (block: string) => string): MakeFault =>
  onStream((stream, request) => (sink) => {
    const change = make(request)
    return stream({ ...sink, write: (blocks) => sink.write(textOf(blocks).split(/(?<=\n\n)/).map(change).join('')) })
  })

/** Changes the events of a channel before they are logged; `make` is called once for each channel. */
export const onEvents = (make: () => (event: Event) => Event): MakeFault => (right) => ({
  ...right,
  identifier: (identify) => {
    const change = make()
    const identified = right.identifier(identify)
    return (event) => change(identified(event))
  },
})

/** Changes what the log gives to who comes back. */
export const replayed = (change: (block: string, index: number) => string): MakeFault => (right) => ({
  ...right,
  replay: (log, at) =>
    right.replay(log, at).map(({ id, block }, index) => ({ id, block: change(textOf(block), index) })),
})

/** The id of a block, if it has one. */
export const idOf = (block: string): string | undefined => /^id: (.*)$/m.exec(block)?.[1]

/** Whether nothing but a comment is in it. */
export const isComment = (block: Block): boolean => /^(:.*\n)+\n$/.test(textOf(block))

/** A sink behind a compressor that decides alone when it writes. */
export function gzipped(sink: Sink): Sink {
  const gzip = createGzip()
  gzip.on('data', (bytes: Uint8Array) => sink.write(bytes))
  gzip.on('end', () => sink.end())
  return {
    ...sink,
    write: (block) => gzip.writableEnded || gzip.write(block),
    end: () => gzip.end(),
  }
}
