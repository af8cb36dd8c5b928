/** WebSocket rules whose wrong twin is no server of ours but what stands before one, and those of two instances. */
import { describe, expect, test } from 'vitest'
import { run } from '../harness/run.ts'
import type { Report } from '../harness/report.ts'
import { startBetween, type Meddling } from '../servers/faulty/between.ts'
import { start } from '../servers/node-http.ts'
import type { Fault } from '../servers/stream/faults.ts'
import type { RuleId } from '../spec/model.ts'

const mebibyte = 1024 * 1024

/** What a driver shows of a rule. */
async function verdicts(url: string, rule: RuleId, terminate?: () => void): Promise<Report['verdicts']> {
  const report = await run({
    target: new URL('/streamproof', url).href, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/*'], provoked: [rule],
    skip: [], failOn: 'advice', allowOriginChange: true, runs: 5,
  }, terminate ? { terminate } : {})
  return report.verdicts
}

const fallen = (seen: Report['verdicts']): RuleId[] =>
  seen.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken').map(({ rule }) => rule)

const isClose = (bytes: Buffer): boolean => ((bytes[0] ?? 0) & 0x0f) === 8

const twins: readonly { readonly rule: RuleId; readonly says: string; readonly meddling: Meddling; readonly also?: readonly RuleId[] }[] = [
  { rule: 'ws/close/peer-silent', says: 'TCP is never ended', also: ['ws/close/tcp-by-server'], meddling: { staysOpen: true } },
  {
    rule: 'ws/lifecycle/fanout-unsubscribed', says: 'a Close that is not heard', also: ['ws/close/reply'],
    meddling: { fromClient: (bytes) => (isClose(bytes) ? Buffer.alloc(0) : bytes) },
  },
  {
    rule: 'ws/deflate/memory', says: '2 MiB for each connection',
    meddling: {
      json: (path, body, sockets) => (path.startsWith('/stats') ? { ...body, rssBytes: Number(body['rssBytes']) + 2 * mebibyte * sockets } : body),
    },
  },
]

describe.concurrent.each(twins)('$rule', ({ rule, says, meddling, also = [] }) => {
  test.each([['a server that is passed on as it is', {}, []], [says, meddling, [rule]]] as const)('%s', async (_, between, expected) => {
    const server = await start()
    const before = await startBetween(server.url, between)
    try {
      const seen = await verdicts(before.url, rule)
      expect(seen.find((one) => one.rule === rule)?.outcome).toBe(expected.length > 0 ? 'fail' : 'pass')
      expect(fallen(seen).filter((one) => !also.includes(one))).toEqual(expected)
    } finally {
      await before.close()
      await server.close()
    }
  }, 40_000)
})

/**
 * Two instances that share nothing: the second one must say so. The first descriptor names both.
 * @param fault of the second one
 */
async function withInstances<T>(fault: Fault | undefined, use: (url: string, stop: () => void) => Promise<T>): Promise<T> {
  const first = await start()
  const second = await start(fault === undefined ? {} : { fault })
  let own = ''
  const before = await startBetween(first.url, {
    json: (path, body) => (path === '/streamproof' ? { ...body, declares: { ...body['declares'] as object, instances: [own, second.url] } } : body),
  })
  own = before.url
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= first.close())
  try {
    return await use(before.url, () => void stop())
  } finally {
    await before.close()
    await Promise.all([stop(), second.close()])
  }
}

describe.concurrent('two instances', () => {
  test('one that says what it does not know is right, one that keeps quiet is not', async () => {
    const rule = 'ws/resume/other-instance'
    const of = (fault?: Fault): Promise<string[]> => withInstances(fault, async (url) => {
      const seen = await verdicts(url, rule)
      return [seen.find((one) => one.rule === rule)?.outcome ?? '', ...fallen(seen)]
    })
    expect(await of()).toEqual(['pass'])
    expect(await of('unknownIdSilent')).toEqual(['fail', rule])
  }, 60_000)

  test('the same for who was sent away by one that stops', async () => {
    const rule = 'ws/resume/after-restart'
    const of = (fault?: Fault): Promise<string[]> => withInstances(fault, async (url, stop) => {
      const seen = await verdicts(url, rule, stop)
      return [seen.find((one) => one.rule === rule)?.outcome ?? '', ...fallen(seen)]
    })
    expect(await of()).toEqual(['pass'])
    expect(await of('unknownIdSilent')).toEqual(['fail', rule])
  }, 60_000)

  test('one that hears nothing of what is published on the other, and stays', async () => {
    const rule = 'ws/lifecycle/fanout-broker-loss'
    const seen = await withInstances(undefined, (url) => verdicts(url, rule))
    expect(fallen(seen)).toEqual([rule])
  }, 60_000)
})
