/** A client that comes back to a server that nobody drives: what an earlier connection saw tells what is wrong. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { run } from '../harness/run.ts'

vi.setConfig({ maxConcurrency: 8, testTimeout: 30_000 })

const block = (id: number, data = `event ${id}`): string => `id: ${id}\ndata: ${data}\n\n`

/** What a client gets first that names an event, of a history that goes on: events of it, or a block of another kind. */
type Replay = (named: number, history: readonly number[]) => readonly (number | string)[]

/** Rules about resuming that fail on a server with 30 events of history and a new one each 300 ms. */
async function failing(replay: Replay): Promise<string[]> {
  const history = Array.from({ length: 30 }, (_, i) => i + 1)
  const open = new Set<http.ServerResponse>()
  const server = http.createServer((req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    const named = req.headers['last-event-id']
    res.write(typeof named === 'string' ? replay(Number(named), history).map((one) => (typeof one === 'string' ? one : block(one))).join('') : '')
    open.add(res)
    res.on('close', () => open.delete(res))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const timer = setInterval(() => {
    const id = history.length + 1
    history.push(id)
    for (const res of open) res.write(block(id))
  }, 300)
  try {
    const { verdicts } = await run({
      target: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, method: 'GET', headers: [], insecure: false, observeMs: 1000,
      only: ['sse/resume/*'], provoked: ['sse/resume/order'], skip: [], failOn: 'advice', allowOriginChange: false,
    })
    return verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)
  } finally {
    clearInterval(timer)
    server.close()
    server.closeAllConnections()
  }
}

const after: Replay = (named, history) => history.filter((id) => id > named)

test.concurrent.each<[string, Replay, string[]]>([
  ['what came after the named event', after, []],
  ['the named event too', (named, history) => history.filter((id) => id >= named), ['sse/resume/exclusive']],
  ['live events only', () => [], []],
  ['everything from the named connection on', (named, history) => history.filter((id) => id > named - 3), ['sse/resume/honours-last-event-id']],
  ['the whole history in place of nothing', (_, history) => history, ['sse/resume/honours-last-event-id']],
  ['a history with a hole', (named, history) => history.filter((id) => id > named + 1), ['sse/resume/no-gap']],
  ['a snapshot under the newest id', (_, history) => [block(history.length, 'all of it')], []],
  ['new before old', (named) => [901, 902, named - 2, named - 3], ['sse/resume/order']],
])('%s', async (_, replay, rules) => {
  expect(await failing(replay)).toEqual(rules)
})
