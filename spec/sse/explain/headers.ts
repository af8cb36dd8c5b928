/** Typical bugs of `sse/headers`. */
import type { Explanations } from './explanation.ts'

export const headers: Explanations = {
  'content-type': {
    bug: 'res.write(`data: ${text}\\n\\n`)   // and no Content-Type, or text/plain, or application/json',
    flaw: 'the lines are right; the type says that they are something else',
    recipes: ['head'],
    related: ['headers/content-type-once', 'status/200', 'lifecycle/post-stream'],
  },
  'content-type-once': {
    bug: 'add_header Content-Type text/event-stream;   # nginx: adds a second line',
    flaw: 'the answer has the type of the framework and yours; clients differ in which they take',
    recipes: ['head', 'proxy'],
    related: ['headers/content-type'],
  },
  'no-content-length': {
    bug: 'res.set("Content-Length", Buffer.byteLength(first))',
    flaw: 'the client stops reading there, and what follows is the next answer of the connection',
    recipes: ['library'],
    related: ['http1/no-te-and-cl', 'status/204-no-body'],
  },
  date: {
    bug: 'socket.write("HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\n")',
    flaw: 'a head written by hand lacks what libraries add',
    recipes: ['head', 'library'],
    related: ['headers/date-on-refusals', 'http1/header-syntax'],
  },
  'date-on-refusals': {
    bug: 'createServer(handler)   // node answers a parse error with a bare status line',
    flaw: 'the refusals of the parser never reach the code that writes Date',
    recipes: ['parser'],
    related: ['headers/date', 'http1/host-required'],
  },
  'content-encoding-declared': {
    bug: 'createReadStream("feed").pipe(createGzip()).pipe(res)',
    flaw: 'the body is gzip and no field says so; or two layers compress, and one field says it once',
    recipes: ['compression'],
    related: ['headers/content-encoding-negotiated'],
  },
  'content-encoding-negotiated': {
    bug: 'res.setHeader("Content-Encoding", "br")   // whatever the request accepts',
    flaw: 'Accept-Encoding was not read',
    recipes: ['compression'],
    related: ['headers/vary-negotiated', 'headers/content-encoding-declared'],
  },
  'compression-flush': {
    bug: 'app.use(compression())   // with a Cache-Control without no-transform, and no res.flush()',
    flaw: 'the compressor holds small events back until its window is full',
    recipes: ['compression', 'head'],
    related: ['heartbeat/flushed', 'lifecycle/event-latency', 'caching/no-transform'],
    page: 'buffering',
  },
  'x-accel-buffering': {
    bug: 'location /stream { proxy_pass http://app; }',
    flaw: 'nginx buffers by default; it works on the developer\'s machine, where there is no nginx',
    recipes: ['head', 'proxy'],
    related: ['headers/compression-flush', 'lifecycle/event-latency', 'lifecycle/first-bytes'],
    page: 'buffering',
  },
  'vary-negotiated': {
    bug: [
      'if (req.accepts("text/event-stream")) stream(res)',
      'else res.json(snapshot)',
    ],
    flaw: 'one URL, two answers, and nothing tells a cache which is for whom',
    recipes: ['head'],
    related: ['headers/content-encoding-negotiated', 'caching/not-stored', 'cors/vary-origin'],
  },
}
