/** Whether, when and with what a client comes back. */
import type { Seen, Unseen } from '../../../spec/client/judge.ts'
import type { Ending } from '../server.ts'
import { delay, finding, fires, shorten, shortMs, text, type Scenario, type Stand } from '../stand.ts'

const staysAway: Unseen = { why: 'inconclusive', note: 'the client does not come back after the end of a body' }
const hold = { pieces: ['data: back\n\n'], hold: true } as const

export const eof: Scenario = async (stand) =>
  [await stand.open((n) => (n === 0 ? { pieces: [`retry: ${shortMs}\n\ndata: a\n\n`] } : hold), async (source): Promise<Seen> => {
    const again = await source.visit.request(1, stand.patience)
    const back = again !== undefined && await fires(source, 'back', stand.patience)
    const errors = source.told.items.flatMap((item) => (item.kind === 'error' ? [item.readyState] : []))
    const faults = [
      ...(again ? [] : ['no other request']),
      ...(again && !back ? ['what came then was not read'] : []),
      ...(back && stand.pace.tellsErrors && errors.length !== 1 ? [`${errors.length} error events`] : []),
      ...(back && errors[0] !== undefined && errors[0] !== 0 ? [`readyState ${errors[0]} in it`] : []),
    ]
    const expected = 'one error event with readyState 0, another request, and its events'
    return finding('end of the body', faults.length === 0, expected, faults.join(', ') || 'so it was')
  })]

export const networkError: Scenario = async (stand) => {
  const broken = (how: Ending, says: string): Promise<Seen> =>
    stand.open((n) => (n === 0 ? { pieces: [`retry: ${shortMs}\n\ndata: a\n\n`], hold: true } : hold), async (source) => {
      await fires(source, 'a', stand.patience)
      source.visit.finish(how)
      const ok = await fires(source, 'back', stand.patience)
      return finding(says, ok, `${says}: the client comes back and reads on`, ok ? 'it did' : 'it did not')
    })
  const refused = stand.open((n) => (n === 0 ? shorten : n === 1 ? { status: 0 } : hold), async (source): Promise<Seen> => {
    const says = 'a reset before the head, on the way back'
    const ok = await fires(source, 'back', stand.patience)
    return finding(says, ok, `${says}: the client asks once more`, ok ? 'it did' : 'it did not')
  })
  return Promise.all([
    broken('reset', 'a reset in the body'),
    broken('cut', 'a body without its last chunk'),
    ...(stand.pace.back === undefined ? [] : [refused]),
  ])
}

/** ms, long enough to tell from no wait at all */
const longerMs = 400
const sayBack = (ms: number | undefined): string => (ms === undefined ? 'not back' : `back after ${Math.round(ms)} ms`)

/** of the time that was asked for: timers of some platforms round down */
const tolerance = 0.95

export const reconnectDelay: Scenario = async (stand) => {
  if (stand.pace.back === undefined) return staysAway
  return stand.open((n) => (n < 2 ? { pieces: [`retry: ${longerMs}\n\n`] } : hold), async ({ visit }) => {
    const findings: Seen[] = []
    for (const n of [0, 1]) {
      const ms = await delay(visit, n, stand.patience)
      const ok = ms !== undefined && ms >= longerMs * tolerance
      findings.push(finding(`return ${n + 1}`, ok, `back not before ${longerMs} ms`, sayBack(ms)))
    }
    return findings
  })
}

/** A retry that sets the time, then a line that must not change it; or a valid one alone. */
const invalid = ['30x', '-1', '+1', '1.5', '1e1', '0x10', ' 9', '9 ', '\u0663', '1_0']
const valid = [`${longerMs}`, `0${longerMs}`, `000${longerMs}`]

