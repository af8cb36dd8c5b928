/** Credentials: right and wrong servers of any kind, a driver that is odd, and tokens, which no output shows. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { withToken } from '../harness/addresses.ts'
import { renderConsole } from '../harness/report/console.ts'
import type { Report } from '../harness/report.ts'
import { ordinaryRequest, type RunOptions } from '../harness/request.ts'
import { run } from '../harness/run.ts'
import { allRules } from '../harness/selection.ts'
import { otherwiseRight } from '../servers/faulty/otherwise.ts'
import { serveRaw } from '../servers/faulty/raw.ts'
import { serveSecured, type Handlers } from '../servers/faulty/secured.ts'
import { start } from '../servers/node-http.ts'
import { mostTokens, Tokens } from '../servers/stream/tokens.ts'
import { chunked, finite, head, streamHead } from '../spec/bytes.ts'
import { tokenText } from '../spec/contract/contract.ts'
import { queryCredentials, tokenOf } from '../spec/sse/auth/tokens.ts'
import { Answer, readExchange } from '../spec/sse/exchange.ts'
import { changed } from './stimulus.ts'

vi.setConfig({ maxConcurrency: 16, testTimeout: 30_000 })

const token = 'secret1234'
const options = (target: string, rest: Partial<RunOptions> = {}): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 200, skip: [], failOn: 'advice', allowOriginChange: false,
  only: ['sse/auth/*', 'sse/status/errors-before-stream'], ...rest,
})

const slug = (rule: string): string => rule.replace('sse/', '')
const failed = ({ verdicts }: Report): string[] =>
  verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken').map(({ rule }) => slug(rule))
const outcome = ({ verdicts }: Report, rule: string): string | undefined => {
  const verdict = verdicts.find((one) => slug(one.rule) === rule)
  return verdict && [verdict.outcome, verdict.why, verdict.note].filter(Boolean).join(': ')
}

const answer = (status: string, ...fields: readonly string[]): string => head(status, ...fields, 'Content-Length: 0')
const page = (type: string, body: string): string =>
  head('200 OK', `Content-Type: ${type}`, `Content-Length: ${body.length}`) + body
const lines = `${streamHead}${Buffer.from(chunked('data: hello\n\n')).toString()}`
const errorEvent = Buffer.concat(finite('', { at: 1, bytes: Buffer.from('data: {"error":"log in"}\n\n') }).chunks.map(({ bytes }) => bytes)).toString()

interface Gate {
  readonly anonymous: string
  readonly wrong?: string
  readonly right?: string
}

/** One URL behind credentials, judged; `right` is what they open. */
async function gated({ anonymous, wrong = anonymous, right = lines }: Gate, rest: Partial<RunOptions> = { token }): Promise<Report> {
  const server = await serveRaw(otherwiseRight((request, socket) => {
    const credentials = /\r\nauthorization: (.*)\r\n/i.exec(request)?.[1]
    socket.write(credentials === undefined ? anonymous : /secret1234|dXNlcjpzZWNyZXQxMjM0/.test(credentials) ? right : wrong)
  }))
  try {
    return await run(options(server.url, rest))
  } finally {
    await server.close()
  }
}

const bearer = 'WWW-Authenticate: Bearer'

describe.concurrent('any URL that is right', () => {
  test.each<[string, Gate]>([
    ['401 with a challenge', { anonymous: answer('401 Unauthorized', bearer) }],
    ['in lower case, several in one field and in several', {
      anonymous: answer('401 Unauthorized', 'WWW-Authenticate: bearer, Basic realm="a, b"', 'WWW-Authenticate: Negotiate'),
    }],
    ['403 for wrong ones', { anonymous: answer('401 Unauthorized', bearer), wrong: answer('403 Forbidden') }],
    ['404 for all, to hide that there is something', { anonymous: answer('404 Not Found') }],
    ['a limit of requests', { anonymous: answer('401 Unauthorized', bearer), wrong: answer('429 Too Many Requests') }],
  ])('%s', async (_, gate) => {
    const report = await gated(gate)
    expect(failed(report)).toEqual([])
    expect([outcome(report, 'auth/401-status'), outcome(report, 'auth/bearer-header')]).toEqual(['pass', 'pass'])
  })

  test('Basic credentials', async () => {
    const basic = `Basic ${Buffer.from('user:secret1234').toString('base64')}`
    const report = await gated({ anonymous: answer('401 Unauthorized', 'WWW-Authenticate: Basic') }, { headers: [['Authorization', basic]] })
    expect([failed(report), outcome(report, 'auth/401-status')]).toEqual([[], 'pass'])
  })

  test('a public stream that does not look at credentials decides nothing', async () => {
    const report = await gated({ anonymous: lines })
    expect(failed(report)).toEqual([])
    expect(outcome(report, 'auth/401-status')).toBe('not-exercised: inconclusive: the stream opens without credentials too')
  })

  test('without credentials nothing is sent, and the rules do not apply', async () => {
    const report = await gated({ anonymous: lines }, {})
    expect(new Set(report.verdicts.filter(({ rule }) => rule.startsWith('sse/auth/')).map((one) => one.outcome))).toEqual(new Set(['not-applicable']))
    expect(report.run.links).toBe(1)
  })
})

