/** Thresholds: the table, what can be chosen, and that a choice reaches the rules and the report. */
import { expect, test } from 'vitest'
import { parseThresholds, readThresholds } from '../harness/options/thresholds.ts'
import { run } from '../harness/run.ts'
import { allRules } from '../harness/selection.ts'
import { Mistake } from '../harness/values.ts'
import { otherwiseRight } from '../servers/faulty/otherwise.ts'
import { drip, serveRaw } from '../servers/faulty/raw.ts'
import { chunked, streamHead } from '../spec/bytes.ts'
import { cited, faultOfThreshold, thresholdNames, thresholds, thresholdsOf, usual, withThresholds } from '../spec/thresholds.ts'

test('each has a rule that exists, a source, and a usual value within its range', () => {
  const ids = new Set<string>(allRules.map(({ id }) => id))
  expect(thresholdNames.flatMap((name) => thresholds[name].rules).filter((id) => !ids.has(id))).toEqual([])
  expect(thresholdNames.filter((name) => faultOfThreshold(name, thresholds[name].value) !== undefined)).toEqual([])
  expect(thresholdNames.filter((name) => !/^https:\/\/\S+#\S+$|^kit convention$/.test(thresholds[name].source))).toEqual([])
  expect(thresholdsOf('sse/retry/moderate')).toEqual(['retry-least', 'retry-most'])
})

test('a report says which value was used, and where it is from', () => {
  expect(cited('silence', usual)).toMatch(/^30 s \(threshold silence: https:\/\/nginx/)
  expect(cited('first-byte', withThresholds({ 'first-byte': 50 })))
    .toBe('50 ms (threshold first-byte: set for this run; usually 2000 ms, kit convention)')
})

test('the command line takes NAME=VALUE, a config file numbers', () => {
  expect(parseThresholds(['first-byte=100', 'burst-share=50', 'first-byte=300'])).toEqual({ 'first-byte': 300, 'burst-share': 50 })
  expect(readThresholds({ silence: 60_000 })).toEqual({ silence: 60_000 })
})

test.each([
  ['frist-byte=100', 'which is no threshold', '--threshold first-byte=2000'],
  ['first-byte', 'without a value', '--threshold first-byte=2000'],
  ['first-byte=2s', 'first-byte=2s', '--threshold first-byte=2000'],
  ['head=60000', 'head=60000', '--threshold head=2000'],
  ['constructor=1', 'which is no threshold', '--threshold first-byte=2000'],
])('%s is a mistake that says what to type', (text, given, type) => {
  try {
    parseThresholds([text])
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(Mistake)
    const { usage } = error as Mistake
    expect(usage.given).toContain(given)
    expect(usage.type).toBe(type)
  }
})

test('a chosen value decides, and is in the report', async () => {
  const server = await serveRaw(otherwiseRight((_, socket) => drip(socket, [streamHead, chunked(': open\n\n'), chunked('data: a\n\n')], 300)))
  const asked = {
    target: server.url, method: 'GET', headers: [], insecure: false, observeMs: 800, only: ['sse/lifecycle/first-bytes'], skip: [],
    failOn: 'advice', allowOriginChange: false, profile: 'safe',
  } as const
  try {
    expect((await run(asked)).verdicts[0]?.outcome).toBe('pass')
    const { verdicts: [strict] } = await run({ ...asked, thresholds: { 'first-byte': 100 } })
    expect(strict?.outcome).toBe('fail')
    expect(strict?.deviations[0]?.expected).toContain('100 ms (threshold first-byte: set for this run; usually 2000 ms')
  } finally {
    await server.close()
  }
})
