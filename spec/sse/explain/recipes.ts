/**
 * How it is done right, once for all rules that it serves. The code of a recipe is every part of `examples/` that is
 * marked with its id; a recipe without such a part is said in words alone.
 */
export const recipes = {
  event: 'encode an event in one place, whole, and refuse what a line cannot hold',
  history: 'give the id where the event is logged, and keep the last events as they were written',
  'last-event-id': 'read Last-Event-ID as UTF-8, and as untrusted text',
  subscribe: 'read the history, join the readers and send the head in one step; give everything back in one place',
  head: 'send status, type and a first comment at once',
  heartbeat: 'send a comment every 15 s, in one write of its own',
  'slow-reader': 'wait for no reader, bound what is held for one, and let go who takes nothing',
  finish: 'end a stream by an event that says so, and remember that it is over',
  stop: 'stop clients with a 204 that has no content',
  post: 'stop the work when its reader leaves, and tell of an error by an event once the head is out',
  refuse: 'check before the head, and refuse with a status and a body that is no stream',
  methods: 'answer OPTIONS, HEAD and other methods before anything subscribes',
  capacity: 'refuse one reader too many with 503 and Retry-After',
  credentials: 'ask for credentials at each request, before the first byte',
  origins: 'send the CORS fields on every answer, 204 and errors too',
  parser: 'answer what the HTTP parser turns away; where that cannot be told (uvicorn) let the proxy in front do it',
  shutdown: 'end the streams on SIGTERM, and close what is left after a deadline',
  proxy: 'tell the proxy that this answer is a stream',
  library: 'write events alone, and set neither Transfer-Encoding nor Content-Length: the HTTP library frames the body',
  compression: 'do not compress streams: "no-transform" keeps Express compression off; else flush after each event (res.flush())',
} as const satisfies Readonly<Record<string, string>>

export type RecipeId = keyof typeof recipes

/** Recipes that are complete in words. */
export const inWords: ReadonlySet<RecipeId> = new Set(['library', 'compression'])
