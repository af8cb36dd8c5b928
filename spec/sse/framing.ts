/**
 * What a block is and where it ends. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * Longer than other rooms because fifteen rules share one example; each still stands on one screen.
 */
import { append, delay, drop, finite, held, live, onBody, played, sent, session, swap } from '../bytes.ts'
import type { LinkEdit } from '../bytes.ts'
import type { Finding, Link, Note, Room, Rule } from '../model.ts'
import { cited } from '../thresholds.ts'
import type { Block } from './decode.ts'
import { quote, streams, type Answer, type Exchange } from './exchange.ts'
import { withoutKind } from './lines.ts'
import { carried, deliveries, isRefusal, largeBytes, outcome, peculiar, refusable, textIntact } from './play.ts'

const grammar = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream'
const interpretation = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation'

/** ms: a block that nothing was added to for so long is not being written any more */
const staleMs = 1000

const large = 'x'.repeat(largeBytes)

const pacedEvents = ['p1', 'p2', 'p3', 'p4'].map((data) => ({ data }))
const pacedStream = finite('play', ...pacedEvents.map(({ data }, i) => sent(10 + 200 * i, `data: ${data}\n\n`)))
const paced: Link = {
  ...pacedStream,
  id: 'paced',
  request: { ...played('paced', []).request, body: JSON.stringify({ events: pacedEvents, pauseMs: 200, end: 'close' }) },
}

/** Every arrival at the time of the last. */
const delayed: LinkEdit = (chunks) => chunks.map((chunk) => ({ ...chunk, at: chunks.at(-1)?.at ?? chunk.at }))

/** Four events, half a second apart, each of them ended by the arrival that brings the next. */
const blanksLate: LinkEdit = (chunks) => [
  ...chunks, ...[1, 2, 3, 4, 5].map((n) => sent(100 + 500 * n, n > 1 ? '\n' : '', `data: tick ${n}\n`)), sent(3100, '\n'),
]

/** Data for three seconds, without one blank line. */
const neverEnded = (end: string): LinkEdit => () => Array.from({ length: 11 }, (_, n) => sent(5 + 300 * n, `data: {"n":${n}}${end}`))

const example = session(
  live(
    'base',
    sent(5, ': connected\n\n'),
    sent(20, 'id: 1\nevent: greeting\ndata: hello\n\n'),
    sent(40, 'data: block a 1/2\ndata: block a 2/2\n\n'),
  ),
  finite('short', sent(5, 'data: bye\n\n')),
  played('lines', [{ data: 'a\nb' }], 'data: a\ndata: b\n\n'),
  played('returns', [{ data: 'c\rd' }], 'data: c\ndata: d\n\n'),
  played('forged', [{ data: 'x\nevent: evil' }, { comment: 'y\ndata: z' }], 'data: x\ndata: event: evil\n\n: y\n: data: z\n\n'),
  played('ending', [{ data: 'e\n' }], 'data: e\ndata:\n\n'),
  played('leading', [{ data: ' f' }], 'data:  f\n\n'),
  played('trailing', [{ data: 'g ' }], 'data: g \n\n'),
  played('empty', [{ data: '' }], 'data\n\n'),
  played('any', [{ data: '{"h": [1]}' }], 'data: {"h": [1]}\n\n'),
  played('large', [{ data: large }], `data: ${large}\n\n`),
  held('held', [{ data: 'now' }], sent(8, 'data: now\n\n')),
  paced,
)

const hasField = (block: Block): boolean => block.lines.some((line) => line.kind === 'field')

