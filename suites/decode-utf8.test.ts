/** Ill-formed UTF-8: each kind, and the platform's decoder as the judge of where and how much. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { illFormed } from '../spec/utf8.ts'

describe('illFormed', () => {
  const fromHex = (hex: string): unknown => illFormed(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  test.each([
    ['61 ed a0 bd ed b8 80', [{ start: 1, length: 3, kind: 'surrogate' }, { start: 4, length: 3, kind: 'surrogate' }]],
    ['c0 8a e0 80 8a f0 80 80 8a', [
      { start: 0, length: 2, kind: 'overlong' },
      { start: 2, length: 3, kind: 'overlong' },
      { start: 5, length: 4, kind: 'overlong' },
    ]],
    ['f4 90 80 80 f5 80', [{ start: 0, length: 4, kind: 'too-high' }, { start: 4, length: 2, kind: 'too-high' }]],
    ['f0 9f 98 0a e2 82', [
      { start: 0, length: 3, kind: 'truncated' },
      { start: 4, length: 2, kind: 'truncated', atEnd: true },
    ]],
    ['80 ff', [{ start: 0, length: 1, kind: 'invalid' }, { start: 1, length: 1, kind: 'invalid' }]],
    ['ed a0', [{ start: 0, length: 2, kind: 'surrogate' }]],
  ])('%s', (hex, expected) => expect(fromHex(hex)).toEqual(expected))

  const sequences = fc.constantFrom(
    'f09f9880', 'f09f98', 'eda080', 'c08a', 'e08080', 'f4908080', 'f8', '80', 'c3', '61', '0a')
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.array(sequences, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''), 'hex')),
  )

  test('finds something exactly where a fatal decoder throws, and as much as a decoder replaces', () => {
    fc.assert(fc.property(anyBytes, (bytes) => {
      const found = illFormed(bytes)
      const decode = (): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)
      if (found.length > 0) expect(decode).toThrow(TypeError)
      else expect(decode).not.toThrow()
      const replaced = new TextDecoder().decode(bytes).split('\ufffd').length - 1
      const count = found.map(({ kind, length }) => (kind === 'truncated' ? 1 : length)).reduce((a, b) => a + b, 0)
      expect(count).toBe(replaced)
    }), { numRuns: 2000 })
  })

  test('lists a hundred at most', () => expect(illFormed(Buffer.alloc(1000, 0xff))).toHaveLength(100))
})
