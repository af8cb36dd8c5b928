/** Recordings of runs: the verdicts of the run come back, its secrets do not. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { judgeFile } from '../harness/judge.ts'
import { decodeTranscript, encodeTranscript, indexOf, transcriptOf } from '../harness/offline/transcript.ts'
import { recording } from '../harness/recording.ts'
import type { Report } from '../harness/report.ts'
import type { RunOptions } from '../harness/request.ts'
import { run } from '../harness/run.ts'
import { Mistake } from '../harness/values.ts'
import { otherwiseRight } from '../servers/faulty/otherwise.ts'
import { serveRaw, type Behaviour } from '../servers/faulty/raw.ts'
import { start } from '../servers/node-http.ts'
import { chunked, join as joined, streamHead } from '../spec/bytes.ts'
import type { RuleId, Transcript, Verdict } from '../spec/model.ts'

vi.setConfig({ testTimeout: 60_000 })

const room = mkdtempSync(join(tmpdir(), 'streamproof-recording-'))
afterAll(() => rmSync(room, { recursive: true, force: true }))

/** What `judge` says of a recording or one of its files, and what it tells the user. */
function judged(file: string): { report: Report; told: string[] } {
  const told: string[] = []
  const report = judgeFile({ file, only: [], skip: [], failOn: 'must' }, undefined, (line) => told.push(line))
  return { report, told }
}

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

/** A run that is recorded, and its recording judged. */
async function recordedAndJudged(name: string, target: string, options: Partial<RunOptions>): Promise<{ dir: string; live: Report; offline: Report; told: string[] }> {
  const dir = join(room, name)
  const asked: RunOptions = {
    target, method: 'GET', headers: [], insecure: false, observeMs: 300, only: [], skip: [], failOn: 'must', allowOriginChange: false, ...options,
  }
  const live = await run(asked, recording(dir, asked, {}))
  const { report: offline, told } = judged(dir)
  return { dir, live, offline, told }
}

/** What of a verdict does not depend on how many cases were kept. */
const essence = ({ verdicts }: Report) => verdicts.map(({ rule, level, effectiveLevel, outcome, why, deviations, replay }) => (
  { rule, level, effectiveLevel, outcome, why, deviations, replay }))

const files = (dir: string): string[] => readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8'))

const stream: Behaviour = (_, socket) => socket.write(joined(streamHead, chunked('id: 1\ndata: a\n\n')))