const blockTerminated: Rule<Exchange> = {
  id: 'sse/framing/block-terminated',
  level: 'must',
  clause: grammar,
  says: 'every block ends with a blank line',
  harm: 'a client holds the event back until a blank line comes, and drops it when the stream ends first',
  fix: 'write "\\n\\n" after the last field of every event, in the same write',
  check: (exchange) => streams(exchange).flatMap((answer) => answer.stream.blocks.filter(hasField).flatMap(
    (block): Finding[] => {
      const last = block.lines.at(-1)
      if (!block.terminated && !answer.endedCleanly && !isStale(answer, block.end)) return []
      return [{
        where: last ? answer.linePlace(last) : answer.where,
        ok: block.terminated,
        expected: 'a blank line after the last field of the block',
        actual: block.terminated ? 'one' : `nothing for ${Math.round(answer.link.ended.at - answer.arrival(block.end - 1))} ms`,
      }]
    },
  )),
  mutants: {
    'one line end at the close': { edit: onBody('short', swap('bye\n\n', 'bye\n')), alsoBreaks: ['sse/framing/no-tail-at-close'] },
    'one line end, then silence': { edit: onBody('base', swap('2/2\n\n', '2/2\n')) },
  },
}

function isStale(answer: Answer, end: number): boolean {
  return answer.isOpen && answer.link.ended.at - answer.arrival(Math.max(0, end - 1)) >= staleMs
}

const noTailAtClose: Rule<Exchange> = {
  id: 'sse/framing/no-tail-at-close',
  level: 'must',
  clause: grammar,
  says: 'a stream that ends cleanly ends between two events',
  harm: 'a client drops what is unfinished at the end of the stream: the last event is lost',
  fix: 'end the response only after the blank line of the last event has been written',
  needs: ['end'],
  check: (exchange) => streams(exchange)
    .filter((answer) => answer.endedCleanly && answer.playEnd !== 'throw' && (answer.content.body?.bytes.length ?? 0) > 0)
    .map((answer): Finding => {
      const { tail, blocks } = answer.stream
      const open = blocks.at(-1)
      const left = tail.partialLine ?? (open && !open.terminated && hasField(open) ? open : undefined)
      return {
        where: left ? answer.place(left.start, left.end) : answer.where,
        ok: left === undefined,
        expected: 'the end of the stream right after a blank line',
        actual: tail.partialLine ? `half a line: ${quote(tail.partialLine.text)}` : left ? 'a block without its blank line' : 'that',
      }
    }),
  mutants: {
    'half a line': { edit: onBody('short', append(0, 'data: la')) },
    'the last line end missing': { edit: onBody('short', swap('bye\n\n', 'bye')), fault: 'tailTorn', alsoBreaks: ['sse/framing/block-terminated'] },
  },
}

const multilineData: Rule<Exchange> = {
  id: 'sse/framing/multiline-data',
  level: 'interop',
  clause: interpretation,
  says: 'a payload with line feeds arrives as one event with all its lines',
  harm: 'the lines after the first become unknown fields, which clients drop',
  fix: 'write one "data: " line for each line of the payload, in one block',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'line-feed', 'blank-line', 'leading-break', 'large')),
  mutants: {
    'a raw line feed': { edit: onBody('lines', swap('\ndata: b', '\nb')), fault: 'rawNewline', alsoBreaks: ['sse/framing/no-foreign-text', 'sse/framing/cr-in-data', 'sse/framing/trailing-newlines'] },
    'only the first line': { edit: onBody('lines', drop('data: b\n')) },
    'an event for each line': { edit: onBody('lines', swap('data: a\n', 'data: a\n\n')) },
  },
}

const crInData: Rule<Exchange> = {
  id: 'sse/framing/cr-in-data',
  level: 'interop',
  clause: grammar,
  says: 'CR and CRLF in a payload are line breaks too: split over data lines, or refused',
  harm: 'a client ends the line at the CR: what follows is dropped, or read as a field of its own',
  fix: 'split payloads with /\\r\\n|\\r|\\n/, not at "\\n" alone',
  check: (exchange) => textIntact(
    exchange,
    'data',
    // a line feed of its own, or a break at the end, is the business of another rule
    (text) => !/(?<!\r)\n/.test(text) && peculiar(text, 'carriage-return', 'line-feed', 'blank-line', 'leading-break'),
  ),
  mutants: {
    'a raw carriage return': { edit: onBody('returns', swap('c\ndata: d', 'c\rd')), fault: 'crRaw', alsoBreaks: ['sse/framing/no-foreign-text'] },
    'the carriage return dropped': { edit: onBody('returns', swap('c\ndata: d', 'cd')) },
  },
}

