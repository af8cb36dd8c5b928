/** Connections to a server that pings every 100 ms, and promises that. */
import { driven, sent } from '../../bytes.ts'
import type { Chunk, Link, Transcript } from '../../model.ts'
import { changed, closed, socket, type Talk } from '../bytes.ts'
import { client, server } from '../frame.ts'

const tell = (value: object): Uint8Array => client.text(JSON.stringify(value))
const says = (value: object): Uint8Array => server.text(JSON.stringify(value))

/** ms; the kit leaves */
const leftAt = 1600

/** Pings of the server at these times. */
export const beats = (...times: readonly number[]): Chunk[] => times.map((at) => sent(at, server.ping(String(at))))

/** The pongs to them, `late` ms behind. */
const pongs = (times: readonly number[], late = 1): Chunk[] => times.map((at) => sent(at + late, client.pong(String(at))))

const every = (ms: number, until: number): number[] => Array.from({ length: Math.floor(until / ms) }, (_, i) => (i + 1) * ms)

const inTime = (one: Chunk, other: Chunk): number => one.at - other.at

const times = every(100, leftAt - 1)
const left = { at: leftAt, by: 'kit', how: 'window' } as const

const asked = every(50, leftAt - 1).map((at) => sent(at, tell({ type: 'ping', ref: String(at) })))
const answered = every(50, leftAt - 1).map((at) => sent(at + 1, says({ type: 'pong', ref: String(at) })))

/** A stream whose producer is silent for a while. */
export const chunks: readonly Chunk[] = [11, 711].map((at, n) => sent(at, says({ type: 'chunk', stream: 'slow', n, id: `i${n}`, data: '' })))

const talks: Readonly<Record<string, Talk>> = {
  idle: { sent: pongs(times), received: beats(...times), ended: left },
  busy: { sent: [...asked, ...pongs([100], 300)].toSorted(inTime), received: [...answered, ...beats(...times)].toSorted(inTime), ended: left },
  streaming: {
    sent: [sent(10, tell({ type: 'start', stream: 'slow', count: 2, bytes: 0, everyMs: 700 })), ...pongs(times)],
    received: [...chunks, ...beats(...times)].toSorted(inTime),
    ended: left,
  },
  asking: { sent: [tell({ type: 'ping', ref: 'one' }), tell({ type: 'ping', ref: 'zwei ü' })], received: [says({ type: 'pong', ref: 'one' }), says({ type: 'pong', ref: 'zwei ü' })] },
  loaded: {
    sent: Array.from({ length: 40 }, (_, i) => client.ping(`load ${i}`)), received: Array.from({ length: 40 }, (_, i) => server.pong(`load ${i}`)),
  },
}

const roles = (id: string): string => `beat/${id}`

export const example: Transcript = driven({ heartbeatMs: 100 }, [],
  socket('base', {}, 'base'),
  ...Object.entries(talks).map(([id, talk]) => socket(id, talk, roles(id))),
  closed('dead', { received: beats(100, 200) }, roles('dead')),
  closed('closing', { sent: [tell({ type: 'close', code: 4000 })], received: [server.close(4000)] }, roles('closing')),
)

/** A connection that says something else, and nothing else. */
export const instead = (id: string, talk: (usual: Talk) => Talk) => (transcript: Transcript): Transcript =>
  changed(transcript, id, (link): Link => socket(id, talk(talks[id] ?? {}), link.role))
