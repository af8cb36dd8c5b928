/** Handshakes that a server does not take: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1 */
import type { Rule } from '../../model.ts'
import { changed, closed } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { switched } from './example.ts'
import { mustRefuse, wrong, wrongs, type Wrong } from './request.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

type Told = Pick<Rule<WsExchange>, 'id' | 'clause' | 'says' | 'harm' | 'fix'>

/** A rule about handshakes with one thing wrong. The link of the example has the name of what is wrong. */
const refused = (what: Wrong, fault: string, rule: Told): Rule<WsExchange> => ({
  ...rule,
  level: 'must',
  check: (exchange) => mustRefuse(wrong(exchange, what)),
  mutants: { 'taken': { edit: switched(what), fault } },
})

const methodGet = refused('method', 'anyMethod', {
  id: 'ws/handshake/method-get',
  clause: `${rfc}#section-4.2.1`,
  says: 'only GET is upgraded',
  harm: 'caches and filters between, which know GET alone as an upgrade, take the frames for the next request',
  fix: 'look at the method before anything else: 405 with Allow: GET',
})

const httpVersion = refused('http-version', 'anyHttpVersion', {
  id: 'ws/handshake/http-version',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request of HTTP/1.0 is not upgraded',
  harm: 'an old proxy that does not know Upgrade sits between, and breaks the connection later, without a trace',
  fix: 'refuse requests below HTTP/1.1 (request.httpVersion in node:http, which does not do it for upgrades)',
})

const hostRequired = refused('host', 'hostless', {
  id: 'ws/handshake/host-required',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request without Host is refused',
  harm: 'checks that compare Host with an allow-list or with Origin are passed by leaving it out',
  fix: 'answer 400 when Host is missing (node:http does so for ordinary requests only, not for upgrades)',
})

const upgradeRequired = refused('upgrade', 'anyUpgrade', {
  id: 'ws/handshake/upgrade-required',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request that does not ask for websocket in Upgrade is not switched',
  harm: 'a client that asked for another protocol, or for none, gets bytes that it cannot read',
  fix: 'compare the members of Upgrade with websocket, and answer the others as ordinary requests',
})

const connectionRequired = refused('connection', 'anyConnection', {
  id: 'ws/handshake/connection-required',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request whose Connection does not name Upgrade is not switched',
  harm: 'an Upgrade that a proxy passed on by mistake opens a tunnel through it, by which requests can be smuggled',
  fix: 'look for the token upgrade in Connection',
})

const keyRequired = refused('key-missing', 'keyless', {
  id: 'ws/handshake/key-required',
  clause: `${rfc}#section-4.2.1`,
  says: 'a request without Sec-WebSocket-Key is refused',
  harm: 'a form or a script on any page can open the socket: the key is what a browser lets no script set',
  fix: 'answer 400 when Sec-WebSocket-Key is missing',
})

const key16Bytes = refused('key-length', 'anyKey', {
  id: 'ws/handshake/key-16-bytes',
  clause: `${rfc}#section-4.2.1`,
  says: 'a Sec-WebSocket-Key that is not the base64 of 16 bytes is refused',
  harm: 'what is no WebSocket client, or is broken, gets a connection',
  fix: 'compare the key with ^[A-Za-z0-9+/]{22}==$, and answer 400 where it differs',
})

const keyDuplicate = refused('key-twice', 'firstKey', {
  id: 'ws/handshake/key-duplicate',
  clause: `${rfc}#section-11.3.1`,
  says: 'two lines of Sec-WebSocket-Key are refused',
  harm: 'of two intermediaries that each add one, one gets an answer that does not fit, or a cache gets a chosen one',
  fix: 'count the lines (headersDistinct in node:http), or let the comma of joined ones fail the check of the key',
})