const noFieldInjection: Rule<Exchange> = {
  id: 'sse/framing/no-field-injection',
  level: 'interop',
  clause: interpretation,
  says: 'no published value creates fields or events of its own',
  harm: 'whoever controls a payload, a name or a comment forges events, ids and reconnection times for all readers',
  fix: 'never build "event: ${name}" from raw text: split data and comments into lines, refuse CR and LF in names and ids',
  umbrella: true,
  check: (exchange) => {
    const all = deliveries(exchange)
    return [...new Set(all.map(({ answer }) => answer))].flatMap((answer): Finding[] => {
      const own = all.filter((delivery) => delivery.answer === answer)
      if (!own.some(({ published }) => Object.values(published).some((value) => /[\r\n]/.test(String(value))))) return []
      const forged = own.find((delivery) => delivery.received.length > (delivery.payload === undefined ? 0 : 1))
      const changed = own.find(({ published, received }) => received.some((event) => event.type !== expectedType(published, event.type)))
      const retry = answer.stream.reconnectionTime
      const extra = forged ? `${forged.received.length} events where 1 was published: ${outcome(forged)}`
        : changed ? `type ${quote(changed.received[0]?.type ?? '')} that nobody published`
        : foreignId(own) ?? (retry !== undefined && forgesRetry(own, retry) ? `a reconnection time of ${retry} ms` : undefined)
      return [{
        where: forged?.where ?? changed?.where ?? answer.where,
        ok: isRefusal(answer.status) || (answer.isEventStream && extra === undefined),
        expected: 'the published events and no other field or event, or a refusal (4xx)',
        actual: extra ?? (answer.isEventStream ? 'that' : `status ${answer.status}`),
      }]
    })
  },
  mutants: {
    'a forged type': { edit: onBody('forged', swap('data: event: evil', 'event: evil')), alsoBreaks: ['sse/framing/multiline-data'] },
    'a forged event': { edit: onBody('forged', swap(': data: z', 'data: z')), fault: 'commentRaw' },
  },
}

/** A name with a line break may have been escaped; then any other single name is as good. */
const expectedType = ({ event }: { readonly event?: string }, got: string): string =>
  event === undefined || event === '' ? 'message' : /[\r\n]/.test(event) ? got : event

function foreignId(own: ReturnType<typeof deliveries>): string | undefined {
  const ids = new Set(['', ...own.map(({ published }) => published.id ?? '')])
  // an id out of a published value was forged by it; one that is in none of them is the target's own invention
  const values = own.flatMap(({ published }) => Object.values(published).map(String))
  const forged = own.flatMap(({ received }) => received)
    .find((event) => !ids.has(event.lastEventId) && values.some((value) => value.includes(event.lastEventId)))
  const escapes = own.some(({ published }) => /[\r\n\0]/.test(published.id ?? ''))
  return forged && !escapes ? `id ${quote(forged.lastEventId)} that nobody published` : undefined
}

const forgesRetry = (own: ReturnType<typeof deliveries>, retry: number): boolean =>
  own.some(({ published }) => Object.values(published).some((value) => new RegExp(`retry: ?${retry}`).test(String(value))))

const trailingNewlines: Rule<Exchange> = {
  id: 'sse/framing/trailing-newlines',
  level: 'interop',
  clause: interpretation,
  says: 'line feeds at the end of a payload arrive',
  harm: 'text that is put together from pieces loses its line breaks: paragraphs and code run into one line',
  fix: 'write a final empty "data:" line for a payload that ends with a line feed; do not trim, do not use splitlines()',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'trailing-break', 'line-feed', 'blank-line', 'leading-break')),
  mutants: { 'the last line feed trimmed': { edit: onBody('ending', drop('data:\n')), fault: 'trailingNewlineTrimmed' } },
}

