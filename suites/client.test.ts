/** Clients over real connections: right ones pass, each wrong one fails the rule it was made for; and the command line. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { watch } from '../clients/adapter.ts'
import { Source, standardHabits, type Habits } from '../clients/source.ts'
import { judgedBy, judgedClient, type ClientOptions } from '../harness/client.ts'
import { readLine, type Client, type Told } from '../harness/client/client.ts'
import { Log } from '../harness/client/log.ts'
import { parse, type Invocation } from '../harness/options.ts'
import { scenarioOf } from '../harness/client/scenarios.ts'
import { commandSecrets } from '../harness/secrets.ts'
import { clientRules, eventTypes } from '../spec/client/index.ts'
import { wrongSources } from './client/sources.ts'

// they wait for the patience of the kit
vi.setConfig({ maxConcurrency: 20 })

const root = fileURLToPath(new URL('..', import.meta.url))
const node = join(root, 'node_modules/.bin/node')
const asked = (only: readonly string[] = [], more: Partial<ClientOptions> = {}): ClientOptions =>
  ({ command: 'in this process', keep: false, atOnce: 8, only, skip: [], failOn: 'must', ...more })
const ruleId = (slug: string): string => `client/parser/${slug}`

/** Sources of this process behind the same protocol. */
function sources(habits: Partial<Habits> = {}, forget?: () => void): Client {
  let over = false
  const returns = habits.returns ?? standardHabits.returns
  return {
    open: (url) => {
      const told = new Log<Told>()
      const source = new Source(url, { ...standardHabits, ...habits, returns: (after) => !over && returns(after) })
      watch(source, eventTypes, (line) => told.add(readLine(JSON.stringify(line)).told), forget)
      return { told, close: async () => source.close() }
    },
    end: async () => {
      over = true
    },
  }
}

describe.concurrent('right clients', () => {
  test('the kit\'s own passes every rule but those of browsers, and the report follows its schema', async () => {
    const report = await judgedBy(() => sources(), asked())
    const rest = report.verdicts.filter(({ outcome }) => outcome !== 'pass')
    expect(rest.map(({ rule, outcome, why }) => [rule, outcome, why])).toEqual([
      [ruleId('cors-mode'), 'not-exercised', 'no-subject'],
      [ruleId('gc-abort'), 'not-exercised', 'refused'],
    ])
    expect(report.exitCode).toBe(0)
    expect(report.notes.map(({ text }) => text)).toEqual([expect.stringContaining('accept: text/event-stream')])
    const validate = new Ajv2020({ strictTypes: false }).compile(JSON.parse(readFileSync(join(root, 'spec/report.schema.json'), 'utf8')) as object)
    validate(JSON.parse(JSON.stringify(report)))
    expect(validate.errors).toBeNull()
  }, 60_000)

  test('a kept process that dies is replaced', async () => {
    const command = `${node} ${join(root, 'suites/client/sources.ts')} 'dies of a long line'`
    const rules = [ruleId('bounded-memory'), ruleId('one-space'), ruleId('id-sticky')]
    const report = await judgedClient(asked(rules, { command, keep: true, atOnce: 1 }))
    const failed = report.verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)
    expect([failed, report.counts.pass]).toEqual([[ruleId('bounded-memory')], 2])
  }, 60_000)

  test.each([true, false])('as a command, kept %s', async (keep) => {
    const command = `${node} ${join(root, 'clients/decoder.ts')}`
    const report = await judgedClient(asked([ruleId('order'), ruleId('id-sticky'), ruleId('close-aborts')], { command, keep, atOnce: 2 }))
    expect(report.verdicts.map(({ outcome }) => outcome)).toEqual(['pass', 'pass', 'pass'])
    expect(report.target).toEqual({ url: command, kind: 'client' })
  }, 60_000)
})

describe.concurrent('a client that', () => {
  test.concurrent.each(Object.entries(wrongSources))('%s', async (name, { rule, habits, forget, ends }) => {
    const report = ends
      ? await judgedClient(asked([ruleId(rule)], { command: `${node} ${join(root, 'suites/client/sources.ts')} '${name}'` }))
      : await judgedBy(() => sources(habits, forget), asked([ruleId(rule)]))
    expect(report.verdicts.map((verdict) => [verdict.rule, verdict.outcome, verdict.note])).toEqual([[ruleId(rule), 'fail', undefined]])
  }, 60_000)

  test('each rule that a scenario shows has a wrong one', () => {
    const killed = Object.values(wrongSources).map(({ rule }) => ruleId(rule))
    expect(clientRules.filter((rule) => scenarioOf(rule) && !killed.includes(rule.id)).map(({ id }) => id)).toEqual([])
  })
})

