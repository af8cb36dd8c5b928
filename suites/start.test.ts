/** `--start`: a server that the kit runs, from the shell command to the last process of its group. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { start } from '../harness/child.ts'
import { judged } from '../harness/judged.ts'
import { parse } from '../harness/options.ts'
import type { Report } from '../harness/report.ts'
import { surroundings } from '../harness/terminal.ts'

vi.setConfig({ maxConcurrency: 4, testTimeout: 60_000 })

const directory = mkdtempSync(join(tmpdir(), 'streamproof-start-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A program as the part of a shell command that runs it. */
function program(name: string, source: string): string {
  const file = join(directory, `${name}.cjs`)
  writeFileSync(file, source)
  return `'${process.execPath}' '${file}'`
}

/** An event stream on the port of the first argument; with a second one it dies so many ms after the first request. */
const stream = program('stream', `
  require('node:http').createServer((req, res) => {
    if (process.argv[3]) setTimeout(() => { console.error('out of memory'); process.exit(7) }, Number(process.argv[3]))
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: a\\n\\n')
  }).listen(Number(process.argv[2]), '127.0.0.1')`)

async function judgedWith(command: string, port: number, ...args: readonly string[]): Promise<{ report: Report; told: string[] }> {
  const invocation = parse([
    `http://127.0.0.1:${port}/`, '--start', command, '--only', 'sse/framing/*,sse/encoding/*', '--observe', '300ms', ...args,
  ], surroundings)
  if (invocation.command !== 'test') throw new Error(JSON.stringify(invocation))
  const told: string[] = []
  return { report: await judged(invocation, { announce: (line) => told.push(line) }), told }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // a process that nobody has waited for is still in the table
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe.concurrent('a server of --start', () => {
  test.concurrent('is run by a shell, judged, and ended with what it started', async () => {
    const port = await freePort()
    const pids = join(directory, 'pids')
    const { report, told } = await judgedWith(`sleep 600 & echo $! > '${pids}'; cd / && ${stream} ${port}`, port)
    expect(told).toEqual([])
    expect(report).toMatchObject({ exitCode: 0, counts: { fail: 0 } })
    const pid = Number(readFileSync(pids, 'utf8'))
    expect(pid).toBeGreaterThan(1)
    expect(isAlive(pid)).toBe(false)
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  test.concurrent('that does not come up shows what it said, secrets hidden', async () => {
    const port = await freePort()
    const command = program('crash', 'console.log("reading config"); console.error("TypeError: no key like s3cret-value\\n  at x.js"); process.exit(4)')
    const { report, told } = await judgedWith(command, port, '--token', 's3cret-value')
    expect(report).toMatchObject({ exitCode: 3, incomplete: { reason: 'the server of --start: TypeError: no key like ***' } })
    expect(report.verdicts.every(({ outcome, why }) => outcome === 'not-exercised' && why === 'blocked')).toBe(true)
    expect(report.verdicts.length).toBeGreaterThan(5)
    expect(told).toEqual(['the server of --start said last:', '  | reading config', '  | TypeError: no key like ***', '  |   at x.js'])
  })

  test.concurrent('that goes on in the background is no server of the kit, and is ended too', async () => {
    const port = await freePort()
    const { report } = await judgedWith(`${stream} ${port} &`, port)
    expect(report).toMatchObject({ exitCode: 3, incomplete: { reason: 'the server of --start: it ended with exit code 0' } })
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
  })

  test.concurrent('that ends by itself meanwhile makes the run incomplete, and says so', async () => {
    const port = await freePort()
    // a window that a machine with other work does not end before the server does
    const { report, told } = await judgedWith(`${stream} ${port} 100`, port, '--observe', '10s')
    expect(report.exitCode).not.toBe(0)
    expect(report.incomplete?.reason).toBe('the server of --start ended by itself while it was judged: exit code 7')
    expect(told).toContain('  | out of memory')
  })

  test.concurrent('whose connections end long before it does has ended by itself too', async () => {
    const port = await freePort()
    const dying = program('dying', `
      const server = require('node:http').createServer((req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: a\\n\\n')
        setTimeout(() => {
          server.closeAllConnections()
          // the port is open meanwhile, and nobody is behind it
          setImmediate(() => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); process.exit(9) })
        }, 100)
      }).listen(Number(process.argv[2]), '127.0.0.1')`)
    const { report } = await judgedWith(`${dying} ${port}`, port, '--observe', '10s')
    expect(report.incomplete?.reason).toBe('the server of --start ended by itself while it was judged: exit code 9')
    expect(report.exitCode).not.toBe(0)
  })

  test.concurrent('is not run beside a stranger on its port', async () => {
    const stranger = createServer((_, res) => res.end()).listen(0, '127.0.0.1')
    await once(stranger, 'listening')
    const { port } = stranger.address() as net.AddressInfo
    const marker = join(directory, 'marker')
    const { report } = await judgedWith(`touch '${marker}'; ${stream} ${port}`, port)
    stranger.close()
    expect(report).toMatchObject({ exitCode: 3, incomplete: { reason: expect.stringContaining(`http://127.0.0.1:${port}/ answers before the server of --start runs`) } })
    expect(() => readFileSync(marker)).toThrow('ENOENT')
  })
})

test('a process that is never ready is told apart from one that is', async () => {
  const port = await freePort()
  const child = start(program('silent', 'console.log("still compiling"); setInterval(() => {}, 1000)'))
  await child.firstLine(20_000)
  const waiting = child.reachable(`http://127.0.0.1:${port}/`, { answers: true, withinMs: 300 })
  await expect(waiting).rejects.toMatchObject({ message: 'it was not ready within 0.3 s', code: null, output: ['still compiling'] })
  await child.end()
  await expect(child.gone).resolves.toBe('SIGTERM')
})
