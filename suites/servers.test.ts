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

/** Contract rules that one reference server alone cannot show, and what it would take. */
const beyondOne: Readonly<Record<string, string>> = {
  'ws/origin/disallowed-403': 'the target declares that pages of any origin may connect',
  'ws/origin/exact': 'the target declares that pages of any origin may connect',
  'ws/origin/missing-policy': 'the target declares that pages of any origin may connect',
  'ws/lifecycle/fanout-broker-loss': 'the target names no second instance (declares.instances)',
  'ws/resume/other-instance': 'the target names no second instance (declares.instances)',
  'ws/resume/after-restart': 'the target names no second instance (declares.instances)',
}

test('every finding names a reference server and a rule, once', () => {
  const findings = knownFindings()
  const names = references.map(({ name }) => name)
  const rules = allRules.map(({ id }): string => id)
  expect(findings.filter(({ server, rule }) => !names.includes(server) || !rules.includes(rule))).toEqual([])
  expect(new Set(findings.map(({ server, rule }) => `${server} ${rule}`)).size).toBe(findings.length)
})

/** One server after the other: side by side they would be late for each other. A server without a binary for this Node tells why. */
const children: Child[] = []
const seen = new Map<string, Report | string>()

beforeAll(async () => {
  for (const { name } of references) {
    const server = start(command(name, ['--port', '0']))
    children.push(server)
    try {
      const { descriptor: target } = JSON.parse(await server.firstLine(startMs)) as Ready
      seen.set(name, await run({
        target, method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'advice', allowOriginChange: false, runs,
      }, { terminate: () => server.terminate() }))
    } catch (error) {
      if (!(error instanceof NotReady) || error.code !== exits.unavailable) throw error
      seen.set(name, error.message)
    }
    await server.end()
  }
}, 400_000)
afterAll(() => Promise.all(children.map((server) => server.end())))

describe.each(references.map(({ name }) => name))('%s', (name) => {
  /** The report; skips the test where the server cannot run. */
  const reportOf = ({ skip }: TestContext): Report => {
    const report = seen.get(name)
    return typeof report === 'object' ? report : skip(report ?? 'it was not started')
  }

  test('fails in what is recorded, and in nothing else', (context) => {
    const { verdicts } = reportOf(context)
    const known = knownFindings().filter((finding) => finding.server === name)
    const failed = verdicts.filter(({ outcome }) => outcome === 'fail')
    const shown = failed.map(({ rule, deviations }) => `${rule}: ${deviations[0]?.actual}`)
    expect(failed.map(({ rule }) => rule), shown.join('\n')).toEqual(known.map(({ rule }) => rule))
  })

  test('breaks no check of the kit', (context) => {
    expect(reportOf(context).verdicts.filter(({ outcome }) => outcome === 'broken')).toEqual([])
  })

  test('shows every rule of the parts that it offers', (context) => {
    const promised = reportOf(context).verdicts.filter(({ effectiveLevel }) => effectiveLevel === 'contract')
    const unseen = promised.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'fail')
    expect(Object.fromEntries(unseen.map(({ rule, note, why }) => [rule, note ?? why]))).toEqual(beyondOne)
  })
})
