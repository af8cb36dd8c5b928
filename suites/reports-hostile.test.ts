/**
 * What a target sends stays data in every format: generated text that means harm stands in every place of a report
 * that holds text of a target, and the report reads as the same document as one whose target sent a single letter.
 */
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { Ajv, type AnySchemaObject } from 'ajv'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { compared, missing, settled } from '../harness/comparison.ts'
import { formats } from '../harness/grammar.ts'
import { rendered } from '../harness/judged.ts'
import { countOutcomes, type Report } from '../harness/report.ts'
import { renderConsole } from '../harness/report/console.ts'
import { renderComparisonJson, renderMatrix } from '../harness/report/matrix.ts'
import { allRules } from '../harness/selection.ts'
import type { Level, Outcome, RuleId, Verdict } from '../spec/model.ts'
import { markdownSkeleton, readXml } from './markup.ts'

vi.setConfig({ testTimeout: 30_000 })

const harmful = [
  // terminals: colours, titles, links, a C1 control that alone starts a sequence, backspaces
  '\u001b[31m', '\u001b]0;title\u0007', '\u001b]8;;http://evil.test\u001b\\', '\u009b2J', '\b\b', '\r',
  // readers: bidirectional overrides, nothing to see, separators, half a character
  '\u202e', '\u2066', '\u200b', '\ufeff', '\u2028', '\u0085', '\ud800', '\udc00', '\u0000', '\uffff', '\u{e0041}',
  // HTML, XML and what ends their literals
  '<script>', '</script>', '<img src=x onerror=a()>', ']]>', '<!--', '-->', '&lt;', '&#x0;', '"', '\'', '</failure>', '</details>', '<details>',
  // logs of CI systems
  '\n::error::x', '::set-output name=a::b', '::stop-commands::x', '##vso[task.complete]', '##[error]x', '##teamcity[x]', '%0A::error::x',
  // Markdown, and the messages of SARIF
  '`', '``', '```', '```\n', '\n\n# x\n', '[x](http://evil.test)', '![x](http://evil.test)', '|', '\n|---|\n', '@everyone', '#1', '<http://evil.test>',
  'www.evil.test', 'a@evil.test', '~~~', '$x$', '\\', '\\`', '{0}', '{', '}', '[x](0)', '](javascript:x)',
  '../../etc/passwd', '%', '%2f', '\\x5d(', '…', ' ', '\t', '\n', 'e\u0301', '日本語',
]
const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.constantFrom(...harmful), { maxLength: 6 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.tuple(fc.string(), fc.constantFrom(...harmful), fc.string()).map((parts) => parts.join('')) },
)
const texts = fc.array(hostileText, { minLength: 1, maxLength: 30 })

const [first, second, third, fourth, fifth] = allRules.map(({ id }) => id) as [RuleId, RuleId, RuleId, RuleId, RuleId]

/** A report with something in every place; the texts of a target are taken in turn. */
function reportWith(given: readonly string[]): Report {
  let turn = 0
  const text = (): string => given[turn++ % given.length] ?? ''
  const hex = (): string => Buffer.from(text().padEnd(64, 'x')).subarray(0, 64).toString('hex')
  const judged = (rule: RuleId, level: Level, outcome: Outcome, more: Partial<Verdict> = {}): Verdict =>
    ({ rule, level, effectiveLevel: level, outcome, examined: 2, deviations: [], note: text(), ...more })
  const deviation = (): Verdict['deviations'][number] => ({
    expected: text(), actual: text(), where: { link: text(), byte: 40, length: 3, at: 1.5, line: 7 },
    excerpt: { offset: 16, hex: hex(), mark: { offset: 40, length: 3 } },
  })
  const failing = (rule: RuleId, level: Level, more: Partial<Verdict> = {}): Verdict =>
    judged(rule, level, 'fail', { deviations: [deviation(), deviation()], replay: { id: `${rule}:1:0`, counterexample: text() }, ...more })
  const verdicts = [
    failing(first, 'must'), failing(second, 'advice'), failing(third, 'must', { excused: { as: 'known', reason: text() } }),
    judged(fourth, 'must', 'not-exercised', { why: 'refused' }), judged(fifth, 'should', 'broken'),
  ]
  return {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: '0.1.0', node: 'v22.18.0' },
    target: { url: `http://target.test/${text()}`, kind: 'driven', name: text(), version: text() },
    spec: 'WHATWG HTML',
    verdicts,
    notes: [{ rule: first, text: text() }],
    counts: countOutcomes(verdicts),
    run: { links: 1, cases: 0, ms: 1, seed: 1 },
    incomplete: { reason: text(), quoted: text() },
    exitCode: 1,
  }
}

const commandWith = ([text = '']: readonly string[]): string => `npx streamproof --header ${text}`
const render = (format: (typeof formats)[number], given: readonly string[]): string =>
  rendered(reportWith(given), format, { failOn: 'must', command: commandWith(given) })
const benign = ['a']
/** Runs a property over the texts of a target. */
function always(property: (given: readonly string[]) => void): void {
  fc.assert(fc.property(texts, (given) => void property(given)), { numRuns: 100 })
}

