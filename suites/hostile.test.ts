/** Targets that are broken or mean harm: a run ends soon and says what came. Floods are in `floods.test.ts`. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import type { RunOptions } from '../harness/request.ts'
import type { Report } from '../harness/report.ts'
import { run } from '../harness/run.ts'
import { descriptor, driver, otherwiseRight } from '../servers/faulty/otherwise.ts'
import { drip, serveRaw, type Behaviour, type RawOptions } from '../servers/faulty/raw.ts'
import { chunked, head, join, streamHead } from '../spec/bytes.ts'
import type { RuleId } from '../spec/model.ts'

vi.setConfig({ maxConcurrency: 24, testTimeout: 40_000 })

/** ms for a whole run against anything */
const runMs = 20_000
const asked = (target: string, rest: Partial<RunOptions> = {}): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 400, only: [], skip: [], failOn: 'must',
  allowOriginChange: false, ...rest,
})

const failing = ({ verdicts }: Report): RuleId[] => verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)

/** Whatever the target does: nothing of the kit broken, and the report in time. */
function expectSound(report: Report): void {
  expect(report.verdicts.filter(({ outcome }) => outcome === 'broken')).toEqual([])
  expect(report.run.ms).toBeLessThan(runMs)
}

async function judged(behave: Behaviour, options: Partial<RunOptions> = {}, server: RawOptions = {}): Promise<Report> {
  const raw = await serveRaw(behave, server)
  try {
    const report = await run(asked(raw.url, options))
    expectSound(report)
    return report
  } finally {
    await raw.close()
  }
}

/** An answer that is nothing but this text. */
const says = (text: string | Uint8Array): Behaviour => (_, socket) => socket.end(text)
const answer = (status: string, ...fields: string[]): Behaviour => says(head(status, 'Content-Length: 0', ...fields))
const afterwards = (socket: net.Socket, act: (socket: net.Socket) => void): void => void setTimeout(act, 40, socket)
const reset = (socket: net.Socket): void => void socket.resetAndDestroy()

/**
 * In a process of its own: so a rule that does not end is noticed, and memory is that of the kit. `npm run hostile`
 * shows ten thousand transcripts and three hundred servers.
 */
describe.concurrent('noise', () => {
  const script = fileURLToPath(new URL('hostile.ts', import.meta.url))

  /** The figures of a run. @throws when it exits with another code than 0, or does not end */
  const figuresOf = async (...args: readonly string[]): Promise<object> => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, ...args], { timeout: 110_000, killSignal: 'SIGKILL' })
    return JSON.parse(stdout) as object
  }

  test.concurrent('breaks no rule, and most rules find something in it', { timeout: 120_000 }, async () => {
    const figures = await figuresOf('--transcripts', '400', '--sockets', '0')
    expect(figures).toMatchObject({ transcripts: 400, faults: [], right: true })
    expect((figures as { rulesThatFailed: number }).rulesThatFailed).toBeGreaterThan(60)
  })

  test.concurrent('is reported on for every server, in bounded time and memory', { timeout: 120_000 }, async () => {
    const figures = await figuresOf('--transcripts', '0', '--sockets', '16')
    expect(figures).toMatchObject({ sockets: 16, faults: [], right: true })
    const { exits } = figures as { exits: Record<string, number> }
    expect(Object.keys(exits).toSorted()).toEqual(['0', '1', '3'])
    expect(Object.values(exits).reduce((sum, n) => sum + n, 0)).toBe(16)
  })
})

