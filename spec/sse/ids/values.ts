/**
 * What an id may look like: it is a field of the stream, and comes back as the value of a header.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { onBody, swap } from '../../bytes.ts'
import type { Event, Finding, Rule } from '../../model.ts'
import { cited, valueOf } from '../../thresholds.ts'
import type { Dispatched, Line } from '../decode.ts'
import { quote, streams, type Answer, type Exchange } from '../exchange.ts'
import { kindOf, withoutLines } from '../lines.ts'
import { arrived, controlsArrived, deliveries, plainControls } from '../play.ts'
import { asked, idLines, idOf, kitsOwn, refusals, wherePlayed } from './given.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const interpretation = `${html}#event-stream-interpretation`
const grammar = `${html}#parsing-an-event-stream`
const lastEventIdHeader = `${html}#the-last-event-id-header`
const headerValue = 'https://fetch.spec.whatwg.org/#header-value'
const unsafeByte = 'https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte'

/** A finding about the id lines of each stream that has any. */
const lint = (exchange: Exchange, expected: string, isBad: (line: Line, answer: Answer) => boolean): Finding[] =>
  streams(exchange).flatMap((answer) => {
    const lines = idLines(answer)
    return lines.length === 0 ? [] : withoutLines(answer, lines.filter((line) => isBad(line, answer)), expected)
  })

/** The same of ids that the target chose itself. */
function lintChoice(exchange: Exchange, expected: string, isBad: (id: string) => boolean): Finding[] {
  const own = kitsOwn(exchange)
  return streams(exchange).filter(({ published }) => published === undefined).flatMap((answer) => {
    const lines = idLines(answer).filter(({ value }) => !own.has(value))
    return lines.length === 0 ? [] : withoutLines(answer, lines.filter(({ value }) => isBad(value)), expected)
  })
}

export const noNul: Rule<Exchange> = {
  id: 'sse/ids/no-nul',
  level: 'interop',
  clause: interpretation,
  says: 'no id contains U+0000; one that does is refused before it is accepted',
  harm: 'a client ignores the whole field: its last event ID stays that of an earlier event, which is replayed',
  fix: 'refuse such ids (4xx), or encode binary cursors as base64url or hex',
  applies: wherePlayed,
  check: (exchange) => [
    ...lint(exchange, 'id lines without U+0000', ({ value }) => value.includes('\0')),
    ...refusals(exchange, 'a refusal (4xx), or an id line without U+0000', ({ id = '' }) => id.includes('\0')),
  ],
  mutants: { 'in the middle of an id': { edit: onBody('base', swap('id: 8', 'id: 8\0a')) } },
}

export const noNewline: Rule<Exchange> = {
  id: 'sse/ids/no-newline',
  level: 'interop',
  clause: grammar,
  says: 'an id with CR or LF is refused or escaped, not written over several lines',
  harm: 'a client reads half an id and a line of its own behind it: the id does not come back, and fields are forged',
  fix: 'refuse ids with CR or LF before the event is accepted (4xx); use base64url, which has no line wraps',
  applies: wherePlayed,
  check: (exchange) => [...inPlays(exchange), ...onChannels(exchange), ...refusedOnChannels(exchange)],
  mutants: {
    'written as it is': {
      edit: onBody('line end', swap('a\\nb', 'a\nb')), fault: 'idRaw', alsoBreaks: ['sse/framing/no-foreign-text'],
    },
    'cut at the line end': { edit: onBody('line end', swap('a\\nb', 'a')) },
    'over two id lines': {
      edit: onBody('line end', swap('a\\nb', 'a\nid: b')), alsoBreaks: ['sse/fields/no-duplicates-in-block'],
    },
  },
}

const hasBreak = ({ id = '' }: Event): boolean => /[\r\n]/.test(id)

const expectedWhole = ({ id = '' }: Event): string =>
  `a refusal (4xx) of ${quote(id)}, or one event with one id line`

function inPlays(exchange: Exchange): Finding[] {
  return deliveries(exchange)
    .filter(({ published, payload, answer }, _, all) =>
      payload !== undefined && hasBreak(published) && controlsArrived(all, answer, plainControls, 'id'))
    .map((delivery): Finding => {
      const { answer, published, received: [event], refused, where } = delivery
      const split = refused ? undefined
        : !event || delivery.received.length > 1 ? `${delivery.received.length || 'no'} events`
        : !arrived(delivery, 'data') ? `data ${quote(event.data)}`
        : splitId(answer, event, published, true)
      const actual = split ?? (refused ? `refused with ${answer.status}` : 'that')
      return { where, ok: split === undefined, expected: expectedWhole(published), actual }
    })
}

