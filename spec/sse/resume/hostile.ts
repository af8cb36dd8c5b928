/**
 * Ids that an attacker wrote. The header carries what a page of another origin may have chosen.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { append, onBody, onLink, swap } from '../../bytes.ts'
import type { Rule } from '../../model.ts'
import type { Line } from '../decode.ts'
import { quote, withRole, type Answer, type Exchange } from '../exchange.ts'
import { hangs, isCut, outcomeOf } from './outcomes.ts'
import { lastEventIdHeader, withIds } from './replay.ts'
import { finding, isOverload } from './returns.ts'

/** A text that stands in every hostile id and nowhere else. */
export const marker = 'sp-reflected'

/** bytes; servers may close on a longer request head without a word */
const longId = 2048

export const hostileId: Rule<Exchange> = {
  id: 'sse/resume/hostile-id',
  level: 'interop',
  clause: lastEventIdHeader,
  says: 'any bytes in Last-Event-ID are safe: no 5xx, no hang, and nothing of them in a head, a comment or a line of ' +
    'its own',
  harm: 'one request brings the server down, or forges events and header fields for the client',
  fix: 'treat the header as untrusted text: bind it in queries, never write it back, do not decode escapes in it, ' +
    'and answer what you cannot read as an unknown id',
  applies: withIds,
  check: (exchange) => {
    // what happens to any unknown id is the business of another rule
    const usual = withRole(exchange, 'unknown-id').every(({ head, status }) => head !== undefined && status < 500)
    const bad = (answer: Answer): boolean =>
      (answer.head ? answer.status >= 500 : hangs(answer) || (isCut(answer) && sizeOf(answer) < longId))
    const asked = withRole(exchange, 'hostile-id')
      .filter((answer) => !isOverload(answer) && (answer.head !== undefined || bad(answer)))
    const alive = withRole(exchange, 'after-hostile').filter((answer) =>
      !isOverload(answer) && (answer.head !== undefined || hangs(answer) || answer.link.ended.by === 'target'))
    return [
      ...asked.filter((answer) => usual || !bad(answer)).map((answer) => finding(
        answer, 'a stream or a 4xx, with nothing of the id in it',
        reflected(answer) ?? (bad(answer) ? { actual: outcomeOf(answer) } : undefined),
      )),
      ...alive.map((answer) => finding(
        answer, 'a target that still answers',
        answer.head && answer.status < 500 ? undefined : { actual: outcomeOf(answer) },
      )),
    ]
  },
  mutants: {
    'echoed in a comment': {
      edit: onBody('hostile', swap(': open', `: after x%0d%0a${marker}: 1`)), fault: 'hostileIdEchoed',
    },
    'echoed in a field': {
      edit: onLink('hostile', swap('Cache-Control', `X-Last-Id: x%0d%0a${marker}: 1\r\nCache-Control`)),
    },
    'a forged line': { edit: onBody('hostile', append(1, `data: ${marker}\n\n`)) },
    'a server error': { edit: onLink('hostile', swap('200 OK', '500 Internal Server Error')) },
    'the server is gone': { edit: onLink('after-hostile', swap('200 OK', '502 Bad Gateway')) },
  },
}

function sizeOf({ link }: Answer): number {
  return link.request.headers.find(([name]) => name === 'Last-Event-ID')?.[1].length ?? 0
}

/** Where the marker came back as more than a part of some data. */
function reflected(answer: Answer): { readonly actual: string } | undefined {
  const field = answer.head?.fields.find(({ name, value }) => `${name}: ${value}`.includes(marker))
  if (field) return { actual: `it stands in the field ${field.name}` }
  const line = answer.isEventStream ? answer.stream.lines.find(isForged) : undefined
  return line && { actual: `it stands in the line ${quote(line.name || `: ${line.value}`)}` }
}

/** Data may well quote an id, in JSON say; a line that begins with the marker was begun by the id. */
const isForged = ({ kind, name, value }: Line): boolean =>
  (kind === 'comment' && value.includes(marker)) ||
  (kind === 'field' && (name.includes(marker) || (name === 'data' ? value.startsWith(marker) : value.includes(marker))))
