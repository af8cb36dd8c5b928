/** Wrong in what a block says. */
import { encodeLine, splitLines } from '../../../spec/sse/encode.ts'
import type { Hooks } from '../hooks.ts'
import { bytesOf, dataPublished, dataWritten, eventPublished, textOf } from './makers.ts'

export const encoding = {
  // ---- lines ----
  /** the template literal: a line end in data ends the line, and what follows is a field of its own */
  rawNewline: dataWritten((data) => `data: ${data}\n`),
  /** `split('\n')`: a CR stays in the line and ends it for the reader */
  crRaw: dataWritten((data) => data.split('\n').map((line) => encodeLine('data', line)).join('')),
  /** `splitlines()` of a language that knows more line ends than the format */
  unicodeBreaks: dataPublished((data) => data.replace(/[\u0085\u2028\u2029\v\f]/g, '\n')),
  trailingNewlineTrimmed: dataPublished((data) => data.replace(/[\r\n]+$/, '')),
  trailingSpaceTrimmed: dataPublished((data) => splitLines(data).map((line) => line.replace(/[ \t]+$/, '')).join('\n')),
  /** `data:` and the value with nothing between: the reader takes the value's own leading space away */
  noSeparatorSpace: dataWritten((data) => splitLines(data).map((line) => `data:${line}\n`).join('')),
  /** `if (data)`: an empty text is no text, and the event never fires */
  emptyDataOmitted: eventPublished(({ data, ...event }) => (data ? { ...event, data } : event)),

  /** a line end in a comment ends it, and what follows is read */
  commentRaw: (right) => ({
    ...right,
    encoder: () => {
      const encode = right.encoder()
      return ({ comment, ...rest }) => (comment === undefined ? '' : `: ${comment}\n`) + textOf(encode(rest))
    },
  }),

  // ---- text ----
  /** a template that escapes for HTML, where no HTML is */
  htmlEscaped: dataPublished((data) => data.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')),
  /** a buffer of a fixed size */
  largeTruncated: dataPublished((data) => Buffer.from(data).subarray(0, 65_535).toString()),
  /** strings as C has them */
  nulTruncates: dataPublished((data) => data.replace(/\0[^]*$/, '')),
  /** each payload is decoded as if it were a file */
  bomStripped: dataPublished((data) => new TextDecoder().decode(Buffer.from(data))),
  /** what a database does with text on its way through */
  normalised: dataPublished((data) => data.normalize('NFC')),
  /** a text is written in two parts, cut by code units: each half of a surrogate pair becomes U+FFFD */
  halfCharacterWrites: (right) => ({
    ...right,
    encoder: () => {
      const encode = right.encoder()
      return (event) => {
        const text = textOf(encode(event))
        const cut = text.search(/[\u{10000}-\u{10FFFF}]/u) + 1
        return cut === 0 ? text : Buffer.concat([Buffer.from(text.slice(0, cut)), Buffer.from(text.slice(cut))])
      }
    },
  }),
  /** surrogates leave as they are in memory, ED A0..BF: not UTF-8 */
  surrogateBytes: (right) => {
    const raw = dataWritten((data) => splitLines(data).map((line) => encodeLine('data', line)).join(''))(right)
    return {
      ...raw,
      encoder: () => {
        const encode = raw.encoder()
        return (event) => Buffer.concat(textOf(encode(event)).split(/(\p{Surrogate})/u).map((part) =>
          /^\p{Surrogate}$/u.test(part) ? bytesOf(part.charCodeAt(0)) : Buffer.from(part)))
      },
    }
  },

  // ---- event names ----
  eventNameCutAtColon: eventPublished((event) =>
    (event.event === undefined ? event : { ...event, event: event.event.replace(/:[^]*$/, '') })),
  /** a line end in the name is taken and written: the rest of the name is a field of the sender's choice */
  eventNameRaw: (right) => ({
    ...right,
    refusal: (event) => {
      const refused = right.refusal(event)
      return refused?.field === 'event' && typeof (event as { event: unknown }).event === 'string' ? undefined : refused
    },
    encoder: () => {
      const encode = right.encoder()
      return ({ event, ...rest }) => (event === undefined ? '' : `event: ${event}\n`) + textOf(encode(rest))
    },
  }),
  /** the name is written when it changes, as if the reader kept it */
  eventNameOnce: (right) => ({
    ...right,
    encoder: () => {
      const encode = right.encoder()
      let last: string | undefined
      return (event) => {
        const { event: name, ...rest } = event
        const again = name !== undefined && name === last
        last = name
        return encode(again ? rest : event)
      }
    },
  }),
} satisfies Record<string, (right: Hooks) => Hooks>
