/** The baseline: what it covers, what it asks for, and the file through the real command line. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { baselineText, covered, emptyBaseline, readBaseline, refreshed, type Baseline } from '../harness/baseline.ts'
import { casesOf } from '../harness/cases.ts'
import { judged } from '../harness/judged.ts'
import { parse } from '../harness/options.ts'
import { countOutcomes, exitCodeOf, type FailOn, type Report } from '../harness/report.ts'
import { renderConsole } from '../harness/report/console.ts'
import { renderJson } from '../harness/report/json.ts'
import { renderJunit } from '../harness/report/junit.ts'
import { surroundings, usageLine } from '../harness/terminal.ts'
import { Mistake } from '../harness/values.ts'
import { start } from '../servers/node-http.ts'
import type { Outcome, RuleId, Verdict } from '../spec/model.ts'
import reportSchema from '../spec/report.schema.json' with { type: 'json' }

vi.setConfig({ testTimeout: 60_000 })

type Running = Awaited<ReturnType<typeof start>>

const ids = ['sse/a/one', 'sse/a/two', 'sse/b/three', 'sse/b/four'] as const satisfies readonly RuleId[]
const [one, two, three, four] = ids
const today = '2030-06-15'

function verdict(rule: RuleId, outcome: Outcome, level: Verdict['level'] = 'must'): Verdict {
  const deviations = outcome === 'fail' ? [{ expected: 'x', actual: 'y', where: { link: 'base' } }] : []
  return { rule, level, effectiveLevel: level, outcome, examined: 1, deviations, ...(outcome === 'not-exercised' ? { why: 'no-subject' } : {}) }
}

function reportOf(verdicts: readonly Verdict[], failOn: FailOn = 'must'): Report {
  return {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: '0', node: 'v22.18.0' },
    target: { url: 'http://target.test/', kind: 'observed' },
    spec: 'x',
    verdicts,
    notes: [],
    counts: countOutcomes(verdicts),
    run: { links: 1, cases: 0, ms: 1, seed: 1 },
    exitCode: exitCodeOf(verdicts, failOn, { incomplete: false, interrupted: false }),
  }
}

const known = (rule: RuleId, more: object = {}) => ({ rule, reason: 'the gateway', since: '2030-01-01', ...more })
const settledBy = (report: Report, entries: Partial<Baseline>): Report =>
  covered(report, { file: 'b.json', entries: { ...emptyBaseline, ...entries } }, 'must', today)

describe('an entry', () => {
  test('of a rule that fails covers it, and no other', () => {
    const report = settledBy(reportOf([verdict(one, 'fail'), verdict(two, 'pass')]), { known: [known(one)] })
    expect(report).toMatchObject({ exitCode: 0, baseline: { stale: [], expired: [] } })
    expect(report.verdicts[0]).toMatchObject({ outcome: 'fail', excused: { as: 'known', reason: 'the gateway', since: '2030-01-01' } })
    expect(settledBy(reportOf([verdict(one, 'fail'), verdict(two, 'fail')]), { known: [known(one)] }).exitCode).toBe(1)
  })

  test('of a rule that passes is stale and fails the run; one that was not exercised, judged or applicable says nothing', () => {
    expect(settledBy(reportOf([verdict(one, 'pass')]), { known: [known(one)] })).toMatchObject({ exitCode: 1, baseline: { stale: [one] } })
    for (const outcome of ['not-exercised', 'not-applicable'] as const) {
      expect(settledBy(reportOf([verdict(one, outcome), verdict(two, 'pass')]), { known: [known(one), known(three)] })).toMatchObject({ exitCode: 0, baseline: { stale: [] } })
    }
  })

  test.each([[today, 0, []], ['2030-06-14', 1, [one]]])('that expires on %s', (expires, exitCode, expired) => {
    expect(settledBy(reportOf([verdict(one, 'fail')]), { known: [known(one, { expires })] })).toMatchObject({ exitCode, baseline: { expired } })
    expect(settledBy(reportOf([verdict(one, 'fail'), verdict(two, 'pass')]), { flaky: [{ rule: one, reason: 'r', expires }] })).toMatchObject({ exitCode, baseline: { expired } })
  })

  test.each(['pass', 'fail', 'not-exercised'] as const)('about a flaky rule: its %s does not count', (outcome) => {
    const flaky = [{ rule: one, reason: 'the runner is slow', expires: today }]
    const report = settledBy(reportOf([verdict(one, outcome, 'contract'), verdict(two, 'pass')]), { flaky })
    expect(report).toMatchObject({ exitCode: 0, verdicts: [{ excused: { as: 'flaky' } }, {}] })
    // and it is nothing to be green for
    expect(settledBy(reportOf([verdict(one, outcome)]), { flaky }).exitCode).toBe(3)
  })

  test('never covers a fault of the kit', () => {
    const flaky = [{ rule: one, reason: 'r', expires: today }]
    expect(settledBy(reportOf([verdict(one, 'broken'), verdict(two, 'pass')]), { known: [known(one)], flaky }).exitCode).toBe(3)
  })
})

const outcome = fc.constantFrom<Outcome>('pass', 'fail', 'not-exercised', 'not-applicable')
const verdicts = fc.tuple(...ids.map((id) => fc.tuple(outcome, fc.constantFrom<Verdict['level']>('must', 'contract', 'should')).map(([is, level]) => verdict(id, is, level))))
const someEntries = fc.subarray([...ids]).map((rules) => ({ known: rules.map((rule) => known(rule)), flaky: [] }))

describe('a refreshed baseline', () => {
  test('leaves nothing that fails the run, lists nothing that passes, and is sorted', () => {
    fc.assert(fc.property(verdicts, someEntries, fc.constantFrom<FailOn>('must', 'should'), (seen, entries, failOn) => {
      const report = reportOf(seen, failOn)
      const next = refreshed(entries, report, failOn, today, 'because')
      const after = covered(report, { file: 'b.json', entries: next }, failOn, today)
      expect(after.exitCode).not.toBe(1)
      expect(after.baseline).toEqual({ file: 'b.json', stale: [], expired: [] })
      expect(next.known.map(({ rule }) => rule)).toEqual(next.known.map(({ rule }) => rule).toSorted())
      expect(refreshed(next, report, failOn, '2031-01-01', 'another')).toEqual(next)
      expect(readBaseline(baselineText(next), 'b.json', ids)).toEqual(next)
    }))
  })

  test('keeps reasons and dates of what stays, also past their day, and gives the reason to what has none', () => {
    const entries = { known: [known(two, { reason: '' }), known(one, { expires: '2030-01-02' })], flaky: [{ rule: four, reason: 'slow', expires: today }] }
    const report = reportOf([verdict(one, 'fail'), verdict(two, 'fail'), verdict(three, 'fail'), verdict(four, 'fail')])
    expect(refreshed(entries, report, 'must', today, 'ticket 7')).toEqual({
      known: [known(one, { expires: '2030-01-02' }), known(two, { reason: 'ticket 7' }), { rule: three, reason: 'ticket 7', since: today }],
      flaky: entries.flaky,
    })
  })
})

describe('a file that is wrong', () => {
  const about = (content: unknown): string => {
    try {
      readBaseline(typeof content === 'string' ? content : JSON.stringify(content), 'b.json', ids)
    } catch (error) {
      if (error instanceof Mistake) return `${error.usage.given} | ${error.usage.accepted} | ${error.usage.type}`
      throw error
    }
    throw new Error('nothing was wrong')
  }
  const schema = 'streamproof-baseline/1'

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /b\.json is no JSON/],
    ['another version', { schema: 'streamproof-baseline/2' }, /\/schema is not what .*"schema": "streamproof-baseline\/1"/],
    ['a list', [], /the document is not what/],
    ['an unknown member', { schema, know: [] }, /"know", which means nothing here \| schema, known, flaky \| "known"/],
    ['no reason', { schema, known: [{ rule: one, since: today }] }, /\/known\/0 has no "reason" \| why it is accepted/],
    ['no end', { schema, flaky: [{ rule: one, reason: 'r' }] }, /\/flaky\/0 has no "expires" \| a date as YYYY-MM-DD .*"expires": "2030-01-31"/],
    ['a day that does not exist', { schema, known: [known(one, { expires: '2030-02-30' })] }, /\/known\/0\/expires is not .*a date/],
    ['another way to write a day', { schema, known: [known(one, { since: '1/2/2030' })] }, /\/known\/0\/since is not .*"since": "2030-01-31"/],
    ['no rule', { schema, known: [known('sse/a/onne')] }, /lists sse\/a\/onne, which is no rule .*"sse\/a\/one"/],
    ['twice', { schema, known: [known(one)], flaky: [{ rule: one, reason: 'r', expires: today }] }, /lists sse\/a\/one twice/],
  ])('%s', (_, content, said) => expect(about(content)).toMatch(said))
})

describe('reports show', () => {
  const entries: Baseline = {
    known: [known(one, { expires: '2030-12-31', reason: 'a <tag>\u001b[31m' }), known(two, { reason: '' }), known(three)],
    flaky: [{ rule: four, reason: 'slow', expires: today }],
  }
  const report = covered(reportOf([verdict(one, 'fail'), verdict(two, 'fail'), verdict(three, 'pass'), verdict(four, 'pass')]), { file: 'b.json', entries }, 'must', today)
  const rendering = { failOn: 'must', command: 'npx streamproof' } as const

  test('at a terminal what is known, flaky and stale', () => {
    const shown = renderConsole(report, [], rendering)
    expect(shown).toContain(`KNOWN  ${one}  must`)
    expect(shown).toContain('known: a <tag>\\x1b[31m (since 2030-01-01, until 2030-12-31)')
    expect(shown).toContain('nobody has said why')
    expect(shown).toContain(`FLAKY  ${four}  must, this time: pass`)
    expect(shown).toContain(`STALE  ${three} is known in b.json and passes now: remove the entry, or type --update-baseline`)
    expect(shown).toContain('baseline b.json: 2 known, 1 flaky, 1 stale, 0 expired')
    expect(shown).toContain('exit 1: does not conform: 1 known rule passed, and the baseline still lists it')
    expect(shown).not.toContain('FAIL')
  })

  test('in JUnit as skipped with the reason, and a stale entry as a failure', () => {
    const xml = renderJunit(report, [], rendering)
    expect(xml).toContain('<skipped message="known: a &lt;tag&gt;\\x1b[31m (since 2030-01-01, until 2030-12-31); this time: fail"/>')
    expect(xml).toContain('failures="1" errors="0" skipped="3"')
    expect(xml).toMatch(/name="baseline" time="0">\s*<failure type="stale"/)
  })

  test('in JSON what the schema says', () => {
    const valid = new Ajv2020({ strictTypes: false }).compile(reportSchema)
    expect(valid(JSON.parse(renderJson(report))), JSON.stringify(valid.errors)).toBe(true)
    expect(valid({ ...report, baseline: { file: 'b.json' } })).toBe(false)
  })

  test('in vitest the same', () => {
    expect(casesOf(report, [], rendering).map(({ name, state }) => [name, state])).toEqual([
      [one, 'skipped'], [two, 'skipped'], [three, 'passes'], [four, 'skipped'], ['the baseline is up to date', 'fails'],
    ])
  })
})

describe('the command line', () => {
  const directory = mkdtempSync(join(tmpdir(), 'streamproof-baseline-'))
  const cli = fileURLToPath(new URL('../harness/cli.ts', import.meta.url))
  const file = join(directory, 'b.json')
  let wrong: Running
  let right: Running
  beforeAll(async () => {
    wrong = await start({ fault: 'crRaw' })
    right = await start({})
  })
  afterAll(async () => {
    await wrong.close()
    await right.close()
    rmSync(directory, { recursive: true })
  })

  async function run(server: Running | undefined, ...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
    const target = server ? [new URL('/streamproof', server.url).href, '--only', 'sse/framing/cr-in-data'] : []
    const child = spawn(process.execPath, [cli, ...target, ...args], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, out, err }
  }

  /** the same without a process of its own */
  async function again(server: Running, ...args: readonly string[]): Promise<Report> {
    const target = new URL('/streamproof', server.url).href
    const invocation = parse([target, '--only', 'sse/framing/cr-in-data', '--baseline', file, ...args], surroundings)
    if (invocation.command !== 'test') throw new Error(JSON.stringify(invocation))
    return judged(invocation, {})
  }

  test('from the first failure to the last entry', async () => {
    const written = await run(wrong, '--baseline', 'b.json', '--update-baseline', '--reason', 'ticket 7')
    expect(written).toMatchObject({ code: 0, err: expect.stringContaining('b.json written: 1 known, 1 of them new, 0 dropped') })
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      schema: 'streamproof-baseline/1',
      known: [{ rule: 'sse/framing/cr-in-data', reason: 'ticket 7', since: new Date().toISOString().slice(0, 10) }],
      flaky: [],
    })
    expect(readdirSync(directory)).toEqual(['b.json'])
    const covers = await again(wrong)
    expect(covers).toMatchObject({ exitCode: 0, baseline: { file, stale: [] }, verdicts: [{ excused: { as: 'known', reason: 'ticket 7' } }] })
    expect(await again(right)).toMatchObject({ exitCode: 1, baseline: { stale: ['sse/framing/cr-in-data'] } })
    expect(await again(right, '--update-baseline')).toMatchObject({ exitCode: 0, baseline: { stale: [] } })
    expect(readFileSync(file, 'utf8')).toBe(baselineText(emptyBaseline))
  })

  test('an unreachable target leaves the file alone', async () => {
    writeFileSync(file, baselineText({ known: [known('sse/framing/cr-in-data')], flaky: [] }))
    const { code, err } = await run(undefined, 'http://127.0.0.1:9/', '--baseline', 'b.json', '--update-baseline')
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining('b.json was not written') })
    expect(readFileSync(file, 'utf8')).toContain('the gateway')
  })

  test('a file that cannot be written is a usage error before anything is sent', async () => {
    const { code, out, err } = await run(undefined, 'http://127.0.0.1:9/', '--baseline', 'no/where.json', '--update-baseline')
    expect({ code, out, err }).toEqual({ code: 2, out: '', err: expect.stringContaining('the file cannot be written (ENOENT)') })
  })

  test.each<[readonly string[], string]>([
    [['--baseline', 'nope.json'], 'Type: --baseline nope.json --update-baseline'],
    [['--update-baseline'], 'Type: --baseline streamproof.baseline.json --update-baseline'],
    [['--baseline', 'nope.json', '--reason', 'x'], '--reason without --update-baseline'],
    [['--reason', 'x'], '--reason without --update-baseline'],
  ])('%j is a usage error', (args, said) => {
    const invocation = parse(['http://127.0.0.1:9/', ...args], surroundings)
    expect(invocation.command === 'mistake' && usageLine(invocation.usage)).toContain(said)
  })
})
