/** What the reports for CI systems say: SARIF, Markdown, workflow commands, badge. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { countOutcomes, exitCodeOf, type Report } from '../harness/report.ts'
import { renderAnnotations } from '../harness/report/annotations.ts'
import { renderBadge } from '../harness/report/badge.ts'
import { renderMarkdown } from '../harness/report/markdown.ts'
import { renderSarif } from '../harness/report/sarif.ts'
import type { Rendering, RuleText } from '../harness/report/meaning.ts'
import { deliver } from '../harness/terminal.ts'
import type { Level, Outcome, RuleId, Verdict } from '../spec/model.ts'
import { readXml } from './markup.ts'

const terminated = 'sse/framing/block-terminated'
const tail = 'sse/framing/no-tail-at-close'
const utf8 = 'sse/encoding/utf8'
const rules = [terminated, tail, utf8].map((id): RuleText => ({
  id: id as RuleId, level: 'must', clause: 'https://spec.test/#clause', says: 'what is *true*', harm: 'what a client does', fix: 'what to change',
}))
const rendering: Rendering = { failOn: 'must', command: 'npx streamproof --target=http://127.0.0.1:3000/stream' }

function verdict(rule: RuleId, outcome: Outcome, more: Partial<Verdict> = {}): Verdict {
  return { rule, level: 'must', effectiveLevel: 'must', outcome, examined: 2, deviations: [], ...more }
}

function failing(rule: RuleId, level: Level = 'must', more: Partial<Verdict> = {}): Verdict {
  const excerpt = { offset: 32, hex: Buffer.from('data: x\n').toString('hex'), mark: { offset: 38, length: 1 } }
  const where = { link: 'base', byte: 38, at: 40.4, line: 7 }
  const deviations = [{ expected: 'a blank line', actual: '{"a":1}', where, excerpt }]
  return verdict(rule, 'fail', { level, effectiveLevel: level, deviations, ...more })
}

function reportOf(verdicts: readonly Verdict[], more: Partial<Report> = {}): Report {
  return {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: '0.1.0', node: 'v22.18.0' },
    target: { url: 'http://127.0.0.1:3000/stream', kind: 'observed' },
    spec: 'WHATWG HTML',
    verdicts,
    notes: [],
    counts: countOutcomes(verdicts),
    run: { links: 2, cases: 0, ms: 1234, seed: 1 },
    exitCode: exitCodeOf(verdicts, 'must', { incomplete: more.incomplete !== undefined, interrupted: false }),
    ...more,
  }
}

const skipped = verdict(utf8, 'not-exercised', { why: 'window', note: 'too short' })

describe('sarif', () => {
  interface Log {
    readonly runs: readonly [{
      readonly tool: { readonly driver: { readonly rules: readonly Record<string, unknown>[] } }
      readonly results: readonly Record<string, unknown>[]
      readonly invocations: readonly Record<string, unknown>[]
    }]
  }
  const runOf = (report: Report): Log['runs'][0] => (JSON.parse(renderSarif(report, rules, rendering)) as Log).runs[0]

  test('has one result for each failing rule, by its effective level', () => {
    const { results, tool } = runOf(reportOf([verdict(utf8, 'pass'), failing(terminated, 'contract'), failing(tail, 'advice')]))
    expect(results).toMatchObject([
      { ruleId: terminated, ruleIndex: 0, kind: 'fail', level: 'error', properties: { failsTheRun: true } },
      { ruleId: tail, ruleIndex: 1, kind: 'fail', level: 'note', properties: { failsTheRun: false } },
    ])
    expect(tool.driver.rules[0]).toMatchObject({
      id: terminated, name: 'FramingBlockTerminated', helpUri: 'https://spec.test/#clause', defaultConfiguration: { level: 'error' },
      shortDescription: { text: 'what is *true*' }, help: { markdown: expect.stringContaining('what is \\*true\\*') },
    })
  })

  test('shows the bytes at their offset in the link, and what is around them', () => {
    const [result] = runOf(reportOf([failing(terminated)])).results
    const binary = (text: string): string => Buffer.from(text).toString('base64')
    expect(result).toMatchObject({
      message: { text: expect.stringContaining('Came: {{"a":1}}') },
      locations: [{ physicalLocation: { artifactLocation: { uri: 'localhost/stream' }, region: { startLine: 7 } }, logicalLocations: [{ name: 'base' }] }],
      relatedLocations: [{
        id: 1,
        physicalLocation: {
          region: { byteOffset: 38, byteLength: 1, snippet: { binary: binary('x') } },
          contextRegion: { byteOffset: 32, byteLength: 8, snippet: { binary: binary('data: x\n') } },
        },
      }],
    })
  })

  test('is the same alert in the next run, on another port and a moment later', () => {
    const alerts = (report: Report): unknown => runOf(report).results.map(({ partialFingerprints, locations }) => [partialFingerprints, locations])
    const [deviation] = failing(terminated).deviations
    const later = deviation && failing(terminated, 'must', { deviations: [{ ...deviation, where: { ...deviation.where, at: 99 } }] })
    const again = reportOf(later ? [later] : [], { target: { url: 'http://localhost:41234/stream?a=b', kind: 'observed' } })
    expect(alerts(again)).toEqual(alerts(reportOf([failing(terminated)])))
    expect(alerts(reportOf([failing(tail)]))).not.toEqual(alerts(reportOf([failing(terminated)])))
  })

  test.each([
    ['https://api.test:8443/v1/chat?key=x#y', 'api.test/v1/chat'],
    ['http://[2001:db8::1]:80/a:b', '%5B2001%3Adb8%3A%3A1%5D/a%3Ab'],
    ['http://127.0.0.2:1/', 'localhost'],
    ['http://api.test/a/../../b/%zz', 'api.test/b/%25zz'],
  ])('names %s as the path %s', (url, path) => {
    const { results } = runOf(reportOf([failing(terminated)], { target: { url, kind: 'observed' } }))
    expect(results[0]).toMatchObject({ locations: [{ physicalLocation: { artifactLocation: { uri: path } } }] })
  })

  test('tells of what has no verdict in notifications, never in results', () => {
    const broken = verdict(tail, 'broken', { note: 'boom' })
    const { results, invocations } = runOf(reportOf([skipped, broken], { incomplete: { reason: 'the target answered 401', quoted: 'no' } }))
    expect(results).toEqual([])
    expect(invocations).toMatchObject([{
      executionSuccessful: false, exitCode: 3,
      toolExecutionNotifications: [
        { level: 'error', message: { text: 'the target answered 401; it sent no' } },
        { descriptor: { id: 'not-exercised' }, associatedRule: { id: utf8 }, level: 'note', message: { text: 'window: too short' } },
        { descriptor: { id: 'broken' }, associatedRule: { id: tail }, level: 'error', message: { text: 'boom' } },
      ],
    }])
    expect(runOf(reportOf([failing(tail)])).invocations).toMatchObject([{ executionSuccessful: true, exitCode: 1 }])
  })

  test('a failure that a baseline excuses is no alert', () => {
    const { results, invocations } = runOf(reportOf([failing(tail, 'must', { excused: { as: 'known', reason: 'next week' } })]))
    expect(results).toEqual([])
    expect(invocations).toMatchObject([{ toolExecutionNotifications: [{ descriptor: { id: 'excused' }, message: { text: expect.stringContaining('known: next week') } }] }])
  })
})

describe('markdown', () => {
  test('a failure answers its questions in order', () => {
    const replay = { id: `${terminated}:7:0`, counterexample: '["`"]' }
    const text = renderMarkdown(reportOf([failing(tail, 'advice'), failing(terminated, 'must', { replay }), skipped]), rules, rendering)
    const inOrder = [
      'does not conform: 1 rule of a failing level failed', '` http://127.0.0.1:3000/stream `', '| fail | 2 |', `<summary>❌ ${terminated} (must)`,
      '[what is \\*true\\*](https://spec.test/#clause)', '- expected ` a blank line `', '- came ` {"a":1} `', 'byte 38, line 7 of the stream, 40 ms',
      '```text\n00000020  64 61 74', '^^', 'Published: `` ["`"] ``', '**A client:** what a client does', '**Fix:** what to change',
      `--replay ${terminated}:7:0 \``, '</details>', `<summary>⚠ ${tail} (advice)`, `- \`${utf8}\` not exercised: \` window: too short \``,
    ]
    const places = inOrder.map((part) => text.indexOf(part))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  test('a failure that a baseline excuses says why, a stale baseline what to do', () => {
    const excused = failing(tail, 'must', { excused: { as: 'known', reason: 'next week' } })
    const baseline = { file: 'known.json', stale: [utf8], expired: [] } as const
    const text = renderMarkdown(reportOf([failing(terminated), excused, verdict(utf8, 'pass')], { baseline }), rules, rendering)
    expect(text).toMatch(/<summary>⚠ sse\/framing\/no-tail-at-close[^]*Excused: ` known: next week `/)
    expect(text).toContain(`**Baseline:** \` ${utf8} is known in known.json`)
    expect(renderAnnotations(reportOf([verdict(utf8, 'pass')], { baseline }), rules, rendering)).toMatch(/^::error title=streamproof%3A stale baseline::/)
  })

  test('is cut before GitHub refuses it, and says so', () => {
    const [deviation] = failing(terminated).deviations
    const long = deviation ? [{ ...deviation, actual: 'é'.repeat(40_000) }] : []
    const text = renderMarkdown(reportOf(Array.from({ length: 40 }, () => failing(terminated, 'must', { deviations: long }))), rules, rendering)
    expect(Buffer.byteLength(text)).toBeGreaterThan(900_000)
    expect(Buffer.byteLength(text)).toBeLessThan(1_024 * 1_024)
    const shown = text.match(/<details>/g)?.length ?? 0
    expect(text).toContain(`**Cut:** ${40 - shown} blocks did not fit`)
    expect(text.match(/<\/details>/g)).toHaveLength(shown)
  })

  describe('in the summary of a step', () => {
    let folder = ''
    beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'summary-'))))
    afterEach(() => {
      vi.unstubAllEnvs()
      rmSync(folder, { recursive: true })
    })

    test.each([[true, 'before\nreport\n'], [false, 'report\n']])('keeps what is there: %s', (isSummary, expected) => {
      const file = join(folder, 'summary.md')
      writeFileSync(file, 'before\n')
      vi.stubEnv('GITHUB_STEP_SUMMARY', isSummary ? file : undefined)
      deliver([{ format: 'markdown', file }], () => 'report\n')
      expect(readFileSync(file, 'utf8')).toBe(expected)
    })
  })
})

describe('github', () => {
  const lines = (report: Report, failOn: Rendering['failOn'] = 'must'): string[] => renderAnnotations(report, rules, { ...rendering, failOn }).trimEnd().split('\n')

  test('a failure is an error, below the threshold a warning or a notice', () => {
    const report = reportOf([failing(terminated), failing(tail, 'should'), failing(utf8, 'advice'), verdict(utf8, 'broken')])
    expect(lines(report).map((line) => line.replace(/::(\w+) title=streamproof%3A ([^:]+)::.*/, '$1 $2'))).toEqual([
      'error incomplete', `error ${utf8}`, `error ${terminated} (must)`, `warning ${tail} (should)`, 'notice http%3A//127.0.0.1%3A3000/stream', `notice ${utf8} (advice)`,
    ])
    expect(lines(report, 'should')[3]).toMatch(/^::error /)
    expect(lines(report)[2]).toContain('%0Acame {"a":1}%0A')
  })

  test('ten of a kind, the last of which counts the rest', () => {
    const errors = lines(reportOf(Array.from({ length: 14 }, () => failing(terminated)))).filter((line) => line.startsWith('::error'))
    expect(errors).toHaveLength(10)
    expect(errors.at(-1)).toContain('5 findings more')
    const fitting = lines(reportOf(Array.from({ length: 10 }, () => failing(terminated)))).filter((line) => line.startsWith('::error'))
    expect(fitting.join('\n')).not.toContain('more')
    expect(fitting).toHaveLength(10)
  })

  test('a run that conforms says so', () => {
    expect(lines(reportOf([verdict(utf8, 'pass')]))).toEqual([expect.stringMatching(/^::notice .*::conforms.*\(1 pass, 0 fail\)$/)])
  })
})