const leadingSpace: Rule<Exchange> = {
  id: 'sse/framing/leading-space',
  level: 'interop',
  clause: interpretation,
  says: 'a payload line that begins with a space keeps it',
  harm: 'a client removes one space after the colon: without a separator it is the first space of the payload, and words run together',
  fix: 'always write "data: " with its space before the payload',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'leading-space')),
  mutants: { 'no separator': { edit: onBody('leading', swap('data:  f', 'data: f')), fault: 'noSeparatorSpace' } },
}

const trailingSpace: Rule<Exchange> = {
  id: 'sse/framing/trailing-space',
  level: 'interop',
  clause: interpretation,
  says: 'spaces and tabs at the end of a payload line arrive',
  harm: 'words of a token stream run together',
  fix: 'do not trim payload lines',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'trailing-space')),
  mutants: { 'trimmed': { edit: onBody('trailing', swap('g \n', 'g\n')), fault: 'trailingSpaceTrimmed' } },
}

const emptyPayload: Rule<Exchange> = {
  id: 'sse/framing/empty-payload',
  level: 'interop',
  clause: interpretation,
  says: 'an empty payload is sent with a data line, so that an event fires',
  harm: 'a block without a data line fires nothing: the event is lost',
  fix: 'test for undefined, not for falsy, before you leave the data line out',
  check: (exchange) => textIntact(exchange, 'data', (text) => text === ''),
  mutants: { 'no data line': { edit: onBody('empty', swap('data\n', ': empty\n')), fault: 'emptyDataOmitted', alsoBreaks: ['sse/fields/no-dataless-event'] } },
}

const dataRoundtrip: Rule<Exchange> = {
  id: 'sse/framing/data-roundtrip',
  level: 'interop',
  clause: interpretation,
  says: 'every string arrives as it was published, with CRLF and CR as LF',
  harm: 'the reader gets another text than the writer sent',
  fix: 'compare your encoder with the event stream grammar; the narrower rules of this area say what is lost',
  umbrella: true,
  check: (exchange) => deliveries(exchange).flatMap((delivery) => {
    const { payload, refused } = delivery
    if (payload === undefined) return []
    const ok = delivery.payloads.length === 1 && (delivery.payloads[0] === carried(payload) || delivery.payloads[0] === payload)
    // a batch is refused whole: any value in it that may be refused excuses the others
    const excused = refused && delivery.answer.published?.some(refusable)
    return [{ where: delivery.where, ok: ok || excused === true, expected: `data ${quote(carried(payload))}`, actual: outcome(delivery) }]
  }),
  mutants: { 'another text': { edit: onBody('any', swap('[1]', '[2]')), fault: 'htmlEscaped' } },
}

const largeEvent: Rule<Exchange> = {
  id: 'sse/framing/large-event',
  level: 'advice',
  promisedBy: 'play',
  clause: grammar,
  says: 'a large line arrives whole',
  harm: 'a long answer is cut or lost',
  fix: 'do not write events through a fixed buffer; look for limits in templates, proxies and line readers',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'large'), {
    ignore: ({ refused, payload }) => refused && (payload?.length ?? 0) > (exchange.declares.maxMessageBytes ?? Infinity),
  }),
  mutants: { 'cut at the buffer size': { edit: onBody('large', swap(large, large.slice(1))), fault: 'largeTruncated' } },
}

const blockLine = /^block ([\w-]+) (\d+)\/(\d+)$/

