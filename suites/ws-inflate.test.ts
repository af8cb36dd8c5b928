/** The inflater of the kit against zlib: it is the oracle of all compressed messages. */
import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex, join } from '../spec/bytes.ts'
import { hello } from '../spec/ws/deflate/example.ts'
import { Deflater, storedMessage } from '../spec/ws/deflater.ts'
import { inflater, Inflater, type Inflated, type Memory } from '../spec/ws/inflate.ts'
import { compressions, corruptions } from './ws/deflating.ts'

const everything: Memory = { windowBits: 15, takeover: true }
const tail = hex('0000ffff')

/** What comes of a message, or why nothing does. */
const said = (reader: Inflater, payload: Uint8Array): string => {
  const read = reader.read(payload)
  return 'payload' in read ? Buffer.from(read.payload).toString('latin1') : `! ${read.fault}`
}

const read = (reader: Inflater, payload: Uint8Array): Inflated => {
  const inflated = reader.read(payload)
  if ('fault' in inflated) throw new Error(inflated.fault)
  return inflated
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 1500 }), fc.integer({ min: 1, max: 30 })).map(([part, times]) => join(...Array.from({ length: times }, () => part))),
)

describe('what is right', () => {
  test('the examples of RFC 7692 7.2.3', () => {
    const reader = new Inflater(everything)
    expect([hello.fixed, hello.again, hello.stored, hello.final, hello.blocks, Uint8Array.of(0)].map((one) => said(reader, one)))
      .toEqual(['Hello', 'Hello', 'Hello', 'Hello', 'Hello', ''])
  })

  test('whatever zlib compresses is read as zlib reads it', () => {
    fc.assert(fc.property(content, fc.integer({ min: 9, max: 15 }), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat(4), (payload, windowBits, level, memLevel, strategy) => {
      const compressed = zlib.deflateRawSync(payload, { windowBits, level, memLevel, strategy, finishFlush: zlib.constants.Z_SYNC_FLUSH })
      // nothing in, nothing out: zlib flushes only what it has
      const message = payload.length === 0 ? Uint8Array.of(0) : new Uint8Array(compressed.subarray(0, -4))
      const inflated = read(new Inflater({ windowBits, takeover: true }), message)
      expect(Buffer.compare(inflated.payload, payload)).toBe(0)
      expect(inflated.farthest).toBeLessThanOrEqual(2 ** windowBits)
    }), { numRuns: 300 })
  })

  test('messages of the deflater are read by both, with history', () => {
    fc.assert(fc.property(fc.array(fc.tuple(content, fc.boolean()), { maxLength: 5 }), compressions, (all, compression) => {
      const deflater = new Deflater(compression)
      const ours = new Inflater({ windowBits: Math.max(8, compression.windowBits ?? 15), takeover: compression.takeover ?? true })
      const stream: Uint8Array[] = []
      for (const [payload, inParts] of all) {
        const half = payload.length >> 1
        const message = inParts ? deflater.message(payload.subarray(0, half), payload.subarray(half)) : deflater.message(payload)
        const inflated = read(ours, message)
        expect(Buffer.compare(inflated.payload, payload)).toBe(0)
        if (compression.takeover === false) expect(inflated.reachesBack).toBe(false)
        stream.push(message, tail)
      }
      const whole = zlib.inflateRawSync(join(...stream), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      expect(Buffer.compare(whole, join(...all.map(([payload]) => payload)))).toBe(0)
    }), { numRuns: 200 })
  })

  test('it tells what a message relies on', () => {
    const reader = new Inflater(everything)
    expect(read(reader, hello.fixed)).toMatchObject({ reachesBack: false, farthest: 0, blocks: [{ type: 'fixed', final: false, length: 5 }] })
    expect(read(reader, hello.again)).toMatchObject({ reachesBack: true, farthest: 5 })
    expect(read(reader, storedMessage(hex('48'), true))).toMatchObject({ blocks: [{ type: 'stored', final: true, length: 1 }] })
    const dynamic = new Deflater().message(Buffer.from(Array.from({ length: 500 }, (_, i) => i * i).join()))
    expect(read(new Inflater(everything), dynamic).blocks.map(({ type }) => type)).toEqual(['dynamic'])
  })
})

describe('what is wrong', () => {
  test('a window is exact, where that of zlib is not', () => {
    const part = new Uint8Array(Buffer.from(Array.from({ length: 140 }, (_, i) => (i * 7919 + 1_000_003).toString(36)).join('')))
    const message = new Deflater().message(join(part, part))
    const { farthest } = read(new Inflater(everything), message)
    expect(farthest).toBe(part.length)
    expect(said(new Inflater({ windowBits: 9, takeover: true }), message)).toBe(`! a distance of ${part.length} in a window of 512 bytes`)
    expect(zlib.inflateRawSync(join(message, tail), { windowBits: 9, finishFlush: zlib.constants.Z_SYNC_FLUSH }).length).toBe(2 * part.length)
  })

  test('without takeover history is forgotten', () => {
    const reader = new Inflater({ windowBits: 15, takeover: false })
    expect([hello.fixed, hello.again].map((one) => said(reader, one))).toEqual(['Hello', '! a distance of 5 after 1 bytes'])
  })

  test('the history behind a fault is empty', () => {
    const reader = new Inflater(everything)
    expect([hello.fixed, corruptions.type, hello.again].map((one) => said(reader, one)))
      .toEqual(['Hello', '! a block of type 3', '! a distance of 5 after 1 bytes'])
  })

  test('each corruption is refused by zlib too', () => {
    for (const payload of Object.values(corruptions)) {
      expect(said(new Inflater(everything), payload)).toMatch(/^! /)
      expect(() => zlib.inflateRawSync(join(payload, tail), { finishFlush: zlib.constants.Z_SYNC_FLUSH })).toThrow()
    }
  })

  test('any bytes at all are read or refused, and what is read is what zlib reads', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (payload) => {
      const inflated = new Inflater(everything).read(payload)
      // behind BFINAL zlib reads nothing
      if ('fault' in inflated || inflated.blocks.some(({ final }) => final)) return
      expect(Buffer.compare(inflated.payload, zlib.inflateRawSync(join(payload, tail), { finishFlush: zlib.constants.Z_SYNC_FLUSH }))).toBe(0)
    }), { numRuns: 2000 })
  })

  test('one changed bit is refused wherever zlib refuses it', () => {
    const text = Buffer.from('what is to be compressed is to be read again, '.repeat(40))
    const message = new Deflater().message(text)
    fc.assert(fc.property(fc.nat(8 * message.length - 1), (bit) => {
      const spoiled = message.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      const ours = 'fault' in new Inflater(everything).read(spoiled)
      let theirs = false
      try {
        zlib.inflateRawSync(join(spoiled, tail), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      } catch {
        theirs = true
      }
      // zlib takes data that ends too early for data of which more will come: ours refuses more
      expect(ours || !theirs).toBe(true)
    }), { numRuns: 300 })
  })

  test('no more than the limit is decompressed', () => {
    const bomb = new Deflater().message(new Uint8Array(8 * 1024 * 1024))
    expect(new Inflater(everything).read(bomb, 1_000_000)).toEqual({ fault: 'more than 1000000 bytes', tooLarge: true })
    const agreed = { serverNoContextTakeover: false, clientNoContextTakeover: false, serverMaxWindowBits: 15, clientMaxWindowBits: 15 }
    expect(inflater(agreed, 'client', () => 0, 1_000_000)(bomb)).toBe('too-large')
  })

  test('the limit is one of all messages, more when an echo has reason to be, and costs no history', () => {
    const agreed = { serverNoContextTakeover: false, clientNoContextTakeover: false, serverMaxWindowBits: 15, clientMaxWindowBits: 15 }
    const sender = new Deflater()
    const messages = [1, 2, 3, 4].map((n) => sender.message(new Uint8Array(1000).fill(n)))
    const lengths = (inflate: ReturnType<typeof inflater>): unknown[] => messages.map((message) => {
      const read = inflate(message)
      return typeof read === 'object' ? read.length : read
    })
    expect(lengths(inflater(agreed, 'client', () => 0, 2000))).toEqual([1000, 1000, 'too-large', 'too-large'])
    expect(lengths(inflater(agreed, 'client', () => 1000, 2000))).toEqual([1000, 1000, 1000, 'too-large'])
    expect(lengths(inflater(agreed, 'client', () => 2000, 2000))).toEqual([1000, 1000, 1000, 1000])
  })
})
