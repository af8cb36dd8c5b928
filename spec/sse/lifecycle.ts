/**
 * When a stream begins, and how it ends.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
import { both, delay, ended, live, onLink, sent, session } from '../bytes.ts'
import type { Room, Rule } from '../model.ts'
import { askedForStream, forEvery, type Answer, type Exchange } from './exchange.ts'

const processing = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model'

/** ms from the request to the end of the head */
const headMs = 2000

const example = session(
  live('base', sent(5, ': connected\n\n'), sent(20, 'data: hello\n\n')),
  live('channel', sent(5, ': connected\n\n')),
)

const headersPromptly: Rule<Exchange> = {
  id: 'sse/lifecycle/headers-promptly',
  level: 'advice',
  promisedBy: 'channel',
  clause: processing,
  says: `the head is sent at once, within ${headMs} ms, also when there is no event yet`,
  harm: 'EventSource fires "open", and fetch() resolves, with the head: until then nobody knows of the stream',
  fix: 'send the head when the subscription stands: res.flushHeaders() in node:http and Express, or a first comment',
  check: (exchange) => forEvery(
    askedForStream(exchange).filter((one) => one.head !== undefined || isHang(one)),
    `the head within ${headMs} ms of the request`,
    (one) => {
      const after = Math.round((one.head?.at ?? one.link.ended.at) - one.link.openedAt)
      const ok = one.head !== undefined && after <= headMs
      return { where: one.where, ok, actual: ok ? 'in time' : `${one.head ? 'after' : 'none for'} ${after} ms` }
    },
  ),
  mutants: {
    'with the first event': { edit: onLink('channel', delay('HTTP/1.1', 2500)), fault: 'headWithFirstEvent' },
    'never': { edit: both(onLink('base', () => []), ended('base', 'deadline', 'kit')) },
  },
}

/** The kit waited longer than the bound and nothing came. A target that closed or refused is another matter. */
const isHang = ({ link }: Answer): boolean => link.ended.by === 'kit' && link.ended.at - link.openedAt > headMs

export const lifecycle: Room<Exchange> = {
  id: 'sse/lifecycle',
  clause: processing,
  example,
  rules: [headersPromptly],
}
