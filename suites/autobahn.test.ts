/** The Autobahn cases: that they are Autobahn's, and that whole runs say what Autobahn says. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { autobahn, type AutobahnRun } from '../harness/autobahn.ts'
import { chosenCases } from '../harness/autobahn/chosen.ts'
import { autobahnPage } from '../harness/autobahn/page.ts'
import { autobahnText, caseFiles, exitCodeOf, indexJson, reportFile } from '../harness/autobahn/report.ts'
import { parse } from '../harness/options.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import { right, type Hooks } from '../servers/faulty/echo/hooks.ts'
import type { Case } from '../spec/ws/autobahn/case.ts'
import { beside, cases, loads } from '../spec/ws/autobahn/index.ts'
import { isFailure } from '../spec/ws/autobahn/verdict.ts'
import { opcodes, server } from '../spec/ws/frame.ts'
import { readFrames } from '../spec/ws/reader.ts'

// whole runs mostly wait; more of them at once would be late for each other
vi.setConfig({ maxConcurrency: 3 })

const category = (id: string): string => id.split('.')[0] ?? ''
const counts = (ids: readonly string[]): Record<string, number> =>
  Object.fromEntries([...new Set(ids.map(category))].map((number) => [number, ids.filter((id) => category(id) === number).length]))

const caseOf = (id: string) => [...cases, ...beside].find((one) => one.id === id) ?? expect.fail(`no case ${id}`)

describe('the table', () => {
  test('has the cases of Autobahn, each once', () => {
    expect(counts(cases.map(({ id }) => id))).toEqual({ 1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 10: 1 })
    expect(counts(loads.map(({ id }) => id))).toEqual({ 9: 54, 12: 90, 13: 126 })
    expect(new Set([...cases, ...loads].map(({ id }) => id)).size).toBe(517)
    expect(beside.map(({ id }) => id)).toEqual(['3.6+', '6.12.8+', '6.13.1+', '6.13.2+', '6.13.3+', '6.13.4+', '6.13.5+'])
  })

  test('needs an echo where Autobahn does', () => {
    const echoed = (id: string): boolean => caseOf(id).ok.some(({ kind }) => kind !== 'pong')
    const functional = cases.filter(({ informational }) => !informational)
    expect(functional.filter(({ id, nonStrict }) => echoed(id) && !nonStrict)).toHaveLength(96)
    expect(functional.filter(({ id, nonStrict }) => echoed(id) && nonStrict)).toHaveLength(10)
  })

  // each of these was compared with what the source of Autobahn sends, expects and waits for, frame by frame
  test.each(Object.entries(digests()))('%s.* is what it was when it was compared with the source', (number, digest) => {
    expect(digest).toBe(compared[number])
  })
})

function digests(): Record<string, string> {
  const hex = (payload: Uint8Array): string => Buffer.from(payload).toString('hex')
  const said = (heard: Case['ok'] | undefined): unknown => heard?.map(({ kind, payload }) => [kind, hex(payload)])
  const light = cases.map(({ id, parts, ok, nonStrict, failsAfter, closes, codes, clean, codeDecides, withinMs }) => [
    id, readFrames(parts.map(({ bytes }) => ({ at: 0, bytes }))).frames.map(({ opcode, fin, rsv, payload }) => [opcode, fin, rsv, hex(payload)]),
    parts.map(({ bytes, chop, pauseMs }) => [bytes.length, chop, pauseMs]), said(ok), said(nonStrict), failsAfter, closes, codes, clean, codeDecides, withinMs,
  ])
  const heavy = loads.map(({ id, kind, messages, size, fragment, chop, withinMs, offer, payload }) =>
    [id, kind, messages, size, fragment, chop, withinMs, offer ?? hex(payload(0).subarray(0, 20))])
  const all = [...light, ...heavy]
  return Object.fromEntries([...new Set(all.map(([id]) => category(String(id))))].map((number) => {
    const own = all.filter(([id]) => category(String(id)) === number)
    return [number, createHash('sha256').update(JSON.stringify(own)).digest('hex').slice(0, 16)]
  }))
}

const compared: Readonly<Record<string, string>> = {
  1: '7f4e0597bd7b55bb', 2: '7a0dc0fbce6c5b54', 3: 'c64c1cac087dddc8', 4: '4d27422a580435a8', 5: 'efa23f1e59b13dcb',
  6: '98f054ef6a651858', 7: 'e6146eecde027a30', 9: 'dc87230c71fb4897', 10: '59bca896684a3db0', 12: 'a0e3654fe8a3d4ed', 13: '2025c3af6f6fa903',
}

// ---- whole runs -------------------------------------------------------------------------------------------------

interface Recorded { readonly agents: Readonly<Record<string, Readonly<Record<string, string>>>> }
const recorded = JSON.parse(readFileSync(new URL('fixtures/autobahn.json', import.meta.url), 'utf8')) as Recorded

/** What Autobahn itself said of a case. */
function theirs(agent: string, id: string): string {
  const { otherwise = '', ...others } = recorded.agents[agent] ?? {}
  return Object.entries(others).find(([, ids]) => ids.split(' ').includes(id))?.[0] ?? otherwise
}

