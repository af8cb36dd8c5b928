/** Typical bugs of `sse/ids`. */
import type { Explanations } from './explanation.ts'

export const ids: Explanations = {
  'no-nul': {
    bug: 'id: cursor.toString("latin1")   // a binary cursor',
    flaw: 'a client ignores an id with U+0000 and keeps the one before',
    recipes: ['event', 'history'],
    related: ['ids/header-safe'],
  },
  'no-newline': {
    bug: 'yield f"id: {base64.encodebytes(cursor).decode()}\\n"',
    flaw: 'encodebytes() wraps its lines, and ends with a line feed',
    recipes: ['event'],
    related: ['framing/no-field-injection', 'ids/header-safe'],
  },
  'header-safe': {
    bug: 'res.write(`id:  ${n} \\n`)',
    flaw: 'the id is " 5 ", and comes back as "5": it names no event',
    recipes: ['event', 'last-event-id'],
    related: ['ids/cors-safe-bytes', 'ids/non-ascii'],
    page: 'resume',
  },
  'cors-safe-bytes': {
    bug: 'id: JSON.stringify({ shard: 3, offset: 81 })',
    flaw: 'quotes, braces and colons make the header one that needs a preflight',
    recipes: ['history', 'origins'],
    related: ['ids/length-short', 'cors/preflight-last-event-id'],
    page: 'resume',
  },
  'length-bounded': {
    bug: 'id: encode(vectorClock)   // 6 KiB',
    flaw: 'the id comes back in a request header: 431 from the first proxy with a limit',
    recipes: ['history'],
    related: ['ids/length-short', 'resume/hostile-id'],
    page: 'resume',
  },
  'length-short': {
    bug: 'id: signedCursor   // a JWT with the whole position in it',
    flaw: 'hundreds of bytes go with each event and each reconnection',
    recipes: ['history'],
    related: ['ids/length-bounded'],
    page: 'resume',
  },
  'on-every-event': {
    bug: 'if (event.important) lines.push(`id: ${n}`)',
    flaw: 'what follows the last id comes again after a reconnection, or not at all',
    recipes: ['history'],
    related: ['ids/unique', 'resume/no-gap'],
    page: 'resume',
  },
  unique: {
    bug: 'id: Date.now()',
    flaw: 'two events of one millisecond share the id',
    recipes: ['history'],
    related: ['ids/ordered', 'ids/stable'],
    page: 'resume',
  },
  ordered: {
    bug: [
      'const id = await redis.incr("id")',
      'await redis.publish(channel, { id, ...event })',
    ],
    flaw: 'two producers overtake each other between the two calls',
    recipes: ['history'],
    related: ['ids/unique', 'resume/order', 'resume/no-gap'],
    page: 'resume',
  },
  stable: {
    bug: [
      'let n = 0   // for each connection',
      'send = (event) => res.write(`id: ${++n}\\n…`)',
    ],
    flaw: 'the id counts what this connection was sent; on the next one it names something else',
    recipes: ['history'],
    related: ['ids/unique', 'resume/same-content'],
    page: 'resume',
  },
  'no-accidental-reset': {
    bug: 'res.write(`id: ${event.id ?? ""}\\ndata: ${text}\\n\\n`)',
    flaw: 'the empty id clears what the client would resume from',
    recipes: ['event', 'history'],
    related: ['fields/event-name-nonempty', 'ids/on-every-event'],
    page: 'resume',
  },
  'non-ascii': {
    bug: 'log.after(req.headers["last-event-id"])   // "Ã©" for "é"',
    flaw: 'node and Starlette read header bytes as Latin-1, clients write UTF-8',
    recipes: ['last-event-id'],
    related: ['ids/header-safe', 'resume/unknown-id'],
    page: 'resume',
  },
}
