/** A client under test, as the scenarios see it: something that opens URLs and tells what it sees. */
import type { Fired } from '../../spec/client/vectors.ts'
import type { Log } from './log.ts'

/** One thing that a client told, in the order it told it. */
export type Told =
  | { readonly kind: 'event'; readonly event: Fired; readonly origin?: string }
  | { readonly kind: 'open' }
  | { readonly kind: 'error'; readonly readyState?: number }
  /** it has called close(), because an event of the type `close` asked for it */
  | { readonly kind: 'closed' }
  /** it has let go of the source, because an event of the type `forget` asked for it */
  | { readonly kind: 'forgotten' }
  /** its process is gone */
  | { readonly kind: 'gone'; readonly how: string; readonly said?: string }
  /** a line that is none of these */
  | { readonly kind: 'noise'; readonly text: string }

/** One source that a client has opened. */
export interface Opened {
  readonly told: Log<Told>
  /** Closes the source; what it tells later is not heard. */
  close(): Promise<void>
}

export interface Client {
  open(url: string): Opened
  /** Ends everything that the client started. */
  end(): Promise<void>
}

const isText = (value: unknown): value is string => typeof value === 'string'

/**
 * Reads one line of the protocol of `clients/README.md`.
 * @returns what it tells, and the URL that it names
 */
export function readLine(line: string): { readonly told: Told; readonly url?: string } {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { told: { kind: 'noise', text: line } }
  }
  if (typeof value !== 'object' || value === null) return { told: { kind: 'noise', text: line } }
  const fields = value as Readonly<Record<string, unknown>>
  return { told: toldBy(fields) ?? { kind: 'noise', text: line }, ...(isText(fields.url) ? { url: fields.url } : {}) }
}

function toldBy(fields: Readonly<Record<string, unknown>>): Told | undefined {
  const { type, data, lastEventId, origin, readyState } = fields
  if (isText(type) && isText(data)) {
    const event = { type, data, lastEventId: isText(lastEventId) ? lastEventId : '' }
    return { kind: 'event', event, ...(isText(origin) ? { origin } : {}) }
  }
  if (fields.open === true) return { kind: 'open' }
  if (fields.error === true) return { kind: 'error', ...(typeof readyState === 'number' ? { readyState } : {}) }
  if (fields.closed === true) return { kind: 'closed' }
  return fields.forgotten === true ? { kind: 'forgotten' } : undefined
}
