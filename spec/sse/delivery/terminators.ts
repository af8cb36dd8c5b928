/**
 * The event that says that an answer is complete, and what comes after it.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
 */
import { append, ended, lastChunk, onBody, onLink, sent, swap, both } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { cited, valueOf } from '../../thresholds.ts'
import { isPing } from '../beats.ts'
import type { Dispatched } from '../decode.ts'
import { forEvery, quote, streams, type Answer, type Exchange } from '../exchange.ts'
import { jsonOf } from './payloads.ts'

const intro = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro'

/** `type` of the JSON that completes an answer: Anthropic Messages, OpenAI Responses, AG-UI */
const completing: ReadonlySet<string> = new Set([
  'message_stop', 'response.completed', 'response.failed', 'response.incomplete', 'RUN_FINISHED', 'RUN_ERROR',
])
/** the same of what begins one: several answers may share a stream */
const beginning: ReadonlySet<string> = new Set(['message_start', 'response.created', 'response.queued', 'RUN_STARTED'])
/** ms; what comes so much later on a stream that stays open belongs to another answer */
const anotherMs = 1000

function typeOf(data: string): string | undefined {
  const type = jsonOf(data)?.['type']
  return typeof type === 'string' ? type : undefined
}

/** The name of the mark that an event is; undefined for any other event. */
export function terminatorOf({ type, data }: Dispatched, { declares }: Exchange): string | undefined {
  if (data.trim() === '[DONE]') return '[DONE]'
  if (type === declares.endEvent) return type
  const named = typeOf(data)
  return named !== undefined && completing.has(named) ? named : undefined
}

/** Streams whose payloads the target chose itself, with their events; heartbeats that are events left out. */
const told = (exchange: Exchange): { answer: Answer; events: Dispatched[] }[] =>
  streams(exchange).filter(({ published }) => published === undefined).map((answer) => ({
    answer,
    events: answer.stream.events.filter((event) => !isPing(event.data) || terminatorOf(event, exchange) !== undefined),
  }))

/** Begins another answer: it says so, or has another `id` than what came before the end. */
function beginsAnother(next: Dispatched, before: readonly Dispatched[]): boolean {
  const id = jsonOf(next.data)?.['id']
  const last = before.map(({ data }) => jsonOf(data)?.['id']).findLast((one) => one !== undefined)
  return beginning.has(typeOf(next.data) ?? '') || (id !== undefined && last !== undefined && id !== last)
}

export const terminatorLast: Rule<Exchange> = {
  id: 'sse/delivery/terminator-last',
  level: 'advice',
  promisedBy: 'endEvent',
  clause: intro,
  says: 'nothing comes after the event that completes an answer',
  harm: 'clients stop at it: what comes later is lost, or is taken for the beginning of the next answer',
  fix: 'write the last chunk, usage included, before "data: [DONE]" or message_stop, and write that in one place only',
  check: (exchange) => told(exchange).flatMap(({ answer, events }) => events.flatMap((event, i): Finding[] => {
    const mark = terminatorOf(event, exchange)
    const next = events[i + 1]
    if (mark === undefined || (next && beginsAnother(next, events.slice(0, i)))) return []
    const late = next && answer.arrival(next.start) - answer.arrival(event.end - 1) >= anotherMs
    if (late && answer.isOpen && answer.link.request.method === 'GET') return []
    const nextMark = next && terminatorOf(next, exchange)
    const ok = !next || (nextMark !== undefined && nextMark !== mark)
    return [{
      where: answer.eventPlace(next ?? event),
      ok,
      expected: `nothing after ${quote(mark)}`,
      actual: ok || !next ? 'that' : nextMark === mark ? 'the same once more' : `data ${quote(next.data)}`,
    }]
  })),
  mutants: {
    'twice': { edit: onBody('base', swap('data: [DONE]\n\n', 'data: [DONE]\n\ndata: [DONE]\n\n')) },
    'a chunk behind it': {
      edit: onBody('base', swap('data: [DONE]\n\n', 'data: [DONE]\n\ndata: {"id":"c1","usage":{"tokens":9}}\n\n')),
    },
    'an event behind the one that is declared': {
      edit: both(
        (transcript) => ({ ...transcript, declares: { ...transcript.declares, endEvent: 'over' } }),
        onBody('ordinary', append(1, 'event: over\ndata: all\n\ndata: more\n\n')),
      ),
      fault: 'eventAfterEnd', alsoBreaks: ['sse/lifecycle/end-marker'],
    },
  },
}

/** ms of the end that the target made; undefined while the stream was open */
export const overAt = ({ link, message }: Answer): number | undefined =>
  (message.body?.complete === true ? message.body.completeAt : link.ended.by === 'target' ? link.ended.at : undefined)

/** A stream whose last event completes an answer. */
interface Completed {
  readonly answer: Answer
  readonly mark: string
  readonly event: Dispatched
  /** from the event to the end of the stream, or to when the kit left */
  readonly ms: number
  /** the target has ended it */
  readonly over: boolean
}

function completed(exchange: Exchange): Completed[] {
  return told(exchange).flatMap(({ answer, events }) => {
    const event = events.at(-1)
    const mark = event && terminatorOf(event, exchange)
    if (!event || mark === undefined || answer.message.faults.length > 0) return []
    const over = overAt(answer)
    const ms = (over ?? answer.link.ended.at) - answer.arrival(event.end - 1)
    return [{ answer, mark, event, ms, over: over !== undefined }]
  })
}

/** A stream for GET that goes on beating is kept for the next answer on purpose. */
const isKept = ({ answer: { link, stream }, event }: Completed): boolean =>
  link.request.method === 'GET' && stream.lines.some(({ kind, start }) => kind === 'comment' && start >= event.end)

export const endsAfterTerminator: Rule<Exchange> = {
  id: 'sse/delivery/ends-after-terminator',
  level: 'advice',
  clause: intro,
  needs: ['times', 'end'],
  says: `a stream ends within ${valueOf('end-after-terminator')} of the event that completes its answer`,
  harm: 'readers that wait for the end of the body hang, and each answer keeps a connection',
  fix: 'end the response behind the last event: res.end() on every way out, not only when the upstream closes; look ' +
    'for a heartbeat timer that keeps a generator alive',
  inconclusive: ({ exchanges }) => {
    const open = exchanges.flatMap(completed).filter(({ over }) => !over)
    if (open.length === 0) return undefined
    return open.every(isKept)
      ? { why: 'inconclusive', note: 'the stream goes on beating behind it, as if another answer were to come' }
      : { why: 'window', note: 'the answer was complete, and the kit left before the end was due: --observe 10s' }
  },
  check: (exchange) => {
    const bound = exchange.thresholds['end-after-terminator']
    const seen = completed(exchange).filter((one) => one.over || (one.ms > bound && !isKept(one)))
    return forEvery(
      seen,
      ({ mark }) => `the end within ${cited('end-after-terminator', exchange.thresholds)} of ${quote(mark)}`,
      ({ answer, event, ms, over }) => ({
        where: answer.eventPlace(event),
        ok: over && ms <= bound,
        actual: !over ? 'no end' : ms <= bound ? 'that' : `the end after ${(ms / 1000).toFixed(1)} s`,
      }),
    )
  },
  mutants: {
    'late': {
      edit: onLink('base', (chunks) => [...chunks.slice(0, -1), sent((chunks.at(-1)?.at ?? 0) + 2600, lastChunk)]),
    },
    'never': {
      edit: both(
        onLink('base', (chunks) => chunks.slice(0, -1)), onBody('base', append(2600, '\n')),
        ended('base', 'window', 'kit', 9000),
      ),
    },
  },
}
