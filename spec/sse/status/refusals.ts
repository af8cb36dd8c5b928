/**
 * How a server says no: before the stream, and by the status.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
 */
import { both, ended, finite, instead, onBody, onLink, opened, sent, swap } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import { askedForStream, forEvery, withRole, type Answer, type Exchange } from '../exchange.ts'
import { isSilent } from './methods.ts'
import { isRedirect } from './redirects.ts'

const html = 'https://html.spec.whatwg.org/multipage'
const nothing = 'Content-Length: 0'

const errorsBeforeStream: Rule<Exchange> = {
  id: 'sse/status/errors-before-stream',
  level: 'advice',
  clause: `${html}/server-sent-events.html#sse-processing-model`,
  says: 'what is wrong before the first byte is answered with 4xx or 5xx, not with 200 and an event',
  harm: 'clients open, read the error as an event, and reconnect to it for ever; monitoring sees success',
  fix: 'check credentials, names and parameters before the head is sent; in FastAPI in a dependency, not in the ' +
    'generator',
  check: (exchange) => [
    ...forEvery(
      exchange.answers.filter((one) => refusedRoles.has(one.link.role) && isDecided(one)),
      '4xx or 5xx, and no event stream',
      (one) => ({
        where: one.where,
        ok: one.status >= 400 && one.mimeType?.essence !== 'text/event-stream',
        actual: `status ${one.status}${one.mimeType ? `, ${one.mimeType.essence}` : ''}`,
      }),
    ),
    ...forEvery(
      askedForStream(exchange).filter((one) =>
        !driven.has(one.link.role) && one.isEventStream && one.endedCleanly && one.stream.events.length > 0),
      'more than errors in a stream',
      (one) => {
        const ok = !onlyErrors(one)
        return { where: one.place(0, 1), ok, actual: ok ? 'that' : 'only errors, then the end' }
      },
    ),
  ],
  mutants: {
    'a bad request as an event': {
      edit: instead('bad-play', finite('bad-play', sent(2, 'data: {"error":"not JSON"}\n\n'))),
      fault: 'errorsAsEvents',
    },
    'an error of type event stream': {
      edit: onLink('forbidden-channel', swap(nothing, `${nothing}\r\nContent-Type: text/event-stream`)),
    },
    'nothing but an error': { edit: onBody('ordinary', swap('bye', '{"error":{"message":"overloaded"}}')) },
  },
}

const refusedRoles: ReadonlySet<string> = new Set(['unauthorized', 'bad-play', 'bad-body', 'forbidden-channel'])
/** what these carry the kit chose itself */
const driven: ReadonlySet<string> = new Set(['play', 'channel', 'limited'])

/** A public stream needs no credentials, and another no body; a redirect to a login is not the stream. */
function isDecided(one: Answer): boolean {
  if (one.status === 0 || isRedirect(one)) return false
  const mayStream = one.link.role === 'unauthorized' || one.link.role === 'bad-body'
  return !mayStream || !one.isEventStream || onlyErrors(one)
}

/** Every event is an error: by its type, or by JSON with a top-level "error" or the type "error". */
const onlyErrors = ({ stream }: Answer): boolean =>
  stream.events.length > 0 && stream.events.every(({ type, data }) => type === 'error' || isErrorJson(data))

function isErrorJson(data: string): boolean {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value !== 'object' || value === null) return false
    const { error, type } = value as { readonly error?: unknown; readonly type?: unknown }
    return Boolean(error) || type === 'error'
  } catch {
    return false
  }
}

const capacity5xx: Rule<Exchange> = {
  id: 'sse/status/5xx-for-capacity',
  level: 'should',
  promisedBy: 'limited',
  clause: `${html}/iana.html#text/event-stream`,
  says: 'a connection too many is refused with a 5xx',
  harm: 'after a reset, or a stream that ends at once, every client comes back within seconds: the overload stays',
  fix: 'count subscriptions before you send the head, and answer 503 with Retry-After beyond the limit',
  check: (exchange) => {
    const tried = withRole(exchange, 'limited').filter((one) => one.head !== undefined || isSilent(one))
    const accepted = tried.filter((one) => one.isEventStream && !isCutShort(one))
    // none at all: what stopped them is not the number of them
    if (accepted.length === 0) return []
    const most = exchange.declares.maxSubscribers
    const surplus = most === undefined ? [] : accepted.slice(most)
    return forEvery(
      [...tried.filter((one) => !accepted.includes(one)), ...surplus],
      'a 5xx beyond the capacity',
      (one) => ({
        where: one.where,
        ok: one.status >= 500,
        actual: surplus.includes(one) ? `a stream, although ${most} were open`
          : isCutShort(one) ? 'a stream that ended at once'
          : one.head ? `status ${one.status}` : 'no answer',
      }),
    )
  },
  mutants: {
    'accepted and thrown away': {
      edit: both(instead('limited-3', opened('limited')), ended('limited-3', 'rst')),
      alsoBreaks: ['sse/http1/last-chunk'],
      fault: 'capacityReset',
    },
    'reset': { edit: both(onLink('limited-3', () => []), ended('limited-3', 'rst')) },
    'one too many served': {
      edit: both(instead('limited-3', opened('limited')), ended('limited-3', 'window', 'kit')),
    },
    'not found': { edit: onLink('limited-3', swap('503 Service Unavailable', '404 Not Found')) },
  },
}

/** The target ended a stream that was to stay open. */
const isCutShort = ({ isEventStream, isOpen }: Answer): boolean => isEventStream && !isOpen

export const refusals: readonly Rule<Exchange>[] = [errorsBeforeStream, capacity5xx]
