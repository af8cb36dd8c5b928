/** The opening handshake: how it is written, how it is read, and that a right server passes every rule about it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run } from '../harness/run.ts'
import { upgrade } from '../harness/ws/upgrade.ts'
import { startEcho } from '../servers/faulty/echo/echo.ts'
import type { SentRequest } from '../spec/model.ts'
import { Connection } from '../spec/ws/exchange.ts'
import { handshake } from '../spec/ws/handshake.ts'
import { unusuals, wrongs } from '../spec/ws/handshake/request.ts'
import { isExtensionList, isSubprotocolList, keyOf } from '../spec/ws/upgrade.ts'
import { handshake as suite } from './ws/handshake.ts'
import { opens, type Handshake } from './ws/stimulus.ts'

const ordinary: SentRequest = {
  method: 'GET', version: '1.1', url: 'http://target.test:81/socket?a=1', headers: [['User-Agent', 'kit'], ['Authorization', 'Bearer t']],
}

const written = (asked?: Handshake): string => Buffer.from(upgrade(ordinary, 'x', asked).head).toString('latin1')

/** A connection of which only the request is known. */
const unanswered = (asked: Handshake | undefined, role: string): Connection => new Connection({
  id: 'x', role, request: upgrade(ordinary, 'x', asked).request, openedAt: 0, chunks: [], ended: { at: 1, by: 'kit', how: 'window' },
  sent: asked?.early ? [{ at: 0, bytes: asked.early }] : [],
})

describe('as it is written', () => {
  test('the ordinary one', () => {
    expect(written()).toBe([
      'GET /socket?a=1 HTTP/1.1', 'Host: target.test:81', 'User-Agent: kit', 'Authorization: Bearer t', 'Upgrade: websocket', 'Connection: Upgrade',
      `Sec-WebSocket-Key: ${keyOf('x')}`, 'Sec-WebSocket-Version: 13', '', '',
    ].join('\r\n'))
  })

  test('the record is what goes out', () => {
    const asked: Handshake = { names: 'lower', reversed: true, body: 'é', headers: { 'Upgrade': null, 'X-A': ['1', '2'] }, anonymous: true, host: 'twice' }
    const { request } = upgrade(ordinary, 'x', asked)
    const [head = '', body] = written(asked).split('\r\n\r\n')
    expect(head.split('\r\n').slice(1)).toEqual(request.headers.map(([name, value]) => `${name}: ${value}`))
    expect(request.headers.filter(([name]) => name === 'host')).toHaveLength(2)
    expect(request.headers).toContainEqual(['content-length', '2'])
    expect(body).toBe(Buffer.from('é').toString('latin1'))
  })

  test('without its end, without Host, to an absolute target', () => {
    expect(written({ unfinished: true })).toMatch(/Version: 13\r\n$/)
    expect(written({ host: 'absent' })).not.toMatch(/host/i)
    expect(written({ absolute: true })).toMatch(/^GET http:\/\/target\.test:81\/socket\?a=1 HTTP/)
  })
})

describe('as it is read', () => {
  test.each(['a', 'a, b', ',a,,b', 'a; b; c=1', 'a ; b = "1"', 'a; b="\\1"'])('extensions: %s', (value) => expect(isExtensionList(value)).toBe(true))
  test.each(['', ',', ';a', 'a;', 'a b', 'a=1', 'a; b=', 'a; b="', 'a; b="1;2"', 'a; b="1"2', 'a; =1'])('no extensions: %s', (value) =>
    expect(isExtensionList(value)).toBe(false))
  test.each(['a', 'a, b', ',a,,A'])('subprotocols: %s', (value) => expect(isSubprotocolList(value)).toBe(true))
  test.each(['', ',', 'a b', 'a/b', 'a, a', '"a"'])('no subprotocols: %s', (value) => expect(isSubprotocolList(value)).toBe(false))

  test.each(suite.properties)('the cases of $id are what they are meant to be', ({ talks, examples, refused }) => {
    const many = [...examples, ...fc.sample(talks, { numRuns: 200, seed: 1 })]
    for (const { asked } of many) expect([asked, wrongs(unanswered(asked, 'case'))]).toEqual([asked, refused ? [expect.any(String)] : []])
  })

  test('no handshake of a stimulus has more than one thing peculiar about it, but a GET that is none', () => {
    const many = suite.stimuli.flatMap(({ id, steps }) => opens(steps).map(({ role, asked }) => {
      const one = unanswered(asked, role)
      return { id, count: wrongs(one).length || unusuals(one).length }
    }))
    expect(many.filter(({ id, count }) => count > 1 && id !== 'handshake/plain-get')).toEqual([])
  })
})

test('a right server passes every rule, and each had something to look at', async () => {
  const echo = await startEcho()
  try {
    const { verdicts } = await run({
      target: echo.url, method: 'GET', headers: [], insecure: false, only: ['ws/handshake/*'], skip: [], failOn: 'must', allowOriginChange: false, echo: true,
    })
    expect(verdicts.filter(({ outcome }) => outcome !== 'pass')).toEqual([])
    expect(verdicts).toHaveLength(handshake.rules.length)
    expect(handshake.rules).toHaveLength(35)
  } finally {
    await echo.close()
  }
}, 30_000)

test('a subprotocol that the user gives is offered, and the answer judged by it', async () => {
  const echo = await startEcho()
  try {
    const { verdicts } = await run({
      target: echo.url, method: 'GET', headers: [['Sec-WebSocket-Protocol', 'chat']], insecure: false, only: ['ws/handshake/*'], skip: [], failOn: 'must',
      allowOriginChange: false, profile: 'safe',
    })
    const offer = verdicts.find(({ rule }) => rule === 'ws/handshake/subprotocol-from-offer')
    expect(offer?.examined).toBeGreaterThan(10)
    expect(verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken')).toEqual([])
  } finally {
    await echo.close()
  }
}, 30_000)
