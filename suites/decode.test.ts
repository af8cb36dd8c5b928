/** The decoder against the standard: vectors, every cut, the place of everything, and what it costs. */
import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Dispatched, type Line, decodeEventStream, EventStreamDecoder, eventStream } from '../spec/sse/decode.ts'
import { illFormed } from '../spec/utf8.ts'
import { bodies, cutAt, cuts, pieces } from './decode-arbitraries.ts'

interface Vector {
  readonly name: string
  readonly text?: string
  readonly hex?: string
  readonly events: readonly { readonly type: string; readonly data: string; readonly lastEventId: string }[]
  readonly lastEventId: string
  readonly retry: number | null
  readonly note?: string
}

const folder = new URL('../spec/vectors/', import.meta.url)
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
const { vectors } = read('event-stream.json') as { vectors: readonly Vector[] }

const bytesOf = ({ text, hex }: Vector): Buffer =>
  hex === undefined ? Buffer.from(text ?? '') : Buffer.from(hex, 'hex')

/** What a client gets to know: neither lines nor places. */
function meaning(chunks: readonly Uint8Array[]): Pick<Vector, 'events' | 'lastEventId' | 'retry'> {
  const events: Vector['events'][number][] = []
  const decoder = new EventStreamDecoder({
    onEvent: ({ type, data, lastEventId }) => events.push({ type, data, lastEventId }),
  })
  for (const chunk of chunks) decoder.push(chunk)
  return { events, lastEventId: decoder.lastEventId, retry: decoder.reconnectionTime ?? null }
}

interface Heard {
  readonly lines: readonly Line[]
  readonly events: readonly Dispatched[]
  readonly retries: readonly number[]
  readonly tail: unknown
  readonly bom: boolean
}

function hear(chunks: readonly Uint8Array[]): Heard {
  const lines: Line[] = []
  const events: Dispatched[] = []
  const retries: number[] = []
  const decoder = new EventStreamDecoder({
    onLine: (line) => lines.push(line),
    onEvent: (event) => events.push(event),
    onRetry: (ms) => retries.push(ms),
  })
  for (const chunk of chunks) decoder.push(chunk)
  return { lines, events, retries, tail: decoder.end(), bom: decoder.bom }
}

/** The documented effect of a cut between CR and LF: the LF belongs to no line. */
function asCut(heard: Heard, at: readonly number[]): Heard {
  const isSplit = (next: number): boolean => at.includes(next - 1)
  return {
    ...heard,
    lines: heard.lines.map((line) =>
      line.eol === '\r\n' && isSplit(line.next) ? { ...line, eol: '\r', next: line.next - 1 } : line),
    events: heard.events.map((event) => {
      const blank = heard.lines.find((line) => line.kind === 'blank' && line.next === event.end)
      return blank?.eol === '\r\n' && isSplit(event.end) ? { ...event, end: event.end - 1 } : event
    }),
  }
}

describe('vectors', () => {
  test('the file follows its schema', () => {
    const validate = new Ajv({ formats: { uri: true } }).compile(read('event-stream.schema.json') as object)
    validate(read('event-stream.json'))
    expect(validate.errors).toBeNull()
  })

  test('names and bytes are unique, hex only where the bytes are not UTF-8', () => {
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length)
    expect(new Set(vectors.map((vector) => bytesOf(vector).toString('hex'))).size).toBe(vectors.length)
    for (const vector of vectors) expect(illFormed(bytesOf(vector)).length > 0).toBe(vector.hex !== undefined)
  })

  test.each(vectors)('$name', (vector) => {
    const bytes = bytesOf(vector)
    const { events, lastEventId, retry } = vector
    const expected = { events, lastEventId, retry }
    expect(meaning([bytes])).toEqual(expected)
    expect(meaning(pieces(bytes, 1))).toEqual(expected)
    for (let at = 0; at <= bytes.length; at++) expect(meaning(cutAt(bytes, [at])), `cut at ${at}`).toEqual(expected)
    fc.assert(fc.property(cuts(bytes.length), (at) => {
      expect(meaning(cutAt(bytes, at))).toEqual(expected)
    }), { numRuns: 20 })
  })
})

