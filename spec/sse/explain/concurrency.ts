/** Typical bugs of `sse/concurrency`. */
import type { Explanations } from './explanation.ts'

export const concurrency: Explanations = {
  'many-streams': {
    bug: 'gunicorn --workers 4 --threads 8 app:app   # 32 streams, and the site stands still',
    flaw: 'each stream holds a thread, a worker or a database connection for hours',
    recipes: ['subscribe', 'capacity'],
    related: ['status/5xx-for-capacity', 'backpressure/isolation'],
    page: 'deploy',
  },
  'fanout-complete': {
    bug: 'for (const res of readers) send(res)   // an array; on "close": readers.splice(i, 1)',
    flaw: 'a reader who leaves during the loop moves the next one into his place, which the loop has passed',
    recipes: ['slow-reader', 'subscribe'],
    related: ['lifecycle/write-after-close-safe', 'backpressure/isolation'],
  },
  'subscribe-before-headers': {
    bug: [
      'res.flushHeaders()',
      'await broker.subscribe(channel, send)',
    ],
    flaw: 'the client sees "open", publishes, and the subscription does not stand yet',
    recipes: ['subscribe'],
    related: ['lifecycle/headers-promptly', 'resume/no-gap'],
  },
  'streams-independent': {
    bug: [
      'readers.get(req.ip)?.end()',
      'readers.set(req.ip, res)',
    ],
    flaw: 'an office, or two tabs, share an address: each new stream ends the one before',
    recipes: ['subscribe'],
    related: ['lifecycle/disconnect-detected', 'caching/live-per-request'],
  },
  'topic-isolation': {
    bug: 'if (event.channel.startsWith(channel)) send(res, event)',
    flaw: 'the reader of "user-1" gets what is meant for "user-12"',
    recipes: ['history', 'subscribe'],
    related: ['resume/tenant-scope'],
  },
}
