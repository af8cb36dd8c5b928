/** The reference servers, judged by the engine: what fails on each is what `servers/findings.json` records, no less. */
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { NotReady, start, type Child } from '../harness/child.ts'
import { knownFindings } from '../harness/compare.ts'
import type { Report } from '../harness/report.ts'
import { run } from '../harness/run.ts'
import { allRules } from '../harness/selection.ts'
import { command, exits, references, type Ready } from '../servers/index.ts'

/** generated cases of each property; its examples come on top */
const runs = 5
const startMs = 15_000

const judged = (target: string): Promise<Report> => run({
  target, method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'advice', allowOriginChange: false, runs,
})

/** What must not change from run to run: all of a verdict but when, where and, with heartbeats, how often it was seen. */
const settled = ({ verdicts }: Report, known: readonly string[]): unknown =>
  verdicts.map(({ rule, effectiveLevel, outcome, why, note, deviations }) =>
    // a library that is wrong may be wrong more or less often
    [rule, effectiveLevel, outcome, why, note, known.includes(rule) || deviations.map(({ expected, actual }) => ({ expected, actual }))])

test('every finding names a reference server and a rule, once', () => {
  const findings = knownFindings()
  const names = references.map(({ name }) => name)
  const rules = allRules.map(({ id }): string => id)
  expect(findings.filter(({ server, rule }) => !names.includes(server) || !rules.includes(rule))).toEqual([])
  expect(new Set(findings.map(({ server, rule }) => `${server} ${rule}`)).size).toBe(findings.length)
})

/** Two runs of each server, one server after the other: side by side they would be late for each other. A server without a binary for this Node tells why. */
const children: Child[] = []
const seen = new Map<string, readonly [Report, Report] | string>()

beforeAll(async () => {
  for (const { name } of references) {
    const server = start(command(name, ['--port', '0']))
    children.push(server)
    try {
      const { descriptor } = JSON.parse(await server.firstLine(startMs)) as Ready
      const first = await judged(descriptor)
      seen.set(name, [first, await judged(descriptor)])
    } catch (error) {
      if (!(error instanceof NotReady) || error.code !== exits.unavailable) throw error
      seen.set(name, error.message)
    }
    await server.end()
  }
}, 400_000)
afterAll(() => Promise.all(children.map((server) => server.end())))

describe.each(references.map(({ name }) => name))('%s', (name) => {
  /** The reports; skips the test where the server cannot run. */
  const reportsOf = ({ skip }: TestContext): readonly [Report, Report] => {
    const reports = seen.get(name)
    if (typeof reports !== 'object') return skip(reports ?? 'it was not started')
    return reports
  }

  test('fails in what is recorded, and in nothing else', (context) => {
    const [{ verdicts }] = reportsOf(context)
    const known = knownFindings().filter((finding) => finding.server === name)
    const failed = verdicts.filter(({ outcome }) => outcome === 'fail')
    const shown = failed.map(({ rule, deviations }) => `${rule}: ${deviations[0]?.actual}`)
    expect(failed.map(({ rule }) => rule), shown.join('\n')).toEqual(known.map(({ rule }) => rule))
  })

  test('breaks no check of the kit', (context) => {
    expect(reportsOf(context).flatMap(({ verdicts }) => verdicts.filter(({ outcome }) => outcome === 'broken'))).toEqual([])
  })

  test('shows every rule of the parts that it offers', (context) => {
    const [{ verdicts }] = reportsOf(context)
    const promised = verdicts.filter(({ effectiveLevel }) => effectiveLevel === 'contract')
    expect(promised.length).toBeGreaterThan(3)
    // what cannot apply says why; what could and was not shown is a hole
    const unseen = promised.filter(({ outcome }) => outcome === 'not-exercised' || outcome === 'broken')
    expect(unseen.map(({ rule, outcome, why, note }) => [rule, outcome, why, note].join(' '))).toEqual([])
  })

  test('gets the same verdicts twice', (context) => {
    const [first, second] = reportsOf(context)
    const known = knownFindings().filter(({ server }) => server === name).map(({ rule }) => rule)
    expect(settled(second, known)).toEqual(settled(first, known))
  })
})
