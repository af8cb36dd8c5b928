/** Each fault of the sockets shows what it says, and the right server does not. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { client } from '../spec/ws/frame.ts'
import { start } from '../servers/node-http.ts'
import { socket as socketFaults } from '../servers/stream/faults/socket.ts'
import type { Running } from '../servers/stream/service.ts'
import { Client, countTo, handshake, numbers, raw, start20, statsOf } from './sockets/stand.ts'

type Symptom = (running: Running) => Promise<boolean>

const origin = 'https://a.example'
const at = ({ url }: Running): string => `${url}channels/c/socket`
const open = (running: Running, query = ''): Promise<Client> => new Client(`${at(running)}${query}`).open()
const tune = (url: string, values: object): Promise<unknown> => fetch(`${url}channels/c`, { method: 'PUT', body: JSON.stringify(values) })
const types = (one: Client): string[] => one.got.map((reply) => (typeof reply === 'object' && 'type' in reply ? reply.type : 'bytes'))

/** What a ping is answered behind: all that was to come before it has come. */
async function settled(one: Client): Promise<string[]> {
  one.say({ type: 'ping', ref: 'last' })
  await one.until(() => one.replies('pong').length > 0)
  return types(one).slice(0, -1)
}

async function cancelled(running: Running): Promise<string[]> {
  const one = await open(running)
  one.say({ ...start20, everyMs: 3 })
  await one.until(() => numbers(one).length >= 3)
  one.say({ type: 'cancel', stream: 's1' })
  await one.until((got) => got.length > 20 || one.replies('cancelled').length > 0)
  return settled(one)
}

async function resumed(running: Running): Promise<readonly number[]> {
  const one = await open(running)
  one.say(start20)
  await one.until(() => numbers(one).length >= 5)
  const two = await open(running, `?stream=s1&lastEventId=${one.replies('chunk')[4]?.id}`)
  await two.until(() => two.replies('done').length > 0)
  return numbers(two)
}

async function ended(running: Running, more: { readonly failAt?: number } = {}): Promise<string[]> {
  const one = await open(running)
  one.say({ ...start20, count: 3, ...more })
  await one.until(() => numbers(one).length >= 2)
  // The end comes with the last chunk, and an error when the next one is due.
  await one.until(() => types(one).length >= (more.failAt === undefined ? 3 : more.failAt + 1))
  return settled(one)
}

const tokenOf = async (url: string, user: string): Promise<string> =>
  ((await (await fetch(`${url}tokens`, { method: 'POST', body: JSON.stringify({ user, ttlMs: 60_000 }) })).json()) as { readonly token: string }).token
const secured = (url: string, query: string): Promise<Client> => new Client(`${url}secure/c/socket?${query}`).open()

/** Whether it has happened within this time, ms: what must not happen gives no event. */
const within = (ms: number, event: Promise<unknown>): Promise<boolean> =>
  Promise.race([event.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, ms, false))])

async function keepsDeadPeer({ url }: Running): Promise<boolean> {
  await tune(url, { heartbeatMs: 50 })
  const peer = await raw(`${url}channels/c/socket`)
  peer.resume()
  const kept = !(await within(700, once(peer, 'close')))
  peer.destroy()
  return kept
}

