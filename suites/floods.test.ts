/** Targets that send without end: a run ends soon and in little memory. The engine runs in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { RunOptions } from '../harness/request.ts'
import type { Report } from '../harness/report.ts'
import { descriptor, driver, otherwiseRight } from '../servers/faulty/otherwise.ts'
import { flood, serveRaw, type Behaviour } from '../servers/faulty/raw.ts'
import { bytes, head, join, streamHead } from '../spec/bytes.ts'
import type { RuleId } from '../spec/model.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

/** ms for a whole run against anything */
const runMs = 20_000
/** bytes that a flood may take beyond what judging an ordinary stream takes */
const growth = 200 * 1024 * 1024

const asked = (target: string): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 400, only: [], skip: [], failOn: 'must',
  allowOriginChange: false,
})

const program = `
  const { run } = await import(${JSON.stringify(new URL('../harness/run.ts', import.meta.url).href)})
  process.on('message', async (options) => {
    const report = await run(options)
    globalThis.gc()
    process.send({ report, resident: process.resourceUsage().maxRSS * 1024 })
  })
`

/** A process with the engine that judges one target after the other; the most bytes that were resident only rise. */
class Engine {
  readonly #process: ChildProcess = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  #free: Promise<unknown> = Promise.resolve()

  judge(behave: Behaviour): Promise<{ report: Report; resident: number }> {
    const judgement = this.#free.then(async () => {
      const raw = await serveRaw(behave)
      this.#process.send(asked(raw.url))
      const gone = once(this.#process, 'exit').then(([code]) => Promise.reject(new Error(`the engine ended with ${String(code)}`)))
      const [seen] = await Promise.race([once(this.#process, 'message'), gone])
      await raw.close()
      return seen as { report: Report; resident: number }
    })
    this.#free = judgement.catch(() => {})
    return judgement
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null) return
    this.#process.kill()
    await once(this.#process, 'exit')
  }
}

const engines = [new Engine(), new Engine()] as const
const ordinary = join(head('200 OK', 'Content-Type: text/event-stream', 'Connection: close'), 'id: 1\ndata: a\n\n'.repeat(200))
let baseline = 0
beforeAll(async () => {
  const seen = await Promise.all(engines.map((engine) => engine.judge((_, socket) => socket.end(ordinary))))
  baseline = Math.min(...seen.map(({ resident }) => resident))
})
afterAll(() => Promise.all(engines.map((engine) => engine.end())))

const piece = (text: string): Uint8Array => bytes(text.repeat(Math.ceil((1 << 16) / text.length)))
const gigabyte = 1 << 14
const endlessly = (start: string | Uint8Array, text: string, times = gigabyte): Behaviour => (_, socket) => {
  socket.write(start)
  flood(socket, piece(text), times, () => {})
}
const undelimited = head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-store, no-transform', 'X-Accel-Buffering: no')
let bomb = new Uint8Array()
beforeAll(() => {
  const member = gzipSync(Buffer.alloc(1 << 26, 'data: x\n\n'))
  bomb = new Uint8Array(Buffer.concat(Array.from({ length: 16 }, () => member)))
})

const cases: Readonly<Record<string, readonly [Behaviour, 0 | 1 | 3, readonly RuleId[] | undefined]>> = {
  'a gigabyte of events': [otherwiseRight(endlessly(undelimited, 'data: hello\n\n')), 0, []],
  'a gigabyte of blank lines': [otherwiseRight(endlessly(undelimited, '\n')), 0, []],
  'a gigabyte in one line': [otherwiseRight(endlessly(`${undelimited}data: `, 'x')), 0, []],
  'chunks of one byte': [otherwiseRight(endlessly(streamHead, '1\r\n\n\r\n')), 0, []],
  'chunk extensions without end': [otherwiseRight(endlessly(`${streamHead}5;a=`, 'x')), 1, ['sse/http1/chunked-valid']],
  'a head without end': [endlessly('HTTP/1.1 200 OK\r\n', `X-Filler: ${'a'.repeat(88)}\r\n`, 16), 1, ['sse/lifecycle/headers-promptly']],
  'a gigabyte of head': [endlessly('HTTP/1.1 200 OK\r\nX: ', 'a'), 3, []],
  'ten thousand fields': [otherwiseRight((_, socket) =>
    socket.write(streamHead.replace('\r\n\r\n', `\r\n${Array.from({ length: 10_000 }, (__, n) => `X-${n}: a\r\n`).join('')}\r\n`))), 0, []],
  'a driver that floods': [driver(descriptor, () => endlessly(undelimited, 'data: x\n\n')), 1, undefined],
  'interim answers': [endlessly('', 'HTTP/1.1 102 Processing\r\n\r\n'), 3, []],
  'a gzip bomb': [otherwiseRight((_, socket) => socket.end(join(undelimited.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\n'), bomb))), 0, ['sse/headers/content-encoding-negotiated']],
}
const turns = Object.entries(cases).map(([name, expected], i) => [name, engines[i % 2 ? 1 : 0], ...expected] as const)
test.concurrent.each(turns)('%s', async (_, engine, behave, code, rules) => {
  const { report, resident } = await engine.judge(behave)
  expect(report.verdicts.filter(({ outcome }) => outcome === 'broken')).toEqual([])
  expect(report.run.ms).toBeLessThan(runMs)
  const failed = report.verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)
  if (rules) expect(failed).toEqual(rules)
  expect(report.exitCode).toBe(code)
  expect(resident - baseline).toBeLessThan(growth)
})
