/** Methods other than GET. https://www.rfc-editor.org/rfc/rfc9110#section-9 */
import { both, ended, instead, onLink, opened, sent, swap } from '../../bytes.ts'
import type { Edit, Rule, Scene } from '../../model.ts'
import { forEvery, quote, withRole, type Answer, type Exchange } from '../exchange.ts'

const semantics = 'https://www.rfc-editor.org/rfc/rfc9110'

/** ms in which a server that ends its answer closes the connection, or answers at all */
const closeMs = 1000

const forGet = ({ method }: Scene<Exchange>): string | undefined =>
  method === 'GET' ? undefined : `the stream is asked for with ${method}`

/** The kit left that link then. */
const leftAt = (id: string, at: number, how: 'complete' | 'deadline'): Edit => (transcript) => ({
  ...transcript,
  links: transcript.links.map((link) => (link.id === id ? { ...link, ended: { at, by: 'kit', how } } : link)),
})

/** The kit, or what stands before the target, asked too often: that says nothing about the rule. */
export const isOverload = ({ status }: Answer): boolean => status === 429 || status === 503

const allow: Rule<Exchange> = {
  id: 'sse/status/405-allow',
  level: 'must',
  clause: `${semantics}#section-15.5.6`,
  says: 'a 405 says in Allow which methods there are',
  harm: 'a client cannot learn how the stream is asked for',
  fix: 'set Allow where you answer 405: res.set("Allow", "GET, HEAD")',
  applies: forGet,
  check: (exchange) => forEvery(
    exchange.answers.filter(({ status }) => status === 405),
    'an Allow field',
    (one) => {
      const ok = one.values('allow').length > 0
      return { where: one.where, ok, actual: ok ? quote(one.values('allow').join(', ')) : 'none' }
    },
  ),
  mutants: { 'left out': { edit: onLink('unknown-method', swap('Allow: GET, HEAD, OPTIONS\r\n', '')) } },
}

const methodRefused: Rule<Exchange> = {
  id: 'sse/status/405-or-501',
  level: 'should',
  clause: `${semantics}#section-9.1`,
  says: 'a method that the server does not know is answered with 501, or 405',
  harm: 'a handler that runs for every method opens streams for requests that are none',
  fix: 'register the handler for GET; in node:http test req.method, and answer 501 to HPE_INVALID_METHOD in a ' +
    'clientError handler',
  applies: forGet,
  check: (exchange) => forEvery(
    withRole(exchange, 'unknown-method').filter(isDecided),
    'status 501 or 405',
    (one) => ({
      where: one.where,
      ok: one.status === 501 || one.status === 405,
      actual: one.head ? `status ${one.status}` : 'no answer',
    }),
  ),
  mutants: {
    'a stream': { edit: instead('unknown-method', opened('unknown-method')) },
    'a bad request': { edit: onLink('unknown-method', swap('405 Method Not Allowed', '400 Bad Request')) },
    'no answer': { edit: both(onLink('unknown-method', () => []), ended('unknown-method', 'fin')) },
  },
}

const headMethod: Rule<Exchange> = {
  id: 'sse/status/head',
  level: 'must',
  clause: `${semantics}#section-9.3.2`,
  says: 'HEAD is answered as GET is, and the answer ends with its head',
  harm: 'link checkers, caches and load balancers hang, and each of them stays a subscriber',
  fix: 'answer HEAD before you subscribe: if (req.method === "HEAD") return res.end(); in FastAPI ' +
    'methods=["GET", "HEAD"]',
  applies: forGet,
  check: (exchange) => forEvery(
    withRole(exchange, 'head').filter(isDecided),
    'the status of GET, and the end behind the head',
    (one) => {
      const actual = headFault(one, exchange)
      return { where: one.where, ok: actual === undefined, actual: actual ?? 'that' }
    },
  ),
  mutants: {
    'a stream': { edit: onLink('head', (chunks) => [...chunks, sent(5, ': connected\n\n')]) },
    'a stream without bytes': { edit: leftAt('head', 1500, 'complete'), fault: 'headOpensStream' },
    'no answer': { edit: both(onLink('head', () => []), leftAt('head', 1500, 'deadline')) },
    'not allowed': { edit: onLink('head', swap('200 OK', '501 Not Implemented')) },
    'not found': { edit: onLink('head', swap('200 OK', '404 Not Found')) },
  },
}