describe('any bytes', () => {
  test('BOM, lines and partial line tile the body', () => {
    fc.assert(fc.property(bodies, (bytes) => {
      const { bom, lines, tail } = decodeEventStream(bytes)
      let at = bom ? 3 : 0
      for (const [index, line] of lines.entries()) {
        expect(line.number).toBe(index + 1)
        expect(line.start).toBe(at)
        expect(bytes.toString('latin1', line.end, line.next)).toBe(line.eol)
        expect(bytes.toString('latin1', line.start, line.end)).not.toMatch(/[\r\n]/)
        expect(line.kind === 'blank').toBe(line.start === line.end)
        expect(line.kind === 'comment').toBe(bytes[line.start] === 0x3a)
        at = line.next
      }
      expect(tail.partialLine?.start ?? at).toBe(at)
      expect(tail.partialLine?.end ?? at).toBe(bytes.length)
    }))
  })

  test('names and values are those of the decoded text', () => {
    fc.assert(fc.property(bodies, (bytes) => {
      // The algorithm in the words of the standard, on the text of the whole body.
      const text = new TextDecoder().decode(bytes)
      const { lines, tail } = decodeEventStream(bytes)
      const expected = text.split(/\r\n|\r|\n/)
      const partial = expected.pop()
      expect(tail.partialLine?.text ?? '').toBe(partial)
      expect(lines.map(({ name, value }) => [name, value])).toEqual(expected.map((line) => {
        const [, name, value] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
        return [name, value ?? '']
      }))
    }))
  })

  test('lines, places, events, retries and tail do not follow the cuts, but for the LF of a split CRLF', () => {
    fc.assert(fc.property(bodies.chain((bytes) => fc.tuple(fc.constant(bytes), cuts(bytes.length))), ([bytes, at]) => {
      expect(hear(cutAt(bytes, at))).toEqual(asCut(hear([bytes]), at))
    }))
  })

  test('at every single cut', () => {
    fc.assert(fc.property(bodies.filter(({ length }) => length < 500), (bytes) => {
      const whole = hear([bytes])
      for (let at = 1; at < bytes.length; at++) expect(hear(cutAt(bytes, [at]))).toEqual(asCut(whole, [at]))
    }), { numRuns: 30 })
  })

  test('events are the same with and without a handler for lines', () => {
    fc.assert(fc.property(bodies, (bytes) => {
      const events: Dispatched[] = []
      new EventStreamDecoder({ onEvent: (event) => events.push(event) }).push(bytes)
      expect(events).toEqual(decodeEventStream(bytes).events)
    }))
  })

  test('what was pushed may be overwritten afterwards', () => {
    fc.assert(fc.property(bodies.chain((bytes) => fc.tuple(fc.constant(bytes), cuts(bytes.length))), ([bytes, at]) => {
      const events: Dispatched[] = []
      const decoder = new EventStreamDecoder({ onEvent: (event) => events.push(event) })
      for (const chunk of cutAt(Buffer.from(bytes), at)) {
        decoder.push(chunk)
        chunk.fill(0x0a)
      }
      expect(events).toEqual(hear(cutAt(bytes, at)).events)
    }))
  })

  test('blocks are the runs of non-blank lines, and each event has its own', () => {
    fc.assert(fc.property(bodies, (bytes) => {
      const { blocks, events, lines } = decodeEventStream(bytes)
      const solid = (items: readonly Line[]): Line[] => items.filter(({ kind }) => kind !== 'blank')
      expect(solid(blocks.flatMap((block) => block.lines))).toEqual(solid(lines))
      expect(blocks.flatMap(({ event }) => event ?? [])).toEqual(events)
      for (const { event, start, end, terminated } of blocks) {
        if (event) expect([event.start, event.end, terminated]).toEqual([start, end, true])
      }
    }))
  })
})

describe('what is left at the end', () => {
  const tail = (text: string): unknown => decodeEventStream(Buffer.from(text)).tail

  test('nothing after a blank line', () => expect(tail('data: a\n\n')).toEqual({ openBlock: false }))
  test('comments open no block', () => expect(tail('data: a\n\n: ping\n')).toEqual({ openBlock: false }))
  test('data and id of an open block', () =>
    expect(tail('id: 1\n\nid: 2\ndata: a\ndata: b\n')).toEqual({ openBlock: true, data: 'a\nb', lastEventId: '2' }))
  test('an unfinished line, decoded', () =>
    expect(decodeEventStream(Buffer.from('646174613ac3', 'hex')).tail).toEqual({
      partialLine: { start: 0, end: 6, text: 'data:\ufffd' },
      openBlock: false,
    }))
  test('a cut BOM is an unfinished line', () =>
    expect(decodeEventStream(Buffer.from([0xef, 0xbb])).tail).toMatchObject({ partialLine: { start: 0, end: 2 } }))
  test('an open block is a block without event', () =>
    expect(decodeEventStream(Buffer.from('\ndata: a\n')).blocks).toMatchObject([
      { start: 1, end: 9, terminated: false },
    ]))
})

test('a retry is heard at its line, with its number', () => {
  const heard: number[][] = []
  const decoder = new EventStreamDecoder({ onRetry: (...args) => heard.push(args) })
  decoder.push(Buffer.from('data: a\n\n: c\nretry: 1500\nretry: x\n'))
  expect(heard).toEqual([[1500, 4]])
})

test('a blank line that a CR ends fires without waiting for the next byte', () => {
  const events: string[] = []
  const decoder = new EventStreamDecoder({ onEvent: ({ data }) => events.push(data) })
  decoder.push(Buffer.from('data: a\r\r'))
  expect(events).toEqual(['a'])
})

