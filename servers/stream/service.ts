/**
 * What every reference server does, whatever carries it: a request comes in as a value, and an answer goes out as one.
 * The order of `answer` is the order in which HTTP asks: is the message right, is the method known, is there such a
 * resource, does it have the method, may this client use it.
 */
import type { Declares } from '../../spec/model.ts'
import { noContent, problem, streamed } from './answer.ts'
import type { Answer, BodyWanted, Fields, Request, Sink, Whole } from './answer.ts'
import { unlessTokened } from './auth.ts'
import { Clock } from './clock.ts'
import { corsFields, preflightFields } from './cors.ts'
import { Driver, promises } from './driver.ts'
import { faults } from './faults.ts'
import type { Fault } from './faults.ts'
import { right } from './hooks.ts'
import { page } from './page.ts'
import type { Accepted } from './socket/duplex.ts'
import { asksForSocket } from './socket/handshake.ts'

/** How to start a reference server. */
export interface StartOptions {
  /** 0, the default, takes a free one */
  readonly port?: number | undefined
  /** 127.0.0.1 when absent */
  readonly host?: string | undefined
  /** bearer token that all but the page and what is secured by tokens of its own needs */
  readonly token?: string | undefined
  /** origins that may read the answers; all of them when absent */
  readonly origin?: string | readonly string[] | undefined
  /** who sets the ids of events: the publisher, as when absent, or the server */
  readonly ids?: 'client' | 'server' | undefined
  /** what to do wrong */
  readonly fault?: Fault | undefined
}

/** A server that listens. */
export interface Running {
  readonly url: string
  /** of the server or framework, as in the descriptor */
  readonly version: string
  /** Ends the streams between two blocks, then the connections, within `drainMs`. */
  readonly close: () => Promise<void>
}

export interface ServiceOptions extends StartOptions {
  readonly name: string
  readonly version: string
  /** why the transport could not read this id back from `Last-Event-ID`; undefined when it could */
  readonly unresumable?: (id: string) => string | undefined
}

export interface Service {
  readonly answer: (request: Request) => Answer | BodyWanted
  /** What becomes of an opening handshake; undefined for any other request and where it is refused: `answer` it then. */
  readonly upgrade: (request: Request) => Accepted | undefined
  /** the answer to a request that could not be read */
  readonly refuse: (status: number, detail: string) => Whole
  /**
   * Ends every stream between two blocks, closes every WebSocket, and answers 503 from now on. Resolves once the streams are out, or when it
   * has waited as long as `drainMs` allows: then the transport stops to listen and closes what is left.
   */
  readonly close: () => Promise<void>
}

interface Route {
  readonly path: RegExp
  /** does not need the token of the server */
  readonly open?: true
  /** `name` is what the path captures */
  readonly methods: Readonly<Record<string, (request: Request, name: string) => Served>>
}

type Served = Answer | BodyWanted | Accepted

// RFC 9110 section 9 and RFC 5789: a method that is none of these is not known, and 501 says so.
const known: ReadonlySet<string> =
  new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

const channel = '([A-Za-z0-9_-]{1,64})'