/** HEAD is sent only to a URL whose stream was seen, so an error is wrong also when this exchange has no GET. */
function headFault(one: Answer, exchange: Exchange): string | undefined {
  const { excess } = one.message
  if (!one.head) return 'no answer'
  if (excess) return `${excess.end - excess.start} bytes behind the head`
  const getIs200 = withRole(exchange, 'base').some(({ status }) => status === 200)
  if (getIs200 ? one.status !== 200 : one.status >= 400) return `status ${one.status}`
  return isLeftOpen(one, exchange) ? 'the connection still open, although it was asked to close: an answer that was not ended' : undefined
}

/**
 * A server whose HEAD handler streams may send no byte of it (node:http drops them). What gives it away: asked with
 * Connection: close it does not close behind its answer (RFC 9112 9.6), unless it never does.
 */
function isLeftOpen(one: Answer, exchange: Exchange): boolean {
  const asked = one.link.request.headers.some(([name, value]) => /^connection$/i.test(name) && /^close$/i.test(value))
  const neverCloses = withRole(exchange, 'options').some(({ message, link }) =>
    message.body?.complete === true && link.ended.by === 'kit')
  return asked && !neverCloses && isLeft(one)
}

/** The kit waited behind the head and left. */
const isLeft = ({ link, head }: Answer): boolean =>
  link.ended.by === 'kit' && link.ended.at - (head?.at ?? link.openedAt) >= closeMs

/** No answer, although there was a connection, and time. */
export function isSilent({ head, link: { ended: end, openedAt } }: Answer): boolean {
  if (head !== undefined || end.how === 'refused' || end.how === 'abort') return false
  return end.by === 'target' || end.at - openedAt >= closeMs
}

/** Refused, overloaded, or left by the kit before there was time to answer: that says nothing. */
const isDecided = (one: Answer): boolean => (one.head !== undefined && !isOverload(one)) || isSilent(one)

const optionsMethod: Rule<Exchange> = {
  id: 'sse/status/options',
  level: 'advice',
  clause: `${semantics}#section-9.3.7`,
  says: 'OPTIONS ends at once, opens no stream, and lists the methods in Allow when it succeeds',
  harm: 'a preflight that opens a stream never ends: the browser does not send the request behind it',
  fix: 'answer OPTIONS before the stream handler: 204 with Allow, and CORS fields where you need them',
  applies: forGet,
  check: (exchange) => forEvery(
    withRole(exchange, 'options').filter(isDecided),
    'an answer that ends, without a stream, with Allow when it is a success',
    (one) => {
      const allow = one.status < 200 || one.status > 299 || one.values('allow').length > 0
      const actual = !one.head ? 'no answer' : one.mimeType?.essence === 'text/event-stream' ? 'an event stream'
        : one.isOpen ? 'an answer that does not end' : allow ? undefined : `status ${one.status} without Allow`
      return { where: one.where, ok: actual === undefined, actual: actual ?? 'that' }
    },
  ),
  mutants: {
    'a stream': { edit: both(instead('options', opened('options')), leftAt('options', 1500, 'deadline')) },
    'no Allow': { edit: onLink('options', swap('Allow: GET, HEAD, OPTIONS\r\n', '')) },
    'no end': { edit: both(onLink('options', swap('204 No Content', '200 OK')), leftAt('options', 1500, 'deadline')) },
    'no answer': { edit: both(onLink('options', () => []), leftAt('options', 1500, 'deadline')) },
  },
}

export const methods: readonly Rule<Exchange>[] = [allow, methodRefused, headMethod, optionsMethod]
