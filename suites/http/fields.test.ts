import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codings, extractMimeType, httpDate, listItems, mediaType, retryAfter } from '../../spec/fields.ts'
import type { MediaType } from '../../spec/fields.ts'

/** essence and parameters in one line */
const shown = (type: MediaType | undefined): string | undefined =>
  type && [type.essence, ...[...type.parameters].map(([name, value]) => `${name}=${value}`)].join(';')

describe('media types', () => {
  test.each([
    ['text/event-stream', 'text/event-stream'],
    [' TEXT/Event-Stream;Charset=UTF-8 ', 'text/event-stream;charset=UTF-8'],
    ['text/event-stream;', 'text/event-stream'],
    ['text/event-stream ; a', 'text/event-stream'],
    ['a/b;c="d;\\"e\\\\";f=g', 'a/b;c=d;"e\\;f=g'],
    ['a/b;c="d', 'a/b;c=d'],
    ['a/b;c="d\\', 'a/b;c=d\\'],
    ['a/b;c="d"e;f=g', 'a/b;c=d;f=g'],
    ['a/b;c=d;C=e', 'a/b;c=d'],
    ['a/b;c=;d=""', 'a/b;d='],
    ['a/b;=c;d e=f;g= h', 'a/b;g= h'],
    ['a/b;c="\x01"', 'a/b'],
    ['a/b;\xa0c=d', 'a/b'],
    ['', undefined],
    ['text', undefined],
    ['text/', undefined],
    ['/b', undefined],
    ['text;a/b', undefined],
    ['text/event-stream .', undefined],
    ['text /event-stream', undefined],
    ['text/event-stream, text/html', undefined],
  ])('%j', (value, expected) => {
    expect(shown(mediaType(value))).toBe(expected)
  })

  test.each([
    [['text/plain;charset=gbk, text/html'], 'text/html'],
    [['text/html;charset=gbk;a=b, text/html;x=y'], 'text/html;x=y;charset=gbk'],
    [['text/html;charset=gbk;a=b', 'text/html;x=y'], 'text/html;x=y;charset=gbk'],
    [['text/html;charset=gbk', 'x/x', 'text/html;x=y'], 'text/html;x=y'],
    [['text/html;charset=gbk', 'text/html;charset=utf-8'], 'text/html;charset=utf-8'],
    [['text/html', 'cannot-parse'], 'text/html'],
    [['text/html', '*/*'], 'text/html'],
    [['text/html', ''], 'text/html'],
    [['a/b;c="', 'text/html'], 'a/b;c=, text/html'],
    [['cannot-parse'], undefined],
    [[], undefined],
  ])('extract from %j', (values, expected) => {
    expect(shown(extractMimeType(values))).toBe(expected)
  })
})

test.each([
  ['a, b ,,c', ['a', 'b', 'c']],
  ['a;b="c,\\",d", e', ['a;b="c,\\",d"', 'e']],
  ['a"b,c', ['a"b,c']],
  [' , ', []],
  ['', []],
])('list %j', (value, expected) => {
  expect(listItems(value)).toEqual(expected)
})

test('codings', () => {
  expect(codings('Deflate, GZIP')).toEqual(['deflate', 'gzip'])
})

describe('dates', () => {
  const SAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37)

  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', SAMPLE],
    ['Sunday, 06-Nov-94 08:49:37 GMT', SAMPLE],
    ['Sun Nov  6 08:49:37 1994', SAMPLE],
    ['Wed, 31 Dec 2008 23:59:60 GMT', Date.UTC(2009, 0, 1)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['Mon, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Wed, 29 Feb 2023 00:00:00 GMT', undefined],
    ['Sun, 6 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 24:00:00 GMT', undefined],
    ['Sun, 06 Nov 1994 08:60:00 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:61 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 UTC', undefined],
    ['sun, 06 nov 1994 08:49:37 gmt', undefined],
    ['1994-11-06T08:49:37Z', undefined],
  ])('%s', (value, expected) => {
    expect(httpDate(value)).toBe(expected)
  })

  test('a two-digit year over 50 years ahead is in the past', () => {
    const now = Date.UTC(2026, 5, 15)
    expect(httpDate('Monday, 15-Jun-76 00:00:00 GMT', now)).toBe(Date.UTC(2076, 5, 15))
    expect(httpDate('Wednesday, 16-Jun-76 00:00:00 GMT', now)).toBe(Date.UTC(1976, 5, 16))
  })

  test('every second has one IMF-fixdate', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
      expect(httpDate(new Date(seconds * 1000).toUTCString())).toBe(seconds * 1000)
    }))
  })

  test('retry after', () => {
    expect(retryAfter('120', SAMPLE)).toBe(120_000)
    expect(retryAfter('Sun, 06 Nov 1994 08:49:40 GMT', SAMPLE)).toBe(3000)
    expect(retryAfter('Sun, 06 Nov 1994 08:49:30 GMT', SAMPLE)).toBe(0)
    expect(retryAfter('-1', SAMPLE)).toBeUndefined()
    expect(retryAfter('1.5', SAMPLE)).toBeUndefined()
  })
})