export function createService(options: ServiceOptions): Service {
  const { name, version, token } = options
  const origins = [options.origin ?? '*'].flat()
  const hooks = options.fault === undefined ? right : faults[options.fault](right)
  const open = new Set<Sink>()
  const declares: Declares = {
    ids: options.ids ?? 'client',
    origins,
    ...(origins.includes('*') ? {} : { credentials: true }),
    auth: ['bearer', 'query:token'],
  }
  const driver = new Driver({
    name, version, hooks, declares, open, unresumable: options.unresumable, empty: () => ifEmpty(),
  })
  const clock = new Clock(driver.channelOptions())
  let closing = false
  let drained = (): void => {}
  const isEmpty = (): boolean => open.size === 0 && driver.sockets.open === 0
  const ifEmpty = (): void => {
    if (closing && isEmpty()) drained()
  }

  const routes: readonly Route[] = [
    { path: /^\/$/, open: true, methods: { GET: () => page } },
    {
      path: /^\/clock$/,
      methods: { GET: (request) => streamed((sink) => clock.subscribe(sink, hooks.lastEventId(request))) },
    },
    { path: /^\/streamproof$/, methods: { GET: () => driver.descriptor() } },
    { path: /^\/play$/, methods: { POST: () => driver.play() } },
    { path: /^\/works$/, methods: { POST: () => driver.startWork() } },
    {
      path: /^\/works\/([\w-]+)$/,
      methods: { GET: (request, id) => driver.showWork(id, request), DELETE: (_, id) => driver.cancelWork(id) },
    },
    { path: /^\/stats$/, methods: { GET: (request) => driver.stats(request) } },
    {
      path: RegExp(`^/channels/${channel}$`),
      methods: {
        GET: (request, c) => driver.subscribe(c, request),
        PUT: (_, c) => driver.tune(c),
        DELETE: (_, c) => driver.finish(c),
      },
    },
    { path: RegExp(`^/channels/${channel}/events$`), methods: { POST: (_, c) => driver.publish(c) } },
    { path: RegExp(`^/limited/${channel}$`), methods: { GET: (request, c) => driver.limited(c, request) } },
    {
      path: RegExp(`^/secure/${channel}$`), open: true,
      methods: { GET: (request, c) => driver.secure(c, request) },
    },
    { path: /^\/echo$/, methods: { GET: (request) => driver.sockets.echo(request) } },
    { path: RegExp(`^/channels/${channel}/socket$`), methods: { GET: (request, c) => driver.sockets.socket(c, request) } },
    {
      path: RegExp(`^/secure/${channel}/socket$`), open: true,
      methods: { GET: (request, c) => driver.sockets.secured(c, request) },
    },
    { path: /^\/tokens$/, methods: { POST: () => driver.issueToken() } },
    { path: /^\/tokens\/([\w.~+-]+)$/, methods: { DELETE: (_, t) => driver.revokeToken(t) } },
  ]

  function serve(request: Request): Served {
    const { method, path } = request
    if (request.hosts !== 1) return problem(400, 'an HTTP/1.1 request has one Host field', { Connection: 'close' })
    if (closing) return problem(503, 'the server is shutting down', { 'Retry-After': '2', Connection: 'close' })
    if (!known.has(method)) return problem(501, 'the server does not know this method')
    if (method === 'OPTIONS' && path === '*') return noContent({ Allow: 'GET, HEAD, POST, PUT, DELETE, OPTIONS' })
    const route = routes.find((candidate) => candidate.path.test(path))
    if (!route) return problem(404, 'there is nothing here')
    if (method === 'OPTIONS') return noContent({ Allow: allowed(route), ...preflightFields(request, allowed(route)) })
    const handler = route.methods[method === 'HEAD' ? 'GET' : method]
    if (!handler) return problem(405, `the methods here are ${allowed(route)}`, { Allow: allowed(route) })
    const refused = route.open ? undefined : unlessTokened(request, token)
    const answer = refused ?? handler(request, route.path.exec(path)?.[1] ?? '')
    return method === 'HEAD' && 'status' in answer ? hooks.head(answer) : answer
  }

  /** The same for every answer: CORS fields, a place among the open streams, and what a fault makes of it. */
  function complete(answer: Answer, request: Request): Answer {
    // Behind a request with Upgrade the parsers of HTTP read no other one, so its connection is not kept.
    const last = !('stream' in answer) && asksForSocket(request) ? { Connection: 'close' } : {}
    const fields = { ...corsFields(origins, request.header('origin')), ...last, ...answer.fields }
    const completed = 'stream' in answer ? { ...answer, fields, stream: listed(answer.stream) } : { ...answer, fields }
    return hooks.answer(completed, request)
  }

  const listed = (stream: (sink: Sink) => () => void) => (sink: Sink) => {
    open.add(sink)
    const leave = stream(sink)
    return () => {
      open.delete(sink)
      leave()
      ifEmpty()
    }
  }

  return {
    answer: (request) => {
      const answer = serve(request)
      if ('open' in answer) return complete(problem(426, 'the connection could not be upgraded'), request)
      if (!('limit' in answer)) return complete(answer, request)
      return { limit: answer.limit, answer: (body) => complete(answer.answer(body), request) }
    },
    upgrade: (request) => {
      const answer = asksForSocket(request) ? serve(request) : undefined
      return answer && 'open' in answer ? answer : undefined
    },
    refuse: (status, detail) => {
      const { fields, ...answer } = problem(status, detail, { Connection: 'close' })
      return { ...answer, fields: { ...corsFields(origins, undefined), ...fields } satisfies Fields }
    },
    close: async () => {
      const deadline = new Promise<void>((resolve) => {
        drained = resolve
        setTimeout(resolve, promises.drainMs * 0.75).unref()
      })
      driver.flush()
      await hooks.shutdown(open, () => { closing = true })
      driver.sockets.shutdown()
      if (!isEmpty()) await deadline
    },
  }
}

/** The value of Allow: OPTIONS is everywhere, HEAD wherever GET is. */
const allowed = ({ methods }: Route): string =>
  Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).concat('OPTIONS').join(', ')
