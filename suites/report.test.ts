/** What reports say and what they must not let through: every format, fed with reports made by hand. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { casesOf } from '../harness/cases.ts'
import { compared, missing, settled, type KnownFinding } from '../harness/comparison.ts'
import { countOutcomes, exitCodeOf, type FailOn, type Report } from '../harness/report.ts'
import { renderConsole } from '../harness/report/console.ts'
import { renderJson } from '../harness/report/json.ts'
import { renderJunit } from '../harness/report/junit.ts'
import { renderComparisonJson, renderMatrix } from '../harness/report/matrix.ts'
import type { RuleText } from '../harness/report/meaning.ts'
import type { Outcome, RuleId, Verdict } from '../spec/model.ts'

/** A rule as a report prints it. */
function ruleText(id: RuleId): RuleText {
  return { id, level: 'must', clause: 'https://spec.test/#clause', says: 'what is true', harm: 'what a client does', fix: 'what to change' }
}

/** A verdict that needs no evidence. */
function verdict(rule: RuleId, outcome: Outcome, more: Partial<Verdict> = {}): Verdict {
  return { rule, level: 'must', effectiveLevel: 'must', outcome, examined: outcome === 'pass' ? 3 : 0, deviations: [], ...more }
}

/** A failing verdict with one deviation. */
function failing(
  rule: RuleId,
  { actual = 'something else', hex = '646174613a2078', level = 'must' as Verdict['level'] } = {},
): Verdict {
  const excerpt = { offset: 0x20, hex, mark: { offset: 0x26, length: 1 } }
  const where = { link: 'base', byte: 0x26, at: 40.4, line: 7 }
  return verdict(rule, 'fail', { level, effectiveLevel: level, examined: 5, deviations: [{ expected: 'a blank line', actual, where, excerpt }] })
}

/** A report of these verdicts, counted and with its exit code. */
function reportOf(verdicts: readonly Verdict[], more: Partial<Report> = {}, failOn: FailOn = 'must'): Report {
  const state = { incomplete: more.incomplete !== undefined, interrupted: more.interrupted === true }
  return {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: '0.1.0', node: 'v22.18.0' },
    target: { url: 'http://target.test/stream', kind: 'observed' },
    spec: 'WHATWG HTML',
    verdicts,
    notes: [],
    counts: countOutcomes(verdicts),
    run: { links: 2, cases: 0, ms: 1234, seed: 1 },
    exitCode: exitCodeOf(verdicts, failOn, state),
    ...more,
  }
}

const terminated = 'sse/framing/block-terminated'
const tail = 'sse/framing/no-tail-at-close'
const encoded = 'sse/encoding/utf8'
const rules = [terminated, tail, encoded].map((id) => ruleText(id as RuleId))
const rendering = { failOn: 'must', command: 'npx streamproof --target=http://target.test/stream' } as const
/** a terminal title and colour, markup, log commands, bidirectional text, the end of CDATA, a lone surrogate */
const hostile = '\u001b]0;pwned\u0007\u009b31m</failure><script>&"\'\n::error file=x::boom\r##vso[task.complete]\u202eabc]]>\ud800\u0000\uffff'

