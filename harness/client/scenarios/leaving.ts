/** What comes of close(), of a source that is let go, and of a stream that is too much; and what is read without delay. */
import type { Seen } from '../../../spec/client/judge.ts'
import type { Told } from '../client.ts'
import type { Script } from '../server.ts'
import { finding, fires, shortMs, type Scenario, type Source, type Stand } from '../stand.ts'

const neverClosed = { why: 'refused', note: 'the client does not print {"closed":true} after an event of type close' } as const

const tells = (source: Source, kind: Told['kind'], withinMs: number): Promise<boolean> =>
  source.told.until((items) => items.find((item) => item.kind === kind), withinMs).then((item) => item !== undefined)

const leaves = ({ visit }: Source, withinMs: number): Promise<boolean> =>
  visit.log.until((items) => items.find(({ kind }) => kind === 'left'), withinMs).then((item) => item !== undefined)

export const order: Scenario = async (stand) => {
  const numbers = [...Array(20).keys()].map(String)
  const lines = numbers.map((n) => (n === '10' ? 'event: close\ndata: now\n\n' : `data: ${n}\n\n`))
  return stand.open(() => ({ pieces: [lines.join('')], hold: true }), async (source) => {
    const closed = await tells(source, 'closed', stand.patience)
    // events that were fired in spite of it are told right behind
    await fires(source, '19', closed ? 300 : 0)
    const at = source.told.items.findIndex(({ kind }) => kind === 'closed')
    const before = messages(at < 0 ? source.told.items : source.told.items.slice(0, at))
    const after = at < 0 ? [] : messages(source.told.items.slice(at))
    const expected = at < 0 ? numbers.filter((n) => n !== '10') : numbers.slice(0, 10)
    return [
      finding('events in one piece', before.join() === expected.join(), sayEvents(expected), sayEvents(before)),
      ...(at < 0 ? [] : [finding('after close()', after.length === 0, 'no event after close()', sayEvents(after))]),
    ]
  })
}

/** The data of the events without a type. */
const messages = (items: readonly Told[]): string[] =>
  items.flatMap((item) => (item.kind === 'event' && item.event.type === 'message' ? [item.event.data] : []))

const sayEvents = (data: readonly string[]): string => (data.length === 0 ? 'no event' : `events ${data.join(' ')}`)

export const closing: Scenario = async (stand) => {
  const open: Script = () => ({ pieces: [`retry: ${shortMs}\n\n`, 'event: close\ndata: now\n\n'], hold: true })
  const now = stand.open(open, async (source) => {
    if (!await tells(source, 'closed', stand.patience)) return undefined
    const left = await leaves(source, stand.patience)
    const again = await source.visit.request(1, left ? stand.absence : 0)
    const faults = [...(left ? [] : ['the connection stays']), ...(again ? ['the client came back'] : [])]
    return finding('close() while open', faults.length === 0, 'the connection ends, and no other request', faults.join(', ') || 'so it was')
  })
  const ending: Script = (n) => (n === 0 ? { pieces: [`retry: ${shortMs}\n\nevent: close\ndata: error\n\n`] } : { hold: true })
  const waiting = stand.open(ending, async (source) => {
    if (!await tells(source, 'closed', stand.pace.tellsErrors ? stand.patience : 500)) return undefined
    const again = await source.visit.request(1, stand.absence)
    return finding('close() while it waits to come back', again === undefined, 'no other request', again ? 'the client came back' : 'none')
  })
  const findings = (await Promise.all([now, waiting])).filter((one) => one !== undefined)
  return findings.length === 0 ? neverClosed : findings
}

export const collecting: Scenario = async (stand) =>
  stand.open(() => ({ pieces: ['event: forget\ndata: now\n\n'], hold: true }), async (source) => {
    if (!await tells(source, 'forgotten', 3000)) {
      return { why: 'refused' as const, note: 'the client does not print {"forgotten":true} after an event of type forget' }
    }
    const left = await leaves(source, stand.patience)
    return [finding('a source that was let go', left, 'the connection ends', left ? 'it did' : `it was there after ${stand.patience} ms`)]
  })

const MiB = 2 ** 20
/** MiB of one line */
const flood = 32
/** ms in which a process that has lost its connection is gone, if it goes */
const endsMs = 3000
/** ms in which a MiB is taken */
const takesMs = 10_000

export const endlessLine: Scenario = async (stand) =>
  stand.open(() => ({ pieces: ['data: '], hold: true }), async (source) => {
    const piece = Buffer.alloc(MiB, 'x')
    if (!await source.visit.request(0, stand.patience)) return { why: 'inconclusive' as const, note: 'the client did not ask' }
    const gone = (): Told | undefined => source.told.items.find(({ kind }) => kind === 'gone')
    for (let sent = 0; sent < flood; sent++) {
      const taken = await inTime(source.visit.send(piece), takesMs)
      if (taken === true) continue
      if (taken === undefined) return [found(false, `it stopped reading after ${sent} MiB, and kept the connection`)]
      await tells(source, 'gone', endsMs)
      const death = gone()
      if (death?.kind === 'gone') return [found(false, `its process ended after ${sent} MiB: ${death.how}`)]
      return [found(true, `it gave up after ${sent} MiB`)]
    }
    return { why: 'inconclusive' as const, note: `the client took a line of ${flood} MiB; whether it has a higher limit was not tried` }
  })

const found = (ok: boolean, actual: string): Seen =>
  finding('a line without an end', ok, `the connection is given up before ${flood} MiB, and the client lives`, actual)

async function inTime<T>(value: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)))
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}

export const crNoStall: Scenario = async (stand: Stand) =>
  stand.open(() => ({ pieces: ['data: first\n\n'], hold: true }), async (source) => {
    const { visit } = source
    const first = await fires(source, 'first', stand.patience)
    if (!first) return { why: 'inconclusive' as const, note: 'the event before it was not fired' }
    const began = performance.now()
    await visit.send('data: plain\n\n')
    if (!await fires(source, 'plain', stand.patience)) return { why: 'inconclusive' as const, note: 'an event that LF ends was not fired' }
    const boundMs = Math.max(500, 20 * (performance.now() - began))
    await visit.send('data: late\r\r')
    const prompt = await fires(source, 'late', boundMs)
    await visit.send('data: next\n\n')
    const ever = prompt || await fires(source, 'late', stand.patience)
    // a client that does not know CR at all is wrong about line ends, not late
    if (!ever) return { why: 'blocked' as const, note: 'client/parser/line-ends: the client does not end lines at CR' }
    const came = prompt ? 'it came' : 'it came when the next bytes did'
    return [finding('data: late CR CR', prompt, `the event within ${Math.round(boundMs)} ms`, came)]
  })
