/**
 * Ids beyond ASCII, which come back as UTF-8 in a header that many libraries read as latin1.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { drop, onBody } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { quote, withRole, type Exchange } from '../exchange.ts'
import { history, resumedFrom } from '../history.ts'
import { arrivals } from './arrivals.ts'
import { identified, refusals } from './given.ts'

const lastEventIdHeader = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header'

export const nonAscii: Rule<Exchange> = {
  id: 'sse/ids/non-ascii',
  level: 'interop',
  clause: lastEventIdHeader,
  says: 'Last-Event-ID is read as UTF-8: ids beyond ASCII resume like others, or are refused when they are published',
  harm: 'the id that comes back matches no event, and the client gets nothing of what it missed',
  fix: 'decode the header: Buffer.from(req.headers["last-event-id"], "latin1").toString() in Node, ' +
    'value.encode("latin-1").decode() in Starlette and FastAPI',
  applies: ({ kind, declares }) =>
    (kind === 'driven' && declares.ids === 'client' ? undefined : 'only a driver that takes given ids can show it'),
  check: (exchange) => [
    ...returned(exchange),
    ...refusals(exchange, 'an id that resumes, or a refusal (4xx)', ({ id = '' }) => isBeyondAscii(id))
      .filter(() => exchange.declares.ids === 'client'),
  ],
  mutants: { 'read as latin1': { edit: onBody('utf8', drop('id: z\ndata: after\n\n')), fault: 'latin1Id' } },
}

// oxlint-disable-next-line no-control-regex -- ASCII is what is meant
const isBeyondAscii = (id: string): boolean => /[^\u0000-\u007f]/.test(id)

/** Clients that came back with ids beyond ASCII, beside one with a plain id: where that fails resuming is broken. */
function returned(exchange: Exchange): Finding[] {
  if (exchange.declares.ids !== 'client') return []
  const published = history(exchange)
  const clients = withRole(exchange, 'non-ascii').flatMap((answer) => {
    const id = resumedFrom(answer)
    const from = published.findLastIndex((one) => id !== undefined && one.event.id === id)
    if (id === undefined || from < 0) return []
    const came = answer.isEventStream ? arrivals(answer, published).map(({ index }) => index) : []
    const behind = published.slice(from + 1).map((_, i) => from + 1 + i)
    const first = came.length > 0 ? Math.min(...came) - from : undefined
    return [{ answer, id, all: behind.every((index) => came.includes(index)), first }]
  })
  const control = clients.find(({ id, all }) => !isBeyondAscii(id) && all)
  if (!control) return []
  // an id that is not on the wire as it was published has rules of its own
  const written = new Set(identified(control.answer).map(({ id }) => id))
  return clients.filter(({ id }) => isBeyondAscii(id) && written.has(id)).map(({ answer, id, all, first }) => {
    const ok = all && first === control.first
    const wrong = !answer.isEventStream ? `status ${answer.status}` : all ? 'events before it too' : 'not all of them'
    const expected = `the events behind ${quote(id)}, as for a plain id`
    return { where: answer.where, ok, expected, actual: ok ? 'that' : wrong }
  })
}
