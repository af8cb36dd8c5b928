/** Typical bugs of `sse/caching`. */
import type { Explanations } from './explanation.ts'

export const caching: Explanations = {
  'not-stored': {
    bug: 'Cache-Control: public, max-age=60   # the default of the CDN for everything',
    flaw: 'a 200 may be kept: the next reader gets a stream of yesterday, or half of one',
    recipes: ['head'],
    related: ['caching/no-validators', 'caching/stop-not-cached'],
    page: 'buffering',
  },
  'no-transform': {
    bug: 'Cache-Control: no-cache',
    flaw: 'a proxy may still compress the stream, and buffer it for that',
    recipes: ['head', 'compression'],
    related: ['headers/compression-flush', 'headers/x-accel-buffering'],
    page: 'buffering',
  },
  'no-validators': {
    bug: 'use Rack::ETag   # reads the body to its end to hash it',
    flaw: 'a stream has no end; middleware that wants one holds everything back, or makes 304 of it',
    recipes: ['head', 'methods'],
    related: ['status/no-304-206', 'caching/not-stored'],
    page: 'buffering',
  },
  'stop-not-cached': {
    bug: 'res.writeHead(204).end()',
    flaw: '204, 301, 308, 404 and 410 may be kept without being asked: the stream stays dead after a restart',
    recipes: ['stop', 'refuse'],
    related: ['status/204-to-stop', 'caching/not-stored'],
  },
  'live-per-request': {
    bug: 'session_start();   // PHP: the second request of a session waits for the first',
    flaw: 'a lock, or a proxy that collapses equal requests, makes one stream of two, or queues the second',
    recipes: ['head', 'proxy'],
    related: ['concurrency/streams-independent'],
    page: 'deploy',
  },
}
