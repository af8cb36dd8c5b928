/** Typical bugs of `sse/status`. */
import type { Explanations } from './explanation.ts'

export const status: Explanations = {
  200: {
    bug: '@app.post("/answer", status_code=201)',
    flaw: '201, 202 and 206 are success to HTTP and failure to EventSource',
    recipes: ['head'],
    related: ['headers/content-type', 'status/no-304-206', 'status/redirect-usable'],
  },
  '204-to-stop': {
    bug: 'if (job.done) { open(res); res.end() }',
    flaw: 'an empty stream ends at once, and the client comes back for the next one, for ever',
    recipes: ['finish', 'stop'],
    related: ['lifecycle/end-marker', 'status/no-instant-empty-200', 'cors/on-all-statuses'],
    page: 'resume',
  },
  '204-no-body': {
    bug: 'res.status(204).json({ done: true })',
    flaw: 'a 204 ends with its head; some stacks still add Content-Length: 0 or a chunk',
    recipes: ['stop'],
    related: ['headers/no-content-length', 'status/204-to-stop'],
  },
  'no-instant-empty-200': {
    bug: [
      'export async function GET() {',
      '  pump(writer)   // not awaited: the platform ends the function',
      '  return new Response("", { headers })',
      '}',
    ],
    flaw: 'the handler is over before the first event, and the client asks again after the reconnection time',
    recipes: ['subscribe', 'stop'],
    related: ['status/204-to-stop', 'lifecycle/stays-open'],
    page: 'deploy',
  },
  'errors-before-stream': {
    bug: [
      'res.flushHeaders()',
      'if (!allowed(req)) res.end("data: forbidden\\n\\n")',
    ],
    flaw: 'the client sees success; EventSource reconnects to the refusal for ever',
    recipes: ['refuse', 'credentials'],
    related: ['framing/no-foreign-text', 'auth/401-status'],
    page: 'post-streams',
  },
  '5xx-for-capacity': {
    bug: 'if (readers.size > limit) return req.socket.destroy()',
    flaw: 'a lost connection means "come back"; 503 means "do not"',
    recipes: ['capacity'],
    related: ['status/no-instant-empty-200', 'retry/moderate'],
  },
  'redirect-usable': {
    bug: 'if (!session) return res.redirect("/login")',
    flaw: 'the client follows to a page and gives up at its type; it never learns that a login is missing',
    recipes: ['credentials', 'refuse'],
    related: ['auth/401-status', 'status/200'],
  },
  '405-allow': {
    bug: 'if (req.method !== "GET") return res.writeHead(405).end()',
    flaw: 'the answer does not say which methods there are',
    recipes: ['methods'],
    related: ['status/405-or-501', 'status/options'],
  },
  '405-or-501': {
    bug: 'app.all("/stream", stream)',
    flaw: 'DELETE and PUT open streams too',
    recipes: ['methods', 'parser'],
    related: ['status/405-allow', 'status/head'],
  },
  head: {
    bug: 'app.get("/stream", stream)   // Express runs it for HEAD too',
    flaw: 'a health check becomes a subscriber that never reads and never leaves',
    recipes: ['methods'],
    related: ['status/options', 'lifecycle/resources-released'],
  },
  options: {
    bug: 'app.use("/stream", stream)',
    flaw: 'the handler does not look at the method: the preflight is a stream without end',
    recipes: ['methods', 'origins'],
    related: ['cors/preflight-status', 'status/head'],
  },
  'accept-optional': {
    bug: 'if (req.headers.accept !== "text/event-stream") return res.status(406).end()',
    flaw: 'clients may leave Accept out, send */*, or a list',
    recipes: ['methods'],
    related: ['headers/vary-negotiated', 'resume/first-connect'],
  },
  'no-304-206': {
    bug: 'app.set("etag", "strong")   // or a static handler in front of the stream',
    flaw: 'If-None-Match or Range, which a cache adds, makes 304 or 206 of the stream',
    recipes: ['methods', 'head'],
    related: ['caching/no-validators', 'status/200'],
  },
}
