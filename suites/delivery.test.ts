/** The delivery room on streams as they are in the field: right ones in odd shapes pass, and the doubtful are left open. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { finite, later, live, published, sent, session } from '../spec/bytes.ts'
import type { Chunk, Link, Transcript } from '../spec/model.ts'
import { delivery } from '../spec/sse/delivery.ts'
import { readExchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'
import { withThresholds, type Thresholds } from '../spec/thresholds.ts'

/** Findings of one rule: undefined when it had nothing to look at. */
function passes(slug: string, transcript: Transcript, thresholds: Partial<Thresholds> = {}): boolean | undefined {
  const rule = delivery.rules.find(({ id }) => id === `sse/delivery/${slug}`)
  if (!rule) throw new Error(`no rule ${slug}`)
  const findings = rule.check(readExchange(transcript, withThresholds(thresholds)))
  return findings.length === 0 ? undefined : findings.every(({ ok }) => ok)
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)
const data = (...texts: readonly string[]): string => texts.map((text) => `data: ${text}\n\n`).join('')
const posted = (link: Link): Link => ({ ...link, request: { ...link.request, method: 'POST' } })
const stopped = (link: Link, at: number): Transcript => session({ ...link, ended: { at, by: 'kit', how: 'window' } })

const words = range(20).map((n) => `{"id":"c1","delta":"word ${n}"}`)
const answer = [...words, '[DONE]']
const every = (ms: number, from: number, texts: readonly string[]): Chunk[] => texts.map((text, i) => sent(from + ms * i, data(text)))

describe('burst', () => {
  test.each<readonly [string, Link, boolean | undefined]>([
    ['an answer word by word', finite('base', ...every(50, 300, answer)), true],
    ['a fast model, after a thought', finite('base', ...every(12, 1500, answer)), true],
    ['all of it after two seconds, and the end', finite('base', ...every(0, 2000, answer)), false],
    ['the same within few ms', finite('base', ...every(1, 2000, answer)), false],
    ['a quick finite stream', finite('base', ...every(0, 5, answer)), undefined],
    ['a history first, then silence', live('base', ...every(0, 5, words)), undefined],
    ['a batch on an idle channel', live('base', ...every(0, 3000, words)), undefined],
    ['rows of a slow query, without an end mark', finite('base', ...every(0, 2000, words)), undefined],
    ['a few events at once', finite('base', ...every(0, 2000, ['a', 'b', '[DONE]'])), undefined],
    ['a history with the times of another day', live('base', ...every(0, 1200, range(9).map((n) => `{"at":${1.79e12 + n * 1e6}}`))), undefined],
    ['events that say when they were made', live('base', ...every(0, 1200, range(9).map((n) => `{"ts":${1.79e12 + n * 120}}`))), false],
  ])('%s', (_, link, wanted) => {
    expect(passes('burst', session(link))).toBe(wanted)
  })

  test('a reader that was slow on purpose gets all of it at once', () => {
    expect(passes('burst', session(later(finite('slow', ...every(0, 2000, answer)), 'slow', 0)))).toBeUndefined()
  })

  test('what a driver was asked to publish is not its own', () => {
    const link = later(finite('channel', ...every(0, 2000, answer)), 'reader', 0)
    expect(passes('burst', { ...session(link), acts: [published(1, [{ data: 'x' }])] })).toBeUndefined()
  })
})

describe('terminator-last', () => {
  test.each<readonly [string, Link, boolean | undefined]>([
    ['OpenAI', finite('base', sent(5, data(...answer))), true],
    ['no end mark', finite('base', sent(5, data(...words))), undefined],
    ['message_stop and [DONE], as gateways write them', finite('base', sent(5, data('{"type":"message_stop"}', '[DONE]'))), true],
    ['two [DONE]', finite('base', sent(5, data(...answer, '[DONE]'))), false],
    ['usage behind [DONE]', finite('base', sent(5, data(...answer, '{"id":"c1","usage":1}'))), false],
    ['two messages on one stream', finite('base', sent(5, data('{"type":"message_start"}', '{"type":"message_stop"}', '{"type":"message_start"}', '{"type":"message_stop"}'))), true],
    ['the next answer, by its id', finite('base', sent(5, data(...answer, '{"id":"c2","delta":"x"}', '[DONE]'))), true],
    ['a ping and a comment behind it', live('base', sent(5, `${data(...answer)}: bye\n\nevent: ping\ndata: {}\n\n`)), false],
    ['a comment and an empty ping behind it', live('base', sent(5, `${data(...answer)}: bye\n\nevent: ping\ndata:\n\n`)), true],
    ['another answer a while later', live('base', sent(5, data(...answer)), sent(4000, data('next'))), undefined],
  ])('%s', (_, link, wanted) => {
    expect(passes('terminator-last', session(link))).toBe(wanted)
  })
})

