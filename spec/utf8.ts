/**
 * Where bytes are not UTF-8, and how. https://encoding.spec.whatwg.org/#utf-8-decoder
 * The well-formed sequences are those of table 3-7 of the Unicode standard.
 */
import { isUtf8 } from 'node:buffer'

/**
 * - `surrogate`: ED A0..BF xx, half of a UTF-16 pair encoded by itself (CESU-8, WTF-8)
 * - `overlong`: more bytes than the character needs (C0 8A for LF)
 * - `too-high`: above U+10FFFF
 * - `truncated`: the beginning of a good sequence, then something else or the end of the input
 * - `invalid`: a continuation byte without a beginning, or a byte that UTF-8 never has
 */
export type Flaw = 'surrogate' | 'overlong' | 'too-high' | 'truncated' | 'invalid'

/** One ill-formed sequence. */
export interface IllFormed {
  /** byte offset */
  readonly start: number
  /** bytes */
  readonly length: number
  readonly kind: Flaw
  /** only `truncated`: the input ends here, and more bytes could still make it good */
  readonly atEnd?: true
}

const MOST = 100

/**
 * The ill-formed sequences of the input, in order: the first 100, which is enough to show what is wrong.
 *
 * A decoder puts one U+FFFD for a `truncated` or `invalid` one (a maximal subpart), and for the others, which are
 * listed as wholes to be recognised, one for each byte.
 */
export function illFormed(bytes: Uint8Array): IllFormed[] {
  if (isUtf8(bytes)) return []
  const found: IllFormed[] = []
  let at = 0
  while (at < bytes.length && found.length < MOST) {
    const lead = bytes[at] ?? 0
    const announced = announcedLength(lead)
    const length = presentLength(bytes, at, announced)
    const kind = flaw(lead, length > 1 ? bytes[at + 1] : undefined, announced, length)
    if (kind !== undefined) {
      const atEnd = kind === 'truncated' && at + length === bytes.length
      found.push({ start: at, length, kind, ...(atEnd && { atEnd }) })
    }
    at += length
  }
  return found
}

/** How many bytes the first one announces; 1 for those that begin nothing. */
function announcedLength(lead: number): number {
  if (lead < 0xc0) return 1
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf8 ? 4 : 1
}

/** How many of them are there: a byte that is no continuation ends the sequence. */
function presentLength(bytes: Uint8Array, start: number, announced: number): number {
  let length = 1
  while (length < announced && ((bytes[start + length] ?? 0) & 0xc0) === 0x80) length++
  return length
}

function flaw(lead: number, second: number | undefined, announced: number, length: number): Flaw | undefined {
  if (lead < 0x80) return undefined
  if (announced === 1) return 'invalid'
  if (lead < 0xc2) return 'overlong'
  if (lead > 0xf4) return 'too-high'
  if (second !== undefined) {
    if ((lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90)) return 'overlong'
    if (lead === 0xed && second > 0x9f) return 'surrogate'
    if (lead === 0xf4 && second > 0x8f) return 'too-high'
  }
  return length < announced ? 'truncated' : undefined
}
