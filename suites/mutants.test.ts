/** The mutation law, as tests. `npm run mutants` prints the same as a matrix, and meets the loud twins live too. */
import { beforeAll, describe, expect, test } from 'vitest'
import { pooled } from '../harness/pool.ts'
import { rooms } from '../spec/sse/index.ts'
import { faultsOfCatalogue, faultsOfExample, faultsOfMutant, twins, type Twin } from './mutation.ts'
import { lateness, mostMs } from './held-up.ts'
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

// one list for all rooms: live twins mostly wait, and wait together, more of them than vitest runs tests at a time
describe('live', () => {
  const met = twins.filter((twin) => livePath(twin) !== 'memory only' && !isLoud(twin))
  const died = new Map<Twin, readonly string[]>()
  const faults = (twin: Twin): Promise<string[]> => faultsOfLive(twin).catch((error: unknown) => [String(error)])
  beforeAll(() => pooled(met, { atOnce: 20, spacingMs: 0 }, async (twin) => {
    const from = performance.now()
    const first = await faults(twin)
    // as for any test (held-up.ts)
    died.set(twin, first.length > 0 && lateness.since(from) >= mostMs ? await faults(twin) : first)
  }), 300_000)

  test.each(met.map((twin) => ({ name: `${twin.rule.id}: ${twin.name}`, twin })))('$name', ({ twin }) => {
    expect(died.get(twin)).toEqual([])
  })
})