const resourceUnknown: Rule<WsExchange> = {
  id: 'ws/handshake/resource-unknown',
  // the standard binds where the service is not there; whether it is at every path, only who promises otherwise tells
  level: 'should',
  promisedBy: 'echo',
  clause: `${rfc}#section-4.2.2`,
  says: 'a path that nobody serves is answered by an HTTP error, 404 for choice',
  harm: 'a wrong URL opens, and the client waits for messages that never come',
  fix: 'give the path to the server (path in ws, /* only where it is meant in uWebSockets.js), and answer 404 to others',
  check: (exchange) => mustRefuse(wrong(exchange, 'path'), 'an HTTP error'),
  mutants: { 'taken': { edit: switched('unknown-path'), fault: 'anyPath' } },
}

/** A GET with content, whatever came of it. */
const bodied = (exchange: WsExchange): Connection[] => wrong(exchange, 'content')

const getWithBody: Rule<WsExchange> = {
  id: 'ws/handshake/get-with-body',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1',
  says: 'the content of a handshake is not read as frames: the request is refused, or the content skipped',
  harm: 'whoever decides about the body of a request that another sends decides about frames: a way to smuggle them',
  fix: 'answer 400 to an upgrade with Content-Length above 0 or with Transfer-Encoding',
  check: (exchange) => bodied(exchange).map((one) => {
    const code = one.close?.code
    // the kit says goodbye by 1000: what ends the connection otherwise has read something else
    const ok = !one.isOpen || (one.close !== undefined && (code === undefined || code === 1000))
    const end = one.close ? `a Close with ${code ?? 'no code'}` : 'an end without a Close'
    const actual = one.isOpen ? `101, and ${end}` : 'a refusal'
    return { where: one.endPlace, ok, expected: 'a refusal, or a connection that works', actual }
  }),
  mutants: {
    'read as a frame': {
      edit: (transcript) => changed(transcript, 'get-with-body', (link) => ({
        ...closed('get-with-body', { received: [server.close(1002)] }), request: link.request,
      })),
      fault: 'contentAsFrames',
    },
  },
}

/** ms; Node gives a head 60 s (headersTimeout), nginx too (client_header_timeout), uWebSockets.js 10 s */
const mostUnfinishedMs = 60_000

const unfinished = ({ connections }: WsExchange): Connection[] =>
  connections.filter((one) => wrongs(one).join() === 'unfinished')

const slowRequest: Rule<WsExchange> = {
  id: 'ws/handshake/slow-request',
  level: 'advice',
  clause: `${rfc}#section-10.7`,
  says: 'a request whose head does not end is given up after a while, and is not taken before it ends',
  harm: 'a few thousand connections that never finish their request (slowloris) leave none for the others',
  fix: 'keep a timeout on the head (headersTimeout in node:http), and do not answer before the empty line',
  check: (exchange) => unfinished(exchange).flatMap((one) => {
    const waitedMs = one.link.ended.at - one.link.openedAt
    if (!one.isOpen && !one.isDropped && waitedMs < mostUnfinishedMs) return []
    const waited = `${Math.round(waitedMs / 1000)} s without an end`
    return [{
      where: one.endPlace, ok: !one.isOpen && one.isDropped, expected: `the end of it within ${mostUnfinishedMs / 1000} s`,
      actual: one.isOpen ? '101 before the end of the request' : one.isDropped ? 'that' : waited,
    }]
  }),
  inconclusive: ({ exchanges }) => (exchanges.some((exchange) => unfinished(exchange).length > 0)
    ? { why: 'window', note: 'the request was not given up while the kit waited; servers take up to a minute' } : undefined),
  mutants: {
    'kept for ever': {
      edit: (transcript) => changed(transcript, 'unfinished-request', (link) => ({
        ...link, chunks: [], ended: { at: 120_000, by: 'kit', how: 'window' },
      })),
    },
    'taken before its end': { edit: switched('unfinished-request'), fault: 'hasty' },
  },
}

export const refusals: readonly Rule<WsExchange>[] = [
  methodGet, httpVersion, hostRequired, upgradeRequired, connectionRequired, keyRequired, key16Bytes, keyDuplicate,
  resourceUnknown, getWithBody, slowRequest,
]
