/** The rooms auth, origin and heartbeat beyond the mutation law: not vacuous, driven twins die, near misses are misses. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run, type RunOptions } from '../harness/run.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import { cookie, guarded, origin as page, token } from '../servers/faulty/echo/guard.ts'
import { start } from '../servers/node-http.ts'
import { faults, type Fault } from '../servers/stream/faults.ts'
import type { RuleId, Verdict } from '../spec/model.ts'
import { auth } from '../spec/ws/auth.ts'
import { heartbeat } from '../spec/ws/heartbeat.ts'
import { origin } from '../spec/ws/origin.ts'
import { nearMisses } from '../spec/ws/origin/near.ts'

const rooms = [auth, origin, heartbeat]
const globs = rooms.map(({ id }) => `${id}/*`)

const options = (target: string, provoked: readonly string[]): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/*'], provoked, skip: [], failOn: 'advice', allowOriginChange: false,
})

const withOutcome = (verdicts: readonly Verdict[], outcome: RegExp): RuleId[] =>
  verdicts.filter((one) => outcome.test(one.outcome)).map(({ rule }) => rule)

const own = (verdicts: readonly Verdict[]): Verdict[] => verdicts.filter(({ rule }) => globs.some((glob) => rule.startsWith(glob.slice(0, -1))))

/** A driver whose pages are named, as the contract has it. */
async function driven<T>(fault: Fault | undefined, use: (target: string) => Promise<T>): Promise<T> {
  const server = await start({ origin: page, ...(fault === undefined ? {} : { fault }) })
  try {
    return await use(new URL('/streamproof', server.url).href)
  } finally {
    await server.close()
  }
}

test('a reference server passes every rule that a driver can show', async () => {
  const { verdicts } = await driven(undefined, (target) => run(options(target, globs)))
  expect(withOutcome(verdicts, /fail|broken/)).toEqual([])
  const unseen = own(verdicts).filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule)
  expect(unseen).toEqual(['ws/auth/missing-401', 'ws/origin/cookie-needs-origin'])
}, 30_000)

test('a server that asks for a token passes every rule that any such server can show', async () => {
  const echo = await startEcho(guarded())
  try {
    const { verdicts } = await run({ ...options(echo.url, globs), token, origin: page })
    expect(withOutcome(verdicts, /fail|broken/)).toEqual([])
    expect(withOutcome(own(verdicts), /pass/)).toEqual([
      'ws/auth/missing-401', 'ws/auth/invalid-refused', 'ws/auth/every-upgrade-path', 'ws/auth/not-reflected', 'ws/auth/header-bearer',
      ...origin.rules.map(({ id }) => id).filter((id) => id !== 'ws/origin/cookie-needs-origin'),
      'ws/heartbeat/stops-on-close',
    ])
  } finally {
    await echo.close()
  }
}, 30_000)

test('a server that takes a cookie looks at the origin', async () => {
  const echo = await startEcho(guarded())
  try {
    const { verdicts } = await run({ ...options(echo.url, globs), headers: [['Cookie', cookie]], origin: page })
    expect(withOutcome(verdicts, /fail|broken/)).toEqual([])
    expect(withOutcome(own(verdicts), /pass/)).toContain('ws/origin/cookie-needs-origin')
  } finally {
    await echo.close()
  }
}, 30_000)

test('a server of which nobody says who may connect is not failed for taking all', async () => {
  const echo = await startEcho()
  try {
    const { verdicts, notes } = await run(options(echo.url, globs))
    expect(withOutcome(verdicts, /fail|broken/)).toEqual([])
    expect(verdicts.find(({ rule }) => rule === 'ws/origin/disallowed-403')).toMatchObject({ outcome: 'not-exercised', why: 'inconclusive' })
    expect(verdicts.find(({ rule }) => rule === 'ws/origin/exact')).toMatchObject({ outcome: 'not-applicable' })
    expect(notes.map(({ rule }) => rule)).toContain('ws/origin/any')
  } finally {
    await echo.close()
  }
}, 30_000)

const twins = rooms.flatMap(({ rules }) => rules.flatMap(({ id, mutants }) => Object.values(mutants).flatMap(({ fault, alsoBreaks = [] }) =>
  (fault !== undefined && fault in faults ? [{ id, fault: fault as Fault, alsoBreaks }] : []))))

describe('driven twins', () => {
  test.concurrent.each(twins)('$id: $fault', async ({ id, fault, alsoBreaks }) => {
    const { verdicts } = await driven(fault, (target) => run(options(target, [id])))
    const fell = withOutcome(verdicts, /fail|broken/)
    expect(fell).toContain(id)
    expect(fell.filter((one) => one !== id && !alsoBreaks.includes(one))).toEqual([])
  }, 40_000)
})

test('every rule of these rooms is met by a live twin', () => {
  const unmet = rooms.flatMap(({ rules }) => rules).filter(({ mutants }) => Object.values(mutants).every(({ fault }) => fault === undefined))
  expect(unmet.map(({ id }) => id)).toEqual([])
})

test('secrets that were forged, and those that a driver has issued, are in no report', async () => {
  const report = await driven('refusalEchoes', (target) => run(options(target, ['ws/auth/*'])))
  const echo = await startEcho({ refusal: (request) => ({ status: '401 Unauthorized', fields: request.headers.map(([name, value]) => `X-${name}: ${value}`) }) })
  try {
    const other = await run({ ...options(echo.url, ['ws/auth/*']), token })
    for (const secret of [token, token.slice(0, 12)]) expect(JSON.stringify(other)).not.toContain(secret)
  } finally {
    await echo.close()
  }
  const excerpts = report.verdicts.flatMap(({ deviations }) => deviations.flatMap(({ excerpt }) => excerpt?.hex ?? []))
  expect(excerpts.length).toBeGreaterThan(0)
})

describe('near misses', () => {
  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
  const origins = fc.record({
    scheme: fc.constantFrom('http', 'https'), labels: fc.array(label, { minLength: 1, maxLength: 3 }), port: fc.option(fc.integer({ min: 1, max: 65_535 })),
  }).map(({ scheme, labels, port }) => `${scheme}://${labels.join('.')}${port === null ? '' : `:${port}`}`)

  test('differ from the origin, from each other, and are of another page', () => {
    fc.assert(fc.property(origins, (right) => {
      const near = nearMisses(right)
      const isOther = (one: string): boolean => one.includes('@') || new URL(one).host !== new URL(right).host || new URL(one).protocol !== new URL(right).protocol
      return near.length >= 6 && new Set(near).size === near.length && near.every((one) => one !== right && isOther(one))
    }))
  })

  test.each([
    ['a beginning', (right: string, one: string) => one.startsWith(right)],
    ['an ending', (right: string, one: string) => one.endsWith(new URL(right).host)],
    ['a part', (right: string, one: string) => one.includes(new URL(right).hostname)],
    ['a pattern', (right: string, one: string) => RegExp(`^${right}$`).test(one)],
    ['a host', (right: string, one: string) => new URL(one).hostname === new URL(right).hostname],
  ])('one of them passes a comparison with %s', (_, isTaken) => {
    expect(nearMisses(page).filter((one) => isTaken(page, one))).not.toEqual([])
  })
})