describe.concurrent('any URL that is wrong', () => {
  test.each<[string, Gate, readonly string[]]>([
    ['a 401 without a challenge', { anonymous: answer('401 Unauthorized') }, ['auth/401-challenge']],
    ['a challenge without a scheme', { anonymous: answer('401 Unauthorized', 'WWW-Authenticate: realm="x"') }, ['auth/401-challenge']],
    ['a login page behind a redirection', { anonymous: answer('302 Found', 'Location: /login') }, ['auth/401-status']],
    ['a login page', { anonymous: page('text/html', '<form>') }, ['status/errors-before-stream']],
    ['an error as an event', { anonymous: errorEvent }, ['status/errors-before-stream']],
    ['a parser that throws', { anonymous: answer('401 Unauthorized', bearer), wrong: answer('500 Internal Server Error') }, ['auth/401-status']],
    ['any credentials will do', { anonymous: answer('401 Unauthorized', bearer), wrong: lines }, ['auth/401-status']],
    ['the token in a field', {
      anonymous: answer('401 Unauthorized', bearer), right: lines.replace('Cache-Control', `X-User-Token: ${token}\r\nCache-Control`),
    }, ['auth/no-token-leak']],
  ])('%s', async (_, gate, rules) => {
    const report = await gated(gate)
    expect(failed(report)).toEqual(rules)
    expect(JSON.stringify(report)).not.toContain(token)
  })
})

describe.concurrent('a token in the query', () => {
  const judged = async (cache: string, query: string): Promise<Report> => {
    const server = await serveRaw(otherwiseRight((_, socket) => socket.write(lines.replace('no-store, no-transform', cache))))
    try {
      return await run(options(`${server.url}${query}`))
    } finally {
      await server.close()
    }
  }

  test.each([
    ['no-store', '?access_token=abc', 'pass'],
    ['private, no-cache', '?token=abc', 'pass'],
    ['no-cache', '?token=abc', 'fail'],
    ['private="set-cookie"', '?ticket=abc', 'fail'],
  ])('Cache-Control: %s for %s', async (cache, query, wanted) => {
    expect(outcome(await judged(cache, query), 'auth/query-token')).toBe(wanted)
  })

  test.each([
    [{ exp: 4_102_444_800 }, ['the token in the query is a JWT that is valid for more than an hour']],
    [{ sub: 'ann' }, ['the token in the query is a JWT that never expires']],
    [{ exp: 1_000_000_000 }, []],
  ])('a JWT with %j', async (claims, wanted) => {
    const jwt = ['{"alg":"none"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.')
    const report = await judged('no-store', `?token=${jwt}`)
    expect(report.notes.filter(({ rule }) => rule.startsWith('sse/auth/')).map(({ text }) => text)).toEqual(wanted)
    expect(JSON.stringify(report)).not.toContain(jwt)
  })

  test.each(['?max_tokens=10', '?pageToken=abc', '?key=weather', '?token='])('%s is none', async (query) => {
    expect(outcome(await judged('no-cache', query), 'auth/query-token')).toBe('not-applicable: there is no token in the query')
  })
})

/** Judges that driver by what the auth suite shows. */
async function judgedDriver(change: Partial<Handlers> = {}, declares: object = {}): Promise<Report> {
  const server = await serveSecured(change, declares)
  try {
    return await run(options(server.url, { provoked: ['sse/auth/*'] }))
  } finally {
    await server.close()
  }
}

describe.concurrent('a driver', () => {
  const auth = ['query:st']

  test('tokens in the query alone, all refusals hidden in 404, a last event before the end: right', async () => {
    const report = await judgedDriver({}, { auth })
    expect(failed(report)).toEqual([])
    const seen = report.verdicts.filter(({ rule }) => rule.startsWith('sse/auth/')).map(({ rule, outcome: one }) => `${slug(rule)} ${one}`)
    expect(seen).toEqual([
      'auth/401-challenge not-exercised', 'auth/401-status pass', 'auth/bearer-header not-applicable', 'auth/query-token pass',
      'auth/on-reconnect pass', 'auth/expiry-mid-stream pass', 'auth/user-scope pass', 'auth/no-token-leak pass',
    ])
  })

  test('that issues no tokens is told so', async () => {
    const report = await judgedDriver({ issue: (_, res) => void res.writeHead(500).end() }, { auth })
    expect(outcome(report, 'auth/on-reconnect')).toBe('not-exercised: refused: the target issued no token: status 500')
    expect(report.exitCode).toBe(3)
  })

  test('that issues what a header field cannot carry gets nothing of it', async () => {
    const seen: string[] = []
    const report = await judgedDriver({
      issue: (_, res) => void res.writeHead(201).end(JSON.stringify({ token: 'a\r\nX-Injected: 1' })),
      secure: ({ rawHeaders }, res) => {
        seen.push(...rawHeaders)
        res.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
      },
    })
    expect(seen.filter((text) => /injected/i.test(text))).toEqual([])
    expect(outcome(report, 'auth/user-scope')).toMatch(/^not-exercised: refused/)
  })
})