const refusedOnChannels = (exchange: Exchange): Finding[] =>
  asked(exchange).filter(({ event, refused, answer }) => refused && !answer && hasBreak(event))
    .map(({ event, status, where }) =>
      ({ where, ok: true, expected: expectedWhole(event), actual: `refused with ${status}` }))

function onChannels(exchange: Exchange): Finding[] {
  const taken = asked(exchange).filter(({ event, answer, status }) => !answer && status < 300 && hasBreak(event))
  return taken.flatMap(({ event }) => streams(exchange).filter(({ published }) => !published).flatMap((answer) =>
    answer.stream.events.filter(({ data }) => data === event.data).map((got): Finding => {
      const split = splitId(answer, got, event, exchange.declares.ids === 'client')
      const where = answer.eventPlace(got)
      return { where, ok: split === undefined, expected: expectedWhole(event), actual: split ?? 'that' }
    })))
}

/** What an id with a line break did to its block, in words; undefined when it was escaped. */
function splitId(answer: Answer, event: Dispatched, published: Event, isKept: boolean): string | undefined {
  const block = answer.stream.blocks.find(({ start }) => start === event.start)
  if (!block) return 'an event without a block'
  const stray = block.lines.find((line) => kindOf(line) !== 'known')
  if (stray) return `a line ${quote(stray.name)} beside it`
  const count = (name: string): number =>
    block.lines.filter((line) => line.kind === 'field' && line.name === name).length
  const id = published.id ?? ''
  // a target that removes line breaks has no id left to write when there was nothing else
  const least = isKept && /[^\r\n]/.test(id) ? 1 : 0
  const lines = count('id')
  if (lines < least || lines > 1) return `${lines || 'no'} id lines`
  if (count('event') > (published.event === undefined ? 0 : 1)) return 'an event line of its own'
  const [first = '', ...rest] = id.split(/\r\n|\r|\n/)
  return rest.some(Boolean) && idOf(block) === first && lines > 0 ? `the id cut to ${quote(first)}` : undefined
}

// oxlint-disable-next-line no-control-regex -- a tab inside is allowed in a header value, U+0000 is another rule's
const unsafe = /^[ \t]|[ \t]$|[\u0001-\u0008\u000a-\u001f\u007f]/

export const headerSafe: Rule<Exchange> = {
  id: 'sse/ids/header-safe',
  level: 'interop',
  clause: headerValue,
  says: 'ids neither begin nor end with a space or tab and have no control characters',
  harm: 'the id comes back without its spaces, or the client cannot send it at all: resuming fails',
  fix: 'trim ids and refuse control characters where events are accepted; a common slip is "id:  " with two spaces',
  applies: wherePlayed,
  check: (exchange) => [
    // a play is not resumed, so an id that was asked for there may be written as it is
    ...lint(exchange, 'ids that survive as a header value', ({ value }, { published }) =>
      unsafe.test(value) && !published?.some(({ id }) => id === value)),
    ...refusals(exchange, 'a refusal (4xx), or an id that survives in a header', ({ id = '' }) => unsafe.test(id)),
  ],
  mutants: {
    'a second space after the colon': { edit: onBody('base', swap('id: 8', 'id:  8')) },
    'a space at the end': { edit: onBody('base', swap('id: 8', 'id: 8 ')) },
    'a control character': { edit: onBody('base', swap('id: 8', 'id: 8\u001f')) },
  },
}

/** bytes; a value of a header that needs no preflight has no more (Fetch, CORS-safelisted request-header) */
const safelisted = 128

const bytes = (id: string): number => Buffer.byteLength(id)

