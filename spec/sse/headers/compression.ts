/**
 * Content codings of a stream, and how long a compressor holds its events back.
 * https://www.rfc-editor.org/rfc/rfc9110#section-8.4
 */
import { chunked, hex, onLink, sent, swap } from '../../bytes.ts'
import type { LinkEdit } from '../../bytes.ts'
import { listItems } from '../../fields.ts'
import type { Finding, Rule } from '../../model.ts'
import { cited } from '../../thresholds.ts'
import { askedForStream, forEvery, streams, withRole, type Answer, type Exchange } from '../exchange.ts'

/** ms; events that far apart do not come from one write */
const spreadMs = 1000
/** ms; events that close together come from one write */
const burstMs = 50

const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

/** `data: a` and its blank line, in gzip once and twice */
const gzipped = hex('1f8b08000000000002034b492c49b45248e4e202007ee3c43809000000')
const gzippedTwice = hex('1f8b080000000000000393efe6600003666f4f1dcf2d411e4f1e3131d43d3e62c109140400419777701d000000')

/** Keeps the head of an answer; its body is this one, and stays open. */
const onlyBody = (body: string | Uint8Array): LinkEdit => ([first, ...rest]) =>
  (first ? [first, sent(rest.at(-1)?.at ?? first.at, chunked(body))] : [])

/** The head in time, and everything else with the last byte. */
const atOnce: LinkEdit = ([first, ...rest]) =>
  (first ? [first, ...rest.map((chunk) => ({ ...chunk, at: rest.at(-1)?.at ?? chunk.at }))] : [])

const contentEncodingDeclared: Rule<Exchange> = {
  id: 'sse/headers/content-encoding-declared',
  level: 'must',
  clause: `${semantics}#section-8.4`,
  says: 'Content-Encoding lists the codings of the body',
  harm: 'a client reads compressed bytes as text: not one event fires',
  fix: 'compress in one place, which sets the field; look for a proxy and an application that both compress',
  needs: ['head', 'coding', 'octets'],
  check: (exchange) => forEvery(
    streams(exchange).filter((one) => (one.message.body?.bytes.length ?? 0) >= 4 && one.codings.every(isKnown)),
    (one) => `a body in the codings declared (${one.codings.join(', ') || 'none'})`,
    (one) => ({ where: one.place(0, 4), ok: miscoded(one) === undefined, actual: miscoded(one) ?? 'that' }),
  ),
  mutants: {
    'gzip without the field': { edit: onLink('base', onlyBody(gzipped)) },
    'gzip twice': { edit: onLink('coded', onlyBody(gzippedTwice)) },
    'the field without gzip': { edit: onLink('coded', onlyBody('data: a\n\n')) },
  },
}

const contentEncodingNegotiated: Rule<Exchange> = {
  id: 'sse/headers/content-encoding-negotiated',
  level: 'should',
  clause: `${semantics}#section-12.5.3`,
  says: 'a client that accepts identity only gets a body without coding',
  harm: 'clients that cannot decompress read rubbish, and the others wait for the compressor',
  fix: 'let the compressor read Accept-Encoding; on a CDN switch compression off for text/event-stream',
  needs: ['head', 'request'],
  check: (exchange) => forEvery(
    askedForStream(exchange).filter((one) => one.status === 200 && wantsIdentity(one)),
    'no Content-Encoding, as identity alone was accepted',
    (one) => ({
      where: one.fieldPlace('content-encoding'),
      ok: one.codings.every((coding) => coding === 'identity'),
      actual: one.codings.join(', ') || 'none',
    }),
  ),
  mutants: {
    'always gzip': { edit: onLink('anything', swap('Cache-Control', 'Content-Encoding: gzip\r\nCache-Control')) },
  },
}

const compressionFlush: Rule<Exchange> = {
  id: 'sse/headers/compression-flush',
  level: 'advice',
  clause: `${semantics}#section-7.6`,
  says: 'a compressed stream is flushed after each event',
  harm: 'events wait in the compressor until kilobytes have gathered, and arrive in bursts',
  fix: 'flush the compressor after each event (res.flush() with Express compression, Z_SYNC_FLUSH in zlib), or ' +
    'do not compress event streams',
  applies: ({ exchanges }) =>
    (exchanges.some((exchange) => streams(exchange).some(isCoded)) ? undefined : 'no stream was compressed'),
  needs: ['times', 'coding'],
  check: (exchange) => [...heldInPlay(exchange), ...heldBesideOrdinary(exchange)],
  mutants: {
    'all of it at the end': {
      edit: onLink('compressed', atOnce),
      fault: 'compressionHeld',
    },
    'all of it at the end of a stream of its own': { edit: onLink('coded', atOnce) },
  },
}

/** The body of an answer is said to be coded. */
export const isCoded = (one: Answer): boolean => one.codings.some((coding) => coding !== 'identity')