export const retryDigits: Scenario = async (stand) => {
  if (stand.pace.back === undefined) return staysAway
  const usual = await stand.usualDelay()
  // a client that forgets the time comes back after its usual one
  const mostMs = usual !== undefined && usual > 3 * longerMs ? 0.9 * usual : stand.patience
  const backAfter = (stream: string, says: string): Promise<Seen> =>
    stand.open((n) => (n === 0 ? { pieces: [stream] } : hold), async ({ visit }) => {
      const ms = await delay(visit, 0, stand.patience)
      const ok = ms !== undefined && ms >= longerMs * tolerance && ms < mostMs
      return finding(says, ok, `${says}: back after ${longerMs} ms`, sayBack(ms))
    })
  return Promise.all([
    ...valid.map((value) => backAfter(`retry: ${value}\n\n`, `retry ${JSON.stringify(value)}`)),
    ...invalid.map((value) => backAfter(`retry: ${longerMs}\nretry: ${value}\n\n`, `retry ${JSON.stringify(value)} after ${longerMs}`)),
  ])
}

export const retryImmediate: Scenario = async (stand) => {
  if (stand.pace.back === undefined) return staysAway
  const usual = await stand.usualDelay()
  if (usual === undefined || usual < 4 * longerMs) {
    const after = usual === undefined ? 'more than 20000' : Math.round(usual)
    return { why: 'inconclusive', note: `the client comes back after ${after} ms by itself: a retry of ${longerMs} ms cannot be told from that` }
  }
  return stand.open((n) => (n === 0 ? { pieces: [`retry: ${longerMs}\n`] } : hold), async ({ visit }) => {
    const ms = await delay(visit, 0, usual + stand.patience)
    const ok = ms !== undefined && ms < (longerMs + usual) / 2
    return [finding('retry without a blank line', ok, `back after ${longerMs} ms, not after the usual ${Math.round(usual)} ms`, sayBack(ms))]
  })
}

/** Sends these bodies, one a connection; the Last-Event-ID of the request after each. */
function headersAfter(stand: Stand, bodies: readonly string[]): Promise<(string | undefined)[]> {
  const streams = bodies.map((body, i) => (i === 0 ? `retry: ${shortMs}\n${body}` : body))
  return stand.open((n) => (n < streams.length ? { pieces: [streams[n] ?? ''] } : hold), async ({ visit }) => {
    await visit.request(streams.length, stand.patience)
    return visit.log.items.flatMap((item) => (item.kind === 'request' ? [item.header('last-event-id')] : []))
  })
}

function shown(header: string | undefined): string {
  if (header === undefined) return 'no Last-Event-ID'
  return `Last-Event-ID ${JSON.stringify(header)} (bytes ${Buffer.from(header, 'latin1').toString('hex')})`
}

export const lastEventIdSent: Scenario = async (stand) => {
  if (stand.pace.back === undefined) return staysAway
  return Promise.all(['a-7', 'a b:c', 'é💥'].map(async (id): Promise<Seen> => {
    const headers = await headersAfter(stand, [`id: ${id}\ndata: a\n\n`])
    const header = headers[1]
    const expected = `Last-Event-ID with the bytes ${Buffer.from(id).toString('hex')}`
    return finding(`id ${id}`, text(header) === id, expected, headers.length < 2 ? 'the client did not come back' : shown(header))
  }))
}

export const lastEventIdOmitted: Scenario = async (stand) => {
  const without = (subject: string, header: string | undefined): Seen =>
    finding(subject, header === undefined, `${subject}: no Last-Event-ID`, shown(header))
  const first = without('first request', stand.pace.first.header('last-event-id'))
  if (stand.pace.back === undefined) return [first]
  const headers = await headersAfter(stand, ['id: 1\ndata: a\n\n', 'id\ndata: b\n\n'])
  return headers.length < 3 ? [first] : [first, without('after an empty id', headers[2])]
}

export const lastIdOverReconnect: Scenario = async (stand) => {
  if (stand.pace.back === undefined) return staysAway
  const [, before, after] = await headersAfter(stand, ['id: 1\ndata: a\n\n', ':ok\n\n'])
  if (before === undefined) return { why: 'inconclusive', note: 'the client sent no Last-Event-ID before the connection without an id' }
  return [finding('after a connection without an id', after === '1', 'Last-Event-ID "1"', shown(after))]
}
