/**
 * How long a whole run takes, and how many driven cases a second: `npm run bench`. Figures of one machine at one time;
 * only the ratios travel.
 */
import { drive } from '../harness/drive.ts'
import { Probe } from '../harness/probe.ts'
import { ordinaryRequest, type RunOptions } from '../harness/request.ts'
import { run } from '../harness/run.ts'
import { streamRules } from '../harness/selection.ts'
import { drivePool } from '../harness/pool.ts'
import type { SentRequest } from '../spec/model.ts'
import { command, references, type Ready } from '../servers/index.ts'
import { suites } from '../suites/sse/index.ts'
import type { Property } from '../suites/stimulus.ts'
import { median, serve } from './server.ts'

const cases = 3000
const rounds = 3

const options = (target: string): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, only: [], skip: [], failOn: 'must', allowOriginChange: false,
})

const found = suites.flatMap(({ properties }) => properties).find(({ id }) => id === 'framing/multiline-data')
if (!found) throw new Error('the property that is measured is gone')
// short payloads only: the rate is of cases, not of bytes
const property: Property = { ...found, examples: [], runs: cases }

/** Cases a second; `atOnce` connections side by side, on each of them one case after the other. */
async function perSecond(request: SentRequest, atOnce: number, fresh = false): Promise<number> {
  const probe = new Probe({ insecure: false })
  const measured: Property = { ...property, runs: cases / atOnce, ...(fresh ? { fresh: true as const } : {}) }
  const began = performance.now()
  const done = await Promise.all(Array.from({ length: atOnce }, (_, i) =>
    drive(measured, streamRules, probe.keep(), { probe, request, declares: {}, seed: i })))
  probe.abort()
  const failed = done.some(({ byRule }) => [...byRule.values()].some(({ failing }) => failing.length > 0))
  if (failed) throw new Error('a case failed: nothing to measure')
  return done.reduce((sum, one) => sum + one.cases, 0) / ((performance.now() - began) / 1000)
}

/** The floor: the same requests on one connection, nobody looking at the answers. */
async function floor(request: SentRequest): Promise<number> {
  const probe = new Probe({ insecure: false })
  const connection = probe.keep()
  const asked = { ...request, body: JSON.stringify({ events: [{ data: 'a\nb' }, { data: 'anchor' }], end: 'close' }) }
  const began = performance.now()
  for (let i = 0; i < cases; i++) await connection.send({ id: 'floor', role: 'play', request: asked }, 5000)
  probe.abort()
  return cases / ((performance.now() - began) / 1000)
}

for (const { name, label } of references) {
  const server = await serve(command(name, ['--port', '0']))
  if (!server) {
    process.stdout.write(`${label}: no binary for Node ${process.versions.node}\n`)
    continue
  }
  try {
    const { descriptor, url } = JSON.parse(server.line) as Ready
    const { body: _, ...ordinary } = ordinaryRequest(options(new URL('play', url).href))
    const request: SentRequest = { ...ordinary, method: 'POST', headers: [...ordinary.headers, ['Content-Type', 'application/json']] }
    const kept: number[] = []
    const asRun: number[] = []
    const opened: number[] = []
    const bare: number[] = []
    await perSecond(request, drivePool.atOnce)
    for (let round = 0; round < rounds; round++) {
      bare.push(await floor(request))
      kept.push(await perSecond(request, 1))
      asRun.push(await perSecond(request, drivePool.atOnce))
      opened.push(await perSecond(request, 1, true))
    }
    const report = await run(options(descriptor))
    process.stdout.write([
      `${label}: whole run ${(report.run.ms / 1000).toFixed(1)} s, ${report.run.cases} cases, ${report.run.links} connections`,
      `  judged cases a second: ${median(asRun).toFixed(0)} as a run drives them (${drivePool.atOnce} kept connections); one after the other `
        + `${median(kept).toFixed(0)} kept alive (${(median(kept) / median(bare)).toFixed(2)} of unjudged), ${median(opened).toFixed(0)} on fresh sockets`,
      '',
    ].join('\n'))
  } finally {
    await server.stop()
  }
}
