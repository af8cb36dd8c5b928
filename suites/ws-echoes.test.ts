/** The generators of frames make what they say, and what came back is told from what was not asked for. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run } from '../harness/run.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import { session } from '../spec/bytes.ts'
import type { Link } from '../spec/model.ts'
import { closed, socket, together } from '../spec/ws/bytes.ts'
import { echoes, extras } from '../spec/ws/echoes.ts'
import { Connection, readWsExchange } from '../spec/ws/exchange.ts'
import { client, server } from '../spec/ws/frame.ts'
import { read, type Message } from '../spec/ws/machine.ts'
import { mustRead, reachOf } from '../spec/ws/pongs.ts'
import { endedFirst, provoked, reactionOf } from '../spec/ws/reaction.ts'
import { readFrames } from '../spec/ws/reader.ts'
import { writesOf } from '../spec/ws/writes.ts'
import { chops, drafts, fragmented, keys, plans, streams } from './ws/frames.ts'

const reading = (frames: readonly Uint8Array[]) => read(readFrames([{ at: 0, bytes: together(...frames) }]).frames, { from: 'client' })

describe('generators', () => {
  test('a message in any fragments under any keys is that message', () => {
    fc.assert(fc.property(drafts(2000), plans, fc.array(keys, { maxLength: 3 }), (draft, plan, masks) => {
      const { happenings, fault, open } = reading(fragmented(draft, plan, masks))
      expect([fault, open]).toEqual([undefined, []])
      expect(happenings.map((one) => (one.kind === 'message' ? { type: one.type, payload: one.payload } : one.kind))).toEqual([draft])
    }), { numRuns: 200 })
  })

  test('streams are legal to the end, and hold all kinds of frames', () => {
    const kinds = new Set<string>()
    fc.assert(fc.property(streams({ bytes: 300 }), (frames) => {
      const { happenings, fault, open, afterClose } = reading(frames)
      expect([fault, open, afterClose]).toEqual([undefined, [], []])
      for (const one of happenings) kinds.add(one.kind === 'message' && one.frames.length > 1 ? 'fragments' : one.kind)
    }), { numRuns: 100 })
    expect([...kinds].toSorted()).toEqual(['fragments', 'message', 'ping', 'pong'])
  })

  test('cuts lie within the stream, and octets are for short ones', () => {
    fc.assert(fc.property(streams().chain((frames) => fc.tuple(fc.constant(frames), chops(frames))), ([frames, chop]) => {
      const { length } = together(...frames)
      if (chop === 'octets') expect(length).toBeLessThanOrEqual(120)
      else for (const at of chop ?? []) expect(at).toBeLessThanOrEqual(Math.max(1, length))
    }), { numRuns: 100 })
  })
})

const told = ['one', 'two', 'three'].map((text) => client.text(text))
const backs = (link: Link): (string | undefined)[] => echoes(new Connection(link)).map(({ back }) => spoken(back))
const spoken = (one: Message | undefined): string | undefined => (one ? `${one.type} ${Buffer.from(one.payload).toString()}` : undefined)
const echoing = (received: readonly Uint8Array[], more: readonly Uint8Array[] = []): Link => socket('e', { sent: [...told, ...more], received }, 'echo')

describe('what came back', () => {
  const right = ['one', 'two', 'three'].map((text) => server.text(text))

  test.each([
    ['everything', right, ['text one', 'text two', 'text three']],
    ['a greeting and news between', [server.text('hello'), ...right.flatMap((one) => [one, server.text('tick')])], ['text one', 'text two', 'text three']],
    ['the second is lost', [server.text('one'), server.text('three')], ['text one', undefined, 'text three']],
    ['in another order', [server.text('two'), server.text('one'), server.text('three')], [undefined, 'text two', 'text three']],
    ['of another type', [server.text('one'), server.binary('two'), server.text('three')], ['text one', 'binary two', 'text three']],
    ['greeted and altered', [server.text('hello'), server.text('eno'), server.text('two'), server.text('three')], ['text eno', 'text two', 'text three']],
    ['nothing', [], [undefined, undefined, undefined]],
  ] as const)('%s', (_, received, expected) => expect(backs(echoing(received))).toEqual(expected))

  test('once more than it was sent', () => {
    expect(extras(new Connection(echoing([server.text('one'), ...right]))).map(spoken)).toEqual(['text one'])
    expect(extras(new Connection(echoing([server.text('hello'), ...right])))).toEqual([])
  })

  test('what the target had no time for is not missing, what stands before an answer is', () => {
    const hasty = echoing([server.text('one')], [client.close(1000)])
    expect(backs(hasty)).toEqual(['text one'])
    expect(backs(echoing([server.text('two')], [client.close(1000)]))).toEqual([undefined, 'text two'])
  })

  test('refused content, long messages and other connections say nothing', () => {
    expect(backs(closed('e', { sent: told, received: [server.close(1008)] }, 'echo'))).toEqual([])
    expect(backs(closed('e', { sent: [client.binary('x'.repeat(20_000))] }, 'echo'))).toEqual([])
    expect(backs(closed('e', { sent: told, received: [server.close(1002)] }, 'echo'))).toEqual([undefined, undefined, undefined])
    expect(backs({ ...echoing(right), role: 'echoes' })).toEqual([])
  })
})

test('writes: which frames went out together, and where others were cut', () => {
  const [a, b, c] = [client.ping('a'), client.ping('b'), client.ping('c')] as const
  const connection = new Connection(socket('w', { sent: [together(a, b, c.subarray(0, 3)), c.subarray(3, 5), c.subarray(5)] }))
  const writes = writesOf(connection)
  expect(connection.sent.frames.map((frame) => writes.of(frame))).toEqual([0, 0, undefined])
  expect(connection.sent.frames.map((frame) => writes.cuts(frame))).toEqual([[], [], [3, 5]])
})

describe('what a ping and a fault tell', () => {
  const reach = (received: readonly Uint8Array[], ended?: 'closed'): string =>
    reachOf(new Connection((ended ? closed : socket)('p', { sent: [client.text('x'), client.ping('p')], received })))

  test('how far a target has read', () => {
    expect(reach([server.pong('p')])).toBe('read')
    expect(reach([server.pong('q')])).toBe('silent')
    expect(reach([server.close(1002)], 'closed')).toBe('ended')
    expect(reach([], 'closed')).toBe('ended')
    expect(reach([server.close(1003)], 'closed')).toBe('open')
  })

  test('no finding when the twin was not read either', () => {
    const links = (twin: readonly Uint8Array[]): Link[] => [
      closed('odd', { sent: [client.ping('p')] }), socket('twin', { sent: [client.ping('p')], received: twin }, 'odd/twin'),
    ]
    const findings = (twin: readonly Uint8Array[]): boolean[] => {
      const exchange = readWsExchange(session(...links(twin)))
      return mustRead(exchange, exchange.connections.slice(0, 1), 'it').map(({ ok }) => ok)
    }
    expect(findings([server.pong('p')])).toEqual([false])
    expect(findings([])).toEqual([])
  })

  test('an answer behind the Close is an answer', () => {
    const sent = [together(client.frame(3, 'bad'), client.ping('behind'))]
    expect(reactionOf(new Connection(closed('b', { sent, received: [server.close(1002)] }))).kind).toBe('failed')
    expect(reactionOf(new Connection(closed('b', { sent, received: [server.close(1002), server.pong('behind')] }))).kind).toBe('went-on')
  })

  test('a twin that says goodbye itself was not ended', () => {
    const polite = closed('t', { sent: [client.text('x'), client.close(1000)], received: [server.text('x'), server.close(1000)] })
    expect(endedFirst(new Connection(polite))).toBe(false)
    expect(endedFirst(new Connection(closed('t', { sent: [client.text('x')], received: [server.close(1008)] })))).toBe(true)
  })

  test('where the twin was ended a fault counts only with a code of its own', () => {
    const twin = closed('twin', { sent: [client.text('x')], received: [server.close(1008)] }, 'odd/twin')
    const seen = (...received: Uint8Array[]): number =>
      provoked(readWsExchange(session(closed('odd', { sent: [client.frame(3, 'x')], received }), twin)), 'reserved-opcode').length
    expect([seen(server.close(1002)), seen(server.close(1008)), seen(server.close(1000)), seen()]).toEqual([1, 0, 0, 0])
  })
})

test('on a right echo every rule about frames and masks passes', async () => {
  const echo = await startEcho()
  try {
    const { verdicts } = await run({
      target: echo.url, method: 'GET', headers: [], insecure: false, profile: 'full', only: ['ws/framing/*', 'ws/masking/*'], skip: [],
      failOn: 'advice', allowOriginChange: false, echo: true, runs: 10,
    })
    expect(verdicts.filter(({ outcome }) => outcome !== 'pass').map(({ rule }) => rule)).toEqual([])
    expect(verdicts).toHaveLength(26)
  } finally {
    await echo.close()
  }
}, 30_000)