describe.concurrent('a first answer that leaves nothing to judge', () => {
  interface Unusable { readonly behave: Behaviour; readonly server?: RawOptions; readonly reason: RegExp; readonly quoted?: RegExp }
  const noise = Uint8Array.from({ length: 600 }, (_, i) => (i * i * 31 + 7) % 256)
  const cases: Readonly<Record<string, Unusable>> = {
    'random bytes': { behave: says(noise), reason: /not HTTP/, quoted: /./ },
    'the banner of a mail server': {
      behave: () => {}, server: { greet: (socket) => socket.write('220 mail.test ESMTP ready\r\n') }, reason: /not HTTP/, quoted: /^220 mail\.test/,
    },
    'an alert of TLS': { behave: says(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x46)), reason: /speaks TLS: try https/ },
    '404': { behave: says(`${head('404 Not Found', 'Content-Length: 4')}gone`), reason: /answered 404 to GET/, quoted: /^gone$/ },
    '401': { behave: answer('401 Unauthorized'), reason: /401.*--token/ },
    '500': { behave: says(`${head('500 Oops', 'Content-Length: 4')}boom`), reason: /answered 500/, quoted: /^boom$/ },
    '405': { behave: answer('405 Method Not Allowed', 'Allow: POST'), reason: /405.*allows POST.*--method POST/ },
    '204': { behave: says(head('204 No Content')), reason: /nothing to stream/ },
    'a reset before the head': { behave: (_, socket) => reset(socket), reason: /reset the connection before it answered/ },
    'a reset in the head': {
      behave: (_, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Ty')
        afterwards(socket, reset)
      },
      reason: /(?:reset|closed) the connection in the head/, quoted: /^HTTP\/1\.1 200 OK/,
    },
    'the end before the head': { behave: (_, socket) => socket.end(), reason: /closed the connection before it answered/ },
    'the end in the head': { behave: says('HTTP/1.1 200 OK\r\nContent-Ty'), reason: /closed the connection in the head/ },
  }
  test.concurrent.each(Object.entries(cases))('%s', async (_, { behave, server, reason, quoted }) => {
    const report = await judged(behave, {}, server)
    expect(report.exitCode).toBe(3)
    expect(report.incomplete?.reason).toMatch(reason)
    if (quoted) expect(report.incomplete?.quoted).toMatch(quoted)
    expect(report.verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'pass')).toEqual([])
  })

  test.concurrent('a closed port', async () => {
    const server = await serveRaw(() => {})
    await server.close()
    const report = await run(asked(server.url))
    expect(report.exitCode).toBe(3)
    expect(report.incomplete?.reason).toBe(`no connection to ${new URL(server.url).host} (${refusal(server.url)}): is the server running there?`)
  })

  test.concurrent('http where https was asked for', async () => {
    const server = createServer((_, res) => res.end('plain')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const report = await run(asked(`https://127.0.0.1:${port}/`))
    server.close()
    expect(report.exitCode).toBe(3)
    expect(report.incomplete?.reason).toMatch(/does not speak TLS.*try http:/)
  })
})

const refusal = (url: string): string => `ECONNREFUSED: connect ECONNREFUSED ${new URL(url).host}`

describe.concurrent('a first answer that breaks a rule', () => {
  const cases: Readonly<Record<string, readonly [Behaviour, RuleId]>> = {
    '201': [answer('201 Created', 'Content-Type: text/event-stream'), 'sse/status/200'],
    '206': [answer('206 Partial Content', 'Content-Type: text/event-stream'), 'sse/status/200'],
    '302 without Location': [answer('302 Found'), 'sse/status/200'],
    'a redirect to itself': [answer('302 Found', 'Location: /stream'), 'sse/status/redirect-usable'],
    'a redirect to another scheme': [answer('302 Found', 'Location: ftp://example.com/'), 'sse/status/redirect-usable'],
    'HTML': [says(`${head('200 OK', 'Content-Type: text/html', 'Content-Length: 6')}<html>`), 'sse/headers/content-type'],
    'JSON': [says(`${head('200 OK', 'Content-Type: application/json', 'Content-Length: 2')}{}`), 'sse/headers/content-type'],
    'silence': [() => {}, 'sse/lifecycle/headers-promptly'],
    'a head byte by byte': [(_, socket) => drip(socket, streamHead, 300), 'sse/lifecycle/headers-promptly'],
    'interim answers without end': [(_, socket) => drip(socket, endless('HTTP/1.1 102 Processing\r\n\r\n'), 5), 'sse/lifecycle/headers-promptly'],
  }
  test.concurrent.each(Object.entries(cases))('%s', async (_, [behave, rule]) => {
    const report = await judged(behave)
    expect(failing(report)).toEqual([rule])
    expect(report.exitCode).toBe(1)
    const others = report.verdicts.filter(({ outcome }) => outcome === 'not-exercised')
    expect(others.length).toBeGreaterThan(30)
    // of the rules about first answers some find nothing to look at here
    expect(others.filter(({ why }) => why !== 'blocked').length).toBeLessThan(4)
  })
})

function* endless(text: string): Generator<string> {
  for (;;) yield text
}

