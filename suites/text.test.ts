/** Text of a target in each notation: nothing unseen, no markup, no command of a log, and nothing lost. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { codeSpan, hexdump, json, markdown, shellWord, visible, xml } from '../harness/report/text.ts'

vi.setConfig({ testTimeout: 30_000 })

describe('text of a target', () => {
  test('shows what cannot be seen', () => {
    expect(visible('a\u001b[31m\u009b\n\r\tb\u202e\u200b\ufeff\ud800c')).toBe('a\\x1b[31m\\x9b\\n\\r\\tb\\u{202e}\\u{200b}\\u{feff}\\u{d800}c')
    expect(visible('ünïcödé 日本語 ✓ 🚀')).toBe('ünïcödé 日本語 ✓ 🚀')
  })

  test('is no command of a log', () => {
    expect(visible('::error::x')).toBe('\\x3a:error::x')
    expect(visible('a ##vso[task] ##[group] ##teamcity[x]')).toBe('a \\x23#vso[task] \\x23#[group] \\x23#teamcity[x]')
    expect(visible('http://[::1]:80/ and a::b')).toBe('http://[::1]:80/ and a::b')
  })

  test('as JSON has the same value and nothing unseen', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('<a>##vso[b]\u009b\ud800')), (text) => {
      const rendered = json({ text })
      expect(JSON.parse(rendered)).toEqual({ text })
      expect(rendered.replaceAll('\n', '')).toBe(visible(rendered.replaceAll('\n', '')))
    }))
  })

  test('as XML holds only characters that XML can carry', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(xml(text)).toMatch(/^[\n\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u)
      expect(xml(text)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|apos;)/)
    }))
  })

  test('as Markdown stays in its code span', () => {
    expect(codeSpan('a')).toBe('` a `')
    expect(codeSpan('`a``b` \n')).toBe('``` `a``b` \\n ```')
    expect(codeSpan(' ')).toBe('(nothing)')
    expect(markdown('a_b [c](d) <e> `f` \\|')).toBe('a\\_b \\[c\\](d) \\<e\\> \\`f\\` \\\\\\|')
  })

  test('as a shell word stays one word', () => {
    expect(shellWord('a\'b $HOME `x`')).toBe('\'a\'\\\'\'b $HOME `x`\'')
    expect(shellWord('sse/framing/*')).toBe('\'sse/framing/*\'')
    expect(shellWord('--target=http://x/y')).toBe('--target=http://x/y')
  })
})

test('a hexdump marks the byte that is meant', () => {
  expect(hexdump(Buffer.from('data: x\u001b\n0123456789'), 0x20, { offset: 0x27, length: 1 })).toEqual([
    '00000020  64 61 74 61 3a 20 78 1b 0a 30 31 32 33 34 35 36  |data: x..0123456|',
    '                               ^^',
    '00000030  37 38 39                                         |789|',
  ])
  expect(hexdump(Buffer.from('ab'), 0, { offset: 0, length: 9 })).toHaveLength(1)
  expect(hexdump(Buffer.from('ab'), 0, { offset: 2, length: 1 }).at(-1)).toBe('00000002  ^^ here')
})
