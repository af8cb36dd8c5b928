/** Judging without a target: files that other tools wrote, and what is none of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { judgeFile, type JudgeOptions } from '../harness/judge.ts'
import { bounded } from '../harness/offline/command.ts'
import { parse } from '../harness/options.ts'
import type { Report } from '../harness/report.ts'
import { surroundings } from '../harness/terminal.ts'
import { Mistake } from '../harness/values.ts'
import { head } from '../spec/bytes.ts'
import type { RuleId, Verdict } from '../spec/model.ts'

vi.setConfig({ testTimeout: 60_000 })

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

/** A file or a recording judged; bytes are those of standard input. */
function judged(file: string, options: Partial<JudgeOptions> = {}, input?: string | Uint8Array): { report: Report; told: string[] } {
  const told: string[] = []
  const bytes = input === undefined ? undefined : new Uint8Array(Buffer.from(input))
  const report = judgeFile({ file, only: [], skip: [], failOn: 'must', ...options }, bytes, (line) => told.push(line))
  return { report, told }
}

const capture = (bytes: string | Uint8Array, options: Partial<JudgeOptions> = {}) => judged('-', options, bytes)

function verdict({ verdicts }: Report, rule: RuleId): Verdict {
  const found = verdicts.find((one) => one.rule === rule)
  if (!found) throw new Error(`no verdict on ${rule}`)
  return found
}

const failed = ({ verdicts }: Report): RuleId[] => verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)

function mistake(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Mistake) return `${error.usage.given}. ${error.usage.accepted}. ${error.usage.type}`
    throw error
  }
  throw new Error('no mistake')
}

describe('what curl printed', () => {
  const stillJudged: readonly RuleId[] = ['sse/framing/block-terminated', 'sse/encoding/utf8', 'sse/fields/known-only', 'sse/ids/unique', 'sse/retry/digits-only']

  test.each(['curl-http1.txt', 'curl-http2.txt', 'curl-raw.txt', 'curl-redirected.txt'])('%s', (name) => {
    const { report, told } = judged(fixture(name))
    expect(failed(report)).toEqual([])
    expect(report.exitCode).toBe(0)
    for (const rule of [...stillJudged, 'sse/headers/content-type', 'sse/status/200'] as const) expect(verdict(report, rule).outcome, rule).toBe('pass')
    expect(verdict(report, 'sse/framing/flush-on-block')).toMatchObject({ outcome: 'not-exercised', why: 'no-subject', note: 'the file carries no arrival times' })
    expect(told.join()).toContain('the file carries no arrival times')
    expect(report.target.url).toBe(fixture(name))
  })

  test('keeps the framing of HTTP/1.1 with --raw alone', () => {
    const outcomes = (name: string) => (['sse/http1/chunked-valid', 'sse/http1/last-chunk', 'sse/http1/header-syntax'] as const).map((rule) => verdict(judged(fixture(name)).report, rule).outcome)
    expect(outcomes('curl-raw.txt')).toEqual(['pass', 'pass', 'pass'])
    expect(outcomes('curl-http1.txt').slice(0, 2)).not.toContain('pass')
    expect(outcomes('curl-http1.txt')[2]).toBe('pass')
    expect(outcomes('curl-http2.txt')).not.toContain('pass')
  })

  test('follows redirects', () => {
    expect(verdict(judged(fixture('curl-redirected.txt')).report, 'sse/status/redirect-usable').outcome).toBe('pass')
  })

  test('a body alone is judged without its head, at its own offsets', () => {
    const { report, told } = capture('data: a\n\ndata: \xff\n\n'.replace('\xff', '') + '\n')
    expect(told[0]).toMatch(/holds no head/)
    expect(verdict(report, 'sse/headers/content-type').outcome).toBe('not-exercised')
    const bytes = Buffer.concat([Buffer.from('data: a\n\ndata: '), Buffer.from([0xff]), Buffer.from('\n\n')])
    const utf8 = verdict(capture(bytes).report, 'sse/encoding/utf8')
    expect(utf8.deviations[0]).toMatchObject({ where: { byte: 15 }, excerpt: { mark: { offset: 15 } } })
  })

  test('finds what is wrong at the offset of the file', () => {
    const text = head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-store') + 'data: a\n\nDATA: b\n\n'
    const { deviations } = verdict(capture(text).report, 'sse/fields/exact-names')
    expect(deviations[0]?.where.byte).toBe(text.indexOf('DATA'))
  })

  test('a stream that curl has decompressed is read as it is', () => {
    const text = head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: gzip') + 'data: a\n\n'
    const { report } = capture(text)
    expect(verdict(report, 'sse/framing/block-terminated').outcome).toBe('pass')
    expect(verdict(report, 'sse/headers/content-encoding-declared')).toMatchObject({ outcome: 'not-exercised', note: 'the file carries no content coding' })
  })

  test('a head without any CR has been retyped and is not held against the server', () => {
    const text = (head('200 OK', 'Content-Type: text/event-stream') + 'data: a\n\n').replaceAll('\r\n', '\n')
    const { report } = capture(text)
    expect(verdict(report, 'sse/http1/header-syntax').outcome).toBe('not-exercised')
    expect(verdict(report, 'sse/headers/content-type').outcome).toBe('pass')
  })

  test('an answer that is no stream is judged as a first answer', () => {
    const refused = capture(head('401 Unauthorized', 'Content-Type: application/json') + '{"error":"no key"}').report
    expect(refused.incomplete).toMatchObject({ reason: 'the target answered 401 to GET' })
    expect(refused.exitCode).toBe(3)
    const page = capture(head('200 OK', 'Content-Type: text/html') + '<p>hello</p>').report
    expect(failed(page)).toContain('sse/headers/content-type')
    expect(page.exitCode).toBe(1)
  })

  test('nothing that comes is more than a report', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      for (const format of ['http', 'body'] as const) {
        const { report } = capture(Buffer.concat([Buffer.from(format === 'http' ? 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n' : ''), noise]), { format })
        expect(report.counts.broken).toBe(0)
        expect([0, 1, 3]).toContain(report.exitCode)
      }
    }), { numRuns: 40 })
  })
})

