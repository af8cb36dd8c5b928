/** What a client does with answers that are no plain stream: other statuses, other types, redirects, other origins. */
import type { Seen } from '../../../spec/client/judge.ts'
import type { Answer, Script } from '../server.ts'
import { finding, fires, shorten, type Scenario, type Stand } from '../stand.ts'

const stream = ['Content-Type', 'text/event-stream'] as const
const event = 'data: read\n\n'

/** What a client did with an answer: whether it fired events, came back, and told of errors, with its readyState. */
interface Answered {
  readonly read: boolean
  readonly again: boolean
  readonly errors: readonly (number | undefined)[]
}

/** Gives the answer to a client that comes back quickly, and says what it did with it. */
function answeredWith(stand: Stand, answer: Answer): Promise<Answered> {
  const place = stand.pace.back === undefined ? 0 : 1
  return stand.open((n) => (n < place ? shorten : n === place ? answer : { status: 204, headers: [] }), async ({ visit, told }) => {
    await visit.request(place, stand.patience)
    const again = await visit.request(place + 1, stand.absence) !== undefined
    const errors = told.items.flatMap((item) => (item.kind === 'error' ? [item.readyState] : []))
    const read = told.items.some(({ kind }) => kind === 'event')
    return { read, again, errors: errors.slice(place) }
  })
}

/** A source that is closed for good: nothing read, one error, no other request. */
function closedFor(stand: Stand, { read, again, errors }: Answered, subject: string): Seen {
  const faults = [
    ...(read ? ['an event was read from it'] : []),
    ...(again ? ['the client came back'] : []),
    ...(!again && stand.pace.tellsErrors && errors.length !== 1 ? [`${errors.length} error events`] : []),
    ...(!again && errors.some((state) => state !== undefined && state !== 2) ? [`readyState ${errors.join()}`] : []),
  ]
  const actual = faults.join(', ') || 'the source was closed'
  return finding(subject, faults.length === 0, `${subject} closes the source: no event, one error event, no other request`, actual)
}

const bodiless = new Set([204, 205, 304])
const statuses = [201, 204, 205, 206, 210, 299, 304, 404, 410, 500, 502, 503]

export const status: Scenario = async (stand) =>
  Promise.all(statuses.map(async (code) => {
    const answer = { status: code, headers: [stream], pieces: bodiless.has(code) ? [] : [event] }
    return closedFor(stand, await answeredWith(stand, answer), `status ${code}`)
  }))

const right = [
  'text/event-stream', 'text/event-stream;', 'TEXT/Event-Stream', 'text/event-stream; charset="utf-8"', 'text/event-stream;x=bogus',
]
const wrong: readonly (readonly string[])[] = [
  ['text/x-bogus'], ['text/html'], ['text/event-stream-x'], [''], [], ['text/event-stream', 'text/html'],
]

export const mime: Scenario = async (stand) => {
  const isRead = (type: string): Promise<Seen> =>
    stand.open(() => ({ headers: [['Content-Type', type]], pieces: [event], hold: true }), async (source) => {
      const ok = await fires(source, 'read', stand.patience)
      return finding(type, ok, `Content-Type ${type} is read`, ok ? 'it was' : 'no event came of it')
    })
  const isRefused = async (types: readonly string[]): Promise<Seen> => {
    const headers = types.map((type) => ['Content-Type', type] as const)
    const given = types.map((type) => type || '(empty)').join(', then ')
    return closedFor(stand, await answeredWith(stand, { headers, pieces: [event] }), given ? `Content-Type ${given}` : 'no Content-Type')
  }
  return Promise.all([...right.map(isRead), ...wrong.map(isRefused)])
}

/** as many as fetch follows */
const mostRedirects = 20

export const redirects: Scenario = async (stand) => {
  const single = [301, 302, 303, 307, 308].map((code): Promise<Seen> => {
    const final = stand.server.visit(() => ({ pieces: [event], hold: true }), { elsewhere: true })
    return stand.open(() => ({ status: code, headers: [['Location', final.url]] }), async (source) => {
      const ok = await fires(source, 'read', stand.patience)
      const asked = await final.request(0, 0)
      const told = source.told.items.find((item) => item.kind === 'event')
      const origin = told?.origin === undefined || told.origin === new URL(final.url).origin
      const came = `${asked?.method}${ok ? '' : ', and no event'}${origin ? '' : `, events of ${told?.origin}`}`
      return finding(
        `status ${code}`, ok && asked?.method === 'GET' && origin,
        `GET at the Location of ${code}, and events of its origin`, asked ? came : 'no request there',
      )
    })
  })
  const hop: Script = (n) => (n < mostRedirects ? { status: 302, headers: [['Location', `?hop=${n}`]] } : { pieces: [event], hold: true })
  const chain = stand.open(hop, async (source) => {
    const ok = await fires(source, 'read', stand.patience)
    const hops = source.visit.log.items.filter(({ kind }) => kind === 'request').length - 1
    return finding(`${mostRedirects} redirects`, ok, `${mostRedirects} redirects are followed`, `${hops} were`)
  })
  return Promise.all([...single, chain])
}

/** What became of a request of a page. */
interface Asked {
  readonly read: boolean
  readonly origin: string | undefined
  readonly cookie: boolean
}

/** ms in which an answer that may not be read would have been */
const refusedMs = 1000

export const cors: Scenario = async (stand) => {
  const ask = (headers: Answer['headers'], elsewhere: boolean): Promise<Asked> =>
    stand.open(() => ({ headers: [stream, ...(headers ?? [])], pieces: [event], hold: true }), async (source) => {
      const asked = await source.visit.request(0, stand.patience)
      const read = await fires(source, 'read', elsewhere && headers?.length ? refusedMs : stand.patience)
      return { read, origin: asked?.header('origin'), cookie: asked?.header('cookie') !== undefined }
    }, { elsewhere })
  const refused = await ask([['Access-Control-Allow-Origin', 'http://elsewhere.invalid']], true)
  if (refused.origin === undefined) return { why: 'no-subject', note: 'the client sends no Origin: it is no browser' }
  const [allowed, own] = await Promise.all([ask([], true), ask([], false)])
  const came = ({ read, cookie }: Asked): string => `${read ? 'read' : 'not read'}, ${cookie ? 'with' : 'without'} cookies`
  return [
    finding('origin not allowed', !refused.read, 'an answer that allows another origin is not read', refused.read ? 'it was read' : 'it was not'),
    finding('origin allowed', allowed.read && !allowed.cookie, 'an answer that allows every origin is read, without cookies', came(allowed)),
    finding('own origin', own.read && own.cookie, 'the own origin is asked with cookies, and read', came(own)),
  ]
}