const blockAtomic: Rule<Exchange> = {
  id: 'sse/framing/block-atomic',
  level: 'interop',
  clause: interpretation,
  says: 'blocks of concurrent producers are never mixed on one connection',
  harm: 'the order of lines is all that groups them: a client reads one event made of two',
  fix: 'write each event with one call, or hold a lock around its lines',
  check: (exchange) => streams(exchange).flatMap((answer) => answer.stream.events.flatMap((event): Finding[] => {
    const lines = event.data.split('\n').map((text) => blockLine.exec(text))
    if (!lines.some(Boolean)) return []
    // lines that are missing are another rule's business; here it is whose they are, and their order
    const whole = lines.every((line, i) => line?.[1] === lines[0]?.[1] && (i === 0 || Number(line?.[2]) > Number(lines[i - 1]?.[2])))
    return [{
      where: answer.eventPlace(event),
      ok: whole,
      expected: 'lines of one published event, in order',
      actual: whole ? 'that' : quote(event.data),
    }]
  })),
  mutants: { 'two producers, line by line': { edit: onBody('base', swap('data: block a 2/2', 'data: block b 1/2')), fault: 'blocksTorn' } },
}

const noForeignText: Rule<Exchange> = {
  id: 'sse/framing/no-foreign-text',
  level: 'advice',
  clause: grammar,
  says: 'the body carries lines of an event stream and no HTML, JSON, log or stack trace',
  harm: 'clients ignore such lines, so the error they tell of is never seen',
  fix: 'once the stream is open report errors as an event, then end it; keep the framework\'s error handler off the response',
  check: (exchange) => streams(exchange).flatMap((answer) => withoutKind(answer, 'foreign', 'only comments, fields and blank lines')),
  mutants: {
    'a JSON error': { edit: onBody('base', append(5, '{"error": "boom"}\n\n')), fault: 'errorAppended' },
    'a JSON error without a line end': {
      edit: onBody('short', append(0, '{"error": "boom"}')), alsoBreaks: ['sse/framing/no-tail-at-close'],
    },
    'a number on a line': { edit: onBody('base', append(5, '42\n\n')) },
    'a stack trace': { edit: onBody('base', append(5, '    at handler (server.js:12:3)\n\n')) },
  },
}

const flushOnBlock: Rule<Exchange> = {
  id: 'sse/framing/flush-on-block',
  level: 'advice',
  promisedBy: 'play',
  clause: grammar,
  says: 'an event is on the wire whole, blank line included, without waiting for the next one',
  harm: 'the reader sees each event only when the next one comes, and the last one never',
  fix: 'write the blank line together with the event, and flush after it',
  needs: ['times'],
  check: (exchange) => [
    ...bursts(exchange),
    ...lateBlanks(exchange),
    ...openForever(exchange),
    ...streams(exchange).filter(({ playEnd }) => playEnd === 'hold').flatMap((answer) =>
    (answer.published ?? []).filter(({ data }) => data !== undefined).map((_, i): Finding => {
      const event = answer.stream.events[i]
      const late = event ? answer.arrival(event.end - 1) - (answer.head?.at ?? answer.link.openedAt) : undefined
      return {
        where: event ? answer.eventPlace(event) : answer.where,
        ok: late !== undefined && late <= exchange.thresholds.flush,
        expected: `event ${i + 1} whole within ${cited('flush', exchange.thresholds)}, with no traffic after it`,
        actual: late === undefined ? 'not before the kit left' : `${late <= exchange.thresholds.flush ? 'in time' : `after ${Math.round(late)} ms`}`,
      }
    })),
  ],
  mutants: {
    'all at the end': { edit: onBody('paced', delayed), fault: 'burstAtEnd' },
    'the blank line with the next event': { edit: onBody('base', blanksLate) },
    'no blank line at all': { edit: onBody('base', neverEnded('\n')), alsoBreaks: ['sse/framing/block-terminated'] },
    'no line end at all': { edit: onBody('base', neverEnded('\\n\\n')) },
    'written late': { edit: onBody('held', delay('now', 1500)) },
    'the blank line left in the buffer': { edit: onBody('held', swap('now\n\n', 'now\n')), fault: 'blankLineLate', alsoBreaks: ['sse/framing/block-terminated'] },
  },
}