describe.each(formats)('%s', (format) => {
  test('shows nothing unseen and commands no log', () => always((given) => {
    const shown = render(format, given)
    expect(shown).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
    expect(shown).not.toMatch(/##\w*\[/)
    if (format !== 'github') expect(shown).not.toMatch(/^\s*::/m)
  }))
})

test('console: as many lines, and in colour no escape but of colour', () => always((given) => {
  expect(render('console', given).split('\n')).toHaveLength(render('console', benign).split('\n').length)
  const painted = renderConsole(reportWith(given), allRules, { failOn: 'must', command: commandWith(given), color: true })
  expect(stripVTControlCharacters(painted)).toBe(render('console', given))
}))

test('json: the report', () => always((given) => {
  expect(JSON.parse(render('json', given))).toEqual(reportWith(given))
}))

test('junit: the same elements and attributes', () => {
  const structure = (document: string): unknown => readXml(document).map(({ name, depth, attributes }) => [name, depth, Object.keys(attributes)])
  const expected = structure(render('junit', benign))
  always((given) => expect(structure(render('junit', given))).toEqual(expected))
})

test('html: the same elements and attributes, and nothing is asked for', () => {
  const structure = (document: string): unknown => readXml(document.replace('<!doctype html>', '<?xml version="1.0" encoding="UTF-8"?>'))
    .map(({ name, depth, attributes }) => [name, depth, attributes])
  const expected = structure(render('html', benign))
  expect(JSON.stringify(expected)).not.toMatch(/"(?:src|script|img|link|iframe|form|base)"/)
  always((given) => expect(structure(render('html', given))).toEqual(expected))
})

describe('sarif', () => {
  const official = JSON.parse(readFileSync(new URL('fixtures/sarif-2.1.0-rtm.5.json', import.meta.url), 'utf8')) as AnySchemaObject
  // draft 4, of which the schema uses nothing that draft 7 reads otherwise but the name of its id
  const { $schema: _, id: __, ...schema } = official
  const isUri = (text: string): boolean => URL.canParse(text)
  const valid = new Ajv({
    strict: false, unicodeRegExp: false,
    formats: { uri: isUri, 'uri-reference': (text: string) => /^(?:[\w.~!$&'()*+,;=@:/?#-]|%[\da-f]{2})*$/i.test(text), 'date-time': true },
  }).compile(schema)

  test('is what the schema of the standard says', () => always((given) => {
    const log: unknown = JSON.parse(render('sarif', given))
    expect(valid(log), JSON.stringify(valid.errors?.slice(0, 2))).toBe(true)
  }))

  test('its schema is asked', () => {
    const log = JSON.parse(render('sarif', benign)) as { runs: { results: { level: string }[] }[] }
    expect(valid({ ...log, version: '2.0.0' })).toBe(false)
    expect(valid({ ...log, more: 1 })).toBe(false)
    Object.assign(log.runs[0]?.results[0] ?? {}, { level: 'fatal' })
    expect(valid(log)).toBe(false)
  })

  test('no message has a placeholder or a link, and no location leaves its folder', () => always((given) => {
    JSON.parse(render('sarif', given), (key, value: unknown) => {
      if (key === 'text' && typeof value === 'string') {
        expect(value.replace(/\{\{|\}\}/g, '')).not.toMatch(/[{}]/)
        expect(value).not.toContain('](')
      }
      if (key === 'uri') expect(value).toMatch(/^target\.test(?:\/(?!\.\.?(?:\/|$))[^/:]*)*$/)
      return value
    })
  }))
})

test('markdown: outside code it is the same document', () => {
  const expected = markdownSkeleton(render('markdown', benign))
  expect(expected).toMatch(/^- came code$/m)
  always((given) => expect(markdownSkeleton(render('markdown', given))).toBe(expected))
})

test('github: as many commands, each of them whole', () => {
  const lines = (given: readonly string[]): string[] => render('github', given).trimEnd().split('\n')
  const kinds = (given: readonly string[]): unknown => lines(given).map((line) => /^::(error|warning|notice) title=[^:,]*::(?!.*%0[AD]%3A)/.exec(line)?.[1])
  const expected = kinds(benign)
  expect(expected).not.toContain(undefined)
  always((given) => {
    expect(kinds(given)).toEqual(expected)
    // the runner reads a % that is not of an escape as it stands; a value has none
    for (const line of lines(given)) expect(line).not.toMatch(/%(?!25|0A|3A|2C)/)
  })
})

test('badge: nothing of the target', () => always((given) => expect(render('badge', given)).toBe(render('badge', benign))))

describe('a comparison', () => {
  const comparisonWith = (given: readonly string[]): ReturnType<typeof compared> => {
    const [name = ''] = given
    return compared([settled(name, reportWith(given), [], 'must'), missing(name, name, true)])
  }

  test('as a matrix: as many lines, nothing unseen, no command', () => always((given) => {
    const shown = renderMatrix(comparisonWith(given), allRules, 'must')
    expect(shown.split('\n')).toHaveLength(renderMatrix(comparisonWith(benign), allRules, 'must').split('\n').length)
    expect(shown).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|^\s*::|##\w*\[/mu)
  }))

  test('as JSON: the value, and nothing unseen', () => always((given) => {
    const shown = renderComparisonJson(comparisonWith(given))
    expect(JSON.parse(shown)).toMatchObject({ columns: [{ report: reportWith(given) }, {}] })
    expect(shown).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}<]|##\w*\[/u)
  }))
})
