import { Buffer } from 'node:buffer'
import {
  brotliCompressSync, constants, createBrotliCompress, createDeflate, createDeflateRaw, createGzip, createZstdCompress,
  deflateRawSync, deflateSync, gzipSync, zstdCompressSync,
} from 'node:zlib'
import type { Gzip } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uncode } from '../spec/coding.ts'
import { bodyPlace } from '../spec/http.ts'
import type { Body } from '../spec/http.ts'
import { link } from './http/messages.ts'

const EVENTS = Array.from({ length: 40 }, (_, i) => `id: ${i}\ndata: ${'x'.repeat(i % 9)} ${i * 7919}\n\n`)
const STREAM = EVENTS.join('')

interface Coder {
  readonly name: string
  readonly whole: (bytes: Uint8Array) => Uint8Array
  readonly flushing: () => Gzip
}

const CODERS: readonly Coder[] = [
  { name: 'gzip', whole: (bytes) => gzipSync(bytes), flushing: createGzip },
  { name: 'deflate', whole: (bytes) => deflateSync(bytes), flushing: createDeflate },
  { name: 'deflate', whole: (bytes) => deflateRawSync(bytes), flushing: createDeflateRaw },
  { name: 'br', whole: (bytes) => brotliCompressSync(bytes), flushing: createBrotliCompress as () => Gzip },
  { name: 'zstd', whole: (bytes) => zstdCompressSync(bytes), flushing: createZstdCompress as () => Gzip },
]
const table = CODERS.map((coder, i) => [`${coder.name} ${i}`, coder] as const)

/** A body whose arrivals are these, one ms and ten bytes of framing apart. */
function body(parts: readonly Uint8Array[], complete = true): Body {
  let offset = 0
  const pieces = parts.map((part, at) => {
    const piece = { body: offset, wire: 100 + offset + 10 * at, length: part.length, at }
    offset += part.length
    return piece
  })
  const bytes = new Uint8Array(Buffer.concat(parts))
  return { framing: 'chunked', bytes, pieces: pieces.filter(({ length }) => length > 0), complete, trailers: [] }
}

const text = (decoded: Body): string => Buffer.from(decoded.bytes).toString()
const split = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

/** What the coder gives out after a flush behind each event, and at its end. */
async function flushed({ flushing }: Coder): Promise<Uint8Array[]> {
  const coder = flushing()
  const parts: Uint8Array[] = []
  for (const event of EVENTS) {
    const given: Uint8Array[] = []
    coder.write(event)
    await new Promise<void>((resolve) => coder.flush(() => resolve()))
    for (let part = coder.read() as Uint8Array | null; part; part = coder.read() as Uint8Array | null) given.push(part)
    parts.push(Buffer.concat(given))
  }
  const rest: Uint8Array[] = []
  coder.on('data', (part: Uint8Array) => rest.push(part))
  await new Promise((resolve) => coder.on('end', resolve).end())
  return [...parts, Buffer.concat(rest)]
}

describe.each(table)('%s', (_, coder) => {
  const { name, whole } = coder
  const coded = whole(Buffer.from(STREAM))

  test('a whole stream, in one arrival and byte by byte', () => {
    for (const parts of [[coded], split(coded, 1)]) {
      const { body: decoded, fault } = uncode(body(parts), [name])
      expect(fault).toBeUndefined()
      expect(text(decoded)).toBe(STREAM)
    }
  })

  test('an event has the time of the arrival that carried its flush', async () => {
    const { body: decoded, fault } = uncode(body(await flushed(coder)), [name])
    expect(fault).toBeUndefined()
    expect(text(decoded)).toBe(STREAM)
    let offset = 0
    for (const [i, event] of EVENTS.entries()) {
      expect(decoded.pieces[i]).toMatchObject({ body: offset, length: event.length, at: i })
      offset += event.length
    }
  })

  test('every cut gives a prefix; a fault only when the message was complete', () => {
    let longest = 0
    for (let cut = 0; cut < coded.length; cut += 1) {
      const open = uncode(body(split(coded.subarray(0, cut), 7), false), [name])
      expect(open.fault).toBeUndefined()
      expect(STREAM.startsWith(text(open.body))).toBe(true)
      expect(open.body.bytes.length).toBeGreaterThanOrEqual(longest)
      longest = open.body.bytes.length
      const closed = uncode(body([coded.subarray(0, cut)]), [name])
      expect(closed.fault).toBe(`${name}: the coded data ends too early`)
      expect(text(closed.body)).toBe(text(open.body))
    }
    // a zstd block of this size is decodable only as a whole
    if (name !== 'zstd') expect(longest).toBeGreaterThan(STREAM.length / 2)
  })

  test('bytes after the end', () => {
    const { body: decoded, fault } = uncode(body([Buffer.concat([coded, Buffer.from('garbage')])]), [name])
    expect(fault).toMatch(name === 'gzip' || name === 'zstd' ? / corrupt$/ : /: bytes after the end of the coded data$/)
    expect(text(decoded)).toBe(STREAM)
  })

  test('a decompression bomb stops at the limit', () => {
    const bomb = whole(new Uint8Array(16 << 20))
    const before = process.memoryUsage().arrayBuffers
    const { body: decoded, fault } = uncode(body(split(bomb, 64)), [name], 1 << 20)
    expect(fault).toBe(`${name}: more than 1048576 bytes when decoded`)
    expect(decoded.bytes.length).toBeLessThanOrEqual(1 << 20)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20)
  })

  test('garbage never throws', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(coded.length), (parts, start) => {
      const { body: decoded } = uncode(body([coded.subarray(0, start), ...parts]), [name])
      expect(decoded.pieces.reduce((sum, { length }) => sum + length, 0)).toBe(decoded.bytes.length)
    }))
  })
})

