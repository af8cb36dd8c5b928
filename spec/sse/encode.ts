/**
 * The right encoder: an event as the bytes of its block.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 *
 * What the format cannot carry is refused (`refusal`), with one exception that it can carry in another form: CR and
 * CRLF in data or a comment come out as LF, because all three end a line. Choices where the standard leaves one:
 * - the order of a block is comment, event, id, retry, data
 * - a field with a value has one space after the colon, so that a value's own leading space survives
 * - an empty value is written `data:`; the reader cannot tell it from `data`
 */
import type { Event } from '../model.ts'

/** Why a value cannot be carried. `field` is the member at fault, '' when it is the event itself. */
export interface Refusal {
  readonly field: string
  readonly detail: string
}

/** The lines of a text: CRLF, CR and LF each end one, nothing else does (not U+0085, U+2028, VT or FF). */
export const splitLines = (text: string): string[] => text.split(/\r\n|\r|\n/)

/** One line of a block; an empty `name` makes it a comment. `value` must be free of line ends. */
export const encodeLine = (name: string, value: string): string => (value === '' ? `${name}:\n` : `${name}: ${value}\n`)

/**
 * An event as its block, blank line included. An absent member writes no field, '' an empty one; without `data` the
 * block fires nothing, yet its comment, id and retry are written. Lone surrogates become U+FFFD: UTF-8 has no other
 * form for them.
 *
 * Throws TypeError when `refusal` has something to say: a line end in a name would start a field of its own.
 */
export function encodeEvent(event: Event): string {
  const refused = refusal(event)
  if (refused) throw new TypeError(`${refused.field || 'event'}: ${refused.detail}`)
  let block = ''
  if (event.comment !== undefined) for (const line of splitLines(event.comment)) block += encodeLine('', line)
  if (event.event !== undefined) block += encodeLine('event', event.event)
  if (event.id !== undefined) block += encodeLine('id', event.id)
  if (event.retry !== undefined) block += encodeLine('retry', String(event.retry))
  if (event.data !== undefined) for (const line of splitLines(event.data)) block += encodeLine('data', line)
  return `${block}\n`.toWellFormed()
}

const texts = ['data', 'event', 'id', 'comment'] as const
const members: ReadonlySet<string> = new Set([...texts, 'retry'])

/**
 * Why a value, as JSON gave it, is not an event that a stream can carry; undefined when it is one. Refused are
 * - what is not an object, members of another name, and a data, event, id or comment that is not a string
 * - an event name or id with CR or LF: there is no way to write one
 * - an id that would not come back as it left in `Last-Event-ID`: NUL makes the reader ignore the field, other control
 *   characters (tab and DEL included) are not allowed in a header value, and outer spaces are stripped from one
 *   (RFC 9110 section 5.5). Length is not limited here; a server's header limit is its own affair
 * - a retry that is not a whole number of ms from 0 to 2^53 - 1: the reader takes ASCII digits only
 */
export function refusal(event: unknown): Refusal | undefined {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return { field: '', detail: 'an event is a JSON object' }
  }
  for (const name of Object.keys(event)) {
    if (!members.has(name)) return { field: name, detail: `the members of an event are ${[...members].join(', ')}` }
  }
  const given = event as Readonly<Record<string, unknown>>
  for (const name of texts) {
    if (given[name] !== undefined && typeof given[name] !== 'string') return { field: name, detail: 'must be a string' }
  }
  return refusedName(given['event'] as string | undefined)
    ?? refusedId(given['id'] as string | undefined)
    ?? refusedRetry(given['retry'])
}

function refusedName(name = ''): Refusal | undefined {
  if (/[\r\n]/.test(name)) return { field: 'event', detail: 'an event name cannot contain a line end' }
  return undefined
}

function refusedId(id = ''): Refusal | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\0-\x1f\x7f]/.test(id)) {
    return { field: 'id', detail: 'an id cannot contain a control character: it returns as a header value' }
  }
  if (/^ | $/.test(id)) {
    return { field: 'id', detail: 'an id cannot start or end with a space: a header value loses it' }
  }
  return undefined
}

function refusedRetry(retry: unknown): Refusal | undefined {
  if (retry === undefined || (Number.isSafeInteger(retry) && (retry as number) >= 0)) return undefined
  return { field: 'retry', detail: 'must be a whole number of milliseconds, 0 or more' }
}