test('no token that was issued is in a report', async () => {
  const issue = vi.spyOn(Tokens.prototype, 'issue')
  const server = await start({ fault: 'tokenEchoed' })
  try {
    const report = await run(options(new URL('/streamproof', server.url).href))
    const tokens = issue.mock.results.flatMap(({ value }) => (value as { token?: string } | undefined)?.token ?? [])
    expect(tokens.length).toBeGreaterThan(4)
    expect(failed(report)).toEqual(['auth/no-token-leak'])
    const shown = JSON.stringify(report) + renderConsole(report, allRules, { failOn: 'advice', command: '', color: false })
    for (const one of tokens) {
      expect(shown).not.toContain(one)
      expect(shown).not.toContain(Buffer.from(one.slice(0, 8)).toString('hex'))
    }
  } finally {
    issue.mockRestore()
    await server.close()
  }
})

describe('tokens of the reference servers', () => {
  test('end by themselves, and end their streams', () => {
    vi.useFakeTimers()
    try {
      const tokens = new Tokens()
      const one = tokens.issue({ ttlMs: 500, user: 'ann' })
      const end = vi.fn()
      tokens.grant(one?.token)?.streams.add(end)
      vi.advanceTimersByTime(499)
      expect([tokens.grant(one?.token)?.user, end.mock.calls.length]).toEqual(['ann', 0])
      vi.advanceTimersByTime(1)
      expect([tokens.grant(one?.token), end.mock.calls.length]).toEqual([undefined, 1])
    } finally {
      vi.useRealTimers()
    }
  })

  test('are bounded in number, and a revoked one makes room', () => {
    const tokens = new Tokens()
    const all = Array.from({ length: mostTokens }, () => tokens.issue({ ttlMs: 60_000, user: 'ann' }))
    expect(tokens.issue({ ttlMs: 60_000, user: 'ann' })).toBeUndefined()
    for (const one of all) tokens.revoke(one?.token ?? '')
    expect(tokens.issue({ ttlMs: 1, user: 'ann' })?.token).toMatch(tokenText)
  })
})

describe('requests', () => {
  const given = ordinaryRequest(options('http://target.test/stream?a=1', { token }))
  const b64token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,40}={0,2}$/)

  test('a token that was issued is found in the request that carries it, and nothing of the ordinary credentials', () => {
    fc.assert(fc.property(b64token, fc.constantFrom('header', 'query', undefined), (text, by) => {
      const request = withToken(given, text, by, { auth: ['bearer', 'query:st'] })
      if (!request) throw new Error('it was not made')
      const link = { ...finite('secure'), request }
      const issue = { at: 0, doneAt: 1, kind: 'token', status: 201, body: JSON.stringify({ token: text }) } as const
      const asked = { ...request, method: 'POST', body: JSON.stringify({ ttlMs: 1000, user: 'ann' }) }
      const exchange = readExchange({ stimulus: '', links: [link], acts: [{ ...issue, request: asked }], declares: { auth: ['query:st'] } })
      const own = new Answer(link)
      expect(tokenOf(exchange, own)).toEqual({ token: text, user: 'ann', validUntil: 1000, overAt: 1001, revoked: false, once: false })
      expect(queryCredentials(exchange, own)).toEqual(by === 'query' ? [text] : [])
      if (text !== token) expect(JSON.stringify(request)).not.toContain(`Bearer ${token}"`)
    }))
  })

  test('of a target that takes none that way there is none', () => {
    expect(withToken(given, 'abc', 'query', {})).toBeUndefined()
    expect(withToken(given, 'abc', 'header', { auth: ['query:st'] })).toBeUndefined()
  })

  test('forged credentials keep their kind and nothing else', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9+/]{12,40}$/)
    fc.assert(fc.property(value, fc.constantFrom('Bearer ', 'Basic ', 'Token ', ''), (text, scheme) => {
      const headers = [['Authorization', scheme + text], ['Cookie', `sid=${text}; theme=${text}`], ['X-Kept', text]] as const
      const [authorization, cookie, kept] = changed({ ...given, headers }, { forged: true }).headers.map(([, one]) => one)
      expect(authorization?.startsWith(scheme)).toBe(true)
      expect(authorization).not.toContain(text)
      expect(cookie).toMatch(/^sid=[^;]+; theme=[^;]+$/)
      expect(cookie).not.toContain(text)
      expect(kept).toBe(text)
    }))
  })
})
