/**
 * How long a client waits before it reconnects.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { append, driven, finite, live, onBody, played, refused, sent, swap } from '../bytes.ts'
import type { Event, Finding, Room, Rule, Scene } from '../model.ts'
import { cited, valueOf } from '../thresholds.ts'
import type { Line } from './decode.ts'
import { streams, type Exchange } from './exchange.ts'
import { asked, refusals } from './ids/given.ts'
import { withoutLines } from './lines.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const interpretation = `${html}#event-stream-interpretation`
const reconnectionTime = `${html}#concept-event-stream-reconnection-time`

/** what a 32-bit timer holds */
const timerMost = 2 ** 31 - 1

const example = driven(
  {},
  [refused(10, [{ data: 'a', retry: -1 }])],
  live('base', sent(5, 'retry: 3000\n\n'), sent(20, 'data: hello\nretry:2500\n\n')),
  finite('short', sent(5, 'retry: 060000\ndata: bye\n\n')),
  played('valid', [{ data: 'b', retry: 1500 }], 'retry: 1500\ndata: b\n\n'),
  played('left out', [{ data: 'c', retry: '3s' }], 'data: c\n\n'),
  // what is asked for is written, wise or not
  played('none', [{ data: 'd', retry: 0 }], 'retry: 0\ndata: d\n\n'),
  played('years', [{ data: 'e', retry: 2 ** 40 }], `retry: ${2 ** 40}\ndata: e\n\n`),
)

function applies({ parts, exchanges }: Scene<Exchange>): string | undefined {
  const isSeen = exchanges.some((exchange) => streams(exchange).some(({ stream }) => stream.lines.some(isRetry)))
  return exchanges.length === 0 || parts.has('play') || isSeen ? undefined : 'no retry field was seen'
}

const isRetry = ({ kind, name }: Line): boolean => kind === 'field' && name === 'retry'

/** A finding about the retry lines of each stream that has any; `ownChoice`: but those that the kit asked for. */
function lint(exchange: Exchange, expected: string, isBad: (value: string) => boolean, ownChoice = false): Finding[] {
  return streams(exchange).flatMap((answer) => {
    const own = asked(exchange).filter((one) => one.answer === (answer.published && answer))
    const given = new Set(ownChoice ? own.map(({ event }) => event.retry) : [])
    const lines = answer.stream.lines.filter((line) => isRetry(line) && !given.has(Number(line.value)))
    return lines.length === 0 ? [] : withoutLines(answer, lines.filter(({ value }) => isBad(value)), expected)
  })
}

/** A reconnection time in ms that the target chose, out of these bounds. What is no number has a rule of its own. */
const outside = (from: number, to: number) => (value: string): boolean =>
  /^[0-9]+$/.test(value) && (Number(value) < from || Number(value) > to)

/** The kit asks for a reconnection time that is none. */
const isWrong = ({ retry }: Event): boolean =>
  retry !== undefined && !(Number.isSafeInteger(retry) && Number(retry) >= 0)

const expectedDigits = 'a refusal (4xx), or a retry line with digits'

const digitsOnly: Rule<Exchange> = {
  id: 'sse/retry/digits-only',
  level: 'interop',
  clause: interpretation,
  says: 'a retry value is ASCII digits and nothing else; a value that is no whole number is refused or left out',
  harm: 'a client ignores the line and waits as long as it always does, often 3 to 5 seconds',
  fix: 'write whole milliseconds, "retry: 3000": no unit, sign, fraction, exponent or second space',
  applies,
  check: (exchange) => [
    ...lint(exchange, 'ASCII digits in every retry line', (value) => value !== '' && !/^[0-9]+$/.test(value)),
    ...refusals(exchange, expectedDigits, isWrong),
    ...leftOut(exchange),
  ],
  mutants: {
    'a unit': { edit: onBody('base', swap('retry: 3000', 'retry: 3s')) },
    'a fraction': { edit: onBody('base', swap('retry: 3000', 'retry: 1.5')) },
    'two spaces': { edit: onBody('base', swap('retry: 3000', 'retry:  3000')) },
    'a space behind': { edit: onBody('base', swap('retry:2500', 'retry:2500 ')) },
    'digits of another script': { edit: onBody('base', swap('retry: 3000', 'retry: ٣')) },
    'as it was asked': { edit: onBody('left out', swap('data: c', 'retry: 3s\ndata: c')), fault: 'retryWords' },
  },
}

