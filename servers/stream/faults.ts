/**
 * Wrong on purpose: each fault is the right server with one decision replaced, under the name of what it does wrong.
 * To add one: a name, what it breaks in a comment, and one of the makers below (fault-makers.ts).
 */
import { encodeLine, splitLines } from '../../spec/sse/encode.ts'
import { streamFields } from './answer.ts'
import type { Sink } from './answer.ts'
import { bytesOf, dataPublished, dataWritten, eventPublished } from './fault-makers.ts'
import { gzipped, onAnswer, onSink, over, textOf } from './fault-makers.ts'
import type { Hooks } from './hooks.ts'

export const faults = {
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

  // ---- writes ----
  /** the blank line of an event leaves with the next one; comments do not help it out */
  blankLineLate: onSink((sink) => {
    let owed = ''
    return {
      ...sink,
      write: (block) => {
        const text = textOf(block)
        if (/^(:.*\n)+\n$/.test(text)) return sink.write(owed === '' ? text : text.slice(0, -1))
        sink.write(owed + text.slice(0, -1))
        owed = '\n'
      },
      end: () => {
        sink.write(owed)
        sink.end()
      },
    }
  }),
  /** the last event loses its blank line to the end of the stream */
  tailTorn: (right) => ({ ...right, tail: (block) => textOf(right.tail(block)).slice(0, -1) }),
  /** publishers write line by line and let others in between: their blocks mix */
  blocksTorn: (right) => ({
    ...right,
    deliver: async (blocks, write) => {
      for (const line of blocks.flatMap((block) => textOf(block).split(/(?<=\n)/))) {
        write(line)
        await new Promise(setImmediate)
      }
    },
  }),
  /** the socket is closed where the zero chunk belongs: an end looks like an accident */
  noLastChunk: onSink((sink) => ({ ...sink, end: sink.cut })),
  /** compressed, and never flushed: events come when the compressor has enough of them */
  compressionHeld: onAnswer((answer, request) => {
    if (!('stream' in answer) || !/\bgzip\b/.test(request.header('accept-encoding') ?? '')) return answer
    const fields = { ...answer.fields, 'Content-Encoding': 'gzip' }
    return { ...answer, fields, stream: (sink) => answer.stream(gzipped(sink)) }
  }),

  /** the framework's error handler writes to the open stream */
  errorAppended: onSink((sink) => ({
    ...sink,
    cut: () => {
      sink.write('{"error": "Internal Server Error"}\n\n')
      sink.cut()
    },
  })),
  /** the head waits for the first event, and comments with it */
  headWithFirstEvent: onAnswer((answer) => {
    if (!('stream' in answer)) return answer
    const withoutComments = (sink: Sink): Sink => ({ ...sink, write: (block) => { if (!/^(:.*\n)+\n$/.test(textOf(block))) sink.write(block) } })
    return { ...answer, headHeld: true, stream: (sink) => answer.stream(withoutComments(sink)) }
  }),

  // ---- answers ----
  /** a request that makes no sense gets 200, and the error as the first event */
  errorsAsEvents: onAnswer((answer, { path }) => {
    if (answer.status !== 400 || path !== '/play') return answer
    const body = 'data: {"error": "bad request"}\n\n'
    return { status: 200, fields: { ...streamFields, 'Content-Length': String(body.length) }, body }
  }),
  /** HEAD runs the handler of GET: a subscription that nobody reads */
  headOpensStream: (right) => ({ ...right, head: (answer) => answer }),
  /** a finished stream says "200, nothing" to those who come back, and they come back again */
  finishAs200: onAnswer((answer, { method }) =>
    (answer.status === 204 && method === 'GET'
      ? { status: 200, fields: { ...answer.fields, ...streamFields }, stream: over('end') }
      : answer)),
  /** the connection too many is taken and thrown away */
  capacityReset: onAnswer((answer) =>
    (answer.status === 503 ? { status: 200, fields: streamFields, stream: over('cut') } : answer)),

  // ---- resume ----
  /** `>=`: the event that the client names is sent again */
  replayInclusive: (right) => ({ ...right, replay: (log, at) => (at < 0 ? [] : log.slice(at)) }),
  /** the header is not read */
  lastEventIdIgnored: (right) => ({ ...right, replay: () => [] }),
} satisfies Record<string, (right: Hooks) => Hooks>

export type Fault = keyof typeof faults
