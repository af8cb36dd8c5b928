/** What a right server says to everything but the one request that a test is about. */
import type { Behaviour } from './raw.ts'

/** A head in HTTP/1.1: code and reason, then field lines; Date and the empty line are added. */
const answer = (status: string, ...fields: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, 'Date: Sun, 22 Nov 2026 12:00:00 GMT', ...fields, '', ''].join('\r\n')

/** Field lines of a stream, framing left out. */
export const streamFields =
  ['Content-Type: text/event-stream', 'Cache-Control: no-store, no-transform', 'X-Accel-Buffering: no'] as const

const known = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/**
 * Gives right requests of that method, in HTTP/1.1, to `stream`, and answers the others as RFC 9110 and 9112 have it.
 * A request in HTTP/1.0 gets a stream without chunks.
 */
export function otherwiseRight(stream: Behaviour, method: 'GET' | 'POST' = 'GET'): Behaviour {
  return (request, socket) => {
    const asked = request.slice(0, request.indexOf(' '))
    const hosts = request.match(/\r\nhost:/gi)?.length ?? 0
    const allow = `Allow: ${method}, ${method === 'GET' ? 'HEAD, ' : ''}OPTIONS`
    if (hosts !== 1) socket.end(answer('400 Bad Request', 'Connection: close', 'Content-Length: 0'))
    else if (asked === method && !request.includes(' HTTP/1.0\r\n')) stream(request, socket)
    else if (asked === method) socket.write(`${answer('200 OK', ...streamFields)}data: in HTTP/1.0\n\n`)
    else if (asked === 'HEAD' && method === 'GET') socket.end(answer('200 OK', ...streamFields))
    else if (asked === 'OPTIONS') socket.end(answer('204 No Content', allow))
    else socket.end(answer(known.has(asked) ? '405 Method Not Allowed' : '501 Not Implemented', allow, 'Content-Length: 0'))
  }
}

/** The least that a driver says of itself. */
export const descriptor = { streamproof: 1, name: 'wrong', version: '1', play: '/play', declares: {} }
const json = (value: object): string => {
  const body = JSON.stringify(value)
  return `${answer('200 OK', 'Content-Type: application/json', `Content-Length: ${body.length}`)}${body}`
}

/** A driver whose plays are answered like that; how many there were before is told. */
export const driver = (said: object, play: (plays: number) => Behaviour): Behaviour => {
  let plays = 0
  return (request, socket) => {
    if (request.startsWith('GET /stream ')) socket.write(json(said))
    else if (request.startsWith('POST /play ')) play((plays += 1))(request, socket)
    else socket.write(answer('404 Not Found', 'Content-Length: 0'))
  }
}