export const corsSafeBytes: Rule<Exchange> = {
  id: 'sse/ids/cors-safe-bytes',
  level: 'advice',
  clause: unsafeByte,
  says: `ids have none of the bytes "():<>?@[\\]{} and at most ${safelisted} bytes`,
  harm: 'some browsers send a preflight before each cross-origin reconnect with such an id, and fail if it is refused',
  fix: 'use a number, a UUID or base64url as id, not JSON, a URN or a time with colons',
  applies: wherePlayed,
  check: (exchange) => lintChoice(
    exchange, `ids of at most ${safelisted} bytes without "():<>?@[\\]{}`,
    // control characters have a rule of their own
    (id) => /["():<>?@[\\\]{}]/.test(id) || bytes(id) > safelisted,
  ),
  mutants: {
    'JSON': { edit: onBody('base', swap('id: 8', 'id: {"n":8}')) },
    'a URN': { edit: onBody('base', swap('id: 8', 'id: urn:8')) },
    'more than 128 bytes': { edit: onBody('base', swap('id: 8', `id: ${'8'.repeat(129)}`)) },
  },
}

export const lengthBounded: Rule<Exchange> = {
  id: 'sse/ids/length-bounded',
  level: 'advice',
  clause: lastEventIdHeader,
  says: `no id is longer than ${valueOf('id-length')}`,
  harm: 'the id returns in a request header; servers and proxies refuse large ones (431), so no reconnect works',
  fix: 'keep long cursors on the server, and send a short key for them',
  applies: wherePlayed,
  check: (exchange) => lintChoice(
    exchange, `ids of at most ${cited('id-length', exchange.thresholds)}`,
    (id) => bytes(id) > exchange.thresholds['id-length'],
  ),
  mutants: {
    'more than 4 KiB': {
      edit: onBody('base', swap('id: 8', `id: ${'8'.repeat(5000)}`)),
      alsoBreaks: ['sse/ids/length-short', 'sse/ids/cors-safe-bytes'],
    },
  },
}

export const lengthShort: Rule<Exchange> = {
  id: 'sse/ids/length-short',
  level: 'advice',
  clause: lastEventIdHeader,
  says: `ids are short: at most ${valueOf('id-short')}`,
  harm: 'every event and every reconnect carries the id again',
  fix: 'send a short key in place of a long cursor',
  applies: wherePlayed,
  check: (exchange) => lintChoice(
    exchange, `ids of at most ${cited('id-short', exchange.thresholds)}`,
    (id) => bytes(id) > exchange.thresholds['id-short'],
  ),
  mutants: {
    'more than 256 bytes': {
      edit: onBody('base', swap('id: 8', `id: ${'é'.repeat(129)}`)), alsoBreaks: ['sse/ids/cors-safe-bytes'],
    },
  },
}

export const noAccidentalReset: Rule<Exchange> = {
  id: 'sse/ids/no-accidental-reset',
  level: 'interop',
  clause: interpretation,
  says: 'no event has an empty id after events with ids',
  harm: 'an empty id clears the last event ID: the next reconnect has no Last-Event-ID, and everything since is lost',
  fix: 'leave the id line out of events that have no id; look for an undefined value in the template; to clear the ' +
    'id on purpose write "id" without a colon, or a block with the id line alone',
  applies: wherePlayed,
  check: (exchange) => {
    const cleared = new Set(asked(exchange).filter(({ event }) => event.id === '').map(({ event }) => event.data))
    return streams(exchange).flatMap((answer) => {
      let current = ''
      const bad: Line[] = []
      for (const block of answer.stream.blocks.filter(({ terminated }) => terminated)) {
        const id = idOf(block)
        if (id === '' && current !== '' && block.event && !cleared.has(block.event.data)) {
          const [line] = block.lines.filter(({ kind, name }) => kind === 'field' && name === 'id').slice(-1)
          // no template writes it: the standard's own example clears the id so
          const isBare = line?.end === (line?.start ?? 0) + 'id'.length
          if (line && !(isBare && answer.published === undefined && exchange.acts.length === 0)) bad.push(line)
        }
        current = id ?? current
      }
      const some = idLines(answer).some(({ value }) => value !== '')
      return some ? withoutLines(answer, bad, 'no event with an empty id after one that has an id') : []
    })
  },
  mutants: {
    'an undefined id': { edit: onBody('base', swap('event: tick\n', 'event: tick\nid: \n')) },
    'no space either': { edit: onBody('base', swap('event: tick\n', 'id:\nevent: tick\n')) },
    'of an event that was published without': {
      edit: onBody('first', swap('data: four', 'id: \ndata: four')), fault: 'idEmptyAccidental',
    },
  },
}
