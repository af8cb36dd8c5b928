/** Who may connect to the WebSockets of the reference servers, who is dropped, and what becomes of them at the end. */
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { client } from '../spec/ws/frame.ts'
import { FrameReader } from '../spec/ws/reader.ts'
import { Client, Stand, countTo, handshake, names, numbers, raw, start20, started, statsOf } from './sockets/stand.ts'

const stand = new Stand()

/** For a raw peer, which answers no ping: on a busy machine it would be taken for dead, or stalled, before it has read all. */
const patient = { heartbeatMs: 60_000, stallMs: 60_000 }
beforeAll(() => stand.start(), 30_000)
afterAll(() => stand.end())

describe.each(names)('%s', (name) => {
  const at = ({ skip }: TestContext): ReturnType<Stand['at']> => stand.at(name, { skip: (note) => skip(note) })

  test('takes a token from the field, the query, the subprotocol and the first message', async (context) => {
    const { url, secure } = at(context)
    const issue = async (user: string, ttlMs = 60_000): Promise<string> => {
      const response = await fetch(`${url}tokens`, { method: 'POST', body: JSON.stringify({ user, ttlMs }) })
      return ((await response.json()) as { readonly token: string }).token
    }
    const token = await issue('ann')
    const carrier = `streamproof.token.${Buffer.from(token).toString('base64url')}`
    const clients = await Promise.all([
      new Client(secure, { headers: { Authorization: `Bearer ${token}` } }).open(),
      new Client(`${secure}?token=${token}`).open(),
      new Client(secure, { protocols: [carrier, 'streamproof.v1'] }).open(),
      new Client(secure).open(),
    ])
    const [field, query, protocol, first] = clients as [Client, Client, Client, Client]
    expect(protocol.socket.protocol).toBe('streamproof.v1')
    first.say({ type: 'auth', token })
    for (const client of clients) {
      client.say({ type: 'ping', ref: 'r' })
      await client.until(() => client.replies('pong').length > 0)
    }
    expect(await handshake(secure, { Authorization: 'Bearer wrong' })).toBe(401)
    expect(await handshake(`${secure}?token=wrong`)).toBe(401)
    expect(await handshake(secure, { 'Sec-WebSocket-Protocol': 'streamproof.v1, streamproof.token.d3Jvbmc' })).toBe(401)

    // Streams belong to who has started them.
    field.say({ ...start20, count: 1000 })
    await field.until(() => numbers(field).length > 0)
    const id = field.replies('chunk')[0]?.id
    const thief = await new Client(`${secure}?token=${await issue('bob')}&stream=s1&lastEventId=${id}`).open()
    thief.say({ type: 'cancel', stream: 's1' }, { type: 'ping', ref: 'r' })
    await thief.until(() => thief.replies('pong').length > 0)
    expect(thief.got).toEqual([{ type: 'reset', stream: 's1' }, { type: 'pong', ref: 'r' }])
    const seen = numbers(field).length
    await field.until(() => numbers(field).length > seen)

    // It is over for all of them at once.
    await fetch(`${url}tokens/${token}`, { method: 'DELETE' })
    expect(await Promise.all([field, query, protocol, first].map(async (client) => (await client.closed).code))).toEqual([4401, 4401, 4401, 4401])
    await thief.end()
  })

  test('tells nothing to who does not say who he is', async (context) => {
    const { url, secure, c } = at(context)
    const clients = await Promise.all([1, 2, 3].map(() => new Client(`${secure}?stream=s1`).open()))
    const [silent, hasty, wrong] = clients as [Client, Client, Client]
    hasty.say({ type: 'ping', ref: 'r' })
    wrong.say({ type: 'auth', token: 'wrong' })
    await fetch(`${url}channels/${c}/events`, { method: 'POST', body: JSON.stringify([{ data: 'secret' }]) })
    expect((await hasty.closed).code).toBe(4401)
    expect((await wrong.closed).code).toBe(4401)
    const before = performance.now()
    expect((await silent.closed).code).toBe(4401)
    expect(performance.now() - before).toBeLessThan(2000)
    expect(clients.flatMap(({ got }) => got)).toEqual([])
  })

  test('drops a peer that answers no ping, and keeps one that does', async (context) => {
    const { url, socket, c } = at(context)
    await fetch(`${url}channels/${c}`, { method: 'PUT', body: JSON.stringify({ heartbeatMs: 100 }) })
    const alive = await new Client(socket).open()
    const peer = await raw(socket)
    const before = performance.now()
    peer.resume()
    await once(peer, 'close')
    expect(performance.now() - before).toBeGreaterThan(200)
    alive.say({ type: 'ping', ref: 'r' })
    await alive.until(() => alive.replies('pong').length > 0)
    await alive.end()
  })

  test('waits for a client that does not read, and goes on when it does', async (context) => {
    const { url, socket, c } = at(context)
    await fetch(`${url}channels/${c}`, { method: 'PUT', body: JSON.stringify({ bufferBytes: 100_000, ...patient }) })
    const count = 16_000
    const peer = await raw(socket)
    peer.pause()
    peer.write(client.text(JSON.stringify({ type: 'start', stream: 's1', count, bytes: 1000, everyMs: 0 })))
    const other = await new Client(socket).open()
    // What it has produced is bounded by what the system takes, about 4 MB; the rest of the 16 MB is not made.
    await expect.poll(async () => (await statsOf(url, c)).bufferedBytes).toBeGreaterThan(0)
    other.say({ ...start20, stream: 's2', count: 50 })
    await other.until(() => other.replies('done').length > 0)
    const { plays, bufferedBytes } = await statsOf(url, c)
    expect(plays).toBe(1)
    expect(bufferedBytes).toBeLessThan(300_000)
    await other.end()

    const reader = new FrameReader()
    let dropped = ''
    peer.on('close', () => { dropped = 'the connection is over behind ' })
    peer.on('data', (bytes: Buffer) => reader.push({ at: 0, bytes })).resume()
    // pings come between, and behind it
    const last = (): string => Buffer.from(reader.frames.findLast(({ opcode }) => opcode === 1)?.payload ?? []).toString().slice(0, 40)
    await expect.poll(() => dropped + last(), { timeout: 40_000 }).toContain('"done"')
    const chunks = reader.frames.filter(({ opcode }) => opcode === 1).map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as { readonly n: number })
    expect(chunks.slice(0, -1).map(({ n }) => n)).toEqual(countTo(count))
    peer.destroy()
  }, 60_000)

  test('answers the same paths and methods as before where no WebSocket is meant', async (context) => {
    const { url, socket } = at(context)
    const plain = await fetch(socket)
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket'])
    expect((await fetch(`${url}echo`, { method: 'POST', body: '' })).status).toBe(405)
    expect(await handshake(`${url}nowhere`)).toBe(404)
    expect(await handshake(`${url}channels/a.b/socket`)).toBe(404)
    expect(await handshake(`${url}echo`, { 'Sec-WebSocket-Version': '0xd' })).toBe(426)
    expect(await handshake(`${url}echo`, { Upgrade: 'h2c, WebSocket' })).toBe(101)
    expect(await handshake(`${url}echo`, { 'Sec-WebSocket-Extensions': 'a;;b' })).toBe(400)
    // As curl --http2 asks: it gets its stream.
    expect(await handshake(`${url}clock`, { Upgrade: 'h2c' })).toBe(200)
  })
})