/** Plays with pauses, uncoded: what was published over a second does not arrive in one moment at its end. */
function bursts(exchange: Exchange): Finding[] {
  return streams(exchange).filter(({ codings, playPauseMs }) => codings.length === 0 && playPauseMs >= leastPauseMs).flatMap((answer) => {
    const { events } = answer.stream
    const [first, last] = [events[0], events.at(-1)]
    if (!first || !last || events.length < 3) return []
    const pausesMs = (events.length - 1) * answer.playPauseMs
    const spreadMs = answer.arrival(last.end - 1) - answer.arrival(first.end - 1)
    return [{
      where: answer.eventPlace(first),
      ok: spreadMs >= pausesMs / 2,
      expected: `${events.length} events over about ${pausesMs} ms, as they were published`,
      actual: spreadMs >= pausesMs / 2 ? 'that' : `all of them within ${Math.round(spreadMs)} ms`,
    }]
  })
}

const leastPauseMs = 100
/** ms, and number of blocks: blank lines that come so much later than their block, together with the next one */
const lateBlankMs = 300
const mostLateBlanks = 2

/** Streams whose blank lines come with the next event: seen from outside, when events are far enough apart. */
function lateBlanks(exchange: Exchange): Finding[] {
  return streams(exchange).filter(({ published }) => published === undefined).flatMap((answer): Finding[] => {
    const blocks = answer.stream.blocks.filter((block) => block.terminated && block.event)
    if (blocks.length <= mostLateBlanks) return []
    const late = blocks.filter((block, i) => {
      const text = block.lines.at(-2)
      const next = blocks[i + 1]
      if (!text || !next) return false
      const blankAt = answer.arrival(block.end - 1)
      return blankAt - answer.arrival(text.next - 1) > lateBlankMs && answer.arrival(next.start) - blankAt < 5
    })
    const [first] = late
    const ok = late.length <= mostLateBlanks
    return [{
      where: first && !ok ? answer.place(first.start, first.end) : answer.where,
      ok,
      expected: 'the blank line together with its event',
      actual: ok ? 'that' : `${late.length} blank lines more than ${lateBlankMs} ms late, each with the next event`,
    }]
  })
}

/** arrivals in which an event goes on, before its end is missed: a long text may well be written line by line */
const mostOpenArrivals = 4

/** Open streams on which data came and came, and not one event: only what never had a blank line shows it. */
function openForever(exchange: Exchange): Finding[] {
  return streams(exchange).filter(({ isOpen, stream }) => isOpen && stream.events.length === 0).flatMap((answer): Finding[] => {
    const { blocks, tail } = answer.stream
    const begun = blocks.find((block) => !block.terminated && block.lines.some(({ name }) => name === 'data')) ??
      (tail.partialLine?.text.startsWith('data:') ? tail.partialLine : undefined)
    if (!begun) return []
    const from = answer.arrival(begun.start)
    const arrivals = answer.link.chunks.filter(({ at }) => at >= from).length
    const ms = Math.round(answer.link.ended.at - from)
    if (arrivals <= mostOpenArrivals || ms < staleMs) return []
    return [{
      where: answer.place(begun.start, begun.end), ok: false,
      expected: 'the blank line together with its event', actual: `no blank line in ${ms} ms, although ${arrivals} writes came`,
    }]
  })
}

const consistentLineEnds: Note<Exchange> = {
  id: 'sse/framing/consistent-line-ends',
  clause: grammar,
  says: 'LF, CRLF and CR all end a line and may be mixed; many hand-written clients know LF only',
  record: (exchange) => streams(exchange).flatMap((answer) => {
    const seen = new Set(answer.stream.lines.map(({ eol }) => eol).filter(Boolean))
    return seen.size > 1 || seen.has('\r') || seen.has('\r\n') ? [`line ends seen: ${[...seen].map((eol) => quote(eol)).join(', ')}`] : []
  }),
}

export const framing: Room<Exchange> = {
  id: 'sse/framing',
  clause: grammar,
  example,
  rules: [
    blockTerminated, noTailAtClose, multilineData, crInData, noFieldInjection, trailingNewlines, leadingSpace, trailingSpace,
    emptyPayload, dataRoundtrip, largeEvent, blockAtomic, noForeignText, flushOnBlock,
  ],
  notes: [consistentLineEnds],
}
