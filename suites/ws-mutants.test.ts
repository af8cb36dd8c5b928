/** The mutation law for the WebSocket rooms: in memory, and live against servers that are wrong on purpose. */
import { describe, expect, test } from 'vitest'
import { run, type RunOptions } from '../harness/run.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import { faults, type EchoFault } from '../servers/faulty/echo/faults.ts'
import { limited } from '../servers/faulty/echo/faults/limits.ts'
import { cookie, origin, token } from '../servers/faulty/echo/guard.ts'
import type { Hooks } from '../servers/faulty/echo/hooks.ts'
import { judge } from '../spec/judge.ts'
import type { Mutant, Room, Rule, RuleId, Transcript } from '../spec/model.ts'
import { readWsExchange, type WsExchange } from '../spec/ws/exchange.ts'
import { rooms } from '../spec/ws/index.ts'

const rules = rooms.flatMap((room) => room.rules)
const umbrellas: ReadonlySet<RuleId> = new Set(rules.filter(({ umbrella }) => umbrella).map(({ id }) => id))
const everyPart = new Set(['echo', 'socket', 'publish', 'stats', 'finish', 'tokens', 'socketAuth'])

/** Outcome of every rule on a transcript. */
function outcomes(transcript: Transcript): [RuleId, string][] {
  const scene = {
    kind: 'driven', method: 'GET', parts: everyPart, declares: transcript.declares ?? {}, exchanges: [readWsExchange(transcript)],
  } as const
  return rules.map((rule) => {
    const { outcome, note } = judge(rule, { scene })
    return [rule.id, outcome === 'broken' ? `broken: ${note}` : outcome]
  })
}

const failed = (seen: readonly (readonly [RuleId, string])[]): RuleId[] =>
  seen.filter(([, outcome]) => outcome === 'fail' || outcome.startsWith('broken')).map(([id]) => id)

/** Rules that fell and may not. */
const others = (rule: Rule<WsExchange>, { alsoBreaks = [] }: Mutant, fell: readonly RuleId[]): RuleId[] =>
  fell.filter((id) => id !== rule.id && !umbrellas.has(id) && !alsoBreaks.includes(id))

const options = (target: string, rule: RuleId): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/*'], provoked: [rule], skip: [], failOn: 'must',
  allowOriginChange: false, echo: true, runs: 10,
})

/** Who comes to a server that asks: with a token or a cookie, from the page that may. */
const visitor = (rule: RuleId): Partial<RunOptions> => {
  if (rule === 'ws/origin/cookie-needs-origin') return { headers: [['Cookie', cookie]], origin }
  return /^ws\/(?:auth|origin)\//.test(rule) ? { token, origin } : {}
}

const blind = ({ rules: own, example }: Room<WsExchange>): RuleId[] => {
  const seen = new Map(outcomes(example))
  return own.map(({ id }) => id).filter((id) => seen.get(id) !== 'pass')
}

const twins = rooms.flatMap((room) => room.rules.flatMap((rule) =>
  Object.entries(rule.mutants).map(([name, mutant]) => ({ id: rule.id, room, rule, name, mutant }))))

describe.each(rooms)('$id', (room) => {
  test('its example passes every rule, and its own rules look at it', () => {
    expect(failed(outcomes(room.example))).toEqual([])
    expect(blind(room)).toEqual([])
  })

  const own = twins.filter(({ room: of }) => of === room)
  test.each(own)('$id: $name', ({ rule, mutant }) => {
    const fell = failed(outcomes(mutant.edit(room.example)))
    expect(fell).toContain(rule.id)
    expect(others(rule, mutant, fell)).toEqual([])
  })
})

// one list for all rooms: live twins mostly wait, and wait together
const live = twins.filter(({ mutant }) => mutant.fault !== undefined && mutant.fault in faults)
test.concurrent.each(live)('live $id: $name', async ({ rule, mutant }) => {
  const hooks: Partial<Hooks> = { ...(rule.promisedBy === 'maxMessageBytes' ? limited : {}), ...faults[mutant.fault as EchoFault]() }
  const echo = await startEcho(hooks)
  try {
    const { verdicts } = await run({ ...options(hooks.declares ? echo.driver : echo.url, rule.id), ...visitor(rule.id) })
    const fell = verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken').map(({ rule: id }) => id)
    expect(fell).toContain(rule.id)
    expect(others(rule, mutant, fell)).toEqual([])
  } finally {
    await echo.close()
  }
}, 60_000)

test('a right server fails no rule', async () => {
  const echo = await startEcho()
  try {
    const { verdicts } = await run({ ...options(echo.url, 'ws/control/ping-pong'), provoked: ['ws/*'], runs: 20 })
    expect(verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken')).toEqual([])
  } finally {
    await echo.close()
  }
}, 60_000)
