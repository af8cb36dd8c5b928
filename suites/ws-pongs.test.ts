/** What RFC 6455 5.5.3 leaves to a server is no failure: pongs put together, and pongs that nobody has asked for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sent as at, session } from '../spec/bytes.ts'
import type { RuleId } from '../spec/model.ts'
import { says, socket } from '../spec/ws/bytes.ts'
import { control } from '../spec/ws/control.ts'
import { readWsExchange } from '../spec/ws/exchange.ts'
import { client, server } from '../spec/ws/frame.ts'

/** The rules that these pongs, as numbers of the pings they answer, break; `beat` is a heartbeat of the server. */
function broken(pings: readonly string[], answers: readonly (number | 'beat')[]): RuleId[] {
  const sent = pings.map((payload, i) => at(20 + 10 * i, client.ping(payload)))
  const received = answers.map((one, i) => at(500 + i, server.pong(one === 'beat' ? 'a heartbeat' : pings[one] ?? '')))
  const exchange = readWsExchange(session(socket('pings', { sent, received })))
  return control.rules.filter(({ check }) => check(exchange).some(({ ok }) => !ok)).map(({ id }) => id)
}

const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

test('any pongs in order that end with the last ping are enough, with heartbeats between them', () => {
  const answers = fc.integer({ min: 1, max: 8 }).chain((count) => fc.tuple(
    fc.constant(count), fc.subarray(numbersTo(count - 1)), fc.array(fc.nat(10), { maxLength: 3 }),
  ))
  fc.assert(fc.property(answers, ([count, some, beats]) => {
    const pongs: (number | 'beat')[] = [...some, count - 1]
    // all pings have their pongs where heartbeats come too: a foreign pong and a missing one look like an altered one
    const all = beats.length > 0 ? numbersTo(count) : pongs
    const mixed = beats.reduce<(number | 'beat')[]>((list, place) => list.toSpliced(place % (list.length + 1), 0, 'beat'), all)
    const isShort = beats.length === 0 && some.length < count - 1
    expect(broken(numbersTo(count).map(String), mixed)).toEqual(isShort ? ['ws/control/pong-each'] : [])
  }), { numRuns: 200 })
})

test('pings of the same payload may be answered by their last one', () => {
  expect(broken(['a', 'b', 'a'], [1, 2])).toEqual(['ws/control/pong-each'])
  expect(broken(['a', 'a', 'a'], [2])).toEqual(['ws/control/pong-each'])
  expect(broken(['a', 'a', 'a'], [0, 1, 2])).toEqual([])
})

test('an order that is not that of the pings, a pong too many, and an altered one are told apart', () => {
  expect(broken(['a', 'b', 'c'], [2, 1, 0])).toEqual(['ws/control/pong-latest'])
  expect(broken(['a', 'b', 'c'], [0])).toEqual(['ws/control/pong-latest'])
  expect(broken(['a', 'b'], [0, 1, 1])).toEqual(['ws/control/pong-no-extra'])
  expect(broken(['a'], ['beat'])).toEqual(['ws/control/pong-identical'])
})

test('a right Close of the server says nothing about pings that it came before', () => {
  const early = says('ping', [server.close(1001)], { at: 13, by: 'target', how: 'fin' })(control.example)
  const exchange = readWsExchange(early)
  expect(control.rules.filter(({ check }) => check(exchange).some(({ ok }) => !ok)).map(({ id }) => id)).toEqual([])
})
