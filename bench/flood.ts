/**
 * What a flood beside a client that does not read costs in memory: the stimulus that the backpressure room judges, 64
 * publishes of 1 MiB, three times against each reference server. Fails where resident memory grows by more than promised.
 */
import { run } from '../harness/run.ts'
import { countsOf } from '../spec/sse/stats.ts'
import { command, references, type Ready } from '../servers/index.ts'
import { serve } from './server.ts'

const mebibyte = 1024 * 1024
/** MiB that the resident memory of a reference server may grow by */
const mostGrowth = 16
const rounds = 3

/** MiB by which the memory grew from before the flood to behind it, as the server told while it was judged. */
async function growth(descriptor: string): Promise<number> {
  let grown: number | undefined
  const report = await run({
    target: descriptor, method: 'GET', headers: [], insecure: false, only: ['sse/backpressure/bounded-buffer'], skip: [], failOn: 'advice', allowOriginChange: false,
  }, {
    record: ({ evidence }) => {
      const resident = evidence.exchanges.flatMap((exchange) => countsOf(exchange).flatMap(({ rssBytes }) => rssBytes ?? []))
      grown = ((resident.at(-1) ?? NaN) - (resident[0] ?? NaN)) / mebibyte
    },
  })
  if (report.exitCode !== 0 || grown === undefined || Number.isNaN(grown)) throw new Error(`the flood was not judged: exit ${report.exitCode}`)
  return grown
}

for (const { name, label } of references) {
  const server = await serve(command(name, ['--port', '0']))
  if (!server) {
    process.stdout.write(`${label}: no binary for Node ${process.versions.node}\n`)
    continue
  }
  try {
    const { descriptor } = JSON.parse(server.line) as Ready
    const grown: number[] = []
    for (let round = 0; round < rounds; round++) grown.push(await growth(descriptor))
    if (grown.some((mib) => mib > mostGrowth)) process.exitCode = 1
    process.stdout.write(`${label}: resident memory grew by ${grown.map((mib) => mib.toFixed(1)).join(', ')} MiB in ${rounds} floods of 64 MiB (at most ${mostGrowth})\n`)
  } finally {
    await server.stop()
  }
}