test.each([
  [reportOf([verdict(utf8, 'pass'), verdict(tail, 'pass')]), '2 rules, conforms', 'brightgreen'],
  [reportOf([failing(terminated), failing(tail, 'advice')]), '1 rule fails', 'red'],
  [reportOf([failing(terminated), failing(tail)]), '2 rules fail', 'red'],
  [reportOf([skipped]), 'incomplete', 'lightgrey'],
])('badge %#: %o', (report, message, color) => {
  expect(JSON.parse(renderBadge(report, rules, rendering))).toEqual({ schemaVersion: 1, label: 'SSE', message, color })
})

test('a comparison refuses the formats of a single run', { timeout: 30_000 }, () => {
  const cli = fileURLToPath(new URL('../harness/cli.ts', import.meta.url))
  const typed = (): Buffer => execFileSync(process.execPath, [cli, 'compare', '--report', 'sarif=x.sarif'], { stdio: 'pipe' })
  expect(typed).toThrow(/--report sarif for a comparison\. Accepted: console and json/)
})

describe('the reader of XML refuses', () => {
  const head = '<?xml version="1.0" encoding="UTF-8"?>'
  test.each(['', '<a>', '<a></b>', '<a/><b/>', 'x<a/>', '<a b="<"/>', '<a b="1" b="2"/>', '<a>&</a>', '<a>&nbsp;</a>', '<a>]]></a>', '<a>\u0001</a>', '<a b=c/>'])('%s', (text) =>
    expect(() => readXml(head + text)).toThrow())
})