test('several codings are removed in reverse order, times and places kept', async () => {
  const gzipped = await flushed(CODERS[0] as Coder)
  const twice = createBrotliCompress()
  const parts: Uint8Array[] = []
  for (const part of gzipped) {
    twice.write(part)
    await new Promise<void>((resolve) => twice.flush(constants.BROTLI_OPERATION_FLUSH, () => resolve()))
    parts.push(twice.read() as Uint8Array)
  }
  const coded = body(parts, false)
  const { body: decoded, fault } = uncode(coded, ['GZIP', 'identity', 'br'])
  expect([fault, text(decoded)]).toEqual([undefined, STREAM])
  const second = { ...decoded.pieces[1] }
  expect(second).toMatchObject({ body: EVENTS[0]?.length, at: 1, wire: coded.pieces[1]?.wire })
  expect(bodyPlace(link([]), decoded, (EVENTS[0]?.length ?? 0) + 3)).toEqual({
    link: 'a', byte: coded.pieces[1]?.wire, length: parts[1]?.length, at: 1,
  })
})

test('a missing flush shows: all events have the time of the end', () => {
  const coded = gzipSync(STREAM)
  const decoded = uncode(body([coded.subarray(0, 10), coded.subarray(10)]), ['gzip']).body
  expect(decoded.pieces.map(({ at, length }) => [at, length])).toEqual([[1, STREAM.length]])
})

test('several members and frames are one stream, in one arrival or more', () => {
  for (const { name, whole } of CODERS.filter((coder) => coder.name === 'gzip' || coder.name === 'zstd')) {
    const halves = [whole(Buffer.from('data: a\n')), whole(Buffer.from('data: b\n'))]
    for (const parts of [halves, [Buffer.concat(halves)]]) {
      const { body: decoded, fault } = uncode(body(parts), [name])
      expect([fault, text(decoded)]).toEqual([undefined, 'data: a\ndata: b\n'])
    }
  }
})

test('what came before corrupt data is kept, also in the same arrival', () => {
  const coded = gzipSync(STREAM)
  coded[coded.length - 5] = (coded[coded.length - 5] ?? 0) ^ 0xff
  const { body: decoded, fault } = uncode(body([coded]), ['gzip'])
  expect([fault, text(decoded)]).toEqual(['gzip: the coded data is corrupt', STREAM])
})

test('raw deflate is read and named', () => {
  expect(uncode(body([deflateRawSync('a')]), ['deflate']).rawDeflate).toBe(true)
  expect(uncode(body([deflateSync('a')]), ['deflate']).rawDeflate).toBeUndefined()
})

test('a coding that is not known, and a response without a body', () => {
  const plain = body([Buffer.from('a')])
  expect(uncode(plain, ['gzip', 'rot13'])).toEqual({ body: plain, fault: 'a content coding that is not known' })
  const none: Body = { ...body([]), framing: 'none' }
  expect(uncode(none, ['gzip'])).toEqual({ body: none })
  expect(uncode(body([]), ['gzip']).fault).toBe('gzip: the coded data ends too early')
})

test('every cut of every shape of zstd frame is noticed', () => {
  const noise = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * i * 7919) & 0xff))
  const contents = [Buffer.alloc(0), Buffer.from('a'), noise, Buffer.alloc(5000, 'a'), Buffer.alloc(70_000, 'abc ')]
  for (const content of contents) {
    for (const checksum of [0, 1]) {
      for (const size of [0, 1]) {
        const params = { [constants.ZSTD_c_checksumFlag]: checksum, [constants.ZSTD_c_contentSizeFlag]: size }
        const coded = zstdCompressSync(content, { params })
        for (let cut = 0; cut <= coded.length; cut += 1) {
          const { fault } = uncode(body([coded.subarray(0, cut)]), ['zstd'])
          expect(fault).toBe(cut < coded.length ? 'zstd: the coded data ends too early' : undefined)
        }
      }
    }
  }
})

test('a zstd window over 8 MiB is refused, as clients do', () => {
  const coded = zstdCompressSync(Buffer.alloc(1 << 20, 'ab'), { params: { [constants.ZSTD_c_windowLog]: 23 } })
  expect(uncode(body([coded]), ['zstd']).fault).toBeUndefined()
  // frame header without single segment: window descriptor (24 - 10) << 3 is 16 MiB
  const large = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3, 0x09, 0x00, 0x00, 0x21)
  const small = large.with(5, 13 << 3)
  expect(uncode(body([large]), ['zstd']).fault).toBe('zstd: the coded data is corrupt')
  expect(text(uncode(body([small]), ['zstd']).body)).toBe('!')
})
