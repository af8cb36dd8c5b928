/** The engine: what it sends, how often, and what it says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type net from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { rendered } from '../harness/judged.ts'
import { kitVersion, type RunOptions } from '../harness/request.ts'
import type { Report } from '../harness/report.ts'
import { Probe } from '../harness/probe.ts'
import { run } from '../harness/run.ts'
import { otherwiseRight } from '../servers/faulty/otherwise.ts'
import { serveRaw, type Behaviour, type Raw } from '../servers/faulty/raw.ts'
import { start } from '../servers/node-http.ts'
import { chunked, head, join, streamHead } from '../spec/bytes.ts'

vi.setConfig({ maxConcurrency: 12, testTimeout: 30_000 })

const asked = (target: string, rest: Partial<RunOptions> = {}): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 300, only: [], skip: [], failOn: 'must',
  allowOriginChange: false, ...rest,
})

const stream: Behaviour = (_, socket) => socket.write(join(streamHead, chunked('id: 1\ndata: a\n\n')))

/** A run against a raw server, and what the server was asked. */
async function judged(behave: Behaviour, options: Partial<RunOptions> = {}, query = ''): Promise<{ report: Report; requests: Raw['requests'] }> {
  const raw = await serveRaw(behave)
  try {
    return { report: await run(asked(`${raw.url}${query}`, options)), requests: raw.requests }
  } finally {
    await raw.close()
  }
}

const methods = (requests: readonly string[]): string[] => [...new Set(requests.map((request) => request.slice(0, request.indexOf(' '))))].toSorted()
const rules = (report: Report): string[] => report.verdicts.map(({ rule }) => rule)

test('the clock of a run gives no time twice: order is told by times alone', () => {
  const probe = new Probe({ insecure: false })
  const times = Array.from({ length: 5000 }, () => probe.now())
  expect(times.filter((at, i) => i > 0 && at <= (times[i - 1] ?? 0))).toEqual([])
  expect(times.filter((at) => at !== Number(at.toFixed(2)))).toEqual([])
})

describe('a kit that is held up', () => {
  const only = ['sse/http1/http10-client']
  /** Nothing of this process goes on for so long: it holds up the kit as another process would. */
  const hold = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

  test('provokes again, and trusts the second time', async () => {
    const asks = async (holds: number): Promise<number> => {
      let held = 0
      const { report, requests } = await judged((request, socket) => {
        if (!/^GET \S+ HTTP\/1\.0/.test(request)) return stream(request, socket)
        if (held++ < holds) hold(600)
        return socket.end(join(head('200 OK', 'Content-Type: text/event-stream'), 'data: a\n\n'))
      }, { only })
      expect(report.verdicts).toMatchObject([{ rule: only[0], outcome: 'pass' }])
      expect(report.run.lateMs !== undefined).toBe(holds > 1)
      return requests.length
    }
    const calm = await asks(0)
    expect([await asks(1), await asks(2)]).toEqual([calm + 1, calm + 1])
  })

  test('says so where it may not', async () => {
    const { report, requests } = await judged((request, socket) => {
      hold(600)
      return stream(request, socket)
    }, { only, budget: 2 })
    expect(requests).toHaveLength(2)
    expect(report.run.lateMs).toBeGreaterThanOrEqual(500)
    expect(rendered(report, 'console', { failOn: 'must', command: 'x' })).toMatch(/\nthe kit itself was up to 0\.[56] s late: do not trust times/)
  })
})

