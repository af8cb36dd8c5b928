/**
 * Noise before the rules and the engine, in a process of its own: so a rule that does not end is noticed, and memory
 * is that of the kit. `npm run hostile` shows ten thousand transcripts and three hundred servers.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const script = fileURLToPath(new URL('hostile.ts', import.meta.url))

/** The figures of a run, one object for each part. @throws when it exits with another code than 0, or does not end */
async function figuresOf(...args: readonly string[]): Promise<unknown[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...args], { timeout: 110_000, killSignal: 'SIGKILL' })
  return stdout.trimEnd().split('\n').map((line): unknown => JSON.parse(line))
}

test.concurrent('rules break on no transcript, and most of them find something in noise', { timeout: 120_000 }, async () => {
  const [figures] = await figuresOf('--transcripts', '400', '--sockets', '0')
  expect(figures).toMatchObject({ transcripts: 400, faults: [], right: true })
  expect((figures as { rulesThatFailed: number }).rulesThatFailed).toBeGreaterThan(60)
})

test.concurrent('every server that answers noise gets a report, in bounded time and memory', { timeout: 120_000 }, async () => {
  const [figures] = await figuresOf('--transcripts', '0', '--sockets', '16')
  expect(figures).toMatchObject({ sockets: 16, faults: [], right: true })
  const { exits } = figures as { exits: Record<string, number> }
  expect(Object.keys(exits).toSorted()).toEqual(['0', '1', '3'])
  expect(Object.values(exits).reduce((sum, n) => sum + n, 0)).toBe(16)
})
