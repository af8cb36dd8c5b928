/** Field and event names. https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
import { append, finite, live, onBody, played, sent, session, swap } from '../bytes.ts'
import type { Event, Finding, Room, Rule } from '../model.ts'
import type { Block, Line } from './decode.ts'
import { forEvery, quote, streams, type Exchange } from './exchange.ts'
import { kindOf, withoutKind, withoutLines } from './lines.ts'
import { arrived, controlsArrived, deliveries, plainControls, textIntact, wideControl, type Delivery } from './play.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'
const interpretation = `${html}#event-stream-interpretation`
const grammar = `${html}#parsing-an-event-stream`
const handlers = `${html}#handler-eventsource-onerror`

const example = session(
  live(
    'base',
    sent(5, ': connected\n\n'),
    sent(20, 'event: greeting\ndata: hello\ndata: again\n\n'),
    // neither a separator nor an order of fields is asked for
    sent(40, 'data:bare\nevent:plain\nretry:3000\n\n'),
  ),
  finite('short', sent(5, 'event: last\nid: 1\ndata: bye\n\n')),
  played('colon', [{ data: 'a', event: 'b:c' }], 'event: b:c\ndata: a\n\n'),
  played('outer spaces', [{ data: 'd', event: ' e ' }], 'event:  e \ndata: d\n\n'),
  played('lifecycle', [{ data: 'f', event: 'error' }], 'event: error\ndata: f\n\n'),
  played('empty name', [{ data: 'g', event: '' }], 'event\ndata: g\n\n'),
  played('dataless', [{ event: 'h' }], 'event: h\n\n'),
  played('newline', [{ data: 'i', event: 'j\ndata: k' }], 'event: j\\ndata: k\ndata: i\n\n'),
  played(
    'twice', [{ data: 'l', event: 'm' }, { data: 'n', event: 'm' }, { data: 'o' }],
    'event: m\ndata: l\n\nevent: m\ndata: n\n\ndata: o\n\n',
  ),
)

/** Lines of a block with that name, literally. */
const named = (block: Block, name: string): Line[] =>
  block.lines.filter((line) => line.kind === 'field' && line.name === name)

/** A play may begin with a retry of the target's own (contract: play), and no blank line need follow it. */
const isAsked = (line: Line): boolean => line.number > 1 || line.name !== 'retry'

const exactNames: Rule<Exchange> = {
  id: 'sse/fields/exact-names',
  level: 'interop',
  clause: interpretation,
  says: 'field names are written in lower case: data, event, id, retry',
  harm: 'names are compared letter by letter: "Data:" is an unknown field, and its line is ignored',
  fix: 'write the names in lower case; do not pass lines through code that formats HTTP header names',
  check: (exchange) => streams(exchange).flatMap((answer) => withoutKind(answer, 'case', 'field names in lower case')),
  mutants: {
    'a capital letter': { edit: onBody('base', swap('data: again', 'Data: again')) },
    'capitals only': { edit: onBody('base', swap('retry', 'RETRY')) },
  },
}

const noSpaceInName: Rule<Exchange> = {
  id: 'sse/fields/no-space-in-name',
  level: 'interop',
  clause: interpretation,
  says: 'no white space stands before a field name or between the name and its colon',
  harm: 'the space is part of the name: the field is unknown, and its line is ignored',
  fix: 'do not indent the lines of a template literal; write `data: ${text}` with the name in the first column',
  check: (exchange) => streams(exchange)
    .flatMap((answer) => withoutKind(answer, 'space', 'names without white space around them')),
  mutants: {
    'indented': { edit: onBody('base', swap('data: again', '  data: again')) },
    'a tab before the colon': { edit: onBody('base', swap('data: again', 'data\t: again')) },
  },
}

