/** What stands around the streams: refusals, origins, credentials, limits, the HTTP parser and the end. */
import { streams } from './stream.js'

// recipe: refuse
/** What is wrong before the first byte is a status, with a reason that is no event stream and that no cache keeps. */
export function refuse(res, status, title, fields = {}) {
  const body = JSON.stringify({ status, title })
  const length = Buffer.byteLength(body)
  res.writeHead(status, {
    'Content-Type': 'application/problem+json', 'Content-Length': length, 'Cache-Control': 'no-store', ...fields,
  })
  res.end(body)
}
// end

// recipe: stop
/** 204 stops EventSource for good. It has no content and no Content-Length. */
export function stop(res, fields = {}) {
  res.writeHead(204, { 'Cache-Control': 'no-store', ...fields })
  res.end()
}
// end

// recipe: origins
const origins = new Set(['https://app.example.com'])

/** On every answer, 204 and errors too: without these fields a browser takes a refusal for a lost connection. */
export function allowOrigin(req, res) {
  res.setHeader('Vary', 'Origin')
  const { origin } = req.headers
  if (origin === undefined || !origins.has(origin)) return
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Access-Control-Allow-Credentials', 'true')
}

/** A preflight carries no credentials: answer it before you ask for any. "*" would not cover Authorization. */
export const preflightFields = {
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Last-Event-ID',
}
// end

// recipe: credentials
/** Asked for at every request, a reconnection too, and before the first byte. A token in a URL ends up in logs. */
export function mayRead(req, isGood) {
  const [, token] = /^Bearer +(.+)$/i.exec(req.headers.authorization ?? '') ?? []
  return token !== undefined && isGood(token)
}

export const challenge = { 'WWW-Authenticate': 'Bearer' }
// end

// recipe: capacity
/** A 5xx keeps conforming clients from coming back at once; a connection that is cut does not. */
export const isFull = () => streams.size >= 10_000

export const later = { 'Retry-After': '30' }
// end

// recipe: parser
/** node answers what its parser turns away without a Date, and calls a method that it does not know a bad request. */
export function answerParserErrors(server) {
  server.on('clientError', (error, socket) => {
    const status = error.code === 'HPE_INVALID_METHOD' ? '501 Not Implemented' : '400 Bad Request'
    const fields = `Date: ${new Date().toUTCString()}\r\nContent-Length: 0\r\nConnection: close\r\n`
    // rubbish behind a request whose stream is open would put a second head into the stream
    if (!socket.writable || socket.bytesWritten > 0) socket.destroy()
    else socket.end(`HTTP/1.1 ${status}\r\n${fields}\r\n`)
  })
}

/** req.headers keeps one Host; a request with two of them is a smuggler's. */
export const hostTwice = (req) => req.rawHeaders.filter((name, i) => i % 2 === 0 && /^host$/i.test(name)).length > 1
// end

// recipe: shutdown
/** close() alone waits for ever: streams have no end of their own. They end between two events; clients come back. */
export function endOnSigterm(server) {
  process.on('SIGTERM', () => {
    server.close()
    for (const res of streams) res.end()
    server.closeIdleConnections()
    setTimeout(() => server.closeAllConnections(), 5_000).unref()
  })
}
// end