describe.concurrent('rules', () => {
  test.concurrent('that were asked for', async () => {
    const { report, requests } = await judged(otherwiseRight(stream), { only: ['sse/encoding'], skip: ['sse/encoding/bom-*'] })
    expect(rules(report)).toContain('sse/encoding/utf8')
    expect(rules(report).filter((id) => !id.startsWith('sse/encoding/') || id.includes('bom-'))).toEqual([])
    // nothing is sent for rules that are not judged
    expect(requests).toHaveLength(1)
  })

  test.concurrent('that were left out', async () => {
    const { report } = await judged(otherwiseRight(stream), { skip: ['sse/status', 'sse/http1/*'] })
    expect(rules(report).length).toBeGreaterThan(30)
    expect(rules(report).filter((id) => /^sse\/(?:status|http1)\//.test(id))).toEqual([])
  })
})

describe.concurrent('the budget', () => {
  const post: Partial<RunOptions> = { method: 'POST', headers: [['Content-Type', 'application/json']], body: '{"stream":true}' }

  test.concurrent('is one request for POST, and the user is told', async () => {
    const raw = await serveRaw(otherwiseRight(stream, 'POST'))
    const told: string[] = []
    const report = await run(asked(raw.url, post), { announce: (line) => told.push(line) })
    await raw.close()
    expect(raw.requests).toHaveLength(1)
    expect(told).toEqual(['1 POST will be sent at most'])
    const spent = report.verdicts.find(({ rule }) => rule === 'sse/status/accept-optional')
    expect(spent).toMatchObject({ outcome: 'not-exercised', why: 'budget' })
    expect(spent?.note).toMatch(/--budget N/)
  })

  test.concurrent.each([1, 2, 3])('of %d', async (budget) => {
    const { report, requests } = await judged(otherwiseRight(stream, 'POST'), { ...post, budget })
    expect(requests).toHaveLength(budget)
    expect(report.run.links).toBe(budget)
    expect(methods(requests)).toEqual(['POST'])
    expect(requests.every((request) => request.endsWith('{"stream":true}'))).toBe(true)
  })

  test.concurrent('of 4 for GET', async () => {
    // a return with an earlier id is planned for, and made only where five ids came
    const { requests } = await judged(otherwiseRight(stream), { budget: 4, skip: ['sse/resume/*'] })
    expect(requests).toHaveLength(4)
  })
})

test.concurrent('the profile for strangers sends no odd requests', async () => {
  const safe = await judged(otherwiseRight(stream), { profile: 'safe' })
  expect(methods(safe.requests)).toEqual(['GET', 'HEAD', 'OPTIONS'])
  expect(safe.requests.filter((request) => / HTTP\/1\.0\r/.test(request) || !/\r\nhost:/i.test(request))).toEqual([])
  expect(safe.report.verdicts.find(({ rule }) => rule === 'sse/http1/host-required')).toMatchObject({ outcome: 'not-exercised', why: 'profile' })
  const full = await judged(otherwiseRight(stream))
  expect(methods(full.requests)).toEqual(['GET', 'HEAD', 'OPTIONS', 'STREAMPROOF'])
  expect(full.requests.length).toBeGreaterThan(safe.requests.length)
})

describe.concurrent('a request', () => {
  test.concurrent('names the kit, and asks for an event stream', async () => {
    const { requests } = await judged(otherwiseRight(stream))
    const [first = ''] = requests
    expect(first).toMatch(/^GET \/stream HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/)
    expect(first).toContain('\r\nAccept: text/event-stream\r\n')
    expect(requests.every((request) => request.includes(`\r\nUser-Agent: streamproof/${kitVersion}\r\n`))).toBe(true)
  })

  test.concurrent('has what the user gave instead', async () => {
    const { requests } = await judged(otherwiseRight(stream), { headers: [['user-agent', 'mine'], ['X-Tenant', '7']], budget: 1 })
    expect(requests[0]).toContain('\r\nuser-agent: mine\r\nX-Tenant: 7\r\n')
    expect(requests[0]).not.toContain('streamproof/')
  })

  test.concurrent('keeps Authorization within the origin and drops it beyond', async () => {
    const beyond = await serveRaw(otherwiseRight(stream))
    const { requests } = await judged(otherwiseRight((request, socket) => socket.end(
      head('307 Temporary Redirect', `Location: ${request.startsWith('GET /stream ') ? '/second' : beyond.url}`, 'Content-Length: 0'),
    )), { token: 's3cret-token', headers: [['Cookie', 'session=s3cret']] })
    await beyond.close()
    expect(requests.filter((request) => request.startsWith('GET /second')).length).toBeGreaterThan(0)
    expect(requests.every((request) => request.includes('\r\nAuthorization: Bearer s3cret-token\r\n'))).toBe(true)
    expect(beyond.requests.length).toBeGreaterThan(0)
    expect(beyond.requests.filter((request) => /authorization|cookie|s3cret/i.test(request))).toEqual([])
    expect(beyond.requests[0]).toContain(`\r\nHost: ${new URL(beyond.url).host}\r\n`)
  })
})

test.concurrent('what is secret is in no report', async () => {
  const secrets = ['tok-5f3a9c21', 'key-77aa88bb', 'body-90ab12cd', 'cookie-34ef56ab']
  const [token = '', key = '', inBody = '', cookie = ''] = secrets
  const { report, requests } = await judged((request, socket) => {
    // everything comes back, in fields and lines that rules quote
    const echo = request.replace(/[\r\n]+/g, ' ')
    socket.end(join(
      streamHead.replace('text/event-stream', `text/event-stream; charset=${token}`).replace('Cache-Control', `X-Echo : ${echo}\r\nCache-Control`),
      chunked(`message: ${echo}\n\n{"error": "${secrets.join(' ')}"}\n\nevent: ${token}${key}\n\n`), 'garbage\r\n',
    ))
  }, {
    method: 'POST', token, headers: [['Cookie', `sid=${cookie}`], ['Content-Type', 'application/json']],
    body: `{"api_key":"${inBody}"}`, budget: 6, failOn: 'advice',
  }, `?key=${key}`)
  const sent = requests[0] ?? ''
  expect(secrets.filter((secret) => !sent.includes(secret))).toEqual([])
  expect(report.verdicts.filter(({ outcome }) => outcome === 'fail').length).toBeGreaterThan(4)
  const text = JSON.stringify(report)
  const hex = report.verdicts.flatMap(({ deviations }) => deviations.map(({ excerpt }) => Buffer.from(excerpt?.hex ?? '', 'hex').toString('latin1'))).join('\n')
  expect(secrets.filter((secret) => text.includes(secret) || hex.includes(secret))).toEqual([])
  expect(hex).toContain('*'.repeat(token.length))
})

describe.concurrent('an overloaded target', () => {
  const busy = (retryAfter: string) => {
    const times: number[] = []
    const behave: Behaviour = (request, socket) => {
      times.push(performance.now())
      if (times.length > 1) otherwiseRight(stream)(request, socket)
      else socket.end(head('503 Service Unavailable', `Retry-After: ${retryAfter}`, 'Content-Length: 0'))
    }
    return { times, behave }
  }

  test.concurrent('is asked again once, after Retry-After', async () => {
    const { times, behave } = busy('1')
    const { report } = await judged(behave)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990)
    expect(report.incomplete).toBeUndefined()
    expect(report.exitCode).toBe(0)
  })

  test.concurrent('is not asked a third time', async () => {
    const { report, requests } = await judged((_, socket) => socket.end(head('503 Service Unavailable', 'Retry-After: 1', 'Content-Length: 0')))
    expect(requests).toHaveLength(2)
    expect(report).toMatchObject({ exitCode: 3 })
  })

  test.concurrent.each(['3600', 'tomorrow'])('is left alone with Retry-After: %s', async (retryAfter) => {
    const { report, requests } = await judged(busy(retryAfter).behave)
    expect(requests).toHaveLength(1)
    expect(report).toMatchObject({ exitCode: 3 })
  })
})

describe.concurrent('a failure of a driven property', () => {
  const only = ['sse/framing/cr-in-data']

  test.concurrent('is shown again by its replay id, and nothing else is examined', async () => {
    const server = await start({ fault: 'crRaw' })
    try {
      const target = new URL('/streamproof', server.url).href
      const verdictOf = (report: Report): Report['verdicts'][number] => {
        const found = report.verdicts.find(({ rule }) => rule === only[0])
        if (!found) throw new Error(`${only[0]} was not judged`)
        return found
      }
      const first = verdictOf(await run(asked(target, { only })))
      expect(first.outcome).toBe('fail')
      expect(first.replay?.id).toMatch(/^sse\/framing\/cr-in-data:\d+:[\d:]+$/)
      const again = await run(asked(target, { replay: first.replay?.id ?? '' }))
      expect(rules(again)).toEqual(only)
      expect(verdictOf(again).outcome).toBe('fail')
      expect(verdictOf(again).replay?.counterexample).toBe(first.replay?.counterexample)
      expect(again.run.cases).toBe(1)
      const other = verdictOf(await run(asked(target, { only, seed: 7, runs: 5 })))
      expect(other.replay?.id).toMatch(/:7:/)
    } finally {
      await server.close()
    }
  })

  test.concurrent('on the same seed gets the same cases', async () => {
    const bodies: string[][] = [[], []]
    for (const seen of bodies) {
      const server = createServer((req, res) => void recorded(req, res, seen)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as net.AddressInfo
      await run(asked(`http://127.0.0.1:${port}/`, { only, seed: 11, runs: 20 }))
      server.closeAllConnections()
      server.close()
    }
    expect(bodies[0]?.length).toBeGreaterThan(20)
    expect(bodies[1]).toEqual(bodies[0])
  })
})

/** A driver that refuses every play, and keeps what it was asked. */
async function recorded(req: IncomingMessage, res: ServerResponse, seen: string[]): Promise<void> {
  if (req.method === 'GET') {
    res.setHeader('Content-Type', 'application/json').end('{"streamproof":1,"name":"x","version":"1","play":"/play","declares":{}}')
    return
  }
  let body = ''
  for await (const part of req.setEncoding('utf8')) body += String(part)
  seen.push(body)
  res.writeHead(400).end()
}
