/** Typical bugs of `sse/lifecycle`. */
import type { Explanations } from './explanation.ts'

export const lifecycle: Explanations = {
  'headers-promptly': {
    bug: [
      'res.setHeader("Content-Type", "text/event-stream")',
      'channel.on("event", (event) => res.write(block(event)))',
    ],
    flaw: 'the head goes out with the first write, that is with the first event',
    recipes: ['head', 'subscribe'],
    related: ['lifecycle/first-bytes', 'concurrency/subscribe-before-headers'],
    page: 'buffering',
  },
  'first-bytes': {
    bug: [
      'res.writeHead(200, fields)',
      'res.flushHeaders()   // and nothing more until something happens',
    ],
    flaw: 'proxies that wait for a first byte of the body hold the head too',
    recipes: ['head'],
    related: ['lifecycle/headers-promptly', 'heartbeat/interval'],
    page: 'buffering',
  },
  'event-latency': {
    bug: 'setInterval(async () => send(await query(lastId)), 5000)',
    flaw: 'events wait for the next poll; elsewhere for Nagle, a compressor or a proxy',
    recipes: ['subscribe', 'compression', 'proxy'],
    related: ['headers/compression-flush', 'headers/x-accel-buffering', 'framing/flush-on-block'],
    page: 'buffering',
  },
  'stays-open': {
    bug: 'http.Server{WriteTimeout: 30 * time.Second}   // Go: absolute, heartbeats do not extend it',
    flaw: 'a timeout that was made for ordinary answers cuts the stream',
    recipes: ['heartbeat', 'proxy'],
    related: ['heartbeat/interval', 'http1/last-chunk'],
    page: 'deploy',
  },
  'graceful-shutdown': {
    bug: 'process.on("SIGTERM", () => server.close())',
    flaw: 'close() waits for the streams, which have no end; after the grace period they are killed in the middle',
    recipes: ['shutdown'],
    related: ['framing/no-tail-at-close', 'http1/last-chunk'],
    page: 'deploy',
  },
  'end-marker': {
    bug: [
      'for await (const part of work) res.write(block(part))',
      'res.end()',
    ],
    flaw: 'EventSource cannot tell the end from a cut: it reconnects, and the work may begin again',
    recipes: ['finish', 'post'],
    related: ['status/204-to-stop', 'fields/no-dataless-event'],
    page: 'post-streams',
  },
  'disconnect-detected': {
    bug: 'req.on("end", leave)   // the end of the request, not of the reader',
    flaw: 'nobody is told when the reader goes; the stream is written to until a write fails',
    recipes: ['subscribe'],
    related: ['lifecycle/resources-released', 'lifecycle/post-abort'],
  },
  'resources-released': {
    bug: [
      'const timer = setInterval(ping, 15_000)',
      'res.on("close", () => readers.delete(res))   // and the timer?',
    ],
    flaw: 'one thing of several is forgotten on the way out, or on one of the ways out',
    recipes: ['subscribe', 'heartbeat'],
    related: ['lifecycle/disconnect-detected', 'backpressure/stall-timeout'],
  },
  'write-after-close-safe': {
    bug: 'for (const res of readers) res.write(bytes)   // no "error" listener anywhere',
    flaw: 'EPIPE of one reader is an uncaught exception of the process',
    recipes: ['slow-reader', 'subscribe'],
    related: ['lifecycle/survives', 'concurrency/fanout-complete'],
  },
  'post-stream': {
    bug: 'if (body.stream) for await (const part of work) res.write(block(part))   // the type is set elsewhere',
    flaw: 'the branch that streams has the type of the branch that does not',
    recipes: ['post', 'head'],
    related: ['headers/content-type', 'status/200', 'framing/no-foreign-text'],
    page: 'post-streams',
  },
  'post-abort': {
    bug: 'for await (const token of model.generate(prompt)) res.write(block(token))',
    flaw: 'the reader has left, and the model goes on to the last token',
    recipes: ['post'],
    related: ['lifecycle/disconnect-detected', 'lifecycle/resources-released'],
    page: 'post-streams',
  },
  survives: {
    bug: [
      'const id = parseInt(req.headers["last-event-id"])',
      'if (Number.isNaN(id)) throw new Error("bad id")   // in a callback',
    ],
    flaw: 'one request of one stranger ends the process, or blocks its only worker',
    recipes: ['last-event-id', 'subscribe'],
    related: ['resume/hostile-id', 'lifecycle/write-after-close-safe'],
  },
}
