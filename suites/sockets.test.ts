/** The channel sockets of the reference servers: streams, coming back, events and commands. */
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import type { Descriptor } from '../spec/contract/contract.ts'
import { Client, Stand, countTo, names, numbers, start20, statsOf } from './sockets/stand.ts'

const stand = new Stand()
beforeAll(() => stand.start(), 30_000)
afterAll(() => stand.end())

describe.each(names)('%s', (name) => {
  const at = ({ skip }: TestContext): ReturnType<Stand['at']> => stand.at(name, { skip: (note) => skip(note) })

  test('echoes text, binary, nothing and 1 MiB, and refuses more', async (context) => {
    const client = await new Client(`${at(context).url}echo`).open()
    const large = 'ß'.repeat(512 * 1024)
    const sent = ['naïve', new Uint8Array([0, 255, 128]), '', new Uint8Array(), large, new Uint8Array(1024 * 1024).fill(7)]
    for (const one of sent) client.socket.send(one)
    await client.until((got) => got.length === sent.length)
    expect(client.got.every((one, i) => (typeof one === 'string' ? one === sent[i] : Buffer.from(one as Uint8Array).equals(sent[i] as Uint8Array)))).toBe(true)
    client.socket.send(`${large}!`)
    // uWS drops the connection without a word.
    expect((await client.closed).code).toBe(name === 'uws' ? 1006 : 1009)
  })

  test('offers its sockets', async (context) => {
    const { url } = at(context)
    const descriptor = await (await fetch(`${url}streamproof`)).json() as Descriptor
    expect(descriptor).toMatchObject({
      echo: '/echo', socket: '/channels/{c}/socket{?stream,lastEventId}', socketAuth: '/secure/{c}/socket{?stream,lastEventId}',
      declares: { maxMessageBytes: 1024 * 1024, replayMs: 30_000 },
    })
  })

  test('streams chunks in order, then one end and nothing more', async (context) => {
    const client = await new Client(at(context).socket).open()
    client.say(start20)
    await client.until(() => client.replies('done').length > 0)
    client.say({ type: 'ping', ref: 'r1' })
    await client.until(() => client.replies('pong').length > 0)
    expect(numbers(client)).toEqual(countTo(20))
    expect(client.got.slice(20)).toEqual([{ type: 'done', stream: 's1', count: 20, received: 0 }, { type: 'pong', ref: 'r1' }])
    const ids = client.replies('chunk').map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)].toSorted())
    expect(client.replies('chunk').every(({ data }) => data.length === 64)).toBe(true)
    await client.end()
  })

  test('streams as fast as the client takes it, several at once', async (context) => {
    const client = await new Client(at(context).socket).open()
    client.say({ type: 'start', stream: 'a', count: 3000, bytes: 2000, everyMs: 0 }, { type: 'start', stream: 'b', count: 3000, bytes: 10, everyMs: 0 })
    await client.until(() => client.replies('done').length === 2)
    for (const stream of ['a', 'b']) {
      expect(client.replies('chunk').filter((chunk) => chunk.stream === stream).map(({ n }) => n)).toEqual(countTo(3000))
    }
    await client.end()
  })

  test('takes binary messages while it streams binary', async (context) => {
    const client = await new Client(at(context).socket).open()
    client.say({ ...start20, binary: true })
    for (let i = 0; i < 10; i += 1) client.socket.send(new Uint8Array(100))
    await client.until(() => client.replies('done').length > 0)
    expect(client.replies('done')[0]?.received).toBe(1000)
    const chunks = client.got.filter((one) => one instanceof Uint8Array)
    expect(chunks.map((chunk) => Buffer.from(chunk).readUInt32BE())).toEqual(countTo(20))
    expect(chunks.every(({ length }) => length === 68)).toBe(true)
    await client.end()
  })

  test('cancels at once, and only what it is told to', async (context) => {
    const { socket, url } = at(context)
    const client = await new Client(socket).open()
    client.say({ ...start20, count: 10_000 }, { ...start20, stream: 's2' })
    await client.until(() => client.replies('chunk').filter(({ stream }) => stream === 's1').length >= 3)
    client.say({ type: 'cancel', stream: 's1' }, { type: 'cancel', stream: 's1' }, { type: 'cancel', stream: 'never' })
    await client.until(() => client.replies('done').length > 0)
    expect(client.replies('cancelled')).toEqual([{ type: 'cancelled', stream: 's1' }])
    const end = client.got.findIndex((one) => typeof one === 'object' && 'type' in one && one.type === 'cancelled')
    expect(client.got.slice(end).filter((one) => typeof one === 'object' && 'type' in one && one.type === 'chunk' && one.stream === 's1')).toEqual([])
    expect(client.replies('error')).toEqual([])
    expect((await statsOf(url)).plays).toBe(0)
    await client.end()
  })

  test('tells of a producer that raises', async (context) => {
    const client = await new Client(at(context).socket).open()
    client.say({ ...start20, failAt: 7 })
    await client.until(() => client.replies('error').length > 0)
    expect(numbers(client)).toEqual(countTo(7))
    expect(client.got[7]).toMatchObject({ type: 'error', stream: 's1' })
    await client.end()
  })

  test.for([1, 7, 19, 20])('goes on after a cut behind chunk %i', async (cut, context) => {
    const { socket } = at(context)
    const first = await new Client(socket).open()
    first.say({ ...start20, everyMs: 3 })
    await first.until(() => numbers(first).length >= cut)
    await first.end()
    const seen = first.replies('chunk').slice(0, cut)
    const second = await new Client(`${socket}?stream=s1&lastEventId=${seen.at(-1)?.id}`).open()
    await second.until(() => second.replies('done').length > 0)
    expect([...seen, ...second.replies('chunk')].map(({ n }) => n)).toEqual(countTo(20))
    // The same work: run again it would have another mark.
    expect(new Set([...seen, ...second.replies('chunk')].map(({ data }) => data.slice(0, 6))).size).toBe(1)
    expect(second.got.at(-1)).toEqual({ type: 'done', stream: 's1', count: 20, received: 0 })
    await second.end()
  })

  test('says that it does not know an id: made up, of the future, of a stream that never was', async (context) => {
    const { socket } = at(context)
    const first = await new Client(socket).open()
    first.say(start20)
    await first.until(() => first.replies('done').length > 0)
    const [id = ''] = first.replies('chunk').map((chunk) => chunk.id)
    const forged = [`${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`, `zzzzzz${id.slice(6)}`, '3', '']
    for (const query of [...forged.slice(0, 3).map((one) => `stream=s1&lastEventId=${one}`), 'stream=s9&lastEventId=x', 'stream=s9']) {
      const client = await new Client(`${socket}?${query}`).open()
      client.say({ type: 'ping', ref: 'r' })
      await client.until(() => client.replies('pong').length > 0)
      expect(client.got.slice(0, -1), query).toEqual([{ type: 'reset', stream: query.slice(7, 9) }])
      await client.end()
    }
    await first.end()
  })

  test('gives a stream to the newest socket alone, and starts no name twice', async (context) => {
    const { socket } = at(context)
    const first = await new Client(socket).open()
    first.say({ ...start20, count: 40 }, { ...start20, count: 40 })
    await first.until(() => numbers(first).length >= 5)
    expect(first.replies('error')).toHaveLength(1)
    expect(first.replies('error')[0]).not.toHaveProperty('stream')
    const second = await new Client(`${socket}?stream=s1&lastEventId=${first.replies('chunk')[2]?.id}`).open()
    expect(await first.closed).toMatchObject({ code: 4409 })
    await second.until(() => second.replies('done').length > 0)
    expect(numbers(second)).toEqual(countTo(40).slice(3))
    await second.end()
  })

  test('hands what is published to all, whichever way it came', async (context) => {
    const { socket, url, c } = at(context)
    const clients = await Promise.all([1, 2].map(() => new Client(socket).open()))
    const [one, two] = clients as [Client, Client]
    const stream = await fetch(`${url}channels/${c}`)
    const reader = stream.body?.getReader()
    const publish = { type: 'publish', events: [{ data: 'a', id: '1', event: 'e' }, { comment: 'not an event' }], ref: 'r1' } as const
    one.say(publish)
    await two.until(() => two.replies('event').length === 1)
    await fetch(`${url}channels/${c}/events`, { method: 'POST', body: JSON.stringify([{ data: 'b' }]) })
    for (const client of clients) {
      await client.until(() => client.replies('event').length === 2)
      expect(client.replies('event')).toEqual([{ type: 'event', id: '1', event: 'e', data: 'a' }, { type: 'event', data: 'b' }])
    }
    expect(one.replies('published')).toEqual([{ type: 'published', ref: 'r1', ids: ['1', null] }])
    let text = ''
    while (!text.includes('data: b\n\n')) text += Buffer.from((await reader?.read())?.value ?? []).toString()
    expect(text).toContain('data: a\n')
    await reader?.cancel()
    one.say({ ...publish, events: [{ data: 'x', id: 'a\0b' }], ref: 'r2' })
    await one.until(() => one.replies('error').length > 0)
    expect(one.replies('error')[0]).toMatchObject({ ref: 'r2', message: expect.stringMatching(/^event 0, id: /) })
    await Promise.all(clients.map((client) => client.end()))
  })

  test('answers what it does not understand, and goes on', async (context) => {
    const client = await new Client(at(context).socket).open()
    const wrong = [
      'no', '[]', 'null', '{"type":"nope","ref":"r"}', '{"type":"ping"}', '{"type":"ping","ref":1}', '{"__proto__":{"type":"ping"}}', '{"type":"toString"}',
      '{"type":"start","stream":"s1","count":-1,"bytes":1,"everyMs":0}', '{"type":"start","stream":"s1","count":1,"bytes":1,"everyMs":0,"more":1}',
      '{"type":"close","code":1006}', '{"type":"auth","token":"t"}', '['.repeat(500_000),
      `{"type":"publish","ref":"r","events":[{"data":"x","retry":${'['.repeat(1000)}${']'.repeat(1000)}}]}`,
    ]
    for (const one of wrong) client.socket.send(one)
    client.socket.send(new Uint8Array([1]))
    client.say({ type: 'ping', ref: 'last' })
    await client.until(() => client.replies('pong').length > 0)
    expect(client.replies('error')).toHaveLength(wrong.length + 1)
    expect(client.replies('error')[3]).toMatchObject({ ref: 'r' })
    await client.end()
  })

  test('closes as it is told, at once or after what it still sends, and with 1011 where the handler raises', async (context) => {
    const { socket } = at(context)
    const one = await new Client(socket).open()
    one.say({ type: 'close', code: 4000, reason: 'bye', after: 3 }, { type: 'start', stream: 'x', count: 50, bytes: 10, everyMs: 5 })
    expect(await one.closed).toEqual({ code: 4000, reason: 'bye' })
    expect(numbers(one)).toEqual([0, 1, 2])
    const two = await new Client(socket).open()
    two.say({ type: 'ping', ref: 'r' }, { type: 'close', code: 1000 })
    expect(await two.closed).toEqual({ code: 1000, reason: '' })
    expect(two.got).toEqual([{ type: 'pong', ref: 'r' }])
    const [three, other] = await Promise.all([new Client(socket).open(), new Client(socket).open()])
    three.say({ type: 'throw' })
    expect((await three.closed).code).toBe(1011)
    other.say({ type: 'ping', ref: 'r' })
    await other.until(() => other.replies('pong').length > 0)
    await other.end()
  })

  test('counts its sockets and their work', async (context) => {
    const { url, socket, c } = at(context)
    await fetch(`${url}channels/${c}`, { method: 'PUT', body: JSON.stringify({ replayMs: 100 }) })
    const own = async (): Promise<readonly number[]> => {
      const { sockets, plays } = await statsOf(url, c)
      return [sockets, plays]
    }
    const client = await new Client(socket).open()
    client.say({ ...start20, count: 1000, everyMs: 20 })
    await client.until(() => numbers(client).length > 0)
    expect(await own()).toEqual([1, 1])
    await client.end()
    await expect.poll(own).toEqual([0, 0])
  })
})
