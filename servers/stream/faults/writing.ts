/** Wrong in how blocks are written, and in what answers a request. */
import { streamFields } from '../answer.ts'
import type { Sink } from '../answer.ts'
import type { Hooks } from '../hooks.ts'
import { gzipped, isComment, onAnswer, onSink, over, textOf } from './makers.ts'

export const writing = {
  // ---- writes ----
  /** the blank line of an event leaves with the next one; comments do not help it out */
  blankLineLate: onSink((sink) => {
    let owed = ''
    return {
      ...sink,
      write: (block) => {
        const text = textOf(block)
        if (isComment(text)) return sink.write(owed === '' ? text : text.slice(0, -1))
        const more = sink.write(owed + text.slice(0, -1))
        owed = '\n'
        return more
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
        write([line])
        await new Promise(setImmediate)
      }
    },
  }),
  /** the socket is closed where the zero chunk belongs: an end looks like an accident */
  noLastChunk: onSink((sink) => ({ ...sink, end: sink.cut })),
  /** a play is collected, and sent when it is over */
  burstAtEnd: onAnswer((answer, { path }) => {
    if (!('stream' in answer) || path !== '/play') return answer
    const collecting = (sink: Sink): Sink => {
      let held = ''
      return {
        ...sink,
        write: (block) => {
          held += textOf(block)
          return true
        },
        end: () => {
          sink.write(held)
          sink.end()
        },
      }
    }
    return { ...answer, stream: (sink) => answer.stream(collecting(sink)) }
  }),
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
  /** the head waits for the first event; what fires nothing is not written */
  headWithFirstEvent: onAnswer((answer) => {
    if (!('stream' in answer)) return answer
    const eventsOnly = (sink: Sink): Sink =>
      ({ ...sink, write: (block) => !/^data/m.test(textOf(block)) || sink.write(block) })
    return { ...answer, headHeld: true, stream: (sink) => answer.stream(eventsOnly(sink)) }
  }),

  // ---- answers ----
  /** a request that makes no sense gets 200, and the error as the first event */
  errorsAsEvents: onAnswer((answer, { path }) => {
    if (answer.status !== 400 || path !== '/play') return answer
    const body = 'data: {"error": "bad request"}\n\n'
    return { status: 200, fields: { ...streamFields, 'Content-Length': String(body.length) }, body }
  }),
  /** a play is a POST, and the answer to a POST is JSON */
  playAsJson: onAnswer((answer, { path }) => ('stream' in answer && path === '/play'
    ? { ...answer, fields: { ...answer.fields, 'Content-Type': 'application/json' } }
    : answer)),
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
} satisfies Record<string, (right: Hooks) => Hooks>
