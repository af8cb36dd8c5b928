/**
 * What passes between a transport and the service: a request that was read, an answer that is to be written, and the
 * sink that a streamed answer writes to. Nothing here knows a framework.
 */
import { STATUS_CODES } from 'node:http'
import type { Problem } from '../../spec/contract/contract.ts'

export interface Request {
  readonly method: string
  /** of HTTP; a transport that refuses 1.0 by itself says 1.1 */
  readonly version: '1.0' | '1.1'
  /** as it was sent, without the query */
  readonly path: string
  /** without the question mark; '' when there is none */
  readonly query: string
  /** value of a field by its lower-case name, each byte of the wire one character (latin1) */
  readonly header: (name: string) => string | undefined
  /** how many Host fields an HTTP/1.1 request had; 1 where the transport does not tell or the version needs none */
  readonly hosts: number
}

export type Fields = Readonly<Record<string, string>>

/** A block, or several, as text or as the bytes of it. */
export type Block = string | Uint8Array

/**
 * One response, as a stream sees it. Plain functions, so that `{...sink, end}` replaces one of them.
 * After `end` or `cut`, and once the client has left, all of them do nothing.
 */
export interface Sink {
  /** one write to the socket, now; false says that it is taken, and that no more should come before `onDrain` */
  readonly write: (block: Block) => boolean
  /** has `drained` called whenever a socket that wanted no more has room again */
  readonly onDrain: (drained: () => void) => void
  /** bytes that were written and are still in the memory of this process */
  readonly pending: () => number
  /** the end of a complete message: on HTTP/1.1 the zero chunk */
  readonly end: () => void
  /** closes the connection behind what was written; the client can tell that the message is incomplete */
  readonly cut: () => void
  /** closes the connection now: what the client does not take is dropped */
  readonly abort: () => void
}

/** An answer that is known whole. Its `Content-Length` is among the fields unless it has no body. */
export interface Whole {
  readonly status: number
  readonly fields: Fields
  readonly body?: string
}

/**
 * An answer that goes on. `stream` starts it and returns what the transport calls once the response is over, whoever
 * ended it. The transport sends the head after `stream` has returned or with its first write, never before: a client
 * that has seen the head is subscribed.
 */
export interface Streamed {
  readonly status: number
  readonly fields: Fields
  readonly stream: (sink: Sink) => () => void
  /** wrong on purpose: the head waits for the first write */
  readonly headHeld?: true
}

export type Answer = Whole | Streamed

/** The answer depends on the body: at most `limit` bytes of it; undefined says that it was longer. */
export interface BodyWanted {
  readonly limit: number
  readonly answer: (body: Uint8Array | undefined) => Answer
}

/** The fields of every event stream. A proxy that buffers or compresses would hold events back. */
export const streamFields: Fields = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
}

/** An event stream; `stream` as in `Streamed`. */
export const streamed = (stream: Streamed['stream']): Streamed => ({ status: 200, fields: streamFields, stream })

/** A whole answer with a body. Nothing here is for caches: 404 and 204 would be kept by default (RFC 9110 15.1). */
export const whole = (status: number, type: string, body: string, fields: Fields = {}): Whole => ({
  status,
  fields: {
    'Content-Type': type,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    ...fields,
  },
  body,
})

export const json = (status: number, value: unknown, fields?: Fields): Whole =>
  whole(status, 'application/json', JSON.stringify(value), fields)

/** 204: no body, no Content-Length, no Transfer-Encoding (RFC 9110 8.6). */
export const noContent = (fields: Fields = {}): Whole =>
  ({ status: 204, fields: { 'Cache-Control': 'no-store', ...fields } })

type Where = Pick<Problem, 'index' | 'field'>

/** An error as RFC 9457 problem details; `where` says which event and member was at fault. */
export function problem(status: number, detail: string, fields?: Fields, where?: Where): Whole {
  const body: Problem = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail, ...where }
  return whole(status, 'application/problem+json', JSON.stringify(body), fields)
}
