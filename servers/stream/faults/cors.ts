/** Wrong in what pages of other origins are told, and in what caches may keep. */
import { problem } from '../answer.ts'
import type { Answer, Fields, Request, Sink, Streamed } from '../answer.ts'
import type { Hooks } from '../hooks.ts'
import { onAnswer } from './makers.ts'

/** The answer without these fields. */
function without(answer: Answer, ...names: readonly string[]): Answer {
  const fields = Object.fromEntries(Object.entries(answer.fields).filter(([name]) => !names.includes(name)))
  return { ...answer, fields }
}

const withFields = (answer: Answer, fields: Fields): Answer => ({ ...answer, fields: { ...answer.fields, ...fields } })

const isPreflight = ({ method, header }: Request): boolean =>
  method === 'OPTIONS' && header('access-control-request-method') !== undefined

const corsNames = ['Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials'] as const

/** Answers each page with its own origin. */
const reflecting = (fields: Fields) => onAnswer((answer, { header }) => {
  const origin = header('origin')
  return origin === undefined ? answer : withFields(answer, { ...fields, 'Access-Control-Allow-Origin': origin })
})

export const cors = {
  /** the handler of the stream sets the CORS fields, and nothing else does */
  corsOnStreamsOnly: onAnswer((answer, { method }) =>
    ('stream' in answer || method === 'OPTIONS' ? answer : without(answer, ...corsNames))),
  /** any site may read with the cookies of the user */
  anyOriginReflected: reflecting({ 'Access-Control-Allow-Credentials': 'true', Vary: 'Origin' }),
  /** `*` and credentials: browsers take that for nobody */
  anyOriginWithCredentials: onAnswer((answer) =>
    withFields(answer, { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Credentials': 'true' })),
  /** the allowed origin depends on the page, and caches are not told */
  varyOriginMissing: (right) => onAnswer((answer) => without(answer, 'Vary'))(reflecting({})(right)),
  /** there is no handler for OPTIONS */
  preflightNotAllowed: onAnswer((answer, request) =>
    (isPreflight(request) ? problem(405, 'the method is GET', { Allow: 'GET, HEAD' }) : answer)),
  /** authentication comes before CORS, and a preflight carries no credentials */
  preflightUnauthorized: onAnswer((answer, request) => {
    if (!isPreflight(request)) return answer
    return problem(401, 'a bearer token is needed', { ...answer.fields, 'WWW-Authenticate': 'Bearer' })
  }),
  /** whoever wrote the list thought of tokens, not of resuming */
  preflightWithoutLastEventId: onAnswer((answer, request) =>
    (isPreflight(request)
      ? withFields(answer, { 'Access-Control-Allow-Headers': 'Authorization, Content-Type' })
      : answer)),

  /** nobody thought of caches where there is nothing to stream */
  stopsCacheable: onAnswer((answer) => ('stream' in answer ? answer : without(answer, 'Cache-Control'))),
  /** one stream of a path after the other, as a proxy that collapses requests or a locked session has it */
  streamsInTurn: (right) => {
    const last = new Map<string, Promise<void>>()
    return onAnswer((answer, { path }) => ('stream' in answer ? inTurn(answer, path, last) : answer))(right)
  },
} satisfies Record<string, (right: Hooks) => Hooks>

/** The stream once all before it on that path are over; until then not even the head. */
function inTurn(answer: Streamed, path: string, last: Map<string, Promise<void>>): Streamed {
  const turn = last.get(path)
  const { promise, resolve: over } = Promise.withResolvers<void>()
  last.set(path, Promise.all([turn, promise]).then(() => {}))
  const stream = (sink: Sink): (() => void) => {
    let leave: (() => void) | undefined
    let left = false
    const begin = (): void => {
      if (!left) leave = answer.stream(sink)
    }
    if (turn) void turn.then(begin)
    else begin()
    return () => {
      left = true
      leave?.()
      over()
    }
  }
  return { ...answer, headHeld: true, stream }
}
