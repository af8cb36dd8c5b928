/**
 * Cases 6.*: UTF-8. 6.5 to 6.23 are the table of Markus Kuhn's decoder test, one message each.
 * https://www.cl.cam.ac.uk/~mgk25/ucs/examples/UTF-8-test.txt
 */
import { bytes, hex, join } from '../../bytes.ts'
import { illFormed } from '../../utf8.ts'
import { client } from '../frame.ts'
import { fragments, pieces, right, whole, wrong, type Case, type Heard, type Part } from './case.ts'

const codes = [1007] as const
const text = (payload: string | Uint8Array): Heard => ({ kind: 'text', payload: bytes(payload) })
/** the word kosme in Greek, the first letter after the fourth with an accent outside of Latin-1 */
const greek = hex('cebae1bdb9cf83cebcceb5')
const german = 'Hello-µ@ßöäüàá-UTF-8!!'
const tooHigh = hex('f4908080')
const edited = bytes('edited')

const inPieces = (parts: readonly Uint8Array[]): Uint8Array[] => fragments(parts, { first: client.text, more: client.more })
const octetwise = (payload: Uint8Array): Part => whole(...inPieces(pieces(payload, 1)))

/** ms between the parts of 6.4 */
const pauseMs = 1000
const spoiled = join(greek, tooHigh, edited)
const surrogate = join(greek, hex('eda080'), edited)
/** Only the second part is wrong: a target that fails at once does it before the third. */
const failFast = { failsAfter: { ok: 2, nonStrict: 3 } } as const

/** Three frames, a pause before the second and the third. */
const inFrames = (...parts: readonly Uint8Array[]): Part[] =>
  inPieces(parts).map((frame, i) => ({ bytes: frame, ...(i > 0 ? { pauseMs } : {}) }))

/** One frame of which three parts are sent, a pause before the second and the third. */
function inParts(...parts: readonly Uint8Array[]): Part[] {
  const frame = client.text(join(...parts))
  let end = frame.length - parts.reduce((sum, { length }) => sum + length, 0)
  return parts.map((part, i) => {
    const from = i === 0 ? 0 : end
    end += part.length
    return { bytes: frame.subarray(from, end), ...(i > 0 ? { pauseMs } : {}) }
  })
}

/** up to the byte that makes it wrong, that byte, the rest */
const around = [spoiled.subarray(0, 12), spoiled.subarray(12, 13), spoiled.subarray(13)] as const

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const digits = (numbers: readonly number[]): string => Buffer.from(numbers).toString('hex')
/** Each followed by a space. */
const spaced = (from: number, to: number): string => digits(range(from, to).flatMap((byte) => [byte, 0x20]))

/** Lead bytes by the length that they announce: Autobahn leaves out the last of each. */
const leads = [[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]] as const
const cutOff = 'c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf'.split(' ')
const nonCharacters = ['efbfbe', 'efbfbf', ...['f0', 'f1', 'f2', 'f3', 'f4'].flatMap((lead) => ['8f', '9f', 'af', 'bf']
  .filter((second) => (lead !== 'f0' || second !== '8f') && (lead !== 'f4' || second === '8f'))
  .flatMap((second) => [`${lead}${second}bfbe`, `${lead}${second}bfbf`]))]