const options = { method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'must', allowOriginChange: false } as const
const judged = (url: string, more: { echo?: boolean; patienceMs?: number } = {}): Promise<AutobahnRun> => {
  const { echo = true, ...rest } = more
  return autobahn({ run: { ...options, target: url, echo }, cases: [...cases, ...beside], loads: [], ...rest })
}
const differing = (agent: string, { outcomes }: AutobahnRun): string[] => outcomes.filter(({ id }) => !id.endsWith('+')).flatMap((one) => {
  const said = theirs(agent, one.id)
  return `${one.behavior}/${one.behaviorClose}` === said ? [] : [`${one.id} ${said} ${one.behavior}/${one.behaviorClose}`]
})

const message = (edit: (payload: Uint8Array) => readonly Uint8Array[]): Partial<Hooks> => ({
  answer: (happening, terms) => (happening.kind === 'message' ? edit(happening.payload) : right.answer(happening, terms)),
})

/** The servers that Autobahn was run on, as they were then. */
const wrong: Readonly<Record<string, Partial<Hooks>>> = {
  'right': {},
  'drops': { react: () => 'drop' },
  'other-code': { react: () => 1011 },
  'twice': {
    answer: (happening, terms) => [...right.answer(happening, terms), ...(happening.kind === 'message' ? right.answer(happening, terms) : [])],
  },
  'close-other': { closed: () => [server.close(1001)] },
}

describe.concurrent('whole runs', () => {
  test.concurrent.each(Object.keys(wrong))('of all cases say the same as Autobahn: %s', async (agent) => {
    const echo = await startEcho(wrong[agent])
    try {
      const run = await judged(echo.url)
      expect(run.outcomes).toHaveLength(254)
      expect(differing(agent, run)).toEqual([])
      expect(exitCodeOf(run)).toBe(agent === 'right' || agent === 'drops' ? 0 : 1)
    } finally {
      await echo.close()
    }
  }, 20_000)

  test.concurrent('a target that greets is judged by what it says to the cases', async () => {
    const echo = await startEcho({ greeting: () => [server.text('hello')] })
    try {
      const run = await judged(echo.url)
      expect(run.outcomes.filter(isFailure)).toEqual([])
      expect(cases.filter(({ id }) => theirs('greets', id).startsWith('FAILED'))).toHaveLength(244)
    } finally {
      await echo.close()
    }
  }, 20_000)

  test.concurrent('what is no echo is inconclusive where only an echo shows it', async () => {
    const echo = await startEcho(message(() => []))
    try {
      const run = await judged(echo.url, { echo: false })
      expect(run.isEcho).toBe(false)
      expect(run.outcomes.filter(({ behavior }) => behavior === 'INCONCLUSIVE')).toHaveLength(96)
      expect(run.outcomes.filter(isFailure)).toEqual([])
      expect(autobahnText('a', run)).toContain('No message came back')
    } finally {
      await echo.close()
    }
  }, 20_000)

  test.concurrent('no server is incomplete', async () => {
    const run = await judged('ws://127.0.0.1:9/')
    expect(exitCodeOf(run)).toBe(3)
    expect(autobahnText('a', run)).toContain('incomplete: no connection to 127.0.0.1:9')
  })
})

