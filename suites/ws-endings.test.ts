/** The rooms utf8 and close beyond the mutation law: not vacuous, driven twins die, texts are what they say. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { start as startChild } from '../harness/child.ts'
import { run, type RunOptions } from '../harness/run.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import { command, type Ready } from '../servers/index.ts'
import { start } from '../servers/node-http.ts'
import type { Fault } from '../servers/stream/faults.ts'
import type { RuleId } from '../spec/model.ts'
import { close } from '../spec/ws/close.ts'
import { client } from '../spec/ws/frame.ts'
import { read } from '../spec/ws/machine.ts'
import { readFrames } from '../spec/ws/reader.ts'
import { textFlaw } from '../spec/ws/text.ts'
import { utf8 } from '../spec/ws/utf8.ts'
import { close as closing } from './ws/close.ts'
import { flawed, hardTexts } from './ws/odd-texts.ts'

const options = (target: string, provoked: readonly string[]): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/utf8/*', 'ws/close/*'], provoked, skip: [],
  failOn: 'advice', allowOriginChange: false, runs: 10,
})

const drivenRules = closing.stimuli.filter(({ needs = [], final }) => final || needs.includes('socket'))
  .flatMap(({ feeds }) => feeds).filter((id) => id.startsWith('ws/close/'))
const finalRules = closing.stimuli.filter(({ final }) => final).flatMap(({ feeds }) => feeds).filter((id) => id.startsWith('ws/close/'))

test('a right server passes every rule that an echo can show, with and without knowing that it is one', async () => {
  const echo = await startEcho()
  try {
    for (const isEcho of [true, false]) {
      const { verdicts, notes } = await run({ ...options(echo.url, ['ws/utf8/*', 'ws/close/*']), echo: isEcho })
      const unseen = verdicts.filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule)
      expect(new Set(unseen)).toEqual(new Set([...(isEcho ? [] : ['ws/utf8/no-replacement']), ...drivenRules]))
      expect(notes.map(({ rule }) => rule)).toContain('ws/close/code-beyond')
    }
  } finally {
    await echo.close()
  }
}, 30_000)

/** Rules that fail when the target is asked for what shows this one. */
async function fallen(target: string, rule: RuleId, terminate?: () => void): Promise<RuleId[]> {
  const { verdicts } = await run(options(target, [rule]), terminate ? { terminate } : {})
  expect(verdicts.find((one) => one.rule === rule)?.outcome).toMatch(/pass|fail/)
  return verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken').map((one) => one.rule)
}

/** Without a fault: the right server passes. */
const twins = close.rules.filter(({ id }) => drivenRules.includes(id))
  .flatMap(({ id, mutants }) => [undefined, ...Object.values(mutants).flatMap(({ fault }) => fault ?? [])].map((fault) => ({ id, fault })))

test.concurrent.each(twins.filter(({ id }) => !finalRules.includes(id)))('$id: $fault on a reference server', async ({ id, fault }) => {
  const server = await start(fault === undefined ? {} : { fault: fault as Fault })
  try {
    expect(await fallen(new URL('/streamproof', server.url).href, id)).toEqual(fault === undefined ? [] : [id])
  } finally {
    await server.close()
  }
}, 30_000)

test.each([undefined, 'socketsCutOnShutdown'])('going-away: a server that stops, %s', async (fault) => {
  const child = startChild(command('node-http', fault === undefined ? [] : ['--fault', fault]))
  try {
    const { descriptor } = JSON.parse(await child.firstLine(10_000)) as Ready
    const fell = await fallen(descriptor, 'ws/close/going-away', () => child.terminate())
    expect(fell).toEqual(fault === undefined ? [] : ['ws/close/going-away'])
  } finally {
    await child.end()
  }
}, 30_000)

const read1 = (frame: Uint8Array): ReturnType<typeof read> =>
  read(readFrames([{ at: 0, bytes: frame }]).frames, { from: 'client' })

const kinds = ['invalid', 'overlong', 'surrogate', 'range', 'truncated'] as const

test.each(kinds)('generated text that is %s is nothing else', (kind) => {
  fc.assert(fc.property(flawed(kind), ({ bytes, at }) => {
    const { fault, open } = read1(client.text(bytes))
    const [frame] = open
    return fault !== undefined && frame !== undefined && textFlaw(fault) === kind && fault.byte === frame.payloadAt + at
  }))
})

test('hard texts are texts', () => {
  expect(hardTexts.filter((text) => read1(client.text(text)).fault)).toEqual([])
})

test('each requirement is a rule, or a note where the standard leaves it open', () => {
  const ids = [utf8, close].flatMap(({ rules, notes = [] }) => [...rules, ...notes]).map(({ id }) => id)
  expect(new Set(ids).size).toBe(14 + 27)
})
