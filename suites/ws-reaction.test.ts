/** What servers may do about a fault of their client, though others do otherwise. */
import { expect, test } from 'vitest'
import { hex, sent as at, session } from '../spec/bytes.ts'
import type { Link, RuleId } from '../spec/model.ts'
import { closed, refused, socket, upgradeRequest } from '../spec/ws/bytes.ts'
import { hello } from '../spec/ws/deflate/example.ts'
import { Deflater } from '../spec/ws/deflater.ts'
import { readWsExchange } from '../spec/ws/exchange.ts'
import { client, server } from '../spec/ws/frame.ts'
import { rooms } from '../spec/ws/index.ts'

/** Of these rules the ones that looked at something, and whether they found it right. */
function found(links: readonly Link[], ...ids: readonly RuleId[]): Partial<Record<RuleId, boolean>> {
  const exchange = readWsExchange(session(...links))
  const rules = rooms.flatMap((room) => room.rules).filter(({ id }) => ids.includes(id))
  expect(rules).toHaveLength(ids.length)
  return Object.fromEntries(rules.flatMap(({ id, check }) => {
    const findings = check(exchange)
    return findings.length === 0 ? [] : [[id, findings.every(({ ok }) => ok)]]
  }))
}

const illFormed = client.text(hex('61 ff 62'))
const goodbye = at(300, client.close(1000))

test('text that is not UTF-8 may be found by the application, behind a pong', () => {
  const talk = { sent: [at(20, illFormed), at(20, client.ping('b')), goodbye] }
  const judged = (received: Parameters<typeof closed>[1]): unknown => found([closed('invalid', { ...talk, ...received })], 'ws/utf8/invalid-reject')
  expect(judged({ received: [at(21, server.pong('b')), at(22, server.close(1007))] })).toEqual({ 'ws/utf8/invalid-reject': true })
  // another code, but not for the Close of the kit
  expect(judged({ received: [at(21, server.pong('b')), at(22, server.close(1002))] })).toEqual({ 'ws/utf8/invalid-reject': true })
  // their Closes cross
  expect(judged({ received: [at(21, server.pong('b')), at(301, server.close(1007))] })).toEqual({ 'ws/utf8/invalid-reject': true })
  expect(judged({ received: [at(21, server.pong('b')), at(301, server.close(1000))] })).toEqual({ 'ws/utf8/invalid-reject': false })
  expect(judged({ received: [at(21, server.text('a\ufffdb')), at(21, server.pong('b')), at(301, server.close(1000))] })).toEqual({ 'ws/utf8/invalid-reject': false })
})

test('where frames begin is not a matter of the application: nothing is answered behind a wrong one', () => {
  const talk = { sent: [at(20, client.frame(3, 'bad')), at(20, client.ping('b')), goodbye], received: [at(21, server.pong('b')), at(22, server.close(1002))] }
  expect(found([closed('behind', talk)], 'ws/framing/fault-stops')).toEqual({ 'ws/framing/fault-stops': false })
})

test('a server that takes so many fields only may say so as it likes', () => {
  const headers = (count: number): readonly (readonly [string, string])[] =>
    [...upgradeRequest('base').headers, ...Array.from({ length: count }, (_, n) => [`X-${n}`, 'x'] as const)]
  const judged = (count: number): unknown => found([socket('base'), refused('many', { headers: headers(count) }, '400 Bad Request')], 'ws/handshake/accept-101')
  expect(judged(2000)).toEqual({ 'ws/handshake/accept-101': true })
  expect(judged(5)).toEqual({ 'ws/handshake/accept-101': false })
})

test('a decompressor that has ended at BFINAL is told from one that cannot read fragments', () => {
  const offer = ['Sec-WebSocket-Extensions', 'permessage-deflate'] as const
  const judged = (first: Uint8Array): unknown => found([socket('cut', {
    asked: { headers: [...upgradeRequest('cut').headers, offer] },
    fields: [offer.join(': ')],
    sent: [client.text(first, { rsv: 4 }), client.text(hello.fixed.subarray(0, 3), { rsv: 4, fin: false }), client.frame(0, hello.fixed.subarray(3))],
    received: [server.text('Hello'), at(45, server.text(''))],
  })], 'ws/deflate/fragmented', 'ws/deflate/block-types')
  expect(judged(hello.final)).toEqual({ 'ws/deflate/block-types': true })
  expect(judged(hello.fixed)).toEqual({ 'ws/deflate/fragmented': false })
})

test('a bomb of the kit is seen whole, however large: it is the target that must not', () => {
  const offer = ['Sec-WebSocket-Extensions', 'permessage-deflate'] as const
  const bomb = closed('bomb', {
    asked: { headers: [...upgradeRequest('bomb').headers, offer] },
    fields: [offer.join(': ')],
    sent: [client.binary(new Deflater().message(new Uint8Array(33 * 1024 * 1024)), { rsv: 4 })],
    received: [server.close(1009)],
  })
  expect(found([bomb], 'ws/deflate/bomb')).toEqual({ 'ws/deflate/bomb': true })
})