const known: ReadonlySet<string> = new Set(['identity', 'gzip', 'x-gzip', 'deflate', 'br', 'zstd'])

/** A coding that the kit can remove. */
const isKnown = (coding: string): boolean => known.has(coding)

/** The request accepts the body as it is and in no coding. Without Accept-Encoding any coding would do. */
function wantsIdentity({ link }: Answer): boolean {
  const fields = link.request.headers.filter(([name]) => name.toLowerCase() === 'accept-encoding')
  const asked = listItems(fields.map(([, value]) => value).join(', '))
  return fields.length > 0 && asked.every((coding) => coding.toLowerCase() === 'identity')
}

const magic = [['gzip', '1f8b08'], ['zstd', '28b52ffd'], ['zlib', '789c'], ['zlib', '78da']] as const

/** The coding by which a body begins: each of these marks has a byte that is not UTF-8. Brotli has no mark. */
const codedAs = (body: Uint8Array): string | undefined =>
  magic.find(([, mark]) => Buffer.from(body.subarray(0, 4)).toString('hex').startsWith(mark))?.[0]

/** How the body differs from the codings declared. A coding that breaks off in the middle is not meant. */
function miscoded({ content }: Answer): string | undefined {
  const { body, fault } = content
  const found = codedAs(body?.bytes ?? new Uint8Array())
  if (found) return `${found} below that`
  // what is too large was decoded, and dropped
  const undecodable = fault !== undefined && !fault.includes('more than') && body?.bytes.length === 0
  return undecodable ? `a body that is not (${fault})` : undefined
}

/**
 * Events of compressed plays, each with the least time it was held back. Whoever plays pauses between events, so an
 * event was written no later than the arrival of any one behind it less the pauses between the two, however slow the
 * target or the line is.
 */
function heldInPlay(exchange: Exchange): Finding[] {
  return streams(exchange).filter((one) => isCoded(one) && pauseOf(one) > 0).flatMap((one) => {
    const pause = pauseOf(one)
    const { events } = one.stream
    const arrivals = events.map(({ end }) => one.arrival(end - 1))
    return events.map((event, i): Finding => {
      const written = Math.min(...arrivals.slice(i).map((later, n) => later - n * pause))
      const late = Math.round((arrivals[i] ?? 0) - written)
      return {
        where: one.eventPlace(event),
        ok: late <= exchange.thresholds.compressed,
        expected: `each event decodable within ${cited('compressed', exchange.thresholds)} of its write`,
        actual: late <= exchange.thresholds.compressed ? 'that' : `held back for ${late} ms`,
      }
    })
  })
}

/** ms between the events of a play; 0 when it is none */
function pauseOf({ published, link }: Answer): number {
  const play = published ? (JSON.parse(String(link.request.body)) as { pauseMs?: unknown }) : {}
  return typeof play.pauseMs === 'number' ? play.pauseMs : 0
}

/**
 * A stream that nobody drives, read twice at the same time: only a stark difference counts. As it is its events come
 * one by one; compressed they come late and at once, or not while the kit looks.
 */
function heldBesideOrdinary(exchange: Exchange): Finding[] {
  const [ordinary] = withRole(exchange, 'ordinary').filter((one) => one.isEventStream && !isCoded(one) && isSpread(one))
  if (!ordinary) return []
  const [expectedFirst = 0] = eventTimes(ordinary)
  const seen = withRole(exchange, 'coded').filter((one) => one.isEventStream && isCoded(one) && !miscoded(one))
  return seen.flatMap((one): Finding[] => {
    const times = eventTimes(one)
    const [first = 0] = times
    const none = times.length === 0
    if (none ? !ordinary.isOpen || !one.isOpen : times.length < 4) return []
    const burst = !none && (times.at(-1) ?? 0) - first <= burstMs && first - expectedFirst >= exchange.thresholds.compressed
    return [{
      where: one.where,
      ok: !none && !burst,
      expected: 'events spread in time, as without compression',
      actual: none ? 'no event while the kit looked'
        : burst ? `${times.length} events at once, ${Math.round(first)} ms after the head` : 'that',
    }]
  })
}

function isSpread(one: Answer): boolean {
  const times = eventTimes(one)
  const together = times.filter((at, i) => i > 0 && at - (times[i - 1] ?? 0) <= burstMs)
  return times.length >= 4 && (times.at(-1) ?? 0) - (times[0] ?? 0) >= spreadMs && together.length <= times.length / 2
}

/** ms from the head to each event */
const eventTimes = (one: Answer): number[] =>
  one.stream.events.map(({ end }) => one.arrival(end - 1) - (one.head?.at ?? one.link.openedAt))

export const compression: readonly Rule<Exchange>[] =
  [contentEncodingDeclared, contentEncodingNegotiated, compressionFlush]
