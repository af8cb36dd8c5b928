/** Streams that answer a POST, as fetch readers ask for them: what is sent, how often, and what is judged. */
import { expect, test } from 'vitest'
import type { RunOptions } from '../harness/request.ts'
import type { Report } from '../harness/report.ts'
import { run } from '../harness/run.ts'
import { otherwiseRight } from '../servers/faulty/otherwise.ts'
import { serveRaw, type Behaviour } from '../servers/faulty/raw.ts'
import { chunked, head, join, lastChunk, streamHead } from '../spec/bytes.ts'
import type { RuleId } from '../spec/model.ts'

const posted = (target: string, rest: Partial<RunOptions> = {}): RunOptions => ({
  target, method: 'POST', headers: [['Content-Type', 'application/json']], body: '{"stream":true}', insecure: false,
  observeMs: 400, only: [], skip: [], failOn: 'advice', allowOriginChange: false, ...rest,
})

async function judged(behave: Behaviour, rest: Partial<RunOptions> = {}): Promise<{ report: Report; requests: readonly string[] }> {
  const server = await serveRaw(behave)
  try {
    const report = await run(posted(server.url, rest))
    return { report, requests: [...server.requests] }
  } finally {
    await server.close()
  }
}

const chat = join(streamHead, ...['{"delta":"a"}', '{"delta":"b"}', '[DONE]'].map((data) => chunked(`data: ${data}\n\n`)), lastChunk)
const outcomeOf = ({ verdicts }: Report, rule: RuleId): string | undefined => verdicts.find((one) => one.rule === rule)?.outcome

/** The JSON of the body is read before the head is sent; `broken` answers what is none. */
const reading = (broken: string | Uint8Array): Behaviour => otherwiseRight((request, socket) => {
  try {
    JSON.parse(request.slice(request.indexOf('\r\n\r\n') + 4))
    socket.end(chat)
  } catch {
    socket.end(broken)
  }
}, 'POST')

const redirecting = (status: number): Behaviour => (request, socket) => {
  if (request.startsWith('GET ')) socket.end(chat)
  else socket.end(head(`${status} Elsewhere`, 'Location: /stream?again', 'Content-Length: 0'))
}

test.concurrent('one POST is sent, and judged as a fetch reader sees it', async () => {
  const { report, requests } = await judged(otherwiseRight((_, socket) => socket.end(chat), 'POST'))
  expect(requests).toHaveLength(1)
  expect(report.exitCode).toBe(0)
  expect(outcomeOf(report, 'sse/lifecycle/post-stream')).toBe('pass')
  expect(outcomeOf(report, 'sse/delivery/terminator-last')).toBe('pass')
  expect(report.verdicts.find(({ rule }) => rule === 'sse/status/accept-optional')?.note).toContain('--budget N')
})

test.concurrent.each([307, 308])('a POST that is redirected by %d to itself is bounded by the budget', async (status) => {
  const once = await judged(redirecting(status))
  expect(once.requests).toHaveLength(1)
  expect(once.report.exitCode).toBe(3)
  expect(once.report.incomplete?.reason).toMatch(/redirects \(30[78]\) to http.*1 POST was sent.*--budget 2/)
  const thrice = await judged(redirecting(status), { budget: 3 })
  expect(thrice.requests).toHaveLength(3)
})

test.concurrent('a POST that is redirected by 303 becomes a GET, which costs nothing', async () => {
  const { report, requests } = await judged(redirecting(303), { only: ['sse/headers/content-type'] })
  expect(requests.map((request) => request.slice(0, 5))).toEqual(['POST ', 'GET /'])
  expect(report.exitCode).toBe(0)
})

const refusals: readonly RuleId[] = ['sse/status/errors-before-stream']
const withBudget = { budget: 2, only: refusals, profile: 'full' } as const

test.concurrent('with a budget a broken body is sent too: 4xx passes', async () => {
  const { report, requests } = await judged(reading(head('400 Bad Request', 'Content-Length: 0')), withBudget)
  expect(requests).toHaveLength(2)
  expect(requests[1]?.endsWith('{"streamproof": [')).toBe(true)
  expect(report.verdicts[0]).toMatchObject({ outcome: 'pass', examined: 2 })
})

test.concurrent('an error inside 200 and an event stream fails', async () => {
  const wrong = join(streamHead, chunked('data: {"error":"not JSON"}\n\n'), lastChunk)
  const { report } = await judged(reading(wrong), withBudget)
  expect(report.verdicts[0]).toMatchObject({ outcome: 'fail', deviations: [{ actual: 'status 200, text/event-stream' }] })
})

test.concurrent('a target that does not look at its body is not judged by it', async () => {
  const { report, requests } = await judged(reading(chat), withBudget)
  expect(requests).toHaveLength(2)
  expect(report.verdicts[0]).toMatchObject({ outcome: 'pass', examined: 1 })
})

const pageOrigin = 'https://app.example'
const lets = `Access-Control-Allow-Origin: ${pageOrigin}\r\nVary: Origin`

test.concurrent.each<readonly [string, string, string | undefined]>([
  ['names JSON', head('204 No Content', lets, 'Access-Control-Allow-Headers: content-type'), undefined],
  ['allows every field', head('204 No Content', lets, 'Access-Control-Allow-Headers: *'), undefined],
  ['does not name JSON', head('204 No Content', lets, 'Access-Control-Allow-Headers: Authorization'), '"Authorization"'],
  ['is not allowed', head('405 Method Not Allowed', lets, 'Allow: POST', 'Content-Length: 0'), 'status 405'],
])('the preflight of a page that %s is sent beside the one POST', async (_, preflight, wrong) => {
  const streamed = Buffer.from(chat).toString().replace('Transfer-Encoding', `${lets}\r\nTransfer-Encoding`)
  const { report, requests } = await judged((request, socket) => {
    socket.end(request.startsWith('OPTIONS ') ? preflight : streamed)
  }, { origin: pageOrigin, only: ['sse/cors/preflight-status'] })
  expect(requests.map((request) => request.split(' ')[0])).toEqual(['POST', 'OPTIONS', 'OPTIONS'])
  expect(requests.map((request) => /Request-Headers: (\S+)/.exec(request)?.[1]).toSorted()).toEqual(['content-type', 'last-event-id', undefined])
  const [verdict] = report.verdicts
  expect([verdict?.outcome, verdict?.deviations[0]?.actual]).toEqual(wrong === undefined ? ['pass', undefined] : ['fail', wrong])
})
