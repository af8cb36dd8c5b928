/**
 * In what way a text that a client sent is not UTF-8. Each way is a rule of its own, as each is the mistake of another
 * kind of decoder. https://www.rfc-editor.org/rfc/rfc3629#section-3
 */
import { illFormed } from '../utf8.ts'
import type { Connection } from './exchange.ts'
import type { Fault } from './machine.ts'

/**
 * - `split`: the sequence begins in one fragment and goes wrong in a later one
 * - `truncated`: the message ends inside a character
 * - `range`: above U+10FFFF, or a form of five or six bytes
 * - `invalid`: a byte that UTF-8 never has, a continuation of nothing, or a character that breaks off
 */
export type TextFlaw = 'overlong' | 'surrogate' | 'range' | 'truncated' | 'split' | 'invalid'

/** The way of a fault in text; undefined for other faults, and where the text was compressed. */
export function textFlaw({ illFormed: bad, frame, byte }: Fault): TextFlaw | undefined {
  if (!bad) return undefined
  if (bad.atEnd) return 'truncated'
  if (byte < frame.payloadAt) return 'split'
  const lead = frame.payload[byte - frame.payloadAt] ?? 0
  if (bad.kind === 'too-high' || (lead >= 0xf8 && lead <= 0xfd)) return 'range'
  return bad.kind === 'overlong' || bad.kind === 'surrogate' ? bad.kind : 'invalid'
}

/** These bytes are UTF-8. */
export const isText = (bytes: Uint8Array): boolean => illFormed(bytes).length === 0

/** The message with the fault was sent to its end, and nothing stands between its fragments from there on. */
export function isWhole({ sent }: Connection): boolean {
  const next = sent.frames.slice(sent.fault?.index).find(({ opcode, fin }) => opcode >= 8 || fin)
  return next !== undefined && next.opcode < 8
}
