/** `npm run mutants`: every wrong twin in memory and live, as a matrix. Exits with 1 unless all are killed cleanly. */
import { rooms } from '../spec/sse/index.ts'
import { faultsOfCatalogue, faultsOfExample, faultsOfMutant, twins, type Twin } from './mutation.ts'
import { faultsOfLive, isLoud, livePath } from './live.ts'

/** live runs mostly wait, so many go on at once; those that do not come after them */
const atOnce = 20
const loudAtOnce = 1

interface Row {
  readonly twin: Twin
  readonly memory: readonly string[]
  readonly path: string
  live: readonly string[]
}

const rows: Row[] = twins.map((twin) => {
  const memory = faultsOfMutant(twin)
  return { twin, memory, path: memory[0]?.startsWith('inert') ? 'memory only' : livePath(twin), live: [] }
})
const met = rows.filter(({ path }) => path !== 'memory only')
await meet(met.filter(({ twin }) => !isLoud(twin)), atOnce)
await meet(met.filter(({ twin }) => isLoud(twin)), loudAtOnce)

async function meet(queue: Row[], workers: number): Promise<void> {
  await Promise.all(Array.from({ length: workers }, async () => {
    for (let row = queue.shift(); row; row = queue.shift()) {
      row.live = await faultsOfLive(row.twin)
      if (process.stderr.isTTY) process.stderr.write(`\r${queue.length} to go  `)
    }
  }))
}

const problems = [...faultsOfCatalogue(), ...rooms.flatMap(faultsOfExample)]
for (const room of rooms) {
  process.stdout.write(`\n${room.id}\n`)
  for (const { twin, memory, path, live } of rows.filter((row) => row.twin.room === room)) {
    const mark = (faults: readonly string[]): string => (faults.length === 0 ? 'killed' : 'ALIVE ')
    const shown = path === 'memory only' ? '-     ' : mark(live)
    process.stdout.write(`  ${mark(memory)}  ${shown}  ${twin.rule.id}: ${twin.name}${path === 'fault' ? ` (${twin.mutant.fault})` : ''}\n`)
    for (const fault of [...memory.map((text) => `in memory: ${text}`), ...live.map((text) => `live: ${text}`)]) {
      process.stdout.write(`                  ${fault}\n`)
      problems.push(`${twin.rule.id} "${twin.name}" ${fault}`)
    }
  }
}
for (const room of rooms) {
  for (const rule of room.rules) {
    if (!rows.some(({ twin, path }) => twin.rule === rule && path !== 'memory only')) problems.push(`${rule.id}: no twin is met live`)
  }
}
const killed = (list: readonly Row[], of: 'memory' | 'live'): string => `${list.filter((row) => row[of].length === 0).length} of ${list.length}`
process.stdout.write(`\n${rooms.flatMap(({ rules }) => rules).length} rules; mutants killed by the named rule alone: ${killed(rows, 'memory')} in memory, ${killed(met, 'live')} live\n`)
for (const problem of problems) process.stdout.write(`PROBLEM ${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