test('lines and data past the limit are refused, whatever the cuts, and what came before is fired', () => {
  const good = 'data: 4567\n\n'
  const tooLong = 'line 3 exceeds 10 bytes'
  const tooMuch = 'line 5: the data of one event exceeds 10 bytes'
  for (const [bad, message] of [
    ['data: 45678\n\n', tooLong],
    ['x'.repeat(11), tooLong],
    [': 345678901\n', tooLong],
    ['data: 4567\ndata: 4567\ndata: 7\n\n', tooMuch],
  ] as const) {
    for (const size of [1, 2, 5, 100]) {
      const events: string[] = []
      const decoder = new EventStreamDecoder({ onEvent: ({ data }) => events.push(data) }, { maxEventBytes: 10 })
      const push = (): void => pieces(Buffer.from(good + bad), size).forEach((piece) => decoder.push(piece))
      expect(push, `${bad} by ${size}`).toThrow(new RangeError(message))
      expect(events).toEqual(['4567'])
    }
  }
})

test('data of exactly the limit passes, in every event', () => {
  const body = Buffer.from('data: 01\ndata: 345\ndata:789\n\n'.repeat(3))
  const events: string[] = []
  const decoder = new EventStreamDecoder({ onEvent: ({ data }) => events.push(data) }, { maxEventBytes: 10 })
  decoder.push(body)
  expect(events).toEqual(Array(3).fill('01\n345\n789'))
})

test('a BOM is text after a line end, also where a push begins with it', () => {
  const body = Buffer.from('\n\ufeffdata: a\n\n')
  for (let at = 0; at <= 4; at++) expect(meaning(cutAt(body, [at])).events).toEqual([])
})

test('a line in pieces is not mixed up with a longer one that came in pieces before', () => {
  const events = (text: string): unknown => meaning(pieces(Buffer.from(text), 1)).events
  expect(events('data: a\nda\n\n')).toEqual([{ type: 'message', data: 'a', lastEventId: '' }])
  expect(events('event: e\nev\ndata: a\n\n')).toEqual([{ type: 'e', data: 'a', lastEventId: '' }])
})

test('one byte that is not ASCII is seen wherever it stands', () => {
  const body = Buffer.from(`data: y\n\ndata: ${'x'.repeat(60)}\n\n`)
  for (let at = 0; at < 60; at++) {
    const broken = Buffer.from(body)
    broken[15 + at] = 0xff
    expect(meaning([broken]).events[1]?.data).toBe(`${'x'.repeat(at)}\ufffd${'x'.repeat(59 - at)}`)
  }
})

test('the stream wrapper gives the same events', async () => {
  const bytes = Buffer.from('data: a\n\nid: 1\ndata: é\r\n\r\ndata: lost')
  const events: Dispatched[] = []
  for await (const event of new Blob([bytes]).stream().pipeThrough(eventStream())) events.push(event)
  expect(events).toEqual(decodeEventStream(bytes).events)
})

describe('never quadratic', () => {
  /** ms, best of three */
  const time = (chunks: readonly Uint8Array[], handlers = {}): number => Math.min(...[1, 2, 3].map(() => {
    const decoder = new EventStreamDecoder({ onEvent: () => {}, ...handlers })
    const start = performance.now()
    for (const chunk of chunks) decoder.push(chunk)
    return performance.now() - start
  }))
  // Eight times the work takes eight times as long when it is linear, 64 times when it is quadratic. A busy machine
  // can spoil one comparison; what is quadratic spoils all.
  const quadratic = 24
  const grows = (make: (scale: number) => readonly Uint8Array[], handlers = {}): number => {
    const [small, large] = [make(1), make(8)]
    let growth = Infinity
    for (let tries = 0; tries < 4 && growth >= quadratic; tries++) {
      growth = time(large, handlers) / time(small, handlers)
    }
    return growth
  }
  const K = 1024
  test.each<[string, (scale: number) => readonly Uint8Array[], object?]>([
    ['a long line in many pushes', (n) => pieces(Buffer.from(`data: ${'x'.repeat(256 * K * n)}\n\n`), 64)],
    ['a long line that is not ASCII', (n) => pieces(Buffer.from(`data: ${'é'.repeat(128 * K * n)}\n\n`), 64)],
    ['many lines of LF in one push', (n) => [Buffer.from('data: a\n\n'.repeat(8 * K * n))]],
    ['many lines of CR in one push', (n) => [Buffer.from('data: a\r\r'.repeat(8 * K * n))]],
    ['many data lines in one event', (n) => [Buffer.from(`${'data: a\n'.repeat(8 * K * n)}\n`)]],
    ['many lines without a colon, reported', (n) => [Buffer.from('x\n'.repeat(32 * K * n))], { onLine: () => {} }],
    ['ASCII values in a push with one other at its end', (n) => [Buffer.from(`${'data: a\n\n'.repeat(32 * K * n)}é`)]],
  ])('%s', (_, make, handlers) => expect(grows(make, handlers)).toBeLessThan(quadratic), 30_000)
})