describe('whole runs in which times matter', () => {
  test('of ws say the same, within 15 s', async () => {
    const listening = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    listening.on('connection', (one) => one.on('error', () => {}).on('message', (data, binary) => one.send(data, { binary })))
    await once(listening, 'listening')
    const began = performance.now()
    const run = await judged(`ws://127.0.0.1:${(listening.address() as AddressInfo).port}/`)
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(differing('ws', run)).toEqual([])
    expect(run.outcomes.filter(({ behavior }) => behavior === 'NON-STRICT').map(({ id }) => id)).toEqual(['6.4.1', '6.4.2', '6.4.3', '6.4.4'])
    for (const one of listening.clients) one.terminate()
    listening.close()
  }, 20_000)

  test('a fault that is ignored fails, where Autobahn only finds the close wrong', async () => {
    const echo = await startEcho({ react: () => 'ignore' })
    try {
      const run = await judged(echo.url, { patienceMs: 300 })
      const faults = run.outcomes.filter(({ id }) => caseOf(id).isFault)
      expect(faults.filter((one) => !isFailure(one) || one.behavior !== 'FAILED')).toEqual([])
      const softer = differing('ignores', run)
      expect(softer.every((line) => / OK\/FAILED FAILED\/FAILED$| OK\/FAILED BY CLIENT FAILED\/FAILED BY CLIENT$/.test(line))).toBe(true)
      expect(softer.length).toBeGreaterThan(20)
    } finally {
      await echo.close()
    }
  }, 20_000)

  test('what changes the content fails wherever Autobahn fails it', async () => {
    const echo = await startEcho(message((payload) => [server.frame(opcodes.binary, payload.length > 0 ? payload.map((byte) => byte ^ 1) : Uint8Array.of(1))]))
    try {
      const { outcomes } = await judged(echo.url, { patienceMs: 300 })
      const failed = outcomes.filter(({ behavior }) => behavior === 'FAILED').map(({ id }) => id)
      expect(cases.map(({ id }) => id).filter((id) => theirs('other-content', id).startsWith('FAILED')).every((id) => failed.includes(id))).toBe(true)
    } finally {
      await echo.close()
    }
  }, 20_000)
})

describe('what is written', () => {
  const outcome = { says: 'x', remoteCloseCode: 1000, result: 'r', resultClose: 'c', durationMs: 5, behavior: 'OK', behaviorClose: 'OK' } as const
  const run: AutobahnRun = { isEcho: true, outcomes: [{ ...outcome, id: '1.1.1' }, { ...outcome, id: '3.6+', behavior: 'FAILED' }] }

  test('the index has the shape of Autobahn, without what is not Autobahn\'s', () => {
    expect(JSON.parse(indexJson('My <Server>', run))).toEqual({
      'My <Server>': { '1.1.1': { behavior: 'OK', behaviorClose: 'OK', duration: 5, remoteCloseCode: 1000, reportfile: 'my_server_case_1_1_1.json' } },
    })
    expect(caseFiles('My <Server>', run).map(([name]) => name)).toEqual([reportFile('My <Server>', '1.1.1')])
    expect(exitCodeOf(run)).toBe(1)
  })

  test('the page is the one that `npm run docs` writes', () => {
    expect(readFileSync(new URL('../docs/autobahn.md', import.meta.url), 'utf8')).toBe(autobahnPage())
  })

  test('cases are chosen by Autobahn\'s patterns', () => {
    expect(chosenCases(['3.*', '2.5'], false)).toMatchObject({ cases: { length: 9 }, loads: { length: 0 } })
    expect(chosenCases([], false)).toMatchObject({ cases: { length: 254 }, loads: { length: 0 } })
    expect(chosenCases([], true)).toMatchObject({ cases: { length: 254 }, loads: { length: 270 } })
    expect(() => chosenCases(['9.*'], false)).toThrow('--cases 9.* without --load')
    expect(() => chosenCases(['11.*'], false)).toThrow('--cases 11.*, which matches no case')
  })

  test('the command line says which', () => {
    const surroundings = { env: {}, rules: ['ws/control/ping-pong'], version: '0', readFile: () => new Uint8Array() }
    const typed = (...argv: string[]) => parse(['autobahn', ...argv], surroundings)
    expect(typed('ws://h:1/a?token=x', '--cases', '3.*,2.5', '--load', '--messages', '9', '--out', 'o.json')).toMatchObject({
      command: 'autobahn', patterns: ['3.*', '2.5'], withLoad: true, agent: 'h:1', out: 'o.json', autobahn: { messages: 9 },
    })
    expect(typed('ws://h:1/', '--report', 'autobahn=o.json')).toMatchObject({ command: 'autobahn', out: 'o.json' })
    expect(typed('ws://h:1/', '--report', 'autobahn')).toMatchObject({ command: 'autobahn', out: 'index.json' })
    expect(typed('ws://h:1/', '--report', 'junit')).toMatchObject({ command: 'mistake', usage: { type: '--report autobahn=index.json' } })
    expect(typed()).toMatchObject({ command: 'mistake', usage: { type: 'streamproof autobahn ws://127.0.0.1:9001' } })
    expect(typed('ws://h:1', '--messages', '0')).toMatchObject({ command: 'mistake' })
  })
})
