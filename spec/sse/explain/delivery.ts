/** Typical bugs of `sse/delivery`. */
import type { Explanations } from './explanation.ts'

export const delivery: Explanations = {
  burst: {
    bug: [
      'const text = await generate(prompt)',
      'for (const word of text.split(" ")) res.write(block({ data: word }))',
    ],
    flaw: 'nothing was streamed: the answer was made first, or a proxy kept it until it was whole',
    recipes: ['head', 'proxy', 'compression'],
    related: ['lifecycle/event-latency', 'headers/compression-flush', 'headers/x-accel-buffering'],
    page: 'buffering',
  },
  'terminator-last': {
    bug: [
      'res.write("data: [DONE]\\n\\n")',
      'res.write(block({ data: usage }))',
    ],
    flaw: 'clients stop reading at the end marker; gateways write a second one',
    recipes: ['post', 'finish'],
    related: ['delivery/ends-after-terminator', 'lifecycle/end-marker'],
    page: 'post-streams',
  },
  'ends-after-terminator': {
    bug: 'upstream.on("close", () => res.end())   // and the upstream keeps its connection',
    flaw: 'the answer is complete, and its connection stays',
    recipes: ['post', 'finish'],
    related: ['delivery/terminator-last', 'lifecycle/resources-released'],
    page: 'post-streams',
  },
  'line-length': {
    bug: 'res.write(`data: ${JSON.stringify({ image: base64 })}\\n\\n`)',
    flaw: 'one line of some MiB: legal, and more than the line readers of several clients hold',
    recipes: ['event'],
    related: ['framing/large-event'],
  },
  'double-prefix': {
    bug: 'for await (const line of upstreamLines) res.write(`data: ${line}\\n\\n`)',
    flaw: 'the lines of the upstream begin with "data: " already',
    recipes: ['event'],
    related: ['delivery/one-json-per-event', 'framing/data-roundtrip'],
    page: 'post-streams',
  },
  'one-json-per-event': {
    bug: 'upstream.on("data", (bytes) => res.write(`data: ${bytes}\\n\\n`))',
    flaw: 'what one read returns is half a value, or two of them',
    recipes: ['event'],
    related: ['delivery/double-prefix', 'encoding/wellformed-across-writes'],
    page: 'post-streams',
  },
  'slow-reader': {
    bug: 'if (!res.write(bytes)) return   // taken for "the client has gone"',
    flaw: 'a full buffer is the normal state of a slow line',
    recipes: ['post', 'slow-reader'],
    related: ['backpressure/recovers', 'lifecycle/disconnect-detected'],
  },
  'seven-streams': {
    bug: 'php_admin_value[pm.max_children] = 5   # five streams, and the site waits',
    flaw: 'each stream holds a worker; browsers add a limit of six connections to a host over HTTP/1.1',
    recipes: ['subscribe', 'capacity'],
    related: ['concurrency/many-streams', 'concurrency/streams-independent'],
    page: 'sse-or-websocket',
  },
  'work-shown': {
    bug: [
      'const work = start(prompt)',
      'await save(work)',
      'readers.add(res)   // the first words are gone',
    ],
    flaw: 'work is tied to the response that happens to be open, not to a log of its own',
    recipes: ['history', 'subscribe', 'finish'],
    related: ['resume/no-gap', 'delivery/work-cancelled'],
    page: 'post-streams',
  },
  'work-cancelled': {
    bug: 'app.delete("/works/:id", (req, res) => { works.delete(req.params.id); res.status(204).end() })',
    flaw: 'the entry is gone, and the work goes on: nothing aborts it and nothing ends its stream',
    recipes: ['post', 'finish'],
    related: ['delivery/work-shown', 'lifecycle/post-abort'],
    page: 'post-streams',
  },
}
