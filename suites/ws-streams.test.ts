/** The rooms resume, lifecycle and backpressure beyond the mutation law: not vacuous, and driven twins die. */
import { describe, expect, test, vi } from 'vitest'
import { run, type RunOptions } from '../harness/run.ts'
import { start as startChild } from '../harness/child.ts'
import { command, type Ready } from '../servers/index.ts'
import { start } from '../servers/node-http.ts'
import { faults, type Fault } from '../servers/stream/faults.ts'
import type { RuleId, Verdict } from '../spec/model.ts'
import { backpressure } from '../spec/ws/backpressure.ts'
import { lifecycle } from '../spec/ws/lifecycle.ts'
import { resume } from '../spec/ws/resume.ts'
import { suites } from './ws/index.ts'

const rooms = [lifecycle, resume, backpressure]
const globs = rooms.map(({ id }) => `${id}/*`)

const options = (target: string, provoked: readonly string[]): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/*'], provoked, skip: [], failOn: 'advice', allowOriginChange: false,
})

// servers, floods and the kit share this process: more of them at once hold each other up
vi.setConfig({ maxConcurrency: 6 })

const withOutcome = (verdicts: readonly Verdict[], outcome: RegExp): RuleId[] =>
  verdicts.filter((one) => outcome.test(one.outcome)).map(({ rule }) => rule)

const finals: ReadonlySet<RuleId> = new Set(suites.flatMap(({ stimuli }) => stimuli).filter(({ final }) => final).flatMap(({ feeds }) => feeds))

/** What a server shows that is told to stop: it has a process of its own. */
async function stopped(fault: Fault | undefined, provoked: readonly string[]): Promise<readonly Verdict[]> {
  const child = startChild(command('node-http', fault === undefined ? [] : ['--fault', fault]))
  try {
    const { descriptor } = JSON.parse(await child.firstLine(10_000)) as Ready
    return (await run(options(descriptor, provoked), { terminate: () => child.terminate() })).verdicts
  } finally {
    await child.end()
  }
}

const provoke = async (fault: Fault | undefined, rule: RuleId): Promise<readonly Verdict[]> =>
  (finals.has(rule) ? stopped(fault, [rule]) : (await driven(fault, (target) => run(options(target, [rule])))).verdicts)

async function driven<T>(fault: Fault | undefined, use: (target: string) => Promise<T>): Promise<T> {
  const server = await start(fault === undefined ? {} : { fault })
  try {
    return await use(new URL('/streamproof', server.url).href)
  } finally {
    await server.close()
  }
}

/** What one server cannot show: these want a second one (ws-between.test.ts). */
const beyondOne: readonly RuleId[] = ['ws/lifecycle/fanout-broker-loss', 'ws/resume/other-instance', 'ws/resume/after-restart']

/** Both libraries of the reference servers answer a Close themselves, and write nothing behind it (ws-between.test.ts). */
const beyondFaults: readonly RuleId[] = ['ws/lifecycle/fanout-unsubscribed']

test('a reference server passes every rule that a driver can show', async () => {
  const { verdicts } = await driven(undefined, (target) => run(options(target, globs)))
  expect(verdicts.filter(({ outcome }) => /fail|broken/.test(outcome)).map(({ rule, deviations }) => [rule, deviations[0]?.actual])).toEqual([])
  const own = verdicts.filter(({ rule }) => rooms.some(({ id }) => rule.startsWith(`${id}/`)))
  expect(own.filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule)).toEqual(['ws/lifecycle/graceful-shutdown', ...beyondOne])
}, 60_000)

test('one that is told to stop passes as well', async () => {
  const seen = (await stopped(undefined, ['ws/lifecycle/graceful-shutdown'])).filter(({ outcome }) => /fail|broken/.test(outcome) || outcome === 'pass')
  expect(withOutcome(seen, /fail|broken/)).toEqual([])
  expect(withOutcome(seen, /pass/)).toContain('ws/lifecycle/graceful-shutdown')
}, 30_000)

const twins = rooms.flatMap(({ rules }) => rules.flatMap(({ id, mutants, umbrella }) => Object.values(mutants).flatMap(({ fault, alsoBreaks = [] }) =>
  (fault !== undefined && fault in faults ? [{ id, fault: fault as Fault, alsoBreaks, umbrella }] : []))))
const umbrellas: ReadonlySet<RuleId> = new Set(rooms.flatMap(({ rules }) => rules).filter(({ umbrella }) => umbrella).map(({ id }) => id))

describe('driven twins', () => {
  test.concurrent.each(twins)('$id: $fault', async ({ id, fault, alsoBreaks }) => {
    const fell = withOutcome(await provoke(fault, id), /fail|broken/)
    expect(fell).toContain(id)
    expect(fell.filter((one) => one !== id && !alsoBreaks.includes(one) && !umbrellas.has(one))).toEqual([])
  }, 40_000)
})

test('every rule of these rooms that one server can show is met by a live twin', () => {
  const unmet = rooms.flatMap(({ rules }) => rules).filter(({ mutants }) => Object.values(mutants).every(({ fault }) => fault === undefined))
  expect(unmet.map(({ id }) => id).filter((id) => !beyondOne.includes(id))).toEqual(beyondFaults)
})
