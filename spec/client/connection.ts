/** How a client asks, comes back and leaves: shown by scenarios, for which the kit is the server. */
import { clauses, type ClientRule } from './rule.ts'

export const connectionRules: readonly ClientRule[] = [
  {
    id: 'client/parser/bounded-memory', level: 'should', clause: clauses.type,
    says: 'a line without an end is given up at a limit of the client, which stays alive',
    harm: 'a hostile or broken server takes the memory of the client',
    fix: 'limit the bytes of one line and of one event; past it, close the connection and say so',
  },
  {
    id: 'client/parser/order', level: 'must', clause: clauses.interpretation,
    says: 'events are fired in the order of the stream, and none after close()',
    harm: 'handlers see events of a source that was closed, or the wrong order',
    fix: 'ask before each event whether the source is closed',
  },
  {
    id: 'client/parser/status-not-200', level: 'must', clause: clauses.processing,
    says: 'any final status but 200 closes the source for good, with one error event',
    harm: 'a server cannot stop the client: it comes back for ever',
    fix: 'on another status set readyState to CLOSED, fire error and do not come back',
  },
  {
    id: 'client/parser/mime', level: 'must', clause: clauses.mime,
    says: 'only text/event-stream is read, in any case and with any parameters; any other type closes the source',
    harm: 'an HTML page is read as events, or a right server is refused for its charset',
    fix: 'compare the essence of the media type, lower-cased, without parameters; of several values the last',
  },
  {
    id: 'client/parser/redirects', level: 'must', clause: clauses.redirecting,
    says: '301, 302, 303, 307 and 308 are followed with GET, twenty in a row',
    harm: 'a stream that moved cannot be read',
    fix: 'follow redirects as fetch does',
  },
  {
    id: 'client/parser/eof-reconnects', level: 'must', clause: clauses.processing,
    says: 'at the end of the body the client fires error, waits and asks again',
    harm: 'events stop when the server, or a proxy, ends the response',
    fix: 'at the end of the body set readyState to CONNECTING, fire error, and ask again after the reconnection time',
  },
  {
    id: 'client/parser/network-error', level: 'must', clause: clauses.processing,
    says: 'a connection that breaks, before or in the body, is made again',
    harm: 'events stop at the first drop of the network',
    fix: 'treat a failed request and a broken body as the end of the body: fire error, wait, ask again',
  },
  {
    id: 'client/parser/reconnect-delay', level: 'must', clause: clauses.processing,
    says: 'the client waits at least the reconnection time before it asks again',
    harm: 'a server that restarts meets all its clients at once',
    fix: 'wait the value of the last valid retry line, in ms, before each new request',
  },
  {
    id: 'client/parser/last-event-id-sent', level: 'must', clause: clauses.lastEventId,
    says: 'the request that comes back carries the last event ID as UTF-8',
    harm: 'the server cannot tell where to go on: events are lost or come twice',
    fix: 'set Last-Event-ID to the UTF-8 bytes of the last committed id',
  },
  {
    id: 'client/parser/last-event-id-omitted', level: 'must', clause: clauses.lastEventId,
    says: 'no Last-Event-ID is sent while the last event ID is empty, at first and after it was set back',
    harm: 'the server resumes where it was told not to',
    fix: 'leave the header out when the id is empty, also when the same request object is used again',
  },
  {
    id: 'client/parser/close-aborts', level: 'must', clause: clauses.closing,
    says: 'close() ends the connection at once and stops the next one',
    harm: 'closed sources keep a connection, or come back',
    fix: 'abort the request and clear the timer in close()',
  },
  {
    id: 'client/parser/cors-mode', level: 'must', clause: clauses.constructing,
    says: 'a browser sends credentials to its own origin only, and reads no answer that does not allow the origin',
    harm: 'streams of other origins are read without their consent',
    fix: 'request with mode cors, and credentials same-origin unless withCredentials is set',
  },
  {
    id: 'client/parser/gc-abort', level: 'must', clause: clauses.collecting,
    says: 'a source that is forcibly closed or collected while it is open ends its connection',
    harm: 'connections leak, and the few that a browser has are used up',
    fix: 'abort the request when the owner of the source goes away',
  },
  {
    id: 'client/parser/last-id-over-reconnect', level: 'advice', clause: clauses.lastEventId,
    says: 'the last event ID outlives a connection that sent blank lines and no id',
    harm: 'a heartbeat right after a reconnect makes the client forget its place',
    fix: 'begin each connection with the last event ID of the one before',
  },
]

/** A fact that is recorded without verdict: the standard leaves it open. */
export const requestHeaders = {
  id: 'client/parser/request-headers',
  clause: clauses.processing,
  says: 'Accept: text/event-stream may be sent, and caches are bypassed',
} as const
