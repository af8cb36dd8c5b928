/** No secret of the command line is in anything that a report, a plan or a usage error shows. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSecret, maskBytes, redactReport, redactText, redactUrl, secretsOf, type Confided } from '../harness/secrets.ts'
import type { Report } from '../harness/report.ts'

const nothing: Confided = { target: 'http://target.test/stream', headers: [] }
const secret = fc.oneof(
  fc.string({ minLength: 4, maxLength: 40, unit: 'grapheme' }),
  fc.string({ minLength: 4, maxLength: 40, unit: 'binary' }),
  fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom('a', 'b', '*', '"', '\\', '/', '%', '…', ' ', '&') }),
  fc.base64String({ minLength: 16, maxLength: 60 }),
).filter((text) => text.trim() === text && text.length >= 4 && !'***'.includes(text))

describe('secretsOf', () => {
  test('a token, with and without its scheme', () => {
    expect(secretsOf({ ...nothing, token: 'tok-1234' })).toEqual(['tok-1234'])
    expect(secretsOf({ ...nothing, headers: [['Authorization', 'Bearer abc-1234']] })).toEqual(['Bearer abc-1234', 'abc-1234'])
  })

  test('what Basic credentials stand for', () => {
    const basic = Buffer.from('alice:wonder').toString('base64')
    const found = secretsOf({ ...nothing, headers: [['authorization', `Basic ${basic}`]] })
    expect(new Set(found)).toEqual(new Set([`Basic ${basic}`, basic, 'alice:wonder', 'alice', 'wonder']))
  })

  test('every cookie value, and the values of headers that are not known to be harmless', () => {
    const headers = [['Cookie', 'sid=abcd1; theme=dark'], ['X-Api-Key', 'key-9999'], ['Accept', 'text/event-stream']] as const
    expect(secretsOf({ ...nothing, headers })).toEqual(expect.arrayContaining(['abcd1', 'dark', 'key-9999']))
    expect(secretsOf({ ...nothing, headers })).not.toContain('text/event-stream')
  })

  test('userinfo, as it is and as the header that it stands for', () => {
    const found = secretsOf({ ...nothing, target: 'http://bob:p%40ss@target.test/' })
    expect(found).toEqual(expect.arrayContaining(['p%40ss', 'p@ss', 'bob:p@ss', Buffer.from('bob:p@ss').toString('base64')]))
  })

  test('query values by their name or by their look', () => {
    const found = secretsOf({ ...nothing, target: 'http://target.test/?api_key=abcd&x=A1b2C3d4E5f6G7h8&topic=weather' })
    expect(found).toEqual(['A1b2C3d4E5f6G7h8', 'abcd'])
  })

  test('a body as a whole, and the leaves of JSON whose key names a secret', () => {
    const body = '{"model":"big","auth":{"inner":["leaf-1"]},"max_tokens":"1000"}'
    expect(secretsOf({ ...nothing, body })).toEqual([body, 'leaf-1'])
  })

  test.each(['max_tokens', 'topic', 'stream'])('%s names no secret', (name) => expect(isSecret(name, '1000')).toBe(false))
})

describe('redactText', () => {
  test('no form of a secret is left, wherever it stands', () => {
    fc.assert(fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), fc.array(fc.string(), { minLength: 4, maxLength: 4 }), (secrets, between) => {
      const forms = secrets.flatMap((one) => [one, encodeURIComponent(one.toWellFormed()), JSON.stringify(one).slice(1, -1)])
      const text = between.map((words, i) => words + (forms[i % forms.length] ?? '')).join('')
      const shown = redactText(text, secrets)
      for (const form of forms) expect(shown).not.toContain(form)
    }))
  })

  test('what a truncation mark cuts off goes too', () => {
    fc.assert(fc.property(secret, fc.string(), fc.nat(), (one, before, cut) => {
      const length = 4 + (cut % Math.max(1, one.length - 4))
      expect(redactText(`${before}${one.slice(0, length)}…`, [one])).not.toContain(`${one.slice(0, length)}…`)
    }))
    expect(redactText('"came sk-live-12…" (90 characters)', ['sk-live-123456'])).toBe('"came ***…" (90 characters)')
  })

  test('text without a secret stays', () => {
    expect(redactText('a blank line after the last field', ['sk-live-123456'])).toBe('a blank line after the last field')
  })

  test('what stood around a secret may be one itself', () => {
    expect(redactText('x a1234b y', ['1234', 'a***b'])).toBe('x *** y')
  })

  test('overlapping secrets leave nothing between them', () => {
    expect(redactText('x abcdef y', ['abcd', 'cdef'])).toBe('x *** y')
  })
})

describe('maskBytes', () => {
  test('as many bytes as before, and none of the secret', () => {
    fc.assert(fc.property(secret, fc.uint8Array(), fc.uint8Array(), (one, before, after) => {
      const received = Buffer.concat([before, Buffer.from(one.toWellFormed()), after])
      const masked = Buffer.from(maskBytes(received, [one.toWellFormed()]))
      expect(masked.length).toBe(received.length)
      expect(masked.subarray(before.length, masked.length - after.length).every((byte) => byte === 0x2a)).toBe(true)
    }))
  })

  test('Latin-1 too, and the argument is not changed', () => {
    const received = Buffer.from('X: sécret\r\n', 'latin1')
    expect(Buffer.from(maskBytes(received, ['sécret'])).toString('latin1')).toBe('X: ******\r\n')
    expect(received.toString('latin1')).toBe('X: sécret\r\n')
  })
})

test.each([
  ['http://u:p@target.test/a', 'http://***@target.test/a'],
  ['http://target.test/?token=a&topic=b#access_token=c', 'http://target.test/?token=***&topic=b#access_token=***'],
  ['not a url?key=abc', 'not a url?key=***'],
])('redactUrl %s', (url, shown) => expect(redactUrl(url, [])).toBe(shown))

test('redactReport reaches every text but rule ids and the words of the report', () => {
  const where = { link: 'base', byte: 0 }
  const excerpt = { offset: 0, hex: Buffer.from('data: framing').toString('hex'), mark: { offset: 0, length: 1 } }
  const report: Report = {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: '0.1.0', node: 'v22.18.0' },
    target: { url: 'http://target.test/framing?key=a', kind: 'observed', name: 'framing' },
    spec: 'WHATWG HTML',
    verdicts: [{
      rule: 'sse/framing/block-terminated', level: 'must', effectiveLevel: 'must', outcome: 'fail', examined: 1,
      note: 'fail', deviations: [{ expected: 'framing', actual: 'came fail framing', where, excerpt }],
      replay: { id: 'sse/framing/block-terminated:1:0', counterexample: '["framing"]' },
    }],
    notes: [{ rule: 'sse/framing/note', text: 'framing' }],
    counts: { pass: 0, fail: 1, 'not-exercised': 0, 'not-applicable': 0, broken: 0 },
    run: { links: 1, cases: 0, ms: 1, seed: 1 },
    incomplete: { reason: 'framing', quoted: 'x framing' },
    exitCode: 1,
  }
  const hex = Buffer.from('data: *******').toString('hex')
  const [before] = report.verdicts
  expect(redactReport(report, ['fail', 'framing', 'observed', 'streamproof'])).toEqual({
    ...report,
    target: { url: 'http://target.test/***?key=***', kind: 'observed', name: '***' },
    verdicts: [{
      ...before, note: '***', deviations: [{ expected: '***', actual: 'came *** ***', where, excerpt: { ...excerpt, hex } }],
      replay: { id: 'sse/framing/block-terminated:1:0', counterexample: '["***"]' },
    }],
    notes: [{ rule: 'sse/framing/note', text: '***' }],
    incomplete: { reason: '***', quoted: 'x ***' },
  })
})
