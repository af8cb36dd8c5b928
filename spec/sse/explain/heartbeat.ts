/** Typical bugs of `sse/heartbeat`. */
import type { Explanations } from './explanation.ts'

export const heartbeat: Explanations = {
  interval: {
    bug: 'for await (const token of model) res.write(block(token))   // and nothing while it thinks',
    flaw: 'a minute of thinking is a minute of silence; load balancers cut at 60 s, many proxies before',
    recipes: ['heartbeat'],
    related: ['heartbeat/silence-bounded', 'heartbeat/flushed', 'lifecycle/stays-open'],
    page: 'heartbeats',
  },
  'silence-bounded': {
    bug: 'setInterval(ping, 45_000)',
    flaw: 'it is rarer than the shortest timeout on the way',
    recipes: ['heartbeat', 'proxy'],
    related: ['heartbeat/interval'],
    page: 'heartbeats',
  },
  'is-comment': {
    bug: 'setInterval(() => res.write("data: \\n\\n"), 15_000)',
    flaw: 'an event with an empty payload fires: clients that parse JSON throw at it',
    recipes: ['heartbeat'],
    related: ['fields/known-only', 'framing/empty-payload'],
    page: 'heartbeats',
  },
  'complete-line': {
    bug: 'setInterval(() => res.write(":"), 15_000)',
    flaw: 'the comment has not ended: the next data line continues it',
    recipes: ['heartbeat'],
    related: ['heartbeat/not-inside-block', 'framing/block-terminated'],
    page: 'heartbeats',
  },
  'not-inside-block': {
    bug: [
      'res.write(`event: ${name}\\n`)',
      'await render()   // the timer fires here: ": ping\\n\\n"',
      'res.write(`data: ${text}\\n\\n`)',
    ],
    flaw: 'the blank line of the heartbeat ends the event before its data',
    recipes: ['heartbeat', 'event'],
    related: ['framing/block-atomic'],
    page: 'heartbeats',
  },
  flushed: {
    bug: 'app.use(compression({ filter: () => true }))',
    flaw: 'seven bytes wait in the compressor until kilobytes have gathered',
    recipes: ['compression', 'heartbeat'],
    related: ['headers/compression-flush', 'heartbeat/interval'],
    page: 'buffering',
  },
}
