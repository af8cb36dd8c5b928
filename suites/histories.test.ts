/**
 * Random histories of subscribers that come, break off, stall and come back, on every reference server in a process of
 * its own; and the proof that a wrong server is found out, by a history short enough to read.
 */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { NotReady, start, type Child } from '../harness/child.ts'
import type { OpenLink } from '../harness/link.ts'
import { Probe } from '../harness/probe.ts'
import { command, exits, references, type Ready } from '../servers/index.ts'
import type { Fault } from '../servers/stream/faults.ts'
import { histories, play } from './histories/commands.ts'
import { sequenceDiagram } from './histories/diagram.ts'
import { Model, type Channel, type Connection } from './histories/model.ts'

const seed = 20260316
/** for each reference server; a flood costs a tenth of a second */
const plain = { runs: 24, commands: 16 }
const flooded = { runs: 6, commands: 9 }
/** a server that is wrong on purpose falls within so many */
const faultyRuns = 300
const startMs = 15_000
/** small, so that floods overflow and long absences expire */
const tuned = { bufferBytes: 64 * 1024, replayEvents: 12 }
const promises = { replayEvents: tuned.replayEvents, resetEvent: 'reset', endEvent: 'end' }

const probe = new Probe({ insecure: false })
const children: Child[] = []
afterAll(async () => {
  probe.abort()
  await Promise.all(children.map((child) => child.end()))
})

async function serve(name: string, fault?: Fault): Promise<string> {
  const child = start(command(name, ['--port', '0', ...(fault ? ['--fault', fault] : [])]))
  children.push(child)
  return (JSON.parse(await child.firstLine(startMs)) as Ready).url
}

/** A fresh channel of a server, tuned. */
async function channelAt(server: string): Promise<Channel> {
  const url = new URL(`/channels/h-${randomBytes(6).toString('hex')}`, server).href
  const ask = async (method: string, to: string, body?: unknown): Promise<void> => {
    const headers = { 'Content-Type': 'application/json' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers }
    const answer = await fetch(to, { method, ...sent })
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`${method} ${to}: status ${answer.status}`)
  }
  await ask('PUT', url, tuned)
  return {
    publish: (events) => ask('POST', `${url}/events`, events),
    finish: () => ask('DELETE', url),
    open: async (lastEventId, stalled) => {
      const resuming = lastEventId ? [['Last-Event-ID', lastEventId] as const] : []
      const headers = [['Host', new URL(url).host], ['Accept', 'text/event-stream'], ...resuming] as const
      const link = probe.open({
        id: 'history', role: 'history', request: { method: 'GET', url, version: '1.1', headers },
        limit: { bytes: 64 * 1024 * 1024, lines: 65_536 }, ...(stalled ? { stalled: true } : {}),
      })
      if (!stalled) await link.head(5000)
      return connection(link)
    },
  }
}

const connection = (link: OpenLink): Connection => ({
  get isOver() {
    const { by, how } = link.link().ended
    return by === 'target' || how === 'complete'
  },
  answer: () => link.answer(),
  goOn: () => void link.read({ ms: 0 }, 0, true),
  // the text alone is searched, in what came last: decoding everything anew at each arrival would be quadratic
  until: (text, withinMs) => link.arrival(() =>
    Buffer.concat(link.link().chunks.slice(-3).map(({ bytes }) => bytes)).includes(text), withinMs),
  over: (withinMs) => link.read({ end: true, thenMs: 0 }, withinMs),
  leave: (by) => (by === 'RST' ? link.reset() : link.leave('window')),
})

const everybodyGetsEverything = (server: string, maxCommands: number, floods: boolean) =>
  fc.asyncProperty(histories(maxCommands, floods), async (commands) => {
    await play(new Model(promises), await channelAt(server), commands)
  })

describe.concurrent.each(references.map(({ name }) => name))('%s', (name) => {
  test('every subscriber ends with every event exactly once, in order', async ({ skip }) => {
    const server = await serve(name).catch((error: unknown) => {
      if (error instanceof NotReady && error.code === exits.unavailable) return skip(error.message)
      throw error
    })
    await fc.assert(everybodyGetsEverything(server, plain.commands, false), { seed, numRuns: plain.runs })
    await fc.assert(everybodyGetsEverything(server, flooded.commands, true), { seed, numRuns: flooded.runs })
  }, 60_000)
})

const lost = /comes where e\d{3} is next|e\d{3} never comes/

describe.concurrent('a wrong server is found out by a short history', () => {
  test.each([
    { fault: 'replayInclusive', floods: false, length: 10, shows: /e\d{3} comes where (?:e\d{3}|nothing) is next/ },
    { fault: 'replayGapOnRace', floods: false, length: 10, shows: lost },
    { fault: 'overflowDropsSilently', floods: true, length: 12, shows: lost },
  ] as const)('$fault', async ({ fault, floods, length, shows }) => {
    const server = await serve('node-http', fault)
    const details = await fc.check(everybodyGetsEverything(server, length, floods), { seed, numRuns: faultyRuns })
    expect(details.failed).toBe(true)
    const commands = String(details.counterexample?.[0]).replace(/ ?\/\*.*\*\/$/, '').split(',')
    expect(commands.length).toBeLessThanOrEqual(6)

    const { message } = details.errorInstance as Error
    expect(message).toMatch(shows)
    const [heads = '', ...rows] = message.split('\n').slice(2, -1)
    expect(heads).toMatch(/^ *publisher +server +[ABC]$/)
    expect(rows.some((row) => /\|-+ e001.* -+>\|/.test(row))).toBe(true)
    expect(rows.at(-1)).toMatch(/\*  [ABC]: WRONG: /)
    process.stdout.write(`${fault}: ${message}
`)
  }, 60_000)
})

test('a diagram has a column for each participant that takes part', () => {
  expect(sequenceDiagram(['publisher', 'server', 'A', 'B'], [
    { from: 'A', to: 'server', text: 'GET' },
    { from: 'publisher', to: 'server', text: 'e001' },
    { from: 'server', to: 'A', text: 'e001' },
    { at: 'A', note: 'leaves' },
  ]).split('\n')).toEqual([
    '  publisher    server         A',
    '      |           |<-- GET ---|',
    '      |-- e001 -->|           |',
    '      |           |-- e001 -->|',
    '      |           |           *  A: leaves',
  ])
})