const knownOnly: Rule<Exchange> = {
  id: 'sse/fields/known-only',
  level: 'advice',
  clause: interpretation,
  says: 'the only fields are data, event, id and retry',
  harm: 'other fields are ignored: what they say reaches no client',
  fix: 'put further values into the payload, as JSON; use "event: name" for a type of message',
  check: (exchange) => streams(exchange)
    .flatMap((answer) => withoutKind(answer, 'unknown', 'only data, event, id and retry')),
  mutants: { 'a field of its own': { edit: onBody('base', swap('data: again', 'time: 12')) } },
}

/** `Data:` and ` data:` too: that no data comes of them is another rule's. */
const isMeantAsData = ({ kind, name }: Line): boolean =>
  kind === 'field' && name.replace(/^\ufeff+/, '').trim().toLowerCase() === 'data'

const noDatalessEvent: Rule<Exchange> = {
  id: 'sse/fields/no-dataless-event',
  level: 'interop',
  clause: interpretation,
  says: 'a block with an event name has data',
  harm: 'without a data line nothing is fired: the listener for that name is never called',
  fix: 'write a data line with every event, "data:" alone or "data: {}" when there is nothing to say',
  check: (exchange) => streams(exchange).flatMap((answer) => {
    const asked = new Set((answer.published ?? []).filter(({ data }) => data === undefined).map(({ event }) => event))
    const typed = answer.stream.blocks.filter((block) => {
      const name = named(block, 'event').at(-1)?.value
      return name !== undefined && block.terminated && !asked.has(name)
    })
    const dataless = typed.filter(({ lines }) => !lines.some(isMeantAsData))
    const bad = dataless.flatMap((block) => named(block, 'event').slice(-1))
    return typed.length === 0 ? [] : withoutLines(answer, bad, 'a data line in every block that has an event name')
  }),
  mutants: {
    'a name alone': { edit: onBody('base', append(5, 'event: done\n\n')) },
    'the data left out': { edit: onBody('short', swap('data: bye\n', '')) },
  },
}

const hasBreak = ({ event = '' }: Event): boolean => /[\r\n]/.test(event)

/** The event before was of a type that the client must forget: `event-per-block` looks at these. */
function followsName({ published, answer }: Delivery): boolean {
  const events = answer.published ?? []
  const before = events[events.indexOf(published) - 1]
  return Boolean(before?.event) && !hasBreak(before ?? {}) && (!published.event || published.event === before?.event)
}

/** The event line may be there under a name that no client knows: other rules say so. */
function isMisspelt({ answer, received: [event] }: Delivery): boolean {
  const block = answer.stream.blocks.find(({ start }) => start === event?.start)
  return block?.lines.some((line) => ['case', 'space', 'bom'].includes(kindOf(line))) ?? false
}

const eventNameRoundtrip: Rule<Exchange> = {
  id: 'sse/fields/event-name-roundtrip',
  level: 'interop',
  clause: interpretation,
  says: 'an event name without line breaks arrives as it was published; an empty one is "message"',
  harm: 'the event goes to the listeners of another name, or to none',
  fix: 'write "event: " with its space and then the name as it is; do not trim names or cut them at a colon',
  check: (exchange) => textIntact(exchange, 'event', (name) => !/[\r\n]|\p{Surrogate}/u.test(name), {
    // payloads beyond ASCII that do not arrive are the encoding room's
    controls: [...plainControls, wideControl],
    controlMember: 'data',
    ignore: (delivery) => followsName(delivery) || isMisspelt(delivery),
  }),
  mutants: {
    'cut at the colon': { edit: onBody('colon', swap('b:c', 'b')), fault: 'eventNameCutAtColon' },
    'trimmed': { edit: onBody('outer spaces', swap('event:  e ', 'event: e')) },
    'not written': { edit: onBody('lifecycle', swap('event: error\n', '')) },
  },
}