describe.each(names)('%s, with origins and a token', (name) => {
  test('admits its origins alone, and ends its sockets with 1001', async ({ skip }) => {
    const server = await started(name, ['--origin', 'https://a.example', '--token', 'open'])
    if (typeof server === 'string') return skip(server)
    try {
      const { url, child } = server
      const authorization = { Authorization: 'Bearer open' }
      const of = (origin: string): Promise<number> => handshake(`${url}echo`, { ...authorization, Origin: origin })
      expect(await handshake(`${url}echo`)).toBe(401)
      expect(await handshake(`${url}echo`, authorization)).toBe(101)
      expect(await of('https://a.example')).toBe(101)
      expect(await of('https://A.example')).toBe(101)
      const foreign = ['https://b.example', 'http://a.example', 'https://a.example.b', 'https://a.example:8443', 'https://x.a.example', 'null', '']
      expect(await Promise.all(foreign.map(of))).toEqual(foreign.map(() => 403))
      expect(await handshake(`${url}channels/x/socket`)).toBe(401)

      const clients = await Promise.all(['echo', 'channels/x/socket'].map((path) => new Client(`${url}${path}?token=open`).open()))
      clients[1]?.say({ ...start20, count: 1000 })
      await clients[1]?.until((got) => got.length > 3)
      const before = performance.now()
      child.terminate()
      expect(await Promise.all(clients.map(async ({ closed }) => (await closed).code))).toEqual([1001, 1001])
      expect(await child.gone).toBe('exit code 0')
      expect(performance.now() - before).toBeLessThan(2000)
    } finally {
      await server.child.end()
    }
  })
})
