/** Typical bugs of `sse/fields`. */
import type { Explanations } from './explanation.ts'

export const fields: Explanations = {
  'exact-names': {
    bug: 'res.write(`Data: ${text}\\n\\n`)',
    flaw: 'names are compared letter by letter, unlike those of HTTP fields',
    recipes: ['event'],
    related: ['fields/known-only', 'fields/no-space-in-name'],
  },
  'no-space-in-name': {
    bug: [
      'res.write(`',
      '    data: ${text}',
      '',
      '`)',
    ],
    flaw: 'the indentation of the template literal is part of the field name',
    recipes: ['event'],
    related: ['fields/exact-names'],
  },
  'known-only': {
    bug: 'res.write(`type: progress\\nmessage: ${text}\\n\\n`)',
    flaw: 'there are four fields; whatever else a server invents is ignored, and so is "error:"',
    recipes: ['event'],
    related: ['framing/no-foreign-text', 'fields/exact-names'],
  },
  'no-dataless-event': {
    bug: 'res.write("event: done\\n\\n")',
    flaw: 'the listener for "done" is never called, because nothing fires without a data line',
    recipes: ['event', 'finish'],
    related: ['framing/empty-payload', 'lifecycle/end-marker'],
  },
  'event-name-roundtrip': {
    bug: 'res.write(`event:${name}\\n`)   // name = " x"',
    flaw: 'without the separator the client removes the space of the name; others cut names at a colon',
    recipes: ['event'],
    related: ['framing/leading-space', 'fields/event-name-newline-refused'],
  },
  'event-name-newline-refused': {
    bug: 'lines.push(`event: ${req.body.type}`)',
    flaw: 'the name goes into the stream of everybody, with the lines that somebody put into it',
    recipes: ['event', 'refuse'],
    related: ['framing/no-field-injection', 'ids/no-newline'],
  },
  'event-per-block': {
    bug: [
      'res.write("event: token\\n")',
      'for (const token of tokens) res.write(`data: ${token}\\n\\n`)',
    ],
    flaw: 'the name holds for the first block; the others are "message"',
    recipes: ['event'],
    related: ['resume/same-content'],
  },
  'event-name-not-lifecycle': {
    bug: 'res.write("event: error\\ndata: quota exceeded\\n\\n")',
    flaw: 'onerror runs, where pages handle a lost connection',
    recipes: ['post'],
    related: ['status/errors-before-stream'],
    page: 'post-streams',
  },
  'event-name-nonempty': {
    bug: 'res.write(`event: ${event.type ?? ""}\\n`)',
    flaw: 'an empty name is the name "message"',
    recipes: ['event'],
    related: ['retry/not-empty', 'ids/no-accidental-reset'],
  },
  'no-duplicates-in-block': {
    bug: 'res.write(`id: ${traceId}\\nid: ${event.id}\\ndata: ${text}\\n\\n`)',
    flaw: 'a layer in between adds a field that is there already; the last one wins',
    recipes: ['event', 'history'],
    related: ['ids/on-every-event'],
  },
}
