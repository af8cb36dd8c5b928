/** Typical bugs of `sse/http1`. */
import type { Explanations } from './explanation.ts'

export const http1: Explanations = {
  'chunked-valid': {
    bug: 'socket.write(`${text.length.toString(16)}\\r\\n${text}\\r\\n`)',
    flaw: 'length counts UTF-16 units: it is right until the first character beyond ASCII',
    recipes: ['library'],
    related: ['http1/single-chunking', 'http1/last-chunk'],
  },
  'last-chunk': {
    bug: 'res.socket.destroy()   // to end the stream',
    flaw: 'on HTTP/1.1 only the chunk of size zero tells an end from a cut',
    recipes: ['finish', 'shutdown', 'proxy'],
    related: ['lifecycle/graceful-shutdown', 'lifecycle/stays-open'],
    page: 'deploy',
  },
  'no-te-and-cl': {
    bug: 'res.writeHead(200, { "Transfer-Encoding": "chunked", "Content-Length": size })',
    flaw: 'the two say different things of where the answer ends',
    recipes: ['library'],
    related: ['headers/no-content-length'],
  },
  'single-chunking': {
    bug: 'res.write(`${size.toString(16)}\\r\\n${event}\\r\\n`)   // node:http frames it once more',
    flaw: 'the sizes are lines of the event stream now',
    recipes: ['library'],
    related: ['http1/chunked-valid', 'http1/http10-client'],
  },
  'http10-client': {
    bug: 'res.setHeader("Transfer-Encoding", "chunked")',
    flaw: 'HTTP/1.0 knows no chunks; nginx asks in 1.0 unless it is told otherwise',
    recipes: ['library', 'proxy'],
    related: ['http1/no-te-and-cl', 'http1/single-chunking'],
    page: 'deploy',
  },
  'header-syntax': {
    bug: 'socket.write(`X-Channel: ${req.query.channel}\\r\\n`)',
    flaw: 'a value with CR LF writes fields, or a whole answer, of its own',
    recipes: ['library'],
    related: ['headers/date', 'resume/hostile-id'],
  },
  'host-required': {
    bug: 'createServer({ requireHostHeader: false }, handler)',
    flaw: 'who is meant is left to a guess',
    recipes: ['parser'],
    related: ['http1/host-once'],
  },
  'host-once': {
    bug: 'const { host } = req.headers   // the first of two',
    flaw: 'the proxy in front may have taken the second',
    recipes: ['parser'],
    related: ['http1/host-required'],
  },
}