describe.concurrent('a command that is no client', () => {
  const reason = async (script: string): Promise<string | undefined> => {
    const report = await judgedClient(asked([ruleId('order')], { command: `${node} --eval ${JSON.stringify(script)}` }))
    expect(report.exitCode).toBe(3)
    expect(report.verdicts.map(({ outcome }) => outcome)).toEqual(['not-exercised'])
    return report.incomplete?.reason
  }
  test('ends', async () => expect(await reason('process.exit(3)')).toBe('the client ended before it told of an event: exit code 3'))
  test('fails', async () => expect(await reason('throw new Error(\'no such host\')')).toMatch(/exit code 1; it said .*no such host/))
  test('prints something else', async () => expect(await reason('console.log(42)')).toMatch(/^the client printed "42"; expected is one JSON line/))
})

test('an interrupted run judges what was seen, and ends what it started', async () => {
  const controller = new AbortController()
  const progress = (line: string): void => {
    if (line.includes('deliveries')) controller.abort()
  }
  const command = `${node} ${join(root, 'clients/decoder.ts')}`
  const report = await judgedClient(asked([], { command, keep: true }), { signal: controller.signal, progress })
  expect([report.interrupted, report.exitCode]).toEqual([true, 3])
}, 60_000)

describe('the command line', () => {
  const read = (...argv: string[]): Invocation => parse(['client', ...argv], { env: {}, rules: ['sse/framing/x'], version: '1', readFile: () => Buffer.alloc(0) })
  test('every flag', () => {
    expect(read('--cmd', 'TOKEN=s3cr3t node c.js', '--keep', '--at-once', '2', '--only', 'client/parser/id-*', '--fail-on', 'should')).toEqual({
      command: 'client',
      client: { command: 'TOKEN=s3cr3t node c.js', keep: true, atOnce: 2, only: ['client/parser/id-*'], skip: [], failOn: 'should' },
      reports: [{ format: 'console' }],
      again: 'client --cmd \'TOKEN=*** node c.js\' --keep --at-once 2 --fail-on should',
    })
  })
  test.each([
    [[], 'client without a command'],
    [['--cmd', ' '], 'client without a command'],
    [['--cmd', 'x', '--at-once', '0'], '--at-once 0'],
    [['--cmd', 'x', '--only', 'sse/framing/*'], 'matches no rule'],
    [['--cmd', 'x', '--target', 'http://a/'], '--target, which is no option'],
  ])('%j', (argv, given) => expect(read(...argv)).toMatchObject({ command: 'mistake', usage: { given: expect.stringContaining(given) } }))
})

test('lines of the protocol', () => {
  const line = (value: unknown): unknown => readLine(JSON.stringify(value)).told
  expect(line({ type: 'a', data: 'b', lastEventId: 'c', origin: 'd' })).toEqual({ kind: 'event', event: { type: 'a', data: 'b', lastEventId: 'c' }, origin: 'd' })
  expect(line({ type: 'a', data: 'b' })).toEqual({ kind: 'event', event: { type: 'a', data: 'b', lastEventId: '' } })
  expect(line({ open: true })).toEqual({ kind: 'open' })
  expect(line({ error: true, readyState: 2 })).toEqual({ kind: 'error', readyState: 2 })
  expect(line({ error: true, readyState: '2' })).toEqual({ kind: 'error' })
  expect(line({ closed: true })).toEqual({ kind: 'closed' })
  expect(line({ forgotten: true })).toEqual({ kind: 'forgotten' })
  for (const noise of [42, null, [], {}, { type: 'a', data: 1 }, { open: 'yes' }]) expect(line(noise)).toMatchObject({ kind: 'noise' })
  expect(readLine('not JSON')).toEqual({ told: { kind: 'noise', text: 'not JSON' } })
  expect(readLine('{"open":true,"url":"http://x/"}')).toEqual({ told: { kind: 'open' }, url: 'http://x/' })
})

test('secrets of a command', () => {
  expect(commandSecrets('API_KEY=abcdef123 node c.js --token "tok en" --name plain --at http://u:pass1@h/?key=query1'))
    .toEqual(expect.arrayContaining(['abcdef123', 'tok en', 'pass1', 'query1']))
  expect(commandSecrets('node clients/undici.ts')).toEqual([])
})