const symptoms: Readonly<Record<keyof typeof socketFaults, Symptom>> = {
  streamCancelIgnored: async (running) => (await cancelled(running)).includes('done'),
  chunkAfterCancel: async (running) => (await cancelled(running)).at(-1) === 'chunk',
  doneTwice: async (running) => (await ended(running)).filter((type) => type === 'done').length === 2,
  endMissing: async (running) => !(await ended(running)).includes('done'),
  errorAsDone: async (running) => (await ended(running, { failAt: 2 })).includes('done'),
  resumeRepeats: async (running) => (await resumed(running))[0] === 4,
  resumeSkips: async (running) => (await resumed(running))[0] === 6,
  resumeReruns: async (running) => String(await resumed(running)) === String(countTo(20)),
  unknownIdSilent: async (running) => {
    const one = await open(running, '?stream=s9&lastEventId=x')
    return !(await settled(one)).includes('reset')
  },
  streamOfAnybody: async ({ url }) => {
    const one = await secured(url, `token=${await tokenOf(url, 'ann')}`)
    one.say(start20)
    await one.until(() => numbers(one).length > 0)
    const thief = await secured(url, `token=${await tokenOf(url, 'bob')}&stream=s1`)
    return !(await settled(thief)).includes('reset')
  },
  takeoverBoth: async (running) => {
    const one = await open(running)
    one.say({ ...start20, count: 40 })
    await one.until(() => numbers(one).length >= 5)
    const two = await open(running, '?stream=s1')
    await two.until(() => two.replies('done').length > 0)
    return one.replies('done').length > 0
  },
  streamNeverDropped: async (running) => {
    await tune(running.url, { replayMs: 50 })
    const one = await open(running)
    one.say({ ...start20, count: 1000 })
    await one.until(() => numbers(one).length > 0)
    await one.end()
    return !(await within(600, expect.poll(async () => (await statsOf(running.url)).plays, { timeout: 3000 }).toBe(0).catch(() => new Promise(() => {}))))
  },
  pingMissing: keepsDeadPeer,
  deadPeerKept: keepsDeadPeer,
  originUnchecked: async (running) => (await handshake(at(running), { Origin: 'https://b.example' })) === 101,
  originByPrefix: async (running) => (await handshake(at(running), { Origin: `${origin}.b.example` })) === 101,
  tokenOnlyFirst: async ({ url }) => {
    const token = await tokenOf(url, 'ann')
    const one = await secured(url, `token=${token}`)
    await fetch(`${url}tokens/${token}`, { method: 'DELETE' })
    return !(await within(500, one.closed))
  },
  closeCode1000: async ({ url }) => {
    const one = await secured(url, '')
    one.say({ type: 'auth', token: 'wrong' })
    return (await one.closed).code === 1000
  },
  queueUnbounded: async ({ url }) => {
    const peer = await raw(`${url}channels/c/socket`)
    peer.pause()
    peer.write(client.text(JSON.stringify({ type: 'start', stream: 's1', count: 16_000, bytes: 1000, everyMs: 0 })))
    const other = await new Client(`${url}channels/c/socket`).open()
    other.say({ ...start20, stream: 's2', count: 100 })
    await other.until(() => other.replies('done').length > 0)
    const { bufferedBytes = 0 } = await statsOf(url)
    peer.destroy()
    return bufferedBytes > 2_000_000
  },
  throwSwallowed: async (running) => {
    const one = await open(running)
    one.say({ type: 'throw' }, { type: 'ping', ref: 'r' })
    return Promise.race([one.closed.then(() => false), one.until(() => one.replies('pong').length > 0).then(() => true)])
  },
  badMessageCloses1011: async (running) => {
    const one = await open(running)
    one.socket.send('no')
    return Promise.race([one.closed.then(({ code }) => code === 1011), one.until(() => one.replies('error').length > 0).then(() => false)])
  },
  fanOutTwice: async (running) => {
    const one = await open(running)
    one.say({ type: 'publish', events: [{ data: 'x' }], ref: 'r' })
    return (await settled(one)).filter((type) => type === 'event').length === 2
  },
  socketsCutOnShutdown: async (running) => {
    const one = await open(running)
    void running.close()
    return (await one.closed).code === 1006
  },
}

test.for(Object.entries(symptoms))('%s', { timeout: 15_000 }, async ([fault, symptom]) => {
  for (const [wrong, options] of [[false, {}], [true, { fault: fault as keyof typeof socketFaults }]] as const) {
    const running = await start({ origin, ...options })
    try {
      expect(await symptom(running), wrong ? 'the fault does not show' : 'the right server shows it').toBe(wrong)
    } finally {
      await running.close()
    }
  }
})
