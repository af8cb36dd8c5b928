/** `--watch`: which changes are seen, what is shown of them, and how it ends. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { countOutcomes, type Report } from '../harness/report.ts'
import { changesOf, renderChanges } from '../harness/report/changes.ts'
import { Mistake } from '../harness/values.ts'
import { FileChanges, whenever } from '../harness/watch.ts'
import type { Outcome, RuleId, Verdict } from '../spec/model.ts'

vi.setConfig({ testTimeout: 60_000 })

const root = mkdtempSync(join(tmpdir(), 'streamproof-watch-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('what changes', () => {
  const never = new AbortController().signal
  let directory: string
  let changes: FileChanges
  const write = (name: string): void => writeFileSync(join(directory, name), String(Math.random()))
  const seen = async (): Promise<string[]> => (await changes.next(never)).map((path) => relative(directory, path))
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'at-'))
    for (const name of ['src/deep', 'node_modules/x', '.git', 'out']) mkdirSync(join(directory, name), { recursive: true })
    write('src/deep/a.js')
    write('alone.js')
    changes = new FileChanges([directory], [join(directory, 'report.xml'), join(directory, 'out')])
  })
  afterEach(() => changes.close())

  test('in any directory, as one change', async () => {
    write('src/deep/a.js')
    write('b.js')
    expect(await seen()).toEqual(['b.js', 'src/deep/a.js'])
    rmSync(join(directory, 'b.js'))
    expect(await seen()).toEqual(['b.js'])
  })

  test('in a directory that is new, and in one that was made again', async () => {
    mkdirSync(join(directory, 'src/new'))
    expect(await seen()).toEqual(['src/new'])
    write('src/new/c.js')
    expect(await seen()).toEqual(['src/new/c.js'])
    rmSync(join(directory, 'src/deep'), { recursive: true })
    expect(await seen()).toContain('src/deep')
    mkdirSync(join(directory, 'src/deep'))
    expect(await seen()).toEqual(['src/deep'])
    write('src/deep/d.js')
    expect(await seen()).toEqual(['src/deep/d.js'])
  })

  test('is not what tools and the kit itself write', async () => {
    for (const name of ['node_modules/x/a.js', '.git/index', '.env.swp', 'debug.log', 'a.js~', 'report.xml', 'out/1.json']) write(name)
    // the sentinel comes after them
    write('z.js')
    expect(await seen()).toEqual(['z.js'])
  })

  test('in one file that an editor replaces, and not beside it', async () => {
    changes.close()
    changes = new FileChanges([join(directory, 'alone.js')])
    for (let i = 0; i < 2; i++) {
      write('beside.js')
      write('alone.new')
      renameSync(join(directory, 'alone.new'), join(directory, 'alone.js'))
      expect(await seen()).toEqual(['alone.js'])
    }
  })

  test('is nothing when the wait is given up', async () => {
    const controller = new AbortController()
    const waiting = changes.next(controller.signal)
    controller.abort()
    expect(await waiting).toEqual([])
    expect(await changes.next(controller.signal)).toEqual([])
  })

  test('below a path that is not there is a mistake', () => {
    expect(() => new FileChanges([join(directory, 'nope')])).toThrow(Mistake)
  })

  test('gives the exit code of the last run that was not interrupted', async () => {
    for (const [codes, interruptedAt, expected] of [[[1], 1, 1], [[1, 0, 3], 3, 0], [[0], 2, 0]] as const) {
      const controller = new AbortController()
      const watched = new FileChanges([directory])
      let runs = 0
      const run = async (): Promise<number> => {
        const code = codes[runs++] ?? 9
        if (runs === interruptedAt) controller.abort()
        return code
      }
      const announce = (line: string): void => {
        if (!line.startsWith('waiting')) return
        if (runs < codes.length) write(`run-${runs}.js`)
        else controller.abort()
      }
      expect(await whenever(watched, run, { signal: controller.signal, announce })).toBe(expected)
    }
  })
})

describe('what is shown', () => {
  const verdict = (rule: RuleId, outcome: Outcome, more: Partial<Verdict> = {}): Verdict => ({
    rule, level: 'must', effectiveLevel: 'must', outcome, examined: 1, deviations: outcome === 'fail' ? [{ expected: 'x', actual: 'y\u001b[2J', where: { link: 'base' } }] : [], ...more,
  })
  const reportOf = (...verdicts: Verdict[]): Report => ({
    schema: 'streamproof-report/1', kit: { name: 'streamproof', version: '0', node: 'v22' }, target: { url: 'http://a.test/', kind: 'observed' }, spec: 'x',
    verdicts, notes: [], counts: countOutcomes(verdicts), run: { links: 1, cases: 0, ms: 1, seed: 1 }, exitCode: 0,
  })
  const before = reportOf(verdict('sse/a/one', 'pass'), verdict('sse/a/two', 'fail'), verdict('sse/a/three', 'pass'), verdict('sse/a/four', 'fail'))
  const after = reportOf(
    verdict('sse/a/one', 'fail'), verdict('sse/a/two', 'pass'), verdict('sse/a/three', 'pass'),
    verdict('sse/a/four', 'fail', { excused: { as: 'known', reason: 'r' } }), verdict('sse/a/five', 'not-exercised', { why: 'window' }),
  )

  test('is what differs, before and after', () => {
    expect(changesOf(before, after).map(({ rule, before: was, after: is }) => `${rule} ${was} -> ${is}`)).toEqual([
      'sse/a/one pass -> fail', 'sse/a/two fail -> pass', 'sse/a/four fail -> known', 'sse/a/five not judged -> not exercised',
    ])
    expect(changesOf(after, after)).toEqual([])
  })

  test('is in full what fails now and did not, under it the totals and the changes', () => {
    const shown = renderChanges(before, after, [], { failOn: 'must', command: 'npx streamproof' })
    expect(shown.match(/^FAIL .*$/gm)).toEqual(['FAIL  sse/a/one  must'])
    expect(shown).toContain('came       y\\x1b[2J')
    expect(shown.indexOf('5 rules:')).toBeGreaterThan(shown.indexOf('FAIL'))
    expect(shown.indexOf('sse/a/two   fail -> pass')).toBeGreaterThan(shown.indexOf('5 rules:'))
    expect(renderChanges(after, after, [], { failOn: 'must', command: 'npx streamproof' })).toContain('no verdict has changed')
  })
})

test('the command line runs again with the server of --start, and SIGINT ends it with the last exit code', async () => {
  const directory = mkdtempSync(join(root, 'cli-'))
  const source = (type: string): string => `require('node:http').createServer((req, res) => {
    res.writeHead(200, { 'Content-Type': '${type}' }).end('data: a\\n\\n')
  }).listen(Number(process.argv[2]), '127.0.0.1')`
  // in one step: a file that is written anew is empty for a moment, and that is a change too
  const write = (text: string): void => {
    writeFileSync(`${directory}.next`, text)
    renameSync(`${directory}.next`, join(directory, 'server.cjs'))
  }
  write(source('text/event-stream'))
  const held = createServer().listen(0, '127.0.0.1')
  await once(held, 'listening')
  const { port } = held.address() as net.AddressInfo
  held.close()
  await once(held, 'close')
  const cli = fileURLToPath(new URL('../harness/cli.ts', import.meta.url))
  const child = spawn(process.execPath, [
    cli, `http://127.0.0.1:${port}/`, '--start', `'${process.execPath}' server.cjs ${port}`, '--only', 'sse/headers/content-type', '--observe', '300ms',
    '--watch', '--report', 'console', '--report', 'json=report.json',
  ], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  /** The last run has shown this, and the next change is waited for. */
  const shows = async (text: string): Promise<void> => {
    await expect.poll(() => out, { timeout: 15_000 }).toContain(text)
    const runs = out.match(/^exit \d/gm)?.length ?? 0
    await expect.poll(() => err.match(/waiting for a change/g)?.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(runs)
  }
  await shows('exit 0')
  write(source('text/plain'))
  await shows('sse/headers/content-type  pass -> fail')
  expect(err).toContain('changed: server.cjs')
  write('syntax error')
  await shows('sse/headers/content-type  fail -> not exercised')
  expect(err).toContain('SyntaxError')
  write(source('text/html'))
  await shows('sse/headers/content-type  not exercised -> fail')
  child.kill('SIGINT')
  await once(child, 'close')
  expect(child.exitCode).toBe(1)
}, 60_000)
