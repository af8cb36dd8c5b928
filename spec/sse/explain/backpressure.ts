/** Typical bugs of `sse/backpressure`. */
import type { Explanations } from './explanation.ts'

export const backpressure: Explanations = {
  'bounded-buffer': {
    bug: 'for (const res of readers) res.write(bytes)   // what write() returns is not looked at',
    flaw: 'node keeps what the socket does not take, without limit; services have died of one sleeping laptop',
    recipes: ['slow-reader'],
    related: ['backpressure/overflow-visible', 'backpressure/stall-timeout'],
  },
  isolation: {
    bug: 'for (const res of readers) if (!res.write(bytes)) await once(res, "drain")',
    flaw: 'all wait for the slowest',
    recipes: ['slow-reader'],
    related: ['backpressure/bounded-buffer', 'concurrency/fanout-complete'],
  },
  'overflow-visible': {
    bug: 'if (res.writableNeedDrain) return   // skip this one',
    flaw: 'the client gets 1, 2, 5: nothing tells it of 3 and 4, and its last id is beyond them',
    recipes: ['slow-reader', 'history'],
    related: ['backpressure/no-torn-event', 'resume/expired-id'],
  },
  'no-torn-event': {
    bug: 'buffer = Buffer.concat([buffer, bytes]).subarray(-limit)',
    flaw: 'the cut is where the limit is, in the middle of an event',
    recipes: ['slow-reader'],
    related: ['framing/block-atomic', 'backpressure/overflow-visible'],
  },
  recovers: {
    bug: 'if (!res.write(bytes)) res.destroy()',
    flaw: 'false means "wait for drain", not "gone": every short pause is a lost connection',
    recipes: ['slow-reader'],
    related: ['backpressure/bounded-buffer'],
  },
  'stall-timeout': {
    bug: 'res.on("close", leave)   // and a client behind a dead network never closes',
    flaw: 'without FIN or RST only the lack of progress shows that nobody reads',
    recipes: ['slow-reader'],
    related: ['lifecycle/resources-released', 'backpressure/bounded-buffer'],
  },
}