describe('an HTTP archive', () => {
  test('of Chrome: its event streams, one by one or together', () => {
    const { report, told } = judged(fixture('chrome.har'))
    expect(told.join()).toMatch(/2 event streams are judged together; --entry 2 takes one/)
    expect(told.join()).toMatch(/entry 3 lists 2 events as the browser read them, and no body/)
    expect(report.run.links).toBe(2)
    const one = judged(fixture('chrome.har'), { entry: 2 }).report
    expect(one.target.url).toBe('https://chat.example.com/v1/messages')
    expect(verdict(one, 'sse/framing/block-terminated')).toMatchObject({ outcome: 'pass', examined: 3 })
    expect(verdict(one, 'sse/headers/content-type').outcome).toBe('pass')
    for (const rule of ['sse/http1/chunked-valid', 'sse/http1/header-syntax', 'sse/encoding/utf8', 'sse/heartbeat/interval', 'sse/lifecycle/headers-promptly', 'sse/lifecycle/stays-open'] as const) {
      expect(verdict(one, rule), rule).toMatchObject({ outcome: 'not-exercised', why: 'no-subject' })
      expect(verdict(one, rule).note, rule).toMatch(/^the file carries no /)
    }
    expect(verdict(judged(fixture('chrome.har'), { entry: 3 }).report, 'sse/framing/block-terminated').outcome).toBe('not-exercised')
  })

  test('of Firefox: bytes in base64, secrets of the request hidden', () => {
    const { report } = judged(fixture('firefox.har'))
    expect(failed(report)).toContain('sse/encoding/utf8')
    expect(JSON.stringify(report)).not.toContain('sesame-open-42')
    expect(report.verdicts.flatMap(({ deviations }) => deviations).map(({ excerpt }) => Buffer.from(excerpt?.hex ?? '', 'hex').toString()).join()).not.toContain('sesame')
    expect(report.target.url).toBe('http://127.0.0.1:3000/stream?token=***')
  })

  test('an entry of another type is a first answer', () => {
    expect(failed(judged(fixture('chrome.har'), { entry: 1 }).report)).toContain('sse/headers/content-type')
  })

  test.each([
    ['no such entry', { log: { entries: [] } }, { entry: 7 }, /--entry 7: .* has no such entry/],
    ['no event stream', { log: { entries: [{ response: { status: 200, headers: [] } }] } }, {}, /none of its 1 entry is an answer of text\/event-stream/],
    ['a number for a name', { log: { entries: [{ response: { status: 200, headers: [{ name: 1, value: 'a' }], content: { mimeType: 'text/event-stream' } } }] } }, {}, /entry 1: \/response\/headers\/0\/name is not what is expected/],
    ['no object', { log: { entries: [null, 5] } }, {}, /none of its 2 entries/],
  ])('%s is a mistake', (_, archive, options, says) => {
    expect(mistake(() => capture(JSON.stringify(archive), options))).toMatch(says)
  })
})

