/**
 * Payloads that the format carries and the clients in use do not.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
import { onBody, swap } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import { cited, thresholds, valueOf } from '../../thresholds.ts'
import type { Dispatched, Line } from '../decode.ts'
import { forEvery, quote, streams, type Answer, type Exchange } from '../exchange.ts'

const grammar = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream'

/** The object that a payload is as JSON; undefined for everything else. */
export function jsonOf(data: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = data.trimStart().startsWith('{') ? JSON.parse(data) : undefined
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/** Streams whose payloads the target chose: neither played nor published by the kit. */
export function ownStreams(exchange: Exchange): Answer[] {
  if (exchange.acts.some(({ kind }) => kind === 'publish')) return []
  return streams(exchange).filter(({ published }) => published === undefined)
}

const bytesOf = ({ start, end }: Line): number => end - start

export const lineLength: Rule<Exchange> = {
  id: 'sse/delivery/line-length',
  level: 'advice',
  clause: grammar,
  says: `no line is longer than ${valueOf('line-length')}`,
  harm: 'line readers with a fixed buffer end the stream there: bufio.Scanner of Go at 64 KiB, others at up to 1 MiB',
  fix: 'send large values in pieces, or their URL in place of them: images and files in base64, whole tool results',
  check: (exchange) => forEvery(
    ownStreams(exchange).filter(({ stream }) => stream.lines.length > 0),
    `lines of at most ${cited('line-length', exchange.thresholds)}`,
    (answer) => {
      const longest = answer.stream.lines.reduce((most, line) => (bytesOf(line) > bytesOf(most) ? line : most))
      const ok = bytesOf(longest) <= exchange.thresholds['line-length']
      const actual = ok ? 'that' : `line ${longest.number} has ${bytesOf(longest)} bytes`
      return { where: ok ? answer.where : answer.linePlace(longest), ok, actual }
    },
  ),
  mutants: {
    'a picture in base64': {
      edit: onBody('ordinary', swap('bye', 'A'.repeat(thresholds['line-length'].value))),
    },
  },
}

/** A field of an event stream inside a payload: with JSON or the end mark behind it, or a second field below. */
const wrapped = /^(?:data: ?(?:\{[^]*\}|\[DONE\])|(?:event|id|retry): ?[^\n]*\n(?:[^]*\n)?data: ?[^]*)$/

/** Text may begin with a word and a colon: then it is a prefix only where every payload has it. */
function isWrapped({ data }: Dispatched, all: readonly Dispatched[]): boolean {
  return wrapped.test(data.trimEnd()) || (all.length >= 3 && all.every((one) => one.data.startsWith('data:')))
}

export const doublePrefix: Rule<Exchange> = {
  id: 'sse/delivery/double-prefix',
  level: 'advice',
  clause: grammar,
  says: 'payloads are not lines of another event stream ("data: data: {…}")',
  harm: 'clients parse the payload as JSON and fail at its first letter, at every event',
  fix: 'a gateway that gets events parses them and writes their data; look for a line with its "data: " that is put ' +
    'into res.write(`data: ${line}\\n\\n`), or yielded to EventSourceResponse, which adds the prefix itself',
  check: (exchange) => forEvery(
    ownStreams(exchange).filter(({ stream }) => stream.events.length > 0),
    'payloads without a field name of the format before them',
    (answer) => {
      const bad = answer.stream.events.find((event) => isWrapped(event, answer.stream.events))
      const where = bad ? answer.eventPlace(bad) : answer.where
      return { where, ok: !bad, actual: bad ? `data ${quote(bad.data)}` : 'that' }
    },
  ),
  mutants: {
    'JSON': { edit: onBody('ordinary', swap('data: {"n":2}', 'data: data: {"n":2}')) },
    'a whole block': { edit: onBody('ordinary', swap('data: {"n":2}', 'data: event: chunk\ndata: data: {"n":2}')) },
  },
}

/** Opens like an object, or like an array of something; `[DONE]` and its like are words. */
const looksLikeJson = (data: string): boolean => /^\s*(?:\{|\[\s*[{["\d])/.test(data)

function isJson(data: string): boolean {
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}

export const oneJsonPerEvent: Rule<Exchange> = {
  id: 'sse/delivery/one-json-per-event',
  level: 'advice',
  clause: grammar,
  says: 'on a stream of JSON each event has one whole JSON value',
  harm: 'JSON.parse throws: most clients drop the event, some the stream',
  fix: 'write one event for each value, JSON.stringify without indentation; do not forward the chunks of an upstream ' +
    'as if each were an event',
  check: (exchange) => ownStreams(exchange).flatMap((answer) => {
    const alike = answer.stream.events.filter(({ data }) => looksLikeJson(data))
    const bad = alike.filter(({ data }) => !isJson(data))
    const good = alike.length - bad.length
    if (good < 2 || good <= bad.length) return []
    const [first] = bad
    return [{
      where: first ? answer.eventPlace(first) : answer.where,
      ok: !first,
      expected: 'one JSON value in each event',
      actual: first ? `data ${quote(first.data)}` : 'that',
    }]
  }),
  mutants: {
    'two values': { edit: onBody('ordinary', swap('data: {"n":2}', 'data: {"n":2}{"n":3}')) },
    'a value to a line': { edit: onBody('ordinary', swap('data: {"n":2}', 'data: {"n":2}\ndata: {"n":3}')) },
    'half a value': { edit: onBody('ordinary', swap('data: {"n":2}', 'data: {"n":')) },
  },
}