/** The rows from 6.5 on; payloads in hexadecimal. */
const table: readonly (readonly [says: string, payloads: readonly string[]])[] = [
  ['some valid text', ['68656c6c6f24776f726c64', '68656c6c6fc2a2776f726c64', '68656c6c6fe282ac776f726c64', '68656c6c6ff0a4ada2776f726c64', digits([...greek])]],
  ['a beginning of valid text', range(1, greek.length + 1).map((length) => digits([...greek.subarray(0, length)]))],
  ['the first code point of a length', ['00', 'c280', 'e0a080', 'f0908080']],
  ['the first sequence of five and six bytes', ['f888808080', 'fc8480808080']],
  ['the last code point of a length', ['7f', 'dfbf', 'efbfbf', 'f48fbfbf']],
  ['the last sequence of four, five and six bytes', ['f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf']],
  ['another boundary', ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf', 'f4908080']],
  ['continuation bytes without a lead', ['80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf', digits(range(0x80, 0xbf))]],
  ['lead bytes without continuation', leads.map(([from, to]) => spaced(from, to))],
  ['a sequence without its last byte', cutOff],
  ['all of these sequences', [cutOff.join('')]],
  ['bytes that never occur', ['fe', 'ff', 'fefeffff']],
  ['an overlong slash', ['c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af']],
  ['the highest overlong sequence of a length', ['c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf']],
  ['an overlong NUL', ['c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080']],
  ['a surrogate', ['eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf']],
  ['a pair of surrogates', ['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) => ['edb080', 'edbfbf'].map((low) => high + low))],
  ['a code point that is no character', nonCharacters],
  ['a code point of the specials', ['efbfb9', 'efbfba', 'efbfbb', 'efbfbc', 'efbfbd', 'efbfbe', 'efbfbf']],
]

/** One message: it comes back when it is UTF-8, else it ends the connection. */
function single(id: string, says: string, digitsOf: string): Case {
  const payload = hex(digitsOf)
  const part = whole(client.text(payload))
  const shown = `${says}: ${digitsOf.length > 40 ? `${digitsOf.slice(0, 40)}…` : digitsOf}`
  return illFormed(payload).length === 0 ? right(id, shown, part, [text(payload)], { withinMs: 500 }) : wrong(id, shown, part, codes, { withinMs: 500 })
}

export const utf8: readonly Case[] = [
  right('6.1.1', 'a text message without payload', whole(client.text('')), [text('')]),
  right('6.1.2', 'a text message of three empty fragments', whole(...inPieces(['', '', ''].map(bytes))), [text('')]),
  right('6.1.3', 'a text message of three fragments, the first and the last empty',
    whole(...inPieces(['', 'middle frame payload', ''].map(bytes))), [text('middle frame payload')]),
  right('6.2.1', 'valid text', whole(client.text(german)), [text(german)]),
  right('6.2.2', 'valid text in two fragments', whole(...inPieces(['Hello-µ@ßöä', 'üàá-UTF-8!!'].map(bytes))), [text(german)]),
  right('6.2.3', 'valid text in fragments of one byte, within code points', octetwise(bytes(german)), [text(german)]),
  right('6.2.4', 'valid text in fragments of one byte, within code points', octetwise(greek), [text(greek)]),
  wrong('6.3.1', 'text with a surrogate', whole(client.text(surrogate)), codes),
  wrong('6.3.2', 'text with a surrogate in fragments of one byte', octetwise(surrogate), codes),
  wrong('6.4.1', 'text in three fragments with pauses, the second wrong', inFrames(greek, tooHigh, edited), codes, failFast),
  wrong('6.4.2', 'text in three fragments with pauses, the second the byte that makes it wrong', inFrames(...around), codes, failFast),
  wrong('6.4.3', 'text in one frame with pauses within, the second part wrong', inParts(greek, tooHigh, edited), codes, failFast),
  wrong('6.4.4', 'text in one frame with pauses within, the second part the byte that makes it wrong', inParts(...around), codes, failFast),
  ...table.flatMap(([says, payloads], row) => payloads.map((payload, i) => single(`6.${row + 5}.${i + 1}`, says, payload))),
]

/** 6.12.8 leaves out bf, and 6.13 the last lead byte of each row: here are the whole ranges. */
export const wholeRanges: readonly Case[] = [
  single('6.12.8+', 'all continuation bytes', digits(range(0x80, 0xc0))),
  ...leads.map(([from, to], i) => single(`6.13.${i + 1}+`, 'all lead bytes of a length', spaced(from, to + 1))),
]
