/** The pages that `streamproof explain` prints by name: `docs/guide/ID.md`. */
export const pages = {
  'sse-or-websocket': 'event stream or WebSocket, GET or POST, cookie, header or token',
  buffering: 'events come in bursts, or all at the end: who holds them back',
  heartbeats: 'how often, in what form, and what they do not show',
  resume: 'ids, Last-Event-ID, history, and what to do with an id that is gone',
  'post-streams': 'answers to POST read with fetch: errors, aborts, no reconnection',
  deploy: 'timeouts and buffers of proxies and platforms, with numbers; shutdown',
} as const satisfies Readonly<Record<string, string>>

export type PageId = keyof typeof pages