describe('what is nothing of that', () => {
  test.each([
    ['', /is empty/],
    ['hello', /is nothing that can be judged/],
    ['{"a":', /is no JSON, and begins like it/],
    ['{"a":1}', /is JSON of another kind/],
    ['{"schema":"streamproof-report/1"}', /is a report/],
    ['{"schema":"streamproof-recording/1"}', /the index of a recording on standard input/],
    ['* Connected\n> GET / HTTP/1.1\n>\n< HTTP/1.1 200 OK\n', /what curl -v prints/],
  ])('%j', (text, says) => {
    expect(mistake(() => capture(text))).toMatch(says)
    expect(mistake(() => capture(text))).toMatch(/curl -iN|--record|streamproof judge/)
  })

  test('rules that no file shows', () => {
    expect(mistake(() => judged(fixture('curl-http1.txt'), { only: ['ws'] }))).toMatch(/rules about event streams/)
  })

  test('files and directories', () => {
    expect(mistake(() => judged(fixture('nothing.txt')))).toMatch(/cannot be read \(ENOENT\)/)
    expect(mistake(() => judged(fileURLToPath(new URL('.', import.meta.url))))).toMatch(/a directory without index.json/)
    expect(mistake(() => judged(fixture('curl-http1.txt'), { entry: 1 }))).toMatch(/for what is no HTTP archive/)
    expect(mistake(() => judged(fixture('curl-http1.txt'), { format: 'har' }))).toMatch(/is no JSON/)
  })

  test('too much of standard input', async () => {
    const endless = new Readable({ read() { this.push(Buffer.alloc(10)) } })
    const { signal } = new AbortController()
    await expect(bounded(endless, signal, 25)).rejects.toThrow('more than 25 bytes on standard input')
  })
})

test('Ctrl-C ends the reading of an endless stream, and keeps what came', async () => {
  const controller = new AbortController()
  let pushed = false
  const open = new Readable({
    read() {
      if (pushed) controller.abort()
      else this.push('data: a\n\n')
      pushed = true
    },
  })
  expect(Buffer.from(await bounded(open, controller.signal)).toString()).toBe('data: a\n\n')
})

describe('the command', () => {
  const cli = fileURLToPath(new URL('../harness/cli.ts', import.meta.url))

  async function command(args: readonly string[], text: string): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [cli, 'judge', ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (data: Buffer) => (out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    child.stdin.end(text)
    await once(child, 'close')
    return { code: child.exitCode, out, err }
  }

  test('judges standard input, and shows how to see a failure again', async () => {
    const text = head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-store') + 'DATA: a\n\ndata: b\n\n'
    const { code, out, err } = await command(['-', '--fail-on', 'advice'], text)
    expect(code).toBe(1)
    expect(out).toContain('target   standard input')
    expect(out).toMatch(/again +npx streamproof judge - --fail-on advice --only sse\/fields\/exact-names/)
    expect(err).toContain('the file carries no arrival times')
  })

  test('a mistake is a usage error', async () => {
    const { code, out, err } = await command(['-'], 'hello')
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toMatch(/^streamproof: standard input is nothing that can be judged\. Accepted: /)
  })

  test.each([
    [['judge', 'a.har', '--entry', '3', '--skip', 'sse/http1'], { judge: { file: 'a.har', entry: 3, skip: ['sse/http1'] }, again: 'judge a.har --entry 3' }],
    [['judge', '-', '--format', 'http', '--report', 'json'], { judge: { file: '-', format: 'http' }, reports: [{ format: 'json' }], again: 'judge - --format http' }],
    [['judge', 'rec', '--replay', 'sse/framing/cr-in-data:1:0'], { judge: { only: ['sse/framing/cr-in-data'] }, again: 'judge rec' }],
    [['http://127.0.0.1:1/', '--record', 'rec'], { command: 'test', record: 'rec', again: '--target=http://127.0.0.1:1/' }],
  ])('%j', (argv, invocation) => expect(parse(argv, surroundings)).toMatchObject(invocation))

  test.each([
    [['judge'], 'streamproof judge without a file'],
    [['judge', 'a', 'b'], 'too many arguments'],
    [['judge', 'a', '--format', 'hra'], '--format hra'],
    [['judge', 'a', '--entry', '0'], '--entry 0'],
    [['judge', 'a', '--only', 'sse/nothing/*'], '--only sse/nothing/*, which matches no rule'],
    [['judge', 'a', '--token', 'x'], '--token, which is no option'],
  ])('%j is a mistake', (argv, given) => expect(parse(argv, surroundings)).toMatchObject({ command: 'mistake', usage: { given } }))
})
