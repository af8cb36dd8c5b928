/** WebSocket targets that send garbage, too much, or nothing: the kit gets to its report, in bounded time and memory. */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../harness/run.ts'
import type { RuleId } from '../spec/model.ts'
import type { TargetName } from './sockets/hostile.ts'

/** bytes that the process may grow by while all of them are judged side by side */
const mostGrowth = 1024 * 1024 * 1024
/** ms of a run among the others */
const mostMs = 100_000

interface Seen {
  /** the rule that must see it */
  readonly falls?: RuleId
  /** what the run must say when it could not be finished */
  readonly says?: RegExp
}

const endless = /^the target sends more than can be kept, and the run was given up: /

/** They wait most of their time, so they go side by side. */
const quiet: Readonly<Partial<Record<TargetName, Seen>>> = {
  'noise': { falls: 'ws/framing/rsv-send' },
  'a frame of 2^63 bytes': { falls: 'ws/framing/length-msb-send' },
  'a compressed message of 64 MiB': { says: endless },
  'no word': { falls: 'ws/control/ping-pong' },
  'a reset': { falls: 'ws/close/reply' },
  'no answer': { says: /^the target did not answer in \d+ s/ },
  'a head without end': { says: /^the target sent \d+ bytes and no end of a head/ },
}

/** One after the other: each fills the memory that a run may take. */
const loud: Readonly<Partial<Record<TargetName, Seen>>> = {
  'noise without end': { falls: 'ws/framing/rsv-send', says: endless },
  'pings without end': { says: endless },
  'fragments without end': { says: endless },
  'a frame of 2^62 bytes, and bytes without end': { says: endless },
  'the same without end': { says: endless },
}

const thread = new Worker(fileURLToPath(new URL('sockets/hostile.ts', import.meta.url)))
let ports: Readonly<Record<string, number>> = {}
let residentAtFirst = 0
beforeAll(async () => {
  [ports] = await once(thread, 'message') as [typeof ports]
  residentAtFirst = process.memoryUsage.rss()
}, 30_000)
afterAll(() => thread.terminate())

async function judged(name: string, { falls, says }: Seen): Promise<void> {
  const began = performance.now()
  const report = await run({
    target: `ws://127.0.0.1:${ports[name]}/`, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/*'],
    provoked: ['ws/handshake/accept-101', 'ws/framing/length-*', 'ws/framing/rsv-*', 'ws/control/ping-pong', 'ws/close/reply', 'ws/deflate/o*'], skip: [], failOn: 'must', allowOriginChange: false, runs: 3,
  })
  const named = (wanted: string): string[] => report.verdicts.flatMap(({ rule, outcome }) => (outcome === wanted ? [rule] : []))
  expect(named('broken')).toEqual([])
  expect(report.exitCode).toBe(named('fail').length > 0 ? 1 : 3)
  if (falls) expect(named('fail')).toContain(falls)
  if (says) expect(report.incomplete?.reason).toMatch(says)
  expect(performance.now() - began).toBeLessThan(mostMs)
  expect(process.memoryUsage.rss() - residentAtFirst).toBeLessThan(mostGrowth)
}

test.concurrent.each(Object.entries(quiet))('%s', judged, mostMs + 10_000)
test.each(Object.entries(loud))('%s', judged, mostMs + 10_000)
