/**
 * One client that is cut off again and again, beside steady publishing.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { drop, onBody, swap } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import { quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { history, resumedFrom } from '../history.ts'
import { block, blocks } from './example.ts'
import { lastEventIdHeader, withIds } from './replay.ts'
import { arrivals, finding, nameOf } from './returns.ts'

export const manyCycles: Rule<Exchange> = {
  id: 'sse/resume/many-cycles',
  level: 'advice',
  promisedBy: 'replayEvents',
  clause: lastEventIdHeader,
  says: 'a client that is cut off again and again sees every event exactly once, in order',
  harm: 'every reconnect on a bad network costs or doubles an event',
  fix: 'the narrower rules of this area say what is wrong',
  applies: withIds,
  umbrella: true,
  check: (exchange) => {
    const published = history(exchange)
    const chain = chainOf(withRole(exchange, 'cycle'))
    const last = chain.at(-1)
    if (chain.length < 2 || !last) return []
    const seen = chain.flatMap((answer) => arrivals(answer, published).map((arrival) => ({ ...arrival, answer })))
      .flatMap(({ index, ...rest }) => (index === undefined ? [] : [{ ...rest, index }]))
    const silent = (i: number): boolean => published[i]?.event.data === undefined
    const wrong = seen.find(({ index }, i) => {
      const before = seen[i - 1]?.index
      if (before === undefined) return false
      let next = before + 1
      while (silent(next) && next < index) next++
      return index !== next
    })
    const before = wrong && seen[seen.indexOf(wrong) - 1]?.index
    return [finding(wrong?.answer ?? last, `every event once and in order over ${chain.length} connections`, wrong && {
      event: wrong.event,
      actual: `${quote(nameOf(published, wrong.index))} after ${quote(nameOf(published, before ?? 0))}`,
    })]
  },
  mutants: {
    'one event lost at a reconnect': {
      edit: onBody('cycle-3', drop(block(12))), alsoBreaks: ['sse/resume/honours-last-event-id'],
    },
    'off by one at a reconnect': {
      edit: onBody('cycle-3', swap(block(12), blocks(11, 12))), fault: 'replayInclusive',
      alsoBreaks: ['sse/resume/exclusive', 'sse/status/204-to-stop'],
    },
  },
}

/** The links of one client as far as each begins with what the one before had committed. */
function chainOf(links: readonly Answer[]): Answer[] {
  const chain: Answer[] = []
  for (const answer of links.toSorted((a, b) => a.link.openedAt - b.link.openedAt)) {
    const before = chain.at(-1)
    if (!answer.isEventStream || (before && resumedFrom(answer) !== before.stream.lastEventId)) break
    chain.push(answer)
  }
  return chain
}
