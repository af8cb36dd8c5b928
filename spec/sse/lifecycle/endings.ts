/**
 * How a stream ends when its server knows that it will: the channel is finished, or the process is told to stop.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
 */
import { both, ended, onBody, onLink, swap } from '../../bytes.ts'
import type { Act, Finding, Rule } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'

const intro = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro'
const grammar = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream'

/** ms for a finished stream to end */
const finishMs = 2000
/** ms for a shutdown where the target does not declare `drainMs`, and what a busy machine may add */
const drainMs = 10_000
const graceMs = 2000

/** The message is complete, or the target closed. */
const isOver = ({ link, message }: Answer): boolean =>
  link.ended.by === 'target' || message.body?.complete === true

const overAt = ({ link, message }: Answer): number => message.body?.completeAt ?? link.ended.at

/** Streams of the channel that were open when the target took the act. */
const openAt = (exchange: Exchange, act: Act): Answer[] =>
  withRole(exchange, 'channel').filter((one) =>
    one.isEventStream && one.head !== undefined && one.head.at <= act.at && one.link.ended.at >= act.at)

export const endMarker: Rule<Exchange> = {
  id: 'sse/lifecycle/end-marker',
  level: 'advice',
  promisedBy: 'endEvent',
  clause: intro,
  says: 'the last event of a finished stream says that it is finished',
  harm: 'to EventSource an end is a lost connection: it comes back for ever, unless an event tells the page to close()',
  fix: 'write an event of its own name ("event: end", "data: ") before the response ends, and answer 204 to who ' +
    'comes back',
  applies: ({ declares }) => (declares.endEvent === undefined ? 'the target declares no endEvent' : undefined),
  check: (exchange) => {
    const { endEvent } = exchange.declares
    const finish = exchange.acts.find(({ kind, status }) => kind === 'finish' && status >= 200 && status < 300)
    if (!finish || endEvent === undefined) return []
    const readers = openAt(exchange, finish).filter((one) =>
      isOver(one) || one.link.ended.at - finish.doneAt >= finishMs)
    return forEvery(readers, `an event of type ${quote(endEvent)}, and then the end`, (one) => {
      // whether the block is whole, and the message, is another matter
      const block = one.stream.blocks.findLast(({ lines }) => lines.some(({ kind }) => kind === 'field'))
      const type = block?.lines.findLast(({ name }) => name === 'event')?.value ?? 'message'
      const ok = isOver(one) && block !== undefined && type === endEvent
      return {
        where: block ? one.place(block.start, block.end) : one.where,
        ok,
        actual: ok ? 'that' : !isOver(one) ? 'no end'
          : `the end after ${block ? `an event of type ${quote(type)}` : 'nothing'}`,
      }
    })
  },
  mutants: {
    'no marker': { edit: onBody('finished-reader', swap('event: end\ndata:\n\n', ':\n\n')), fault: 'endMarkerMissing' },
    'a marker of another name': { edit: onBody('finished-reader', swap('event: end', 'event: close')) },
  },
}

export const gracefulShutdown: Rule<Exchange> = {
  id: 'sse/lifecycle/graceful-shutdown',
  level: 'advice',
  promisedBy: 'drainMs',
  clause: grammar,
  says: 'a server that is told to stop ends its streams between two events, in bounded time, and takes no new ones',
  harm: 'deployments wait until somebody kills the process; readers lose half an event, or open what dies at once',
  fix: 'keep the open responses in a set and on SIGTERM end() each after its last blank line, answer 503 from then ' +
    'on, and close what is left after a deadline: server.close() alone waits for ever',
  applies: ({ exchanges }) => (exchanges.some(({ acts }) => acts.some(({ kind }) => kind === 'signal'))
    ? undefined
    : 'only a server that the kit has started is told to stop (--start)'),
  check: (exchange) => {
    const signal = exchange.acts.find(({ kind }) => kind === 'signal')
    if (!signal) return []
    const bound = (exchange.declares.drainMs ?? drainMs) + graceMs
    const streams = openAt(exchange, signal).filter((one) => isOver(one) || one.link.ended.at - signal.at >= bound)
    const late = withRole(exchange, 'late').filter(({ link }) =>
      link.openedAt >= signal.at && link.ended.how !== 'abort')
    return [
      ...streams.map((one): Finding => {
        const after = Math.round(overAt(one) - signal.at)
        const { partialLine, openBlock } = one.stream.tail
        const torn = partialLine !== undefined || openBlock
        const inTime = isOver(one) && after <= bound
        const bytes = one.content.body?.bytes.length ?? 0
        return {
          where: torn ? one.place(partialLine?.start ?? Math.max(0, bytes - 1), bytes) : one.where,
          ok: inTime && !torn,
          expected: `the end of the stream between two events within ${bound} ms of the signal`,
          actual: !inTime ? `open for ${after} ms` : torn ? 'the end inside an event' : 'that',
        }
      }),
      ...forEvery(late, '503 or no connection once the server was told to stop', (one) => ({
        where: one.where,
        ok: one.head === undefined || one.status === 503,
        actual: one.head ? `status ${one.status}` : 'no connection',
      })),
    ]
  },
  mutants: {
    'it hangs': {
      edit: both(onLink('draining', (chunks) => chunks.slice(0, -1)), ended('draining', 'deadline', 'kit', 25_500)),
      fault: 'shutdownHangs',
    },
    'it tears an event': {
      edit: onBody('draining', swap('last\n\n', 'la')),
      fault: 'shutdownTears',
      alsoBreaks: ['sse/framing/no-tail-at-close', 'sse/framing/block-terminated'],
    },
    'it takes new streams': {
      edit: onLink('late', swap('503 Service Unavailable', '200 OK')),
      fault: 'shutdownAcceptsNew',
    },
  },
}