/** Plays with a value that is no time, and no retry line: as good as a refusal. */
const leftOut = (exchange: Exchange): Finding[] => streams(exchange).filter(({ published, stream }) =>
  published?.some(isWrong) && !stream.lines.some(isRetry))
  .map(({ where }) => ({ where, ok: true, expected: expectedDigits, actual: 'left out' }))

const notEmpty: Rule<Exchange> = {
  id: 'sse/retry/not-empty',
  level: 'advice',
  clause: interpretation,
  says: 'no retry line is empty',
  harm: 'clients differ: Chromium goes back to its default, others ignore the line',
  fix: 'leave the line out when there is no value; look for an undefined value in the template',
  applies,
  check: (exchange) => lint(exchange, 'a value in every retry line', (value) => value === ''),
  mutants: {
    'no value': { edit: onBody('base', swap('retry: 3000', 'retry: ')), fault: 'retryEmpty' },
    'no colon either': { edit: onBody('base', swap('retry:2500', 'retry')) },
  },
}

const bounds: Rule<Exchange> = {
  id: 'sse/retry/bounds',
  level: 'advice',
  clause: reconnectionTime,
  says: 'the reconnection time is more than 0 and at most an hour; its unit is the millisecond',
  harm: 'with 0 all clients that lost their stream ask again at once, and together; with days nobody comes back',
  fix: 'write milliseconds, a few thousand of them; some servers write seconds, or a time of day',
  applies,
  check: (exchange) => {
    const { thresholds } = exchange
    const expected = `a retry from 1 to ${cited('retry-longest', thresholds)}`
    return lint(exchange, expected, outside(1, thresholds['retry-longest']), true)
  },
  mutants: {
    'none at all': {
      edit: onBody('base', swap('retry: 3000', 'retry: 0')), fault: 'retryZero', alsoBreaks: ['sse/retry/moderate'],
    },
    'a day': { edit: onBody('base', swap('retry: 3000', 'retry: 86400000')), alsoBreaks: ['sse/retry/moderate'] },
  },
}

const moderate: Rule<Exchange> = {
  id: 'sse/retry/moderate',
  level: 'advice',
  clause: reconnectionTime,
  says: `the reconnection time is ${valueOf('retry-least')} to ${valueOf('retry-most')}`,
  harm: 'below, a restart of the server becomes a storm of requests; above, people look at a stream that stands still',
  fix: 'write "retry: 3000" or so, and leave the spreading of reconnects to jitter or to Retry-After',
  applies,
  check: (exchange) => {
    const { thresholds } = exchange
    const expected = `a retry from ${cited('retry-least', thresholds)} to ${cited('retry-most', thresholds)}`
    return lint(exchange, expected, outside(thresholds['retry-least'], thresholds['retry-most']), true)
  },
  mutants: {
    'seconds': { edit: onBody('base', swap('retry: 3000', 'retry: 3')) },
    'ten minutes': { edit: onBody('base', append(5, 'retry: 600000\n\n')) },
  },
}

const fitsInt32: Rule<Exchange> = {
  id: 'sse/retry/fits-int32',
  level: 'advice',
  clause: reconnectionTime,
  says: `the reconnection time is at most ${timerMost} ms`,
  harm: 'timers of 32 bits overflow: the client reconnects at once, again and again',
  fix: 'to keep clients away answer their reconnect with 204; do not write a huge retry',
  applies,
  check: (exchange) => lint(exchange, `a retry of at most ${timerMost} ms`, outside(0, timerMost), true),
  mutants: {
    'a time of day': {
      edit: onBody('base', swap('retry: 3000', 'retry: 9999999999')), fault: 'retryHuge',
      alsoBreaks: ['sse/retry/bounds', 'sse/retry/moderate'],
    },
  },
}

export const retry: Room<Exchange> = {
  id: 'sse/retry',
  clause: reconnectionTime,
  example,
  rules: [digitsOnly, notEmpty, bounds, moderate, fitsInt32],
}