const eventNameNewlineRefused: Rule<Exchange> = {
  id: 'sse/fields/event-name-newline-refused',
  level: 'interop',
  clause: grammar,
  says: 'an event name with CR or LF is refused or escaped, not written over several lines',
  harm: 'whoever chooses the name writes fields of their own into the stream of all readers',
  fix: 'refuse names with CR or LF before the event is accepted (4xx), or escape them; never write them as they are',
  check: (exchange) => deliveries(exchange)
    .filter(({ published, payload, answer }, _, all) =>
      payload !== undefined && hasBreak(published) && controlsArrived(all, answer, plainControls))
    .map((delivery): Finding => {
      const split = delivery.refused ? undefined : splitName(delivery)
      return {
        where: delivery.where,
        ok: split === undefined,
        expected: `a refusal (4xx) of ${quote(delivery.published.event ?? '')}, or one event with one event line`,
        actual: split ?? (delivery.refused ? `refused with ${delivery.answer.status}` : 'that'),
      }
    }),
  mutants: {
    'written as it is': { edit: onBody('newline', swap('j\\n', 'j\n')), fault: 'eventNameRaw' },
    'cut at the line break': { edit: onBody('newline', swap('j\\ndata: k', 'j')) },
    'over two event lines': {
      edit: onBody('newline', swap('j\\ndata: k', 'j\nevent: data: k')),
      alsoBreaks: ['sse/fields/no-duplicates-in-block'],
    },
  },
}

/** What a name with a line break did to its block, in words; undefined when it was escaped. */
function splitName(delivery: Delivery): string | undefined {
  const { answer, published, received } = delivery
  const [event] = received
  if (!event || received.length > 1) return `${received.length || 'no'} events`
  const block = answer.stream.blocks.find(({ start }) => start === event.start)
  if (!block) return 'an event without a block'
  const stray = block.lines.find((line) => kindOf(line) !== 'known')
  if (stray) return `a line ${quote(stray.name)} beside it`
  if (!arrived(delivery, 'data')) return `data ${quote(event.data)}`
  const name = published.event ?? ''
  const [first = '', ...rest] = name.split(/\r\n|\r|\n/)
  // a target that removes line breaks has no name left to write when there was nothing else
  const least = /[^\r\n]/.test(name) ? 1 : 0
  const lines = named(block, 'event').length
  if (lines < least || lines > 1) return `${lines || 'no'} event lines`
  if (named(block, 'id').length > (published.id === undefined ? 0 : 1)) return 'an id line of its own'
  const retries = named(block, 'retry').filter(isAsked).length
  if (retries > (published.retry === undefined ? 0 : 1)) return 'a retry line of its own'
  return rest.some(Boolean) && event.type === first ? `the name cut to ${quote(first)}` : undefined
}

const eventPerBlock: Rule<Exchange> = {
  id: 'sse/fields/event-per-block',
  level: 'interop',
  clause: interpretation,
  says: 'the name stands in every block of its type, and in no block of another',
  harm: 'a client forgets the name at each blank line: a later event without it is a "message"',
  fix: 'write the event line for each event, not once for a batch; do not keep the last name in the encoder',
  check: (exchange) => deliveries(exchange).flatMap((delivery, i, all): Finding[] => {
    const before = all[i - 1]
    if (!followsName(delivery) || delivery.payload === undefined) return []
    if (!controlsArrived(all, delivery.answer, plainControls)) return []
    // where the first name was lost already, names are lost everywhere: event-name-roundtrip
    if (before?.payload === undefined || !arrived(before, 'event')) return []
    const type = delivery.published.event || 'message'
    const [got] = delivery.received
    if (!got) return []
    const expected = `type ${quote(type)} after an event of type ${quote(before.published.event ?? '')}`
    return [{ where: delivery.where, ok: got.type === type, expected, actual: `type ${quote(got.type)}` }]
  }),
  mutants: {
    'once for a batch': { edit: onBody('twice', swap('event: m\ndata: n', 'data: n')), fault: 'eventNameOnce' },
    'the last name kept': { edit: onBody('twice', swap('data: o', 'event: m\ndata: o')) },
  },
}

