/** What caches may do with an answer, and two streams at once at servers that are odd and right. */
import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { run } from '../harness/run.ts'
import { answer, bare, head, sent, session } from '../spec/bytes.ts'
import type { Link, RuleId, SentRequest, Verdict } from '../spec/model.ts'
import { caching } from '../spec/sse/caching.ts'
import { readExchange } from '../spec/sse/exchange.ts'

const date = 'Sun, 22 Nov 2026 12:00:00 GMT'
const check = (slug: string, ...links: readonly Link[]): boolean[] =>
  caching.rules.find(({ id }) => id === `sse/caching/${slug}`)?.check(readExchange(session(...links))).map(({ ok }) => ok) ?? []

const stream = (fields: readonly string[], asked: Partial<SentRequest> = {}) =>
  answer('base', asked, [sent(1, head('200 OK', 'Content-Type: text/event-stream', ...fields), 'data: a\n\n')])

const unkept: Readonly<Record<string, readonly string[]>> = {
  'no-store': ['Cache-Control: no-store'],
  'no-cache': ['Cache-Control: no-cache'],
  'among others, in odd case': ['Cache-Control: private , NO-CACHE'],
  'in a second line': ['Cache-Control: private', 'Cache-Control: no-store'],
  'stale from the start': ['Cache-Control: max-age=0, must-revalidate'],
  'stale from the start, in shared caches too': ['Cache-Control: max-age=0, s-maxage=0'],
  'stale from the start, and private': ['Cache-Control: private, max-age=0, s-maxage=60'],
  'expired': ['Expires: Thu, 19 Nov 1981 08:52:00 GMT'],
  'expired, as no date is': ['Expires: 0'],
  'Vary: *': ['Vary: *'],
}
const mayBeKept: Readonly<Record<string, readonly string[]>> = {
  'nothing said': [],
  'a minute': ['Cache-Control: public, max-age=60'],
  'a minute in shared caches': ['Cache-Control: max-age=0, s-maxage=60'],
  'private': ['Cache-Control: private'],
  'no-cache of one field': ['Cache-Control: no-cache="Set-Cookie, X-Other"'],
  'Pragma, which is of requests': ['Pragma: no-cache'],
  'a number that is none': ['Cache-Control: max-age=soon'],
  'until later': ['Expires: Sun, 22 Nov 2026 12:00:01 GMT'],
  'no-store in a quoted string': ['Cache-Control: ext="a, no-store"'],
}

test.each(Object.entries(unkept))('caches do not use again: %s', (_, fields) => {
  expect(check('not-stored', stream(fields))).toEqual([true])
})

test.each(Object.entries(mayBeKept))('caches may use again: %s', (_, fields) => {
  expect(check('not-stored', stream(fields))).toEqual([false])
})

test('what answers a POST is kept only for an explicit time', () => {
  expect(check('not-stored', stream([], { method: 'POST' }))).toEqual([true])
  expect(check('not-stored', stream(['Cache-Control: max-age=60'], { method: 'POST' }))).toEqual([false])
})

test('directives are found in any order, case, spacing and number of lines', () => {
  const spaced = fc.tuple(fc.constantFrom('no-transform', 'No-Transform', 'NO-TRANSFORM'), fc.constantFrom('', ' ', '\t')).map(([name, space]) => `${space}${name}${space}`)
  const others = fc.array(fc.constantFrom('private', 'max-age=0', 'ext="a, b"', '', 'no-cache="a"'), { maxLength: 4 })
  fc.assert(fc.property(others, spaced, others, fc.boolean(), (before, name, after, lines) => {
    const items = [...before, name, ...after]
    const fields = lines ? items.map((item) => `Cache-Control: ${item}`) : [`Cache-Control: ${items.join(',')}`]
    expect(check('no-transform', stream(fields))).toEqual([true])
    expect(check('no-transform', stream(fields.map((field) => field.replace(/no-transform/i, 'no-transforms'))))).toEqual([false])
  }))
})

test('Expires in the past is no validator, and without a Date nobody knows', () => {
  expect(check('no-validators', stream(['Expires: Thu, 19 Nov 1981 08:52:00 GMT']))).toEqual([true])
  const undated = [sent(1, `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nExpires: ${date}\r\n\r\n`)]
  expect(check('no-validators', answer('base', {}, undated))).toEqual([true])
})

test.each([['204 No Content'], ['404 Not Found'], ['410 Gone'], ['301 Moved Permanently'], ['308 Permanent Redirect']])('%s says for how long it is kept', (status) => {
  const said = (...fields: readonly string[]): boolean[] => check('stop-not-cached', bare('base', {}, status, ...fields))
  expect([said(), said('Cache-Control: private')]).toEqual([[false], [false]])
  expect([said('Cache-Control: no-store'), said('Cache-Control: max-age=600'), said(`Expires: ${date}`)]).toEqual([[true], [true], [true]])
  expect(check('stop-not-cached', bare('options', { method: 'OPTIONS' }, status))).toEqual([])
})

test('401, 405 and 503 are kept by no cache unless they say so', () => {
  for (const status of ['401 Unauthorized', '405 Method Not Allowed', '503 Service Unavailable']) {
    expect(check('stop-not-cached', bare('base', {}, status))).toEqual([])
  }
})

async function atOnce(serve: (response: ServerResponse, number: number) => void): Promise<Verdict | undefined> {
  let number = 0
  const server = createServer((_, response) => serve(response, (number += 1)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const rule: RuleId = 'sse/caching/live-per-request'
  try {
    const { verdicts } = await run({
      target: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`, method: 'GET', headers: [], insecure: false,
      observeMs: 100, only: [rule], skip: [], failOn: 'advice', allowOriginChange: false,
    })
    return verdicts[0]
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const begin = (response: ServerResponse): void =>
  void response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).write(': open\n\n')

test.concurrent('two streams at once', async () => {
  expect(await atOnce(begin)).toMatchObject({ outcome: 'pass', examined: 1 })
})

test.concurrent('a slow server is not one that queues', async () => {
  expect((await atOnce((response) => setTimeout(begin, 900, response)))?.outcome).not.toBe('fail')
})

test.concurrent('one that admits a single reader has not been asked for two', async () => {
  const verdict = await atOnce((response, number) => (number === 3 ? response.writeHead(409).end() : begin(response)))
  expect(verdict).toMatchObject({ outcome: 'not-exercised' })
})

test.concurrent('one that answers the next request when the last is over', async () => {
  let last = Promise.resolve()
  const verdict = await atOnce((response) => {
    const turn = last
    last = turn.then(() => once(response, 'close')).then(() => {})
    void turn.then(() => begin(response))
  })
  expect(verdict).toMatchObject({ outcome: 'fail', deviations: [{ actual: 'one after the first was left' }] })
})