describe('a recording', () => {
  test('of a wrong driver gives the verdicts of the run', async () => {
    const server = await start({ port: 0, fault: 'crRaw' })
    const target = new URL('/streamproof', server.url).href
    const { dir, live, offline } = await recordedAndJudged('driver', target, { only: ['sse/framing', 'sse/resume'], runs: 30 })
    await server.close()
    expect(failed(live)).toContain('sse/framing/cr-in-data')
    expect(essence(offline)).toEqual(essence(live))
    expect(offline.exitCode).toBe(live.exitCode)
    expect(offline.target).toEqual(live.target)
    expect(offline.notes).toEqual(live.notes)
    // few of the cases are kept, and the verdict says so
    const driven = verdict(offline, 'sse/framing/multiline-data')
    expect(driven.note).toMatch(/^\d+ of \d+ generated cases are in the recording; the run examined \d+$/)
    expect(driven.examined).toBeLessThan(verdict(live, 'sse/framing/multiline-data').examined)
    const index = indexOf(JSON.parse(readFileSync(join(dir, 'index.json'), 'utf8')), 'index.json')
    expect(index.properties.find(({ property }) => property === 'framing/cr-in-data')?.rules.find(({ rule }) => rule === 'sse/framing/cr-in-data')?.failing).toHaveLength(1)
    expect(readdirSync(dir).length).toBeLessThan(live.run.cases)
    // one session alone is a file too
    const one = index.sessions.find((name) => name.includes('resume-replay')) ?? ''
    expect(verdict(judged(join(dir, one)).report, 'sse/resume/no-gap').outcome).toBe(verdict(live, 'sse/resume/no-gap').outcome)
  })

  test('of any URL gives the verdicts of the run, without its secrets', async () => {
    const secret = 'sesame-open-42'
    const cookie = 'cookie-of-the-user'
    const echo: Behaviour = (_, socket) => socket.write(joined(
      streamHead.replace('\r\n\r\n', `\r\nSet-Cookie: sid=${cookie}; Path=/\r\n\r\n`), chunked(`id: 1\ndata: ${secret} ${cookie}\n\n`)))
    const raw = await serveRaw(otherwiseRight(echo))
    const { dir, live, offline, told } = await recordedAndJudged('observed', `${raw.url}?token=${secret}&page=2`, {
      headers: [['Authorization', `Bearer ${secret}`], ['Cookie', 'theme=very-dark-blue']], token: undefined as never, only: ['sse/framing', 'sse/ids', 'sse/headers', 'sse/status', 'sse/http1'],
    })
    await raw.close()
    expect(essence(offline)).toEqual(essence(live))
    const written = files(dir)
    const received = written.flatMap((text) => [...text.matchAll(/"base64":"([^"]*)"/g)]).map(([, bytes = '']) => Buffer.from(bytes, 'base64').toString('latin1'))
    for (const shown of [...written, ...received]) for (const hidden of [secret, cookie, 'very-dark-blue']) expect(shown).not.toContain(hidden)
    // as many bytes as before, so that offsets stay
    expect(received.join('')).toContain(`data: ${'*'.repeat(secret.length)} ${'*'.repeat(cookie.length)}\n`)
    expect(told.join()).toMatch(/\d+ received bytes were secret/)
    expect(written.join()).toContain('page=2')
  })

  test('of a target that did not answer says so again', async () => {
    const { live, offline } = await recordedAndJudged('refused', 'http://127.0.0.1:1/stream', {})
    expect(offline.incomplete).toEqual(live.incomplete)
    expect(offline.exitCode).toBe(3)
  })

  test('hides the body of an observed request', async () => {
    const raw = await serveRaw(otherwiseRight(stream, 'POST'))
    const { dir } = await recordedAndJudged('posted', raw.url, { method: 'POST', body: '{"prompt":"my private words"}' })
    await raw.close()
    for (const text of files(dir)) expect(text).not.toContain('private words')
  })

  test('replaces an earlier one, and nothing else', () => {
    const dir = join(room, 'mine')
    mkdirSync(dir)
    writeFileSync(join(dir, 'notes.txt'), 'mine')
    const options = { target: 'http://127.0.0.1:1/', method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'must', allowOriginChange: false } as const
    expect(mistake(() => recording(dir, options, {}))).toContain('which holds notes.txt')
    expect(mistake(() => recording(dir, { ...options, target: 'ws://127.0.0.1:1/' }, {}))).toContain('--record of a WebSocket')
    expect(mistake(() => recording(join(dir, 'notes.txt', 'below'), options, {}))).toMatch(/cannot be written \(ENOTDIR\)/)
    rmSync(join(dir, 'notes.txt'))
    const seen = {
      evidence: {
        target: { url: options.target, kind: 'observed', method: 'GET', parts: [], declares: {} }, exchanges: [], drives: [],
        absence: () => ({ why: 'no-subject' }), reached: true, silent: false,
      },
      measure: { rules: [], thresholds: {}, failOn: 'must', secrets: [] }, run: { links: 0, cases: 0, ms: 0, seed: 0 }, interrupted: false,
    } as never
    recording(dir, options, {}).record?.(seen)
    recording(dir, options, {}).record?.(seen)
    expect(readdirSync(dir)).toEqual(['index.json'])
  })

  test('that cannot be finished is told, and the verdicts stand', async () => {
    const raw = await serveRaw(otherwiseRight(stream))
    const dir = join(room, 'gone')
    const told: string[] = []
    const options: RunOptions = { target: raw.url, method: 'GET', headers: [], insecure: false, observeMs: 200, only: ['sse/framing'], skip: [], failOn: 'must', allowOriginChange: false }
    const hooks = recording(dir, options, { announce: (line) => told.push(line) })
    rmSync(dir, { recursive: true })
    const report = await run(options, hooks)
    await raw.close()
    expect(told.join()).toContain(`the recording in ${dir} was not finished (ENOENT)`)
    expect(report.exitCode).toBe(0)
  })
})

describe('transcripts as JSON', () => {
  const target = { url: 'http://target.test/', kind: 'driven', method: 'GET', parts: ['play'], declares: {} } as const
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST'), url: fc.webUrl({ validSchemes: ['http', 'https'] }), version: fc.constantFrom('1.0' as const, '1.1' as const),
    headers: fc.array(fc.tuple(fc.string(), fc.string())), body: fc.oneof(fc.string(), fc.uint8Array()),
  }, { requiredKeys: ['method', 'url', 'version', 'headers'] })
  const ended = fc.oneof(
    fc.record({ at: fc.nat(), by: fc.constant('target' as const), how: fc.constantFrom('fin' as const, 'rst' as const), detail: fc.string() }),
    fc.record({ at: fc.nat(), by: fc.constant('kit' as const), how: fc.constantFrom('complete' as const, 'window' as const) }),
  )
  const link = fc.record({
    id: fc.string(), role: fc.constantFrom('base', 'resume'), request, openedAt: fc.nat(), ended, chunks: fc.array(fc.record({ at: fc.nat(), bytes: fc.uint8Array() })),
  })
  const act = fc.record({ at: fc.nat(), doneAt: fc.nat(), kind: fc.constantFrom('publish' as const, 'stats' as const), request, status: fc.nat(599), body: fc.string() })
  const transcripts: fc.Arbitrary<Transcript> = fc.record({
    stimulus: fc.string(), declares: fc.record({ heartbeatMs: fc.nat() }), lacks: fc.constant(['times' as const]), links: fc.array(link), acts: fc.array(act),
  }, { requiredKeys: ['stimulus', 'links', 'acts'] })

  test('come back as they were', () => {
    fc.assert(fc.property(transcripts, (transcript) => {
      const text = JSON.stringify(encodeTranscript(transcript, target))
      expect(decodeTranscript(transcriptOf(JSON.parse(text), 'test.json'))).toEqual(transcript)
    }))
  })

  test.each([
    ['no target', { target: undefined }, /has no "target"/],
    ['an unknown member', { more: 1 }, /has "more", which means nothing here/],
    ['an aspect of no meaning', { lacks: ['time'] }, /\/lacks\/0 is not what is expected there/],
    ['a link without its end', { links: [{ id: 'a', role: 'base', request: { method: 'GET', url: 'http://a/', version: '1.1', headers: [] }, openedAt: 0, chunks: [] }] }, /\/links\/0 has no "ended"/],
    ['a relative URL', { links: [{ id: 'a', role: 'base', request: { method: 'GET', url: '/a', version: '1.1', headers: [] }, openedAt: 0, chunks: [], ended: { at: 0, by: 'kit', how: 'window' } }] }, /\/links\/0\/request has no http or https URL/],
    ['a target that does something', { target: { ...target, url: 'javascript:alert(1)' } }, /the target has no http or https URL/],
    ['a play of something', { links: [{ id: 'a', role: 'play', request: { method: 'POST', url: 'http://a/', version: '1.1', headers: [], body: 'x' }, openedAt: 0, chunks: [], ended: { at: 0, by: 'kit', how: 'window' } }] }, /\/links\/0\/request\/body of a play is no JSON/],
  ])('%s is a mistake', (_, wrong, says) => {
    const value: unknown = JSON.parse(JSON.stringify({ ...encodeTranscript({ stimulus: 'a', links: [], acts: [] }, target), ...wrong }))
    expect(mistake(() => transcriptOf(value, 'test.json'))).toMatch(says)
  })
})