const lifecycle = new Set(['open', 'error'])

const eventNameNotLifecycle: Rule<Exchange> = {
  id: 'sse/fields/event-name-not-lifecycle',
  level: 'advice',
  clause: handlers,
  says: 'no event is named "open" or "error"',
  harm: 'it reaches the listeners for the state of the connection: client code takes it for a lost connection',
  fix: 'use a name of your own, such as "failure", for errors of the application',
  // names in plays are the kit's choice; what answers a POST is read by fetch(), which has no such listeners
  check: (exchange) => streams(exchange).filter(({ published, link }) => published === undefined && link.request.method === 'GET').flatMap((answer) => {
    const byName = new Map(answer.stream.events.map((event) => [event.type, event]))
    byName.delete('message')
    return forEvery([...byName.values()], 'a name other than "open" and "error"', (event) => ({
      where: answer.eventPlace(event),
      ok: !lifecycle.has(event.type),
      actual: quote(event.type),
    }))
  }),
  mutants: {
    'error': { edit: onBody('base', swap('greeting', 'error')) },
    'open': { edit: onBody('base', swap('greeting', 'open')) },
  },
}

const eventNameNonempty: Rule<Exchange> = {
  id: 'sse/fields/event-name-nonempty',
  level: 'advice',
  clause: interpretation,
  says: 'no event line is empty',
  harm: 'an empty name means "message": the listener that was meant hears nothing',
  fix: 'leave the event line out when an event has no name; look for an undefined value in the template',
  check: (exchange) => streams(exchange).flatMap((answer) => {
    const asked = answer.published?.some(({ event }) => event === '')
    const names = answer.stream.lines.filter((line) => line.kind === 'field' && line.name === 'event')
    if (asked || names.length === 0) return []
    return withoutLines(answer, names.filter(({ value }) => value === ''), 'a name in every event line')
  }),
  mutants: {
    'an empty name': { edit: onBody('base', swap('event: greeting', 'event: ')) },
    'no colon either': { edit: onBody('base', swap('event:plain', 'event')) },
  },
}

const noDuplicatesInBlock: Rule<Exchange> = {
  id: 'sse/fields/no-duplicates-in-block',
  level: 'advice',
  clause: interpretation,
  says: 'a block has at most one event, one id and one retry line',
  harm: 'the last one counts and the others are lost, so one of two layers does not get what it wrote',
  fix: 'let one layer write the fields; look for middleware that adds an id or a name of its own',
  check: (exchange) => streams(exchange).flatMap((answer) => {
    const asked = answer.published ? isAsked : () => true
    const set = answer.stream.blocks.map((block) => settingLines(block).filter(asked))
    if (set.flat().length === 0) return []
    return withoutLines(answer, set.flatMap(repeated), 'one event, one id and one retry line in a block')
  }),
  mutants: {
    'two names': { edit: onBody('base', swap('event:plain', 'event:first\nevent:plain')) },
    'two ids': { edit: onBody('short', swap('id: 1\n', 'id: 0\nid: 1\n')) },
    'two retries': { edit: onBody('base', swap('retry:3000', 'retry:2000\nretry:3000')) },
  },
}

const settingLines = (block: Block): Line[] => ['event', 'id', 'retry'].flatMap((name) => named(block, name))

const repeated = (lines: readonly Line[]): Line[] => lines.filter((line, i) => lines[i - 1]?.name === line.name)

export const fields: Room<Exchange> = {
  id: 'sse/fields',
  clause: interpretation,
  example,
  rules: [
    exactNames, noSpaceInName, knownOnly, noDatalessEvent, eventNameRoundtrip, eventNameNewlineRefused, eventPerBlock,
    eventNameNotLifecycle, eventNameNonempty, noDuplicatesInBlock,
  ],
}
