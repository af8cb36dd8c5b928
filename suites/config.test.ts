/** The config file: what it means, what a mistake in it is told, and several targets through the real command line. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { configOf, defineConfig, starter, testsOf, type Config } from '../harness/config.ts'
import { parse, type Surroundings, type TestInvocation } from '../harness/options.ts'
import { surroundings } from '../harness/terminal.ts'
import { Mistake } from '../harness/values.ts'
import { serveRaw, type Raw } from '../servers/faulty/raw.ts'
import { chunked, join as bytes, streamHead } from '../spec/bytes.ts'
import schema from '../spec/config.schema.json' with { type: 'json' }

vi.setConfig({ testTimeout: 60_000 })

const root = mkdtempSync(join(tmpdir(), 'streamproof-config-'))
afterAll(() => rmSync(root, { recursive: true }))

/** A config file in a directory of its own. */
function configFile(content: unknown, name = 'streamproof.config.json'): string {
  const directory = mkdtempSync(join(root, 'at-'))
  const file = join(directory, name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const around = (file: string, env: Surroundings['env'] = {}): Surroundings => ({ ...surroundings, env, config: file })

async function testsIn(content: unknown, argv: readonly string[] = [], env?: Surroundings['env']): Promise<TestInvocation[]> {
  const file = typeof content === 'string' && content.startsWith('/') ? content : configFile(content)
  const invocation = parse(argv, around(file, env))
  if (invocation.command !== 'configured') throw new Error(JSON.stringify(invocation))
  return testsOf(invocation, around(file, env))
}

async function mistakeIn(content: unknown, argv?: readonly string[], env?: Surroundings['env']): Promise<string> {
  try {
    await testsIn(content, argv, env)
  } catch (error) {
    if (error instanceof Mistake) return `${error.usage.given} | ${error.usage.accepted} | ${error.usage.type}`
    throw error
  }
  throw new Error('nothing was wrong')
}

const url = 'http://127.0.0.1:3000/stream'
const one = { name: 'one', url }
const two = { name: 'two', url: 'http://127.0.0.1:3001/stream' }

describe('a target', () => {
  test('is asked and judged as the same flags would say', async () => {
    const config: Config = {
      targets: [{
        name: 'chat', url, method: 'QUERY', headers: { 'X-Key': '$KEY' }, body: { stream: true }, origin: 'https://app.test', insecure: true,
        allowOriginChange: true, start: 'node server.js', waitFor: 'http://127.0.0.1:3000/ready', only: ['sse/framing/*'], skip: ['sse/framing/cr-in-data'],
        failOn: 'should', profile: 'safe', budget: 7, observe: '2s', seed: 3, runs: 4, reports: ['console', 'json=out/{name}.json'],
      }],
    }
    const file = configFile(config)
    const env = { KEY: 'k' }
    const [tested, ...rest] = await testsIn(file, [], env)
    const typed = parse([
      url, '--method', 'QUERY', '--header', 'X-Key: $KEY', '--body', '{"stream":true}', '--origin', 'https://app.test', '--insecure', '--allow-origin-change',
      '--start', 'node server.js', '--wait-for', 'http://127.0.0.1:3000/ready', '--only', 'sse/framing/*', '--skip', 'sse/framing/cr-in-data',
      '--fail-on', 'should', '--profile', 'safe', '--budget', '7', '--observe', '2s', '--seed', '3', '--runs', '4',
      '--report', 'console', '--report', `json=${dirname(file)}/out/chat.json`,
    ], { ...around(file, env) })
    expect(rest).toEqual([])
    expect(tested).toEqual({ ...typed, again: 'chat', directory: dirname(file) })
  })

  test('has what holds for all, unless it says otherwise; headers and thresholds are merged', async () => {
    const [first, second] = await testsIn({
      failOn: 'advice', headers: { 'X-A': '1', 'X-B': '1' }, thresholds: { 'first-byte': 900 }, observe: 1500,
      targets: [one, { ...two, failOn: 'must', headers: { 'X-B': '2' }, thresholds: { flush: 300 } }],
    })
    expect(first?.run).toMatchObject({ failOn: 'advice', headers: [['X-A', '1'], ['X-B', '1']], thresholds: { 'first-byte': 900 }, observeMs: 1500 })
    expect(second?.run).toMatchObject({ failOn: 'must', headers: [['X-A', '1'], ['X-B', '2']], thresholds: { 'first-byte': 900, flush: 300 }, observeMs: 1500 })
  })

  test('can be the only one, with other flags, and is named in the command that shows it again', async () => {
    const tests = await testsIn({ failOn: 'should', targets: [one, two] }, ['test', 'two', '--fail-on', 'advice', '--header', 'X-Key: secret-1'])
    expect(tests.map(({ run, again }) => [run.target, run.failOn, again])).toEqual([[two.url, 'advice', 'two --header \'X-Key: ***\' --fail-on advice']])
  })

  test('may lack a variable as long as it is not asked for', async () => {
    const config = { targets: [one, { ...two, token: '$NOPE' }] }
    expect(await testsIn(config, ['one'])).toHaveLength(1)
    expect(await mistakeIn(config)).toMatch(/target two: --token names \$NOPE, which is not set .* export NOPE=…/)
  })

  test('reads files beside the config', async () => {
    const file = configFile({ targets: [{ ...one, body: '@ask.json', baseline: 'known.json' }] })
    writeFileSync(join(dirname(file), 'ask.json'), '{"a":1}')
    writeFileSync(join(dirname(file), 'known.json'), '{"schema":"streamproof-baseline/1"}')
    expect((await testsIn(file))[0]).toMatchObject({
      run: { method: 'POST', body: '{"a":1}' }, baseline: { file: join(dirname(file), 'known.json'), entries: { known: [], flaky: [] } },
    })
  })
})

/** A module that exports a config. */
const source = (targets: string): string => `import { defineConfig } from '${new URL('../harness/index.ts', import.meta.url).href}'\nexport default defineConfig({ targets: ${targets} })\n`

test('the summary of a CI step takes the reports of all targets', async () => {
  const env = { GITHUB_STEP_SUMMARY: '/tmp/summary.md' }
  const tests = await testsIn({ reports: ['markdown=$GITHUB_STEP_SUMMARY'], targets: [one, two] }, [], env)
  expect(tests.map(({ reports }) => reports)).toEqual(Array(2).fill([{ format: 'markdown', file: '/tmp/summary.md' }]))
})

describe('a file', () => {
  test.each(['mjs', 'js'])('may be a .%s module', async (extension) => {
    const file = configFile(source(`[{ name: 'one', url: '${url}' }]`), `streamproof.config.${extension}`)
    if (extension === 'js') writeFileSync(join(dirname(file), 'package.json'), '{"type":"module"}')
    expect(configOf(dirname(file))).toBe(`streamproof.config.${extension}`)
    expect((await testsIn(file)).map(({ again }) => again)).toEqual(['one'])
  })

  test('that has changed is read again', async () => {
    const file = configFile(source('[{ name: "one", url: "http://a.test/" }]'), 'streamproof.config.mjs')
    expect((await testsIn(file))[0]?.again).toBe('one')
    writeFileSync(file, source('[{ name: "other", url: "http://a.test/" }]'))
    expect((await testsIn(file))[0]?.again).toBe('other')
  })

  test('is not looked for when there is a URL', () => {
    expect(parse([url], around('streamproof.config.ts')).command).toBe('test')
    expect(parse([], around('streamproof.config.ts'))).toMatchObject({ command: 'configured', file: 'streamproof.config.ts' })
    expect(parse(['--config', 'x.json', 'chat'], surroundings)).toMatchObject({ command: 'configured', file: 'x.json', name: 'chat' })
  })
})

describe('a mistake names the file, the place, what is right and what to type', () => {
  test.each<[string, unknown, readonly string[], RegExp]>([
    ['no targets', {}, [], /config\.json: the document has no "targets" \| a list of one target or more/],
    ['an empty list', { targets: [] }, [], /\/targets is not what .*\[\{"name":"chat","url":"http/],
    ['a member misspelt', { targets: [{ ...one, waitfor: url }] }, [], /\/targets\/0 has "waitfor", .*"waitFor"/],
    ['a member of a target for all', { url, targets: [one] }, [], /the document has "url"/],
    ['no name', { targets: [{ url }] }, [], /\/targets\/0 has no "name" .*"name": "chat"/],
    ['a name with a slash', { targets: [{ ...one, name: 'a/b' }] }, [], /\/targets\/0\/name is not .*letters, digits/],
    ['another scheme', { targets: [{ ...one, url: 'ftp://x/' }] }, [], /\/targets\/0\/url is not .*http, https, ws, wss/],
    ['an impossible URL', { targets: [{ ...one, url: 'http://[' }] }, [], /target one: http:\/\/\[ is no valid URL/],
    ['a number as text', { budget: '3', targets: [one] }, [], /\/budget is not .*whole number of connections.*"budget": 30/],
    ['a header that is no text', { headers: { 'X-A': 1 }, targets: [one] }, [], /\/headers\/X-A is not .*a text/],
    ['a time', { targets: [{ ...one, observe: '5x' }] }, [], /target one: --observe 5x/],
    ['a glob for nothing', { targets: [{ ...one, only: ['sse/nope/*'] }] }, [], /target one: --only sse\/nope\/\*, which matches no rule/],
    ['a threshold', { targets: [{ ...one, thresholds: { 'frist-byte': 1 } }] }, [], /target one: --threshold frist-byte.* first-byte/],
    ['two of one name', { targets: [one, one] }, [], /two targets of the name one/],
    ['the name of a command', { targets: [{ ...one, name: 'rules' }] }, [], /rules cannot be the name of a target/],
    ['an unknown name', { targets: [one, two] }, ['tow'], /tow, which is no target of .* one, two, or a URL \| streamproof two/],
    ['one file for two', { reports: ['junit=a.xml'], targets: [one, two] }, [], /junit reports of several targets to .*a\.xml .*"junit=report-\{name\}\.xml"/],
    ['standard output for two', { reports: ['json'], targets: [one, two] }, [], /json reports of several targets to standard output/],
    ['no JSON', '{', [], /cannot be loaded: SyntaxError/],
  ])('%s', async (_, content, argv, said) => expect(await mistakeIn(content, argv)).toMatch(said))

  test.each<[string, string, RegExp]>([
    ['no default export', 'export const a = 1', /has no default export/],
    ['a module that throws', 'throw new Error("boom\\u001b[2J")', /cannot be loaded: Error: boom/],
  ])('%s', async (_, content, said) => expect(await mistakeIn(configFile(content, 'streamproof.config.mjs'))).toMatch(said))

  test('no such file, and a file beside a URL', async () => {
    expect(await mistakeIn('/nowhere/x.json')).toMatch(/\/nowhere\/x\.json: there is no such file/)
    expect(parse(['--config', 'x.json', url], surroundings)).toMatchObject({ command: 'mistake', usage: { given: '--config and a URL' } })
  })

  test('a value is never quoted: it may be secret', async () => {
    for (const member of [{ token: ['s3cret-token'] }, { headers: { Authorization: { a: 's3cret-token' } } }, { body: 's3cret-token', method: 3 }]) {
      expect(await mistakeIn({ targets: [{ ...one, ...member }] })).not.toContain('s3cret')
    }
  })
})

test('the schema describes every member, and has the same settings for one target as for all', () => {
  const { targets: _, $schema: __, ...common } = schema.properties
  const { name: ___, url: ____, ...own } = schema.$defs.target.properties
  expect(own).toEqual(common)
  for (const definition of Object.values(schema.$defs)) {
    expect(definition.description).toMatch(/./)
    expect(definition.examples.length).toBeGreaterThan(0)
  }
  expect(defineConfig({ targets: [one] })).toEqual({ targets: [one] })
})

describe.concurrent('the command line', () => {
  const cli = fileURLToPath(new URL('../harness/cli.ts', import.meta.url))
  let right: Raw
  let wrong: Raw
  beforeAll(async () => {
    right = await serveRaw((_, socket) => socket.end(bytes(streamHead, chunked('data: a\n\n'), '0\r\n\r\n')))
    wrong = await serveRaw((_, socket) => socket.end(bytes(streamHead.replace('text/event-stream', 'text/plain'), chunked('data: a\n\n'), '0\r\n\r\n')))
  })
  afterAll(async () => {
    await right.close()
    await wrong.close()
  })

  async function run(cwd: string, ...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [cli, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, out, err }
  }

  test('tests one target after the other, a report each, and exits with the worst', async () => {
    const file = configFile({
      only: ['sse/framing/*', 'sse/headers/content-type'], observe: '300ms', reports: ['console', 'json=reports/{name}.json'],
      targets: [{ name: 'wrong', url: wrong.url }, { name: 'right', url: right.url }],
    })
    const directory = dirname(file)
    mkdirSync(join(directory, 'reports'))
    const all = await run(directory)
    expect(all).toMatchObject({ code: 1, err: '' })
    expect(all.out.indexOf('exit 1')).toBeGreaterThan(0)
    expect(all.out.indexOf('exit 0')).toBeGreaterThan(all.out.indexOf('exit 1'))
    expect(all.out).toContain('npx streamproof wrong --only ')
    expect(readdirSync(join(directory, 'reports')).toSorted()).toEqual(['right.json', 'wrong.json'])
    expect(JSON.parse(readFileSync(join(directory, 'reports/right.json'), 'utf8'))).toMatchObject({ target: { url: right.url }, exitCode: 0 })
    expect(await run(directory, 'right')).toMatchObject({ code: 0 })
  })

  // vitest would transform what it imports: TypeScript is for a Node of its own
  test('strips types, and says what it cannot strip', async () => {
    const file = configFile(source(`[{ name: 'one', url: '${url}' }] satisfies object[]`), 'streamproof.config.ts')
    expect(await run(dirname(file), '--plan')).toMatchObject({ code: 0, out: expect.stringContaining(`first: GET ${url}`) })
    writeFileSync(join(dirname(file), 'package.json'), '{"type":"commonjs"}')
    expect(await run(dirname(file))).toMatchObject({ code: 2, err: expect.stringContaining('Type: mv streamproof.config.ts streamproof.config.mts') })
    const { code, err } = await run(dirname(configFile('enum A { B }\nexport default A', 'streamproof.config.ts')))
    expect(code).toBe(2)
    expect(err).toMatch(/^streamproof: streamproof\.config\.ts cannot be loaded: .*enum.*\n$/)
  })

  test('init writes a config file once, and it can be run', async () => {
    const directory = mkdtempSync(join(root, 'init-'))
    writeFileSync(join(directory, 'package.json'), '{"type":"commonjs"}')
    expect(await run(directory, 'init', 'http://a.test/s')).toEqual({ code: 0, out: 'streamproof.config.mts written. Type: streamproof\n', err: '' })
    expect(readFileSync(join(directory, 'streamproof.config.mts'), 'utf8')).toBe(starter('http://a.test/s'))
    expect(await run(directory, '--plan')).toMatchObject({ code: 0, out: expect.stringContaining('first: GET http://a.test/s') })
    expect(await run(directory, 'init')).toMatchObject({ code: 2, err: expect.stringContaining('streamproof.config.mts is there already') })
  })
})