describe.concurrent('a driver', () => {
  interface Wrong { readonly play: (plays: number) => Behaviour; readonly code: 1 | 3 }
  const stream = join(streamHead, chunked('data: x\n\n'), '0\r\n\r\n')
  const cases: Readonly<Record<string, Wrong>> = {
    'that never answers a play': { play: () => () => {}, code: 3 },
    'that answers plays with 401': { play: () => (_, socket) => socket.write(head('401 Unauthorized', 'Content-Length: 0', 'WWW-Authenticate: Bearer')), code: 3 },
    'that answers plays with 500': { play: () => (_, socket) => socket.write(head('500 Oops', 'Content-Length: 0')), code: 1 },
    'that answers plays with HTML': {
      play: () => (_, socket) => socket.write(`${head('200 OK', 'Content-Type: text/html', 'Content-Length: 6')}<html>`), code: 1,
    },
    'that closes without an answer': { play: () => (_, socket) => socket.end(), code: 3 },
    'that resets': { play: () => (_, socket) => reset(socket), code: 3 },
    'that never ends a play': { play: () => (_, socket) => socket.write(join(streamHead, chunked('data: x\n\n'))), code: 1 },
    'that plays something else': { play: () => (_, socket) => socket.write(stream), code: 1 },
  }
  test.concurrent.each(Object.entries(cases))('%s', async (_, { play, code }) => {
    const report = await judged(driver(descriptor, play))
    expect(report.target.kind).toBe('driven')
    expect(report.exitCode).toBe(code)
  })

  test.concurrent('that is gone after some plays', async () => {
    let raw: Awaited<ReturnType<typeof serveRaw>> | undefined
    raw = await serveRaw(driver(descriptor, (plays) => (_, socket) => {
      if (plays > 5) void raw?.close()
      else socket.write(stream)
    }))
    const report = await run(asked(raw.url))
    expectSound(report)
    expect(report.exitCode).not.toBe(0)
    expect(report.verdicts.some(({ note }) => note === 'plays were not answered, or not ended')).toBe(true)
  })

  const refused = (reason: RegExp, change: object) => async (): Promise<void> => {
    const report = await judged(driver({ ...descriptor, ...change }, () => () => {}))
    expect(report.exitCode).toBe(3)
    expect(report.incomplete?.reason).toMatch(reason)
  }
  test.concurrent('whose descriptor breaks the schema', refused(/contract v1 at \/declares\/heartbeatMs/, { declares: { heartbeatMs: 'soon' } }))
  test.concurrent('whose descriptor has a part of another origin', refused(/another origin at \/play \(http:\/\/example\.com\)/, { play: 'http://example.com/play' }))
  test.concurrent('of another version of the contract', refused(/contract v1 at \/streamproof/, { streamproof: 2 }))
})

// times matter in these, so they run apart from what keeps the processor busy

describe('a stream that breaks off', () => {
  const begun = join(streamHead, chunked('data: a\n\n'))
  const cases: Readonly<Record<string, readonly [Behaviour, readonly RuleId[]]>> = {
    // advice: a first comment would tell the client that the stream is alive
    'silence after the head': [(_, socket) => socket.write(streamHead), ['sse/lifecycle/first-bytes']],
    'a reset after the head': [(_, socket) => {
      socket.write(streamHead)
      afterwards(socket, reset)
    }, ['sse/status/no-instant-empty-200', 'sse/http1/last-chunk']],
    'a reset in the body': [(_, socket) => {
      socket.write(join(begun, '20\r\ndata: x'))
      afterwards(socket, reset)
    }, ['sse/http1/last-chunk']],
    'garbage for chunks': [(_, socket) => socket.write(join(begun, 'garbage\0\xff\r\n')), ['sse/http1/chunked-valid']],
    'a chunk of 2^63 bytes': [(_, socket) => socket.write(`${streamHead}8000000000000000\r\ndata: x\n\n`), ['sse/http1/chunked-valid']],
  }
  test.concurrent.each(Object.entries(cases))('%s', async (_, [behave, rules]) => {
    const report = await judged(otherwiseRight(behave))
    expect(failing(report)).toEqual(rules)
    expect(report.incomplete).toBeUndefined()
  })
})

describe('an abort', () => {
  const cases: Readonly<Record<string, Behaviour>> = {
    'before the head': () => {},
    'while the kit watches': otherwiseRight((_, socket) => socket.write(join(streamHead, chunked('data: a\n\n')))),
    'while a redirect is followed': (_, socket) => afterwards(socket, () => socket.end(head('302 Found', 'Location: /stream', 'Content-Length: 0'))),
    'while it waits for Retry-After': says(head('503 Busy', 'Retry-After: 9', 'Content-Length: 0')),
  }
  test.concurrent.each(Object.entries(cases))('%s', async (_, behave) => {
    const raw = await serveRaw(behave)
    const controller = new AbortController()
    try {
      const began = performance.now()
      const abortedAfter = 500
      setTimeout(() => controller.abort(), abortedAfter)
      const report = await run(asked(raw.url, { observeMs: 8000 }), { signal: controller.signal })
      expect(performance.now() - began).toBeLessThan(abortedAfter + 1000)
      expect(report.interrupted).toBe(true)
      expect(report.exitCode).toBe(3)
      expect(report.verdicts.length).toBeGreaterThan(40)
    } finally {
      await raw.close()
    }
  })

  test.concurrent('before the run', async () => {
    const report = await run(asked('http://127.0.0.1:9/'), { signal: AbortSignal.abort() })
    expect(report).toMatchObject({ interrupted: true, exitCode: 3 })
  })

  test.concurrent('keeps what was judged so far', async () => {
    const raw = await serveRaw(otherwiseRight((_, socket) => socket.write(join(streamHead, chunked('Data: a\n\n')))))
    const controller = new AbortController()
    try {
      setTimeout(() => controller.abort(), 600)
      const report = await run(asked(raw.url, { observeMs: 8000 }), { signal: controller.signal })
      expect(failing(report)).toContain('sse/fields/exact-names')
    } finally {
      await raw.close()
    }
  })
})
