/** Pages of other origins at servers that are odd and right, and at wrong ones: which rules fail, and that no other does. */
import { createServer, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import type { RunOptions } from '../harness/request.ts'
import { run } from '../harness/run.ts'
import { bare, request, session } from '../spec/bytes.ts'
import type { Verdict } from '../spec/model.ts'
import { readExchange } from '../spec/sse/exchange.ts'
import { toPages } from '../spec/sse/cors/pages.ts'
import { reading } from '../spec/sse/cors/reading.ts'
import { changed, type Asked } from './stimulus.ts'

vi.setConfig({ maxConcurrency: 12, testTimeout: 20_000 })

const page = 'https://app.example.com'
type Fields = Readonly<Record<string, string | string[]>>

interface Said {
  readonly status: number
  readonly fields: Fields
}

/** What a server says: to a GET beside its stream, and to OPTIONS. */
interface Server {
  readonly get: (origin: string | undefined, request: IncomingMessage) => Fields | Said
  readonly preflight?: (origin: string | undefined) => Said
  readonly events?: string
}

const anybody: Fields = { 'Access-Control-Allow-Origin': '*' }
const pageOnly: Fields = { 'Access-Control-Allow-Origin': page }
const reflected = (origin: string | undefined): Fields => ({ Vary: 'Origin', ...(origin ? { 'Access-Control-Allow-Origin': origin } : {}) })
const credentials: Fields = { 'Access-Control-Allow-Credentials': 'true' }
const lets = (status: number, fields: Fields, names: string | string[] = 'last-event-id, authorization') => (): Said =>
  ({ status, fields: { ...fields, 'Access-Control-Allow-Headers': names } })
const onList = (origin: string | undefined): Fields => (origin === page ? { ...reflected(origin), ...credentials } : { Vary: 'Origin' })

/** The cors rules by outcome, the area left out. */
async function judged({ get, preflight, events = 'id: 1\ndata: hello\n\n' }: Server, asked: Partial<RunOptions>): Promise<Map<string, Verdict>> {
  const server = createServer((request, response) => {
    const { origin } = request.headers
    if (request.method === 'OPTIONS') {
      const { status, fields } = preflight?.(origin) ?? { status: 405, fields: { Allow: 'GET' } }
      response.writeHead(status, { ...fields }).end()
      return
    }
    const said = get(origin, request)
    if (typeof said['status'] === 'number') response.writeHead(said['status'], { ...said['fields'] as Fields }).end()
    else response.writeHead(200, { 'Content-Type': 'text/event-stream', ...said as Fields }).write(events)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const { verdicts } = await run({
      target: `${url}/stream`, method: 'GET', headers: [], insecure: false, observeMs: 150, only: ['sse/cors/*'], skip: [],
      failOn: 'advice', allowOriginChange: false, ...asked, ...(asked.origin === 'own' ? { origin: url } : {}),
    })
    return new Map(verdicts.map((verdict) => [verdict.rule.replace('sse/cors/', ''), verdict]))
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const withOutcome = (verdicts: ReadonlyMap<string, Verdict>, ...outcomes: readonly Verdict['outcome'][]): string[] =>
  [...verdicts].filter(([, { outcome }]) => outcomes.includes(outcome)).map(([slug]) => slug)

const origin = page
const right: Readonly<Record<string, readonly [Server, Partial<RunOptions>, passes: readonly string[]]>> = {
  'everybody, and everybody\'s headers': [
    { get: () => anybody, preflight: lets(204, anybody, '*') }, { origin }, ['allow-origin', 'vary-origin', 'preflight-last-event-id'],
  ],
  'everybody, without --origin': [
    { get: () => anybody, preflight: lets(200, anybody) }, {}, ['allow-origin', 'preflight-status', 'preflight-last-event-id'],
  ],
  'any origin reflected, without credentials': [
    { get: reflected, preflight: (from) => lets(204, reflected(from))() }, { origin }, ['vary-origin', 'no-blind-reflection'],
  ],
  'one fixed origin, without Vary': [
    { get: () => pageOnly, preflight: lets(204, pageOnly) }, { origin }, ['allow-origin', 'vary-origin', 'no-blind-reflection'],
  ],
  'one fixed origin, without --origin': [
    { get: () => pageOnly, preflight: lets(204, pageOnly) }, {}, ['allow-origin', 'vary-origin', 'preflight-status'],
  ],
  'a list, with credentials': [
    { get: onList, preflight: (from) => lets(204, onList(from))() }, { origin }, ['allow-origin', 'credentials', 'vary-origin', 'preflight-status'],
  ],
  'a list, and other pages turned away': [
    { get: (from) => (from === page ? onList(from) : { status: 403, fields: {} }), preflight: lets(204, onList(page)) },
    { origin }, ['allow-origin', 'no-blind-reflection'],
  ],
  'several lines of allowed headers in odd case': [
    { get: () => anybody, preflight: lets(200, anybody, ['X-Other', 'LAST-EVENT-ID']) }, { origin }, ['preflight-last-event-id'],
  ],
  'no ids, nothing that needs a preflight, and no OPTIONS': [
    { get: () => anybody, events: 'data: hello\n\n' }, { origin }, ['allow-origin'],
  ],
  'a list that the kit is not on': [
    { get: (from) => ({ ...(from === page ? reflected(from) : { Vary: 'Origin' }), ...credentials }) }, {}, [],
  ],
  'a token, named beside *': [
    { get: () => anybody, preflight: lets(204, anybody, '*, authorization') }, { origin, token: 'secret-token' },
    ['preflight-status', 'authorization-explicit', 'preflight-anonymous'],
  ],
}

test.concurrent.each(Object.entries(right))('right: %s', async (_, [server, asked, passes]) => {
  const verdicts = await judged(server, asked)
  expect(withOutcome(verdicts, 'fail', 'broken')).toEqual([])
  expect(withOutcome(verdicts, 'pass')).toEqual(expect.arrayContaining([...passes]))
})

test.concurrent.each([['no CORS at all, and nobody asks for it', {}], ['a page of the own origin', { origin: 'own' }]])('not applicable: %s', async (_, asked) => {
  expect(new Set([...(await judged({ get: () => ({}) }, asked)).values()].map(({ outcome }) => outcome))).toEqual(new Set(['not-applicable']))
})

const allowing = lets(204, anybody)
const wrong: Readonly<Record<string, readonly [Server, Partial<RunOptions>, fails: readonly string[]]>> = {
  'nothing on the stream': [{ get: () => ({}), preflight: allowing }, { origin }, ['allow-origin']],
  'everybody and the origin': [{ get: () => ({ 'Access-Control-Allow-Origin': ['*', page] }), preflight: allowing }, { origin }, ['allow-origin']],
  'a list of origins, without --origin': [{ get: () => ({ 'Access-Control-Allow-Origin': `${page}, https://b.example` }) }, {}, ['allow-origin']],
  'another origin': [{ get: () => ({ 'Access-Control-Allow-Origin': 'https://b.example' }), preflight: allowing }, { origin }, ['allow-origin']],
  'everybody with credentials': [{ get: () => ({ ...anybody, ...credentials }), preflight: allowing }, {}, ['credentials']],
  'a cookie, and no word of credentials': [
    { get: () => pageOnly, preflight: lets(204, pageOnly) }, { origin, headers: [['Cookie', 'session=7Yq2kD9w']] }, ['credentials'],
  ],
  'a bare 401': [
    { get: (_, { headers }) => (headers.authorization ? anybody : { status: 401, fields: { 'WWW-Authenticate': 'Bearer' } }), preflight: allowing },
    { origin, token: 'secret-token' }, ['on-all-statuses'],
  ],
  'a bare 204 at once': [{ get: () => ({ status: 204, fields: {} }) }, { origin }, ['on-all-statuses']],
  'reflection that caches do not see': [
    { get: (from) => ({ ...reflected(from), Vary: 'Accept' }), preflight: allowing }, { origin }, ['vary-origin'],
  ],
  'reflection with credentials': [
    { get: (from) => ({ ...reflected(from), ...credentials }), preflight: (from) => lets(204, { ...reflected(from), ...credentials })() },
    { origin }, ['no-blind-reflection'],
  ],
  'a preflight that needs a login': [{ get: () => anybody, preflight: lets(401, anybody) }, { origin }, ['preflight-status', 'preflight-anonymous']],
  'a preflight that is sent away': [{ get: () => anybody, preflight: lets(301, { ...anybody, Location: '/stream/' }) }, { origin }, ['preflight-status']],
  'a preflight that nobody answers for': [{ get: () => anybody }, { origin }, ['preflight-status']],
  'a list without Last-Event-ID': [
    { get: () => anybody, preflight: lets(204, anybody, 'content-type') }, { origin }, ['preflight-last-event-id'],
  ],
  '* for headers, with credentials': [
    { get: onList, preflight: (from) => lets(204, onList(from), '*')() }, { origin }, ['preflight-last-event-id'],
  ],
  '* for Authorization': [
    { get: () => anybody, preflight: lets(204, anybody, '*') }, { origin, token: 'secret-token' }, ['authorization-explicit'],
  ],
}

test.concurrent.each(Object.entries(wrong))('wrong: %s', async (_, [server, asked, fails]) => {
  expect(withOutcome(await judged(server, asked), 'fail', 'broken')).toEqual(fails)
})

test('preflights carry no credentials, and nothing else of the request', () => {
  const secret: readonly [string, string][] = [['Authorization', 'Bearer secret'], ['Cookie', 'session=7Yq2kD9w'], ['X-Api-Key', 'key']]
  const ordinary = request({
    method: 'POST', body: '{}', headers: [['User-Agent', 'streamproof'], ...secret, ['Content-Type', 'application/json'], ['Last-Event-ID', '1']],
  })
  const asked = changed(ordinary, { preflight: ['authorization', 'last-event-id'] }, page)
  expect(asked.body).toBeUndefined()
  expect([asked.method, ...asked.headers]).toEqual([
    'OPTIONS', ['User-Agent', 'streamproof'], ['Origin', page], ['Accept', '*/*'], ['Access-Control-Request-Method', 'POST'],
    ['Access-Control-Request-Headers', 'authorization,last-event-id'],
  ])
})

test('a page has one Origin: that of --origin, that of the run, or one of its own', () => {
  const origins = (given: string | undefined, asked: Asked): string[] =>
    changed(request({ headers: given === undefined ? [] : [['Origin', given]] }), asked, page)
      .headers.filter(([name]) => name === 'Origin').map(([, value]) => value)
  expect(origins(undefined, { page: true })).toEqual([page])
  expect(origins('https://given.example', { page: true })).toEqual(['https://given.example'])
  expect(origins('https://given.example', { page: true, headers: { Origin: 'null' } })).toEqual(['null'])
  expect(origins(undefined, {})).toEqual([])
})

test('redirects to a page are looked at; requests that no page sends are not', () => {
  const headers = [['Host', 'target.test'], ['Origin', page]] as const
  const exchange = readExchange(session(
    bare('base/hop', { headers }, '307 Temporary Redirect', 'Location: /stream?v=2', 'Content-Length: 0'),
    bare('unknown-method', { headers, method: 'STREAMPROOF' }, '400 Bad Request'),
    bare('no-host', { headers }, '400 Bad Request'),
    bare('http10', { headers, version: '1.0' }, '505 HTTP Version Not Supported'),
  ))
  expect(toPages(exchange).map(({ link }) => link.role)).toEqual(['base/hop'])
  const rule = reading.find(({ id }) => id === 'sse/cors/on-all-statuses')
  expect(rule?.check(exchange).map(({ actual }) => actual)).toEqual(['status 307 with no Access-Control-Allow-Origin'])
})