describe('ends-after-terminator', () => {
  const open = live('base', sent(5, data(...answer)))
  test('an end in time, a late one, none, and a look that was too short', () => {
    expect(passes('ends-after-terminator', session(finite('base', sent(5, data(...answer)))))).toBe(true)
    expect(passes('ends-after-terminator', stopped(open, 9000))).toBe(false)
    expect(passes('ends-after-terminator', stopped(open, 1500))).toBeUndefined()
    expect(passes('ends-after-terminator', stopped(open, 1500), { 'end-after-terminator': 1000 })).toBe(false)
  })

  test('a GET stream that goes on beating is kept on purpose, a POST is not', () => {
    const beating = live('base', sent(5, data(...answer)), sent(3000, ':\n\n'))
    expect(passes('ends-after-terminator', stopped(beating, 9000))).toBeUndefined()
    expect(passes('ends-after-terminator', stopped(posted(beating), 9000))).toBe(false)
  })
})

describe('payloads', () => {
  test.each<readonly [string, string, boolean | undefined]>([
    ['double-prefix', data('data: {"a":1}'), false],
    ['double-prefix', data('data: [DONE]'), false],
    ['double-prefix', data('event: x', ':', 'data: is what we sell'), true],
    ['double-prefix', data('id: 5 of 7', 'retry: never'), true],
    ['double-prefix', data('data:a', 'data:b', 'data:c'), false],
    ['one-json-per-event', data('{"a":1}', '{"b":2}', '{"a":1}{"b":2}'), false],
    ['one-json-per-event', data('{"a":1}', '{"b":2}', '[DONE]', 'plain', '[see above]'), true],
    ['one-json-per-event', 'data: {\ndata:   "a": 1\ndata: }\n\ndata: {}\n\n', true],
    ['one-json-per-event', data('{{ template }}', '{ not json', '{"a":1}'), undefined],
    ['line-length', data('x'.repeat(65_530)), true],
    ['line-length', data('x'.repeat(65_531)), false],
    ['line-length', Array.from({ length: 3 }, () => `data: ${'x'.repeat(40_000)}\n`).join(''), true],
  ])('%s', (slug, body, wanted) => {
    expect(passes(slug, session(live('base', sent(5, body))))).toBe(wanted)
  })

  test('text never looks like a stream in a stream, whatever words it begins with', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'abc: xyz') }), { minLength: 1, maxLength: 4 }), (texts) => {
      expect(passes('double-prefix', session(live('base', sent(5, `${data(...texts)}${data('end')}`))))).not.toBe(false)
    }))
  })
})

test('a slow reader of an answer that is generated anew is compared by its end alone', () => {
  const read = (role: string, texts: readonly string[]): Link => finite(role, sent(5, data(...texts)))
  expect(passes('slow-reader', session(read('prompt', ['a', '[DONE]']), read('slow', ['b', 'c', '[DONE]'])))).toBe(true)
  expect(passes('slow-reader', session(read('prompt', ['a', '[DONE]']), read('slow', ['b', 'c'])))).toBe(false)
  expect(passes('slow-reader', session(read('prompt', ['a', 'b']), read('slow', ['a'])))).toBe(false)
})

test.each<readonly [string, readonly number[], boolean]>([
  ['seven as late as the first', Array.from({ length: 7 }, () => 2500), true],
  ['six at once, and one that waits', [5, 5, 5, 5, 5, 5, 4000], false],
])('seven streams: %s', (_, heads, wanted) => {
  const streams = heads.map((ms, i): Link => {
    const link = live('seven', sent(5, 'data: a\n\n'))
    return { ...link, id: `seven-${i}`, chunks: link.chunks.map((chunk) => ({ ...chunk, at: chunk.at + ms })), ended: { ...link.ended, at: 9000 } }
  })
  expect(passes('seven-streams', session(...streams))).toBe(wanted)
})

test('the page of field failures names rules and notes that exist', () => {
  const page = readFileSync(new URL('../docs/field.md', import.meta.url), 'utf8')
  const named = [...page.matchAll(/`([a-z0-9]+)\/([a-z0-9-]+|\*)`/g)].map(([, room, slug]) => `sse/${room}/${slug}`)
  const ids = new Set<string>(rooms.flatMap(({ rules, notes = [] }) => [...rules, ...notes].map(({ id }) => id)))
  const areas = new Set<string>(rooms.map(({ id }) => `${id}/*`))
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((id) => !ids.has(id) && !areas.has(id))).toEqual([])
})
