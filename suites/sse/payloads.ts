/** Generators that the areas share: what servers get wrong, weighted. */
import fc from 'fast-check'
import type { Event } from '../../spec/model.ts'
import { plainControls, wideControl } from '../../spec/sse/play.ts'
import type { Script } from '../stimulus.ts'

/** Plain text without any peculiarity. */
export const word = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-_.,!?()'), minLength: 1, maxLength: 12 })

/** Pieces that mean something to an event stream, or break naive encoders. */
export const pieces = fc.constantFrom(
  '\r', '\n', '\r\n', ':', ' ', '\t', '\0', '\ufeff', '\u0085', '\u2028', '\u2029', '\u000b', '\u000c',
  'data', 'event', 'id', 'retry', 'data: ', 'event: e', 'id: 9', '\n\n', 'a', 'b c', 'é', '😀', 'e\u0301', '\u05d0', '👩‍👩‍👧',
)

/** Any scalar value. Not the library's unit `binary`, which builds a table of them all, for a second at every start. */
const scalar = fc.integer({ min: 0, max: 0x10f7ff }).map((n) => String.fromCodePoint(n < 0xd800 ? n : n + 0x800))

/** Any string of scalar values, from meaningful pieces and from all of Unicode. */
export const anyText = fc.oneof(
  { arbitrary: fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')), weight: 3 },
  { arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 24 }), weight: 1 },
  { arbitrary: fc.string({ unit: scalar, maxLength: 40 }), weight: 1 },
)

const tails = fc.constantFrom('data: forged', 'event: forged', 'id: forged', 'retry: 1', 'data: forged\n\ndata: more', ':', '')

/** Text with a line break and something that looks like a field behind it. */
export const hostile = fc
  .tuple(word, fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r'), tails)
  .map((parts) => parts.join(''))

/** The event, and a plain one behind it, so that what a fault adds or swallows shows. */
export function anchored(...events: readonly Event[]): Script {
  return { events: [...events, { data: 'anchor' }] }
}

/** The same behind plain events as a control: where those are changed too, the fault is not of these events. */
export function controlled(...events: readonly Event[]): Script {
  const has = (member: 'event' | 'id'): boolean => events.some((event) => event[member] !== undefined)
  const plain = plainControls.map((text): Event => ({
    data: text, ...(has('event') ? { event: text } : {}), ...(has('id') ? { id: text } : {}),
  }))
  // no id here: a target may refuse one beyond ASCII, and the whole batch with it
  const wide: Event = { data: wideControl, ...(has('event') ? { event: wideControl } : {}) }
  return anchored(...plain, wide, ...events)
}
