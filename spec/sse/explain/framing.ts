/** Typical bugs of `sse/framing`. */
import type { Explanations } from './explanation.ts'

export const framing: Explanations = {
  'block-terminated': {
    bug: 'res.write(`data: ${text}\\n`)',
    flaw: 'one line feed ends the line and not the event; the next write, or nobody, ends it',
    recipes: ['event'],
    related: ['framing/no-tail-at-close', 'framing/flush-on-block'],
  },
  'no-tail-at-close': {
    bug: [
      'res.write(`data: ${last}`)',
      'res.end("\\n")',
    ],
    flaw: 'the stream ends inside a block; some clients show the last event, conforming ones drop it',
    recipes: ['event', 'finish'],
    related: ['framing/block-terminated', 'lifecycle/graceful-shutdown'],
  },
  'multiline-data': {
    bug: 'res.write(`data: ${text}\\n\\n`)   // text = "first\\nsecond"',
    flaw: 'only the first line has a field name',
    recipes: ['event'],
    related: ['framing/cr-in-data', 'framing/no-field-injection', 'framing/data-roundtrip'],
  },
  'cr-in-data': {
    bug: 'text.split("\\n").map((line) => `data: ${line}`)',
    flaw: 'a lone CR stays inside the line, where it ends the line for every client',
    recipes: ['event'],
    related: ['framing/multiline-data', 'framing/no-field-injection'],
  },
  'no-field-injection': {
    bug: 'res.write(`event: ${name}\\ndata: ${text}\\n\\n`)   // name = "x\\ndata: forged\\n\\n"',
    flaw: 'the value writes lines of its own, as in header injection; a fix for LF alone leaves CR open',
    recipes: ['event'],
    related: ['fields/event-name-newline-refused', 'ids/no-newline', 'framing/cr-in-data', 'resume/hostile-id'],
  },
  'trailing-newlines': {
    bug: [
      'for line in text.splitlines():',
      '    yield f"data: {line}\\n"',
    ],
    flaw: 'splitlines() and trim() drop the empty line behind the last line feed',
    recipes: ['event'],
    related: ['framing/multiline-data', 'encoding/unicode-breaks'],
  },
  'leading-space': {
    bug: 'res.write(`data:${token}\\n\\n`)   // token = " world"',
    flaw: 'the client takes the space of the token for the separator',
    recipes: ['event'],
    related: ['framing/trailing-space', 'framing/data-roundtrip'],
  },
  'trailing-space': {
    bug: 'yield f"data: {token.strip()}\\n\\n"',
    flaw: 'white space that a model or a user wrote is part of the text',
    recipes: ['event'],
    related: ['framing/leading-space'],
  },
  'empty-payload': {
    bug: 'if (data) lines.push(`data: ${data}`)',
    flaw: 'an empty string is false: the block has no data line, and clients fire nothing',
    recipes: ['event'],
    related: ['fields/no-dataless-event'],
  },
  'data-roundtrip': {
    bug: 'encode(text.trim().replaceAll("\\n", " "))',
    flaw: 'the encoder changes text on the way; the narrower rules that fail beside this one say how',
    recipes: ['event'],
    related: ['framing/multiline-data', 'framing/trailing-newlines', 'encoding/wellformed-across-writes'],
  },
  'large-event': {
    bug: 'scanner := bufio.NewScanner(upstream)   // 64 KiB a line, then it stops',
    flaw: 'a line reader on the way has a limit that the format has not; gateways and templates have them too',
    recipes: ['event', 'proxy'],
    related: ['http1/chunked-valid'],
  },
  'block-atomic': {
    bug: [
      'res.write(`event: ${name}\\n`)',
      'await render()',
      'res.write(`data: ${text}\\n\\n`)',
    ],
    flaw: 'another producer, or the heartbeat, writes in between',
    recipes: ['event', 'slow-reader'],
    related: ['heartbeat/not-inside-block', 'backpressure/no-torn-event'],
  },
  'no-foreign-text': {
    bug: 'app.use((error, req, res, next) => res.write(JSON.stringify({ error: error.message })))',
    flaw: 'with the head out the error lands in the stream as an unknown field: clients never see it',
    recipes: ['post', 'refuse'],
    related: ['status/errors-before-stream', 'fields/known-only'],
    page: 'post-streams',
  },
  'flush-on-block': {
    bug: 'res.write(`data: ${text}\\n`)   // and the blank line with the next event: res.write("\\n")',
    flaw: 'each event waits for the next one; the last one waits for ever',
    recipes: ['event', 'compression'],
    related: ['lifecycle/event-latency', 'headers/compression-flush'],
    page: 'buffering',
  },
}
