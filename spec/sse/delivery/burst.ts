/**
 * Events that were made over time and arrive at once: somebody on the way holds the body back.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { onBody, sent } from '../../bytes.ts'
import type { LinkEdit } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { cited, type Thresholds } from '../../thresholds.ts'
import type { Exchange, Answer } from '../exchange.ts'
import { jsonOf, ownStreams } from './payloads.ts'
import { overAt, terminatorOf } from './terminators.ts'

const authoringNotes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'

/** fewer events than this may well come at once */
const fewest = 8
/** of the wait: what comes within so little of it was not made in it */
const instantShare = 0.1
/** ms; a stream that ends so soon after its last event has ended with it */
const withItMs = 500
/** blocks of whole KiB with so many ms between them are a buffer that fills */
const block = { bytes: 1024, silenceMs: 100, fewest: 3 } as const

/** When its events came, in ms from the request. */
const timesOf = (answer: Answer): number[] =>
  answer.stream.events.map(({ end }) => answer.arrival(end - 1) - answer.link.openedAt)

/** Most of the gaps are as small as those of one write. */
function isAtOnce(times: readonly number[], { 'burst-gap': gap, 'burst-share': share }: Thresholds): boolean {
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at))
  return gaps.filter((ms) => ms < gap).length >= (share / 100) * gaps.length
}

/** members that tell when an event was made */
const stamps = ['ts', 'time', 'timestamp', 'created_at', 'createdAt', 'at', 'date'] as const

/** ms from the first to the last time of day that events carry; undefined where they carry none. */
function stampSpread(answer: Answer): number | undefined {
  const made = answer.stream.events.flatMap(({ data }) => {
    const value = jsonOf(data)
    const stamp = stamps.map((name) => value?.[name]).find((one) => one !== undefined)
    // seconds or milliseconds since 1970, or a date
    const ms = typeof stamp === 'string' ? Date.parse(stamp) : Number(stamp) * (Number(stamp) < 1e11 ? 1000 : 1)
    // before 2001 it is no time of day
    return ms > 1e12 ? [ms] : []
  })
  return made.length >= fewest ? Math.max(...made) - Math.min(...made) : undefined
}

/** The body came in blocks of one size in whole KiB, with silence between them, and cut through events. */
function isBlockwise(answer: Answer): number | undefined {
  const pieces = answer.codings.length === 0 ? (answer.message.body?.pieces ?? []) : []
  const groups: { at: number; start: number; end: number }[] = []
  for (const { body: start, length, at } of pieces) {
    const last = groups.at(-1)
    const end = start + length
    if (last && at - last.at < block.silenceMs) Object.assign(last, { at, end })
    else groups.push({ at, start, end })
  }
  const whole = groups.slice(0, -1)
  const [size = 0] = whole.map(({ start, end }) => end - start)
  const starts = new Set(answer.stream.blocks.map(({ start }) => start))
  const same = whole.length >= block.fewest && whole.every(({ start, end }) => end - start === size)
  const cut = whole.filter(({ end }) => !starts.has(end)).length
  return same && size >= block.bytes && size % block.bytes === 0 && cut >= 2 ? size : undefined
}

/** What was read as it came: the kit lets the slow reader's link wait, and finds all of it there. */
const promptStreams = (exchange: Exchange): Answer[] => ownStreams(exchange).filter(({ link }) => link.role !== 'slow')

export const burst: Rule<Exchange> = {
  id: 'sse/delivery/burst',
  level: 'advice',
  clause: authoringNotes,
  needs: ['times'],
  says: 'events arrive one by one, as they are made, and not all at once at the end or in blocks of some KiB',
  harm: 'the reader looks at nothing for as long as the answer takes, and then gets all of it at once',
  fix: 'flush after each event; send X-Accel-Buffering: no and Cache-Control: no-transform; in the proxy set ' +
    'proxy_buffering off (nginx), take compression off the route, and look at the same URL without CDN and tunnel',
  inconclusive: ({ exchanges }) => (exchanges.flatMap(promptStreams).some((answer) => timesOf(answer).length >= fewest)
    ? { why: 'inconclusive', note: 'the events came at once: a buffer, or all were ready; a driver with play tells' }
    : undefined),
  check: (exchange) => promptStreams(exchange).flatMap((answer): Finding[] => {
    const times = timesOf(answer)
    const [first = 0] = times
    const last = times.at(-1) ?? 0
    if (times.length < fewest) return []
    const found = (ok: boolean, actual: string): Finding[] => [{
      where: answer.place(answer.stream.events[0]?.start ?? 0, answer.stream.events[0]?.end ?? 1),
      ok,
      expected: 'events spread over the time in which they are made: ' +
        `fewer than ${cited('burst-share', exchange.thresholds)} of the gaps below ` +
        cited('burst-gap', exchange.thresholds),
      actual,
    }]
    const size = isBlockwise(answer)
    if (size !== undefined) return found(false, `blocks of ${size} bytes, cut through events, and silence between them`)
    const isBurst = isAtOnce(times, exchange.thresholds) && last - first <= instantShare * first
    if (!isBurst) return isAtOnce(times, exchange.thresholds) ? [] : found(true, 'that')
    // a short wait may be work; after it a history, or an answer that was ready, comes at once too
    if (first < exchange.thresholds['burst-wait']) return []
    const spread = stampSpread(answer)
    const wait = `${(first / 1000).toFixed(0)} s after the request`
    if (spread !== undefined && spread >= first / 2 && spread <= first + 1000) {
      const seconds = (spread / 1000).toFixed(1)
      return found(false, `${times.length} events at once, ${wait}, although their own times spread over ${seconds} s`)
    }
    const isAnswer = answer.stream.events.some((event) => terminatorOf(event, exchange) !== undefined)
    const over = (overAt(answer) ?? Infinity) - answer.link.openedAt
    if (!isAnswer || over - last > withItMs) return []
    return found(false, `${times.length} events at once, ${wait}, and the end with them`)
  }),
  mutants: {
    'an answer at its end': {
      edit: onBody('base', atTheEnd),
    },
    'events whose times tell otherwise': {
      edit: onBody('quiet', atTheEnd),
    },
    'a buffer of 1 KiB': { edit: onBody('quiet', inBlocks) },
  },
}

/** In one write when all of it is there; what ends the message stays behind it. */
function atTheEnd(chunks: Parameters<LinkEdit>[0]): ReturnType<LinkEdit> {
  const at = chunks.at(-1)?.at ?? 0
  return [sent(at, ...chunks.map(({ bytes }) => bytes)), ...chunks.filter(({ bytes }) => bytes.length === 0)]
}

/** The same bytes, 1 KiB each 400 ms. */
function inBlocks(chunks: Parameters<LinkEdit>[0]): ReturnType<LinkEdit> {
  const all = Buffer.concat(chunks.map(({ bytes }) => bytes))
  const count = Math.ceil(all.length / block.bytes)
  return Array.from({ length: count }, (_, i) =>
    sent(5 + 400 * i, all.subarray(i * block.bytes, (i + 1) * block.bytes)))
}
