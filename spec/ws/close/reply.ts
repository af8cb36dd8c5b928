/** That a Close is answered, and how. https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1 */
import type { Finding, Rule } from '../../model.ts'
import { heldOpen, says } from '../bytes.ts'
import type { WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { closePlace, goodbyes, isLast, isRefused, spoken, waited, type Goodbye } from './goodbye.ts'

const clause = 'https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1'
const fin = { at: 60, by: 'target', how: 'fin' } as const

/** What the target said, for goodbyes that it answered. */
function answered(goodbye: Goodbye, expected: string, ok: boolean): Finding {
  const { connection } = goodbye
  return { where: closePlace(connection), ok, expected, actual: spoken(connection.close?.code) }
}

/** Within a message too. */
const everyGoodbye = (exchange: WsExchange): Goodbye[] => [...goodbyes(exchange), ...goodbyes(exchange, { open: true })]

const reply: Rule<WsExchange> = {
  id: 'ws/close/reply',
  level: 'must',
  clause,
  says: 'a Close is answered by a Close',
  harm: 'the client sees 1006 and onerror, as if the connection were lost, and connects again',
  fix: 'let the library answer; with your own frames, write a Close before end(), and destroy() no socket with unread data',
  check: (exchange) => everyGoodbye(exchange).filter(isLast).flatMap((goodbye): Finding[] => {
    const { connection } = goodbye
    if (connection.close) return [answered(goodbye, 'a Close', true)]
    const missing = { where: connection.endPlace, ok: false, expected: 'a Close' }
    const how = connection.link.ended.how === 'rst' ? 'a reset of TCP' : 'the end of TCP without one'
    if (connection.isDropped) return [{ ...missing, actual: how }]
    // within a message that is the business of mid-fragment
    return waited(goodbye) && connection.sent.open.length === 0 ? [{ ...missing, actual: 'none' }] : []
  }),
  mutants: {
    'only the end of TCP': { edit: says('normal', [], fin), fault: 'closeUnanswered' },
    'silence': { edit: says('normal', [], { at: 3000, by: 'kit', how: 'window' }) },
  },
}

/** A reply without a code may be how the target refuses a code: that is judged with the codes, but for those that all take. */
const isAboutCode = (one: Goodbye): boolean =>
  one.close.code !== undefined && one.connection.close !== undefined && !isRefused(one)
  && (one.close.code <= 1001 || one.connection.close.code !== undefined)

const echoCode: Rule<WsExchange> = {
  id: 'ws/close/echo-code',
  level: 'should',
  clause,
  says: 'the reply carries the code of the Close, or 1000',
  harm: 'event.code tells the client something that nobody said, often 1005, and it connects again after a clean end',
  fix: 'reply with the code that came: ws.close(code) in the handler of close',
  check: (exchange) => goodbyes(exchange).filter(isAboutCode).map((goodbye) => {
    const { close: { code }, connection } = goodbye
    return answered(goodbye, `a Close with ${code}`, connection.close?.code === code || connection.close?.code === 1000)
  }),
  mutants: {
    'another code': { edit: says('normal', [server.close(1001)], fin), fault: 'closeCodeChanged' },
    'no code': { edit: says('normal', [server.close()], fin) },
  },
}

const empty: Rule<WsExchange> = {
  id: 'ws/close/empty',
  level: 'must',
  clause,
  says: 'a Close without a code is right, and is answered by one without a code or with 1000',
  harm: 'close() without arguments, which is what most clients call, looks like a fault of the client',
  fix: 'read a code only when the payload has two bytes, and answer an empty one by an empty one',
  check: (exchange) => goodbyes(exchange).filter((one) => one.close.code === undefined && one.connection.close).map((goodbye) => {
    const code = goodbye.connection.close?.code
    return answered(goodbye, 'a Close without a code, or with 1000', code === undefined || code === 1000)
  }),
  mutants: { 'refused': { edit: says('empty', [server.close(1002)], fin), fault: 'emptyCloseRefused' } },
}

const tcpByServer: Rule<WsExchange> = {
  id: 'ws/close/tcp-by-server',
  level: 'must',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1',
  says: 'the server ends TCP as soon as both sides have sent a Close',
  harm: 'onclose of browsers waits for it, and the port of the client stays in TIME_WAIT when it gives up first',
  fix: 'end() the socket behind the Close that you answer with',
  check: (exchange) => everyGoodbye(exchange).flatMap((goodbye): Finding[] => {
    const { close, isDropped, endPlace, link } = goodbye.connection
    if (!close || (!isDropped && !waited(goodbye))) return []
    const later = Math.round(link.ended.at - close.frame.at)
    return [{ where: endPlace, ok: isDropped, expected: 'the end of TCP', actual: isDropped ? 'that' : `TCP open ${later} ms later` }]
  }),
  mutants: { 'TCP stays open': { edit: heldOpen('normal', 3000), fault: 'tcpKeptOpen' } },
}

const midFragment: Rule<WsExchange> = {
  id: 'ws/close/mid-fragment',
  level: 'must',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-5.4',
  says: 'a Close between the fragments of a message is answered, and the message is dropped',
  harm: 'a client that gives up an upload waits for a reply that never comes, or is told that it did wrong',
  fix: 'handle control frames wherever they stand, and throw away the fragments on a Close',
  // codes that RFC 6455 does not know are judged by code-iana
  check: (exchange) => goodbyes(exchange, { open: true }).filter(({ close: { code = 1000 } }) => code <= 1011 || code >= 3000).flatMap((goodbye): Finding[] => {
    const { connection } = goodbye
    const expected = 'a Close, and no message'
    if (connection.close) return [answered(goodbye, expected, !isRefused(goodbye))]
    if (connection.isDropped || !waited(goodbye)) return []
    return [{ where: connection.endPlace, ok: false, expected, actual: 'nothing' }]
  }),
  mutants: {
    'refused': { edit: says('mid-fragment', [server.close(1002)], fin), fault: 'closeInMessageRefused' },
    'waits for the rest': { edit: says('mid-fragment', [], { at: 3000, by: 'kit', how: 'window' }) },
  },
}

export const replies: readonly Rule<WsExchange>[] = [reply, echoCode, empty, tcpByServer, midFragment]
