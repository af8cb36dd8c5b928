/** The kit as a library: what the package exports. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defineConfig, render, run, type Report } from '../harness/index.ts'
import { serveRaw } from '../servers/faulty/raw.ts'
import { chunked, join, streamHead } from '../spec/bytes.ts'

test('run judges as a bare command line does, render gives every format', async () => {
  const raw = await serveRaw((_, socket) => socket.end(join(streamHead, chunked('data: a\n\n'), '0\r\n\r\n')))
  const only = ['sse/framing/*']
  const report: Report = await run({ target: raw.url, only, observeMs: 300 })
  const posted = await run({ target: raw.url, only, observeMs: 300, body: 'x' })
  await raw.close()
  expect(report).toMatchObject({ schema: 'streamproof-report/1', exitCode: 0 })
  expect(posted.run.links).toBe(1)
  expect(raw.requests.at(-1)).toMatch(/^POST .*\r\n\r\nx$/s)
  expect(render(report, 'console')).toContain('exit 0')
  expect(render(report, 'junit')).toMatch(/^<\?xml/)
  expect(JSON.parse(render(report, 'json'))).toEqual(report)
  expect(await run({ target: 'http://127.0.0.1:9/', only })).toMatchObject({ exitCode: 3 })
})

test('what package.json exports is there, from a source or as a file', () => {
  const read = (path: string): unknown => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'))
  const { exports, files } = read('package.json') as { exports: Record<string, string | Record<string, string>>; files: string[] }
  const places = Object.values(exports).flatMap((place) => (typeof place === 'string' ? [place] : Object.values(place)))
  expect(places.length).toBeGreaterThan(2)
  for (const place of places) {
    const source = place.replace(/^\.\/dist\/(.*?)(?:\.d\.ts|\.js)$/, './$1.ts')
    expect(existsSync(new URL(`../${source}`, import.meta.url)), place).toBe(true)
    expect(place === './package.json' || files.some((name) => place.startsWith(`./${name}`)), place).toBe(true)
  }
  expect(defineConfig({ targets: [] })).toEqual({ targets: [] })
})
