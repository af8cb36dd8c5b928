/** Cases 1.* (framing) and 10.* (automatic fragmentation): messages of the lengths where the form of a length changes. */
import { bytes } from '../../bytes.ts'
import { client } from '../frame.ts'
import { fragments, inChops, pieces, right, whole, type Case, type Part } from './case.ts'

const lengths = [0, 125, 126, 127, 128, 65_535, 65_536] as const
/** octets of a write in the last case of a row */
const chop = 997
/** octets of a fragment in 10.1.1 */
const fragment = 1300
const longMs = 10_000

const message = (kind: 'text' | 'binary', length: number): Uint8Array => bytes(new Uint8Array(length).fill(kind === 'text' ? 0x2a : 0xfe))

function row(number: string, kind: 'text' | 'binary'): Case[] {
  const one = (i: number, says: string, payload: Uint8Array, part: Part, withinMs: number): Case =>
    right(`${number}.${i}`, says, part, [{ kind, payload }], { withinMs })
  const plain = lengths.map((length, i) => {
    const payload = message(kind, length)
    return one(i + 1, `a ${kind} message of ${length} bytes`, payload, whole(client[kind](payload)), length >= 65_535 ? longMs : 1000)
  })
  const payload = message(kind, 65_536)
  return [...plain, one(8, `a ${kind} message of 65536 bytes in writes of ${chop}`, payload, inChops(chop, client[kind](payload)), longMs)]
}

const long = message('text', 65_536)

export const framing: readonly Case[] = [...row('1.1', 'text'), ...row('1.2', 'binary')]

export const fragmenting: readonly Case[] = [
  right('10.1.1', `a text message of 65536 bytes in fragments of ${fragment}`,
    whole(...fragments(pieces(long, fragment), { first: client.text, more: client.more })), [{ kind: 'text', payload: long }], { withinMs: longMs }),
]
