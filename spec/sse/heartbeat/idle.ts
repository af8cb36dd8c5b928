/** Links on which nothing need happen, and whether they were watched for long enough. */
import { bytes as utf8, join, type LinkEdit } from '../../bytes.ts'
import type { Scene, Why } from '../../model.ts'
import { isDriver, isPing, isSilent, longestSilence, quietUntil, type Burst } from '../beats.ts'
import { streams, withRole, type Answer, type Exchange } from '../exchange.ts'

export const authoringNotes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'

/** The client accepts compression. */
export const acceptsCoding = ({ link }: Answer): boolean =>
  link.request.headers.some(([name, value]) => /^accept-encoding$/i.test(name) && /\bgzip\b/i.test(value))

/** Streams of clients that only listen; where compression was accepted another rule looks at the times. */
export const idle = (exchange: Exchange): Answer[] => ['base', 'channel', 'ordinary']
  .flatMap((role) => withRole(exchange, role)).filter((answer) => answer.isEventStream && !acceptsCoding(answer))

/** What broke the silence was there to break it. On a driver that nobody publishes on nothing else can be. */
export const isBeat = (exchange: Exchange, burst: Burst): boolean =>
  isSilent(burst) || isDriver(exchange) || (burst.events.length > 0 && burst.events.every(({ data }) => isPing(data)))

/** Heartbeats are for streams that stay open. */
export function openEnded({ parts, exchanges }: Scene<Exchange>): string | undefined {
  const isOpen = exchanges.some((exchange) =>
    streams(exchange).some((one) => one.isOpen && one.published === undefined))
  return exchanges.length === 0 || parts.has('channel') || isOpen ? undefined : 'no stream stayed open'
}

/** The kit left every stream before a silence was long enough to say anything. */
export function leftEarly({ exchanges }: Scene<Exchange>): { readonly why: Why; readonly note: string } | undefined {
  const silences = exchanges.flatMap((exchange) =>
    idle(exchange).map((answer) => longestSilence(exchange, answer, quietUntil(exchange, answer)).ms))
  if (silences.length === 0) return undefined
  const seconds = Math.floor(Math.max(...silences) / 1000)
  return { why: 'window', note: `no heartbeat in ${seconds} s of silence at most: --observe 40s looks longer` }
}

export const shown = (ms: number): string => (ms >= 1000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms)} ms`)

// ---- edits -----------------------------------------------------------------------------------------------------

/** The heartbeat of the example. */
export const comment = ':\n\n'

const isComment = (bytes: Uint8Array): boolean => Buffer.from(bytes).equals(Buffer.from(comment))

/** Leaves the heartbeats out. */
export const silent: LinkEdit = (chunks) => chunks.filter(({ bytes }) => !isComment(bytes))

/** Other texts in place of the heartbeats. */
export const beating = (text: string): LinkEdit => (chunks) =>
  chunks.map((chunk) => (isComment(chunk.bytes) ? { ...chunk, bytes: utf8(text) } : chunk))

/** The heartbeats come together with what is sent next. */
export const heldBack: LinkEdit = (chunks) => {
  const held = chunks.filter(({ bytes }) => isComment(bytes))
  const rest = chunks.filter(({ bytes }) => !isComment(bytes))
  return rest.map((chunk, i) =>
    (i < rest.length - 1 ? chunk : { ...chunk, bytes: join(...[...held, chunk].map(({ bytes }) => bytes)) }))
}
