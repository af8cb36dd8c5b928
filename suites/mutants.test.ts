/** The mutation law, as tests. `npm run mutants` prints the same as a matrix, and meets the loud twins live too. */
import { describe, expect, test } from 'vitest'
import { rooms } from '../spec/sse/index.ts'
import { faultsOfCatalogue, faultsOfExample, faultsOfMutant, twins } from './mutation.ts'
import { faultsOfLive, isLoud, livePath } from './live.ts'

test('ids, clauses and wording of the catalogue are right', () => {
  expect(faultsOfCatalogue()).toEqual([])
})

describe.each(rooms.map((room) => ({ id: room.id, room })))('$id', ({ room }) => {
  test('the example passes every rule', () => {
    expect(faultsOfExample(room)).toEqual([])
  })

  const own = twins.filter((twin) => twin.room === room).map((twin) => ({ name: `${twin.rule.id}: ${twin.name}`, twin }))
  test.each(own)('in memory, $name', ({ twin }) => {
    expect(faultsOfMutant(twin)).toEqual([])
  })

  test('every rule is met live', () => {
    const met = new Set(own.filter(({ twin }) => livePath(twin) !== 'memory only').map(({ twin }) => twin.rule.id))
    expect(room.rules.map(({ id }) => id).filter((id) => !met.has(id))).toEqual([])
  })
})

// one list for all rooms: live twins mostly wait, and wait together
const met = twins.filter((twin) => livePath(twin) !== 'memory only' && !isLoud(twin))
test.concurrent.each(met.map((twin) => ({ name: `${twin.rule.id}: ${twin.name}`, twin })))('live, $name', async ({ twin }) => {
  expect(await faultsOfLive(twin)).toEqual([])
}, 60_000)