describe('console', () => {
  test('a failure answers its questions in order', () => {
    const text = renderConsole(reportOf([failing(terminated), verdict(tail, 'pass')]), rules, rendering)
    const inOrder = [
      'target   http://target.test/stream', `FAIL  ${terminated}  must  https://spec.test/#clause`, 'what is true', 'expected   a blank line',
      'came       something else', 'byte 38, line 7 of the stream, 40 ms', '64 61 74 61', '^^', 'what a client does', 'what to change',
      `npx streamproof --target=http://target.test/stream --only ${terminated}`, 'sse/framing\n', 'no-tail-at-close  3 examined',
      '1 pass, 1 fail', '1.2 s', 'exit 1: does not conform: 1 rule of a failing level failed',
    ]
    const places = inOrder.map((part) => text.indexOf(part))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  test('a failing level comes before a lower one', () => {
    const text = renderConsole(reportOf([failing(tail, { level: 'advice' }), failing(terminated)]), rules, rendering)
    expect(text.indexOf(`FAIL  ${terminated}`)).toBeGreaterThan(0)
    expect(text.indexOf(`WARN  ${tail}`)).toBeGreaterThan(text.indexOf(`FAIL  ${terminated}`))
  })

  test('a driven failure shows its case and how to replay it', () => {
    const replay = { id: `${terminated}:7:0:1`, counterexample: '["a\u001b"]' }
    const text = renderConsole(reportOf([{ ...failing(terminated), replay }]), rules, rendering)
    expect(text).toContain('published  ["a\\x1b"]')
    expect(text).toContain(`--replay ${terminated}:7:0:1`)
  })

  test('every other rule says why', () => {
    const skipped = verdict(tail, 'not-exercised', { why: 'budget', note: 'the connection budget is spent' })
    const text = renderConsole(reportOf([skipped, verdict(encoded, 'broken', { note: 'boom' })]), rules, rendering)
    expect(text).toContain('not exercised   no-tail-at-close  budget: the connection budget is spent')
    expect(text).toContain(`BROKEN  ${encoded}`)
    expect(text).toContain('exit 3: incomplete: the kit itself is at fault in 1 check')
  })

  test('an incomplete run says what came', () => {
    const blocked = [terminated, tail].map((id) => verdict(id as RuleId, 'not-exercised', { why: 'blocked', note: 'the target answered 401' }))
    const text = renderConsole(reportOf(blocked, { incomplete: { reason: 'the target answered 401', quoted: 'no\u001b[2J' } }), rules, rendering)
    expect(text).toMatch(/sse\/framing\n {2}not exercised {3}2 rules, for the reason above\n/)
    expect(text).toContain('INCOMPLETE  the target answered 401')
    expect(text).toContain('it sent    no\\x1b[2J')
  })

  test('colour only when asked for', () => {
    const report = reportOf([failing(terminated)])
    expect(renderConsole(report, rules, rendering)).not.toContain('\u001b')
    expect(renderConsole(report, rules, { ...rendering, color: true })).toContain('\u001b[')
  })
})

describe.each(['console', 'json', 'junit', 'cases', 'matrix', 'comparison'] as const)('%s', (format) => {
  test('lets nothing of a target through', () => {
    const target = { url: `http://target.test/${hostile}`, kind: 'driven', name: hostile, version: hostile } as const
    const more = { target, notes: [{ rule: tail, text: hostile }], incomplete: { reason: hostile, quoted: hostile } } as const
    const bad = { ...failing(terminated, { actual: hostile, hex: Buffer.from(hostile).toString('hex') }), note: hostile }
    const replayed = { ...bad, replay: { id: `${terminated}:1:0`, counterexample: hostile } }
    const report = reportOf([replayed, verdict(tail, 'not-exercised', { note: hostile }), verdict(encoded, 'broken', { note: hostile })], more)
    const text = {
      console: () => renderConsole(report, rules, rendering),
      json: () => renderJson(report),
      junit: () => renderJunit(report, rules, rendering),
      cases: () => casesOf(report, rules, rendering).map((one) => one.text).join('\n'),
      matrix: () => renderMatrix(compared([settled(hostile, report, [], 'must'), missing(hostile, hostile, true)]), rules, 'must'),
      comparison: () => renderComparisonJson(compared([settled(hostile, report, [], 'must'), missing(hostile, hostile, true)])),
    }[format]()
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u)
    expect(text).not.toMatch(/^\s*::|##vso\[/m)
    if (format !== 'console' && format !== 'cases' && format !== 'matrix') expect(text).not.toContain('<script>')
  })
})

describe('json', () => {
  const schema: unknown = JSON.parse(readFileSync(new URL('../spec/report.schema.json', import.meta.url), 'utf8'))
  const valid = new Ajv2020({ strictTypes: false }).compile(schema as object)
  const full = reportOf(
    [
      { ...failing(terminated), replay: { id: `${terminated}:1:0`, counterexample: '[]' } },
      verdict(tail, 'not-exercised', { why: 'window', note: 'too short' }),
      verdict(encoded, 'pass'),
    ],
    { incomplete: { reason: 'x', quoted: 'y' }, interrupted: true, notes: [{ rule: tail, text: 'x' }] },
  )

  test('is the report, and what its schema says', () => {
    expect(JSON.parse(renderJson(full))).toEqual(full)
    expect(valid(JSON.parse(renderJson(full))), JSON.stringify(valid.errors)).toBe(true)
  })

  test.each([
    ['another schema', { schema: 'streamproof-report/2' }],
    ['an exit code of usage', { exitCode: 2 }],
    ['an unknown member', { more: 1 }],
    ['an unknown outcome', { verdicts: [{ ...verdict(tail, 'pass'), outcome: 'green' }] }],
    ['a rule id of no protocol', { verdicts: [{ ...verdict(tail, 'pass'), rule: 'framing' }] }],
    ['a not-exercised without a reason', { verdicts: [verdict(tail, 'not-exercised')] }],
    ['a failure without a deviation', { verdicts: [verdict(tail, 'fail')] }],
  ])('its schema refuses %s', (_, wrong) => expect(valid({ ...full, ...wrong })).toBe(false))
})

describe('junit', () => {
  const report = reportOf([
    failing(terminated), failing(tail, { level: 'should' }), verdict(encoded, 'not-applicable', { note: 'no "id" seen' }),
    verdict('sse/encoding/bom', 'broken', { note: 'boom' }), verdict('sse/encoding/nul', 'pass'),
  ])
  const text = renderJunit(report, rules, rendering)

  test('counts by suite', () => {
    expect(text).toContain('<testsuite name="sse/framing" tests="2" failures="1" errors="0" skipped="0"')
    expect(text).toContain('<testsuite name="sse/encoding" tests="3" failures="0" errors="1" skipped="1"')
  })

  test('says why a rule is skipped', () => {
    expect(text).toContain('<skipped message="not applicable: no &quot;id&quot; seen"/>')
  })

  test('a failure below the threshold is output of a passing case', () => {
    expect(text).toMatch(/name="no-tail-at-close" time="0">\s*<system-out>WARN/)
    expect(renderJunit(report, rules, { ...rendering, failOn: 'should' })).toMatch(/name="no-tail-at-close" time="0">\s*<failure type="should"/)
  })

  test('exit code 3 is never green', () => {
    expect(renderJunit(reportOf([]), rules, rendering)).toContain('<error type="incomplete" message="nothing was examined">')
    const hole = verdict(tail, 'not-exercised', { why: 'refused', effectiveLevel: 'contract' })
    expect(renderJunit(reportOf([verdict(encoded, 'pass'), hole]), rules, rendering)).toContain('<error type="incomplete"')
    expect(renderJunit(reportOf([verdict(encoded, 'pass')]), rules, rendering)).not.toContain('<error')
  })
})

describe('comparison', () => {
  const finding: KnownFinding = { server: 'uws', rule: terminated, reason: 'the library does so', evidence: 'https://issue.test/1', since: '20.0' }
  const bad = reportOf([failing(terminated), verdict(tail, 'pass')])
  const good = reportOf([verdict(terminated, 'pass'), verdict(tail, 'pass')])

  test('a known failure does not fail its own column, and fails every other', () => {
    expect(settled('uws', bad, [finding], 'must')).toMatchObject({ known: [finding], stale: [], exitCode: 0 })
    expect(settled('uws', bad, [finding], 'advice')).toMatchObject({ exitCode: 0 })
    expect(settled('express', bad, [finding], 'must')).toMatchObject({ known: [], exitCode: 1 })
    expect(settled('uws', reportOf([failing(terminated), failing(tail)]), [finding], 'must').exitCode).toBe(1)
  })

  test('an entry that does not fail any more fails its column; one that was not judged says nothing', () => {
    expect(settled('uws', good, [finding], 'must')).toMatchObject({ known: [], stale: [finding], exitCode: 1 })
    expect(settled('uws', reportOf([verdict(tail, 'pass')]), [finding], 'must')).toMatchObject({ stale: [], exitCode: 0 })
  })

  test('exits with its worst column that counts', () => {
    const right = settled('express', good, [], 'must')
    expect(compared([right, missing('uws', 'no binary', false)]).exitCode).toBe(0)
    expect(compared([right, missing('uws', 'no binary', true)]).exitCode).toBe(3)
    expect(compared([right, missing('uws', 'no binary', true), settled('x', bad, [], 'must')]).exitCode).toBe(1)
    expect(compared([missing('uws', 'no binary', false)]).exitCode).toBe(3)
    expect(compared([]).exitCode).toBe(3)
  })

  test('the matrix shows each rule of each column, and what was found', () => {
    const columns = [settled('express', good, [], 'must'), settled('uws', bad, [finding], 'must'), settled('other', bad, [], 'must')]
    const text = renderMatrix(compared([...columns, missing('gone', 'no binary for this Node', false)]), rules, 'must')
    expect(text).toMatch(/block-terminated +must +✓ +known +✗/)
    expect(text).toMatch(/no-tail-at-close +must +✓ +✓ +✓/)
    expect(text).toContain(`known ${terminated}: the library does so (https://issue.test/1; since 20.0)`)
    expect(text).toContain('gone: no binary for this Node (does not count)')
    expect(text).toContain('exit 1')
    expect(renderMatrix(compared([settled('uws', good, [finding], 'must')]), rules, 'must')).toContain(`stale ${terminated}`)
  })
})

test('vitest shows each rule, and an incomplete run as a failure', () => {
  const skipped = verdict(encoded, 'not-exercised', { why: 'window', note: 'too short' })
  const cases = casesOf(reportOf([failing(terminated), failing(tail, { level: 'advice' }), skipped], { interrupted: true }), rules, rendering)
  expect(cases.map(({ name, state }) => [name, state])).toEqual([
    [terminated, 'fails'], [tail, 'passes'], [encoded, 'skipped'], ['the run is complete', 'fails'],
  ])
  expect(cases[2]?.text).toBe('not exercised: window: too short')
})
