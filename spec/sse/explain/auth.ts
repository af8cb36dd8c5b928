/** Typical bugs of `sse/auth`. */
import type { Explanations } from './explanation.ts'

export const auth: Explanations = {
  '401-challenge': {
    bug: 'res.status(401).json({ error: "unauthorized" })',
    flaw: 'nothing says which credentials are meant',
    recipes: ['credentials', 'refuse'],
    related: ['auth/401-status'],
  },
  '401-status': {
    bug: [
      'open(res)',
      'if (!user) res.end("event: failure\\ndata: please log in\\n\\n")',
    ],
    flaw: 'to EventSource this is a stream that ended: it reconnects for ever',
    recipes: ['credentials', 'refuse'],
    related: ['status/errors-before-stream', 'status/redirect-usable'],
    page: 'sse-or-websocket',
  },
  'bearer-header': {
    bug: 'const user = sessions.get(req.cookies.sid)   // and nothing else',
    flaw: 'clients over fetch, and every other server, send Authorization',
    recipes: ['credentials'],
    related: ['auth/401-status', 'auth/query-token'],
    page: 'sse-or-websocket',
  },
  'query-token': {
    bug: 'new EventSource("/stream?token=" + apiKey)',
    flaw: 'URLs end up in logs, histories and Referer: a key that does not expire is everybody\'s',
    recipes: ['credentials', 'head'],
    related: ['auth/no-token-leak', 'caching/not-stored'],
    page: 'sse-or-websocket',
  },
  'on-reconnect': {
    bug: [
      'if (req.headers["last-event-id"]) return resume(req, res)',
      'if (!mayRead(req)) return refuse(res, 401)',
    ],
    flaw: 'who was allowed once is let in for ever, by a header that anybody can send',
    recipes: ['credentials'],
    related: ['auth/expiry-mid-stream', 'auth/user-scope'],
  },
  'expiry-mid-stream': {
    bug: 'if (!verify(token)) return refuse(res, 401)   // once, and the stream lasts for days',
    flaw: 'credentials that were revoked or have expired go on reading',
    recipes: ['credentials', 'finish'],
    related: ['auth/on-reconnect'],
  },
  'user-scope': {
    bug: 'const missed = log.after(lastEventId)   // one log for all users',
    flaw: 'an id of somebody else opens the history of somebody else',
    recipes: ['credentials', 'history'],
    related: ['resume/tenant-scope', 'concurrency/topic-isolation'],
    page: 'resume',
  },
  'no-token-leak': {
    bug: 'res.redirect(`/stream/${channel}?token=${token}`)',
    flaw: 'the token stands in a field, a comment or an error text that proxies and logs keep',
    recipes: ['credentials', 'refuse'],
    related: ['auth/query-token', 'resume/hostile-id'],
  },
}
