/**
 * The driver contract, version 1, as types. `openapi.yaml` beside this file is the document; where the two differ,
 * the document is right.
 */
import type { Declares, Event } from '../model.ts'

/** Where the parts are: RFC 6570 templates against the descriptor's final URL. An absent part is not offered. */
export interface Parts {
  /** POST `PlayRequest` */
  readonly play?: string
  /** GET subscribes, DELETE finishes; has `{c}` */
  readonly channel?: string
  /** POST `Event[]`; has `{c}` */
  readonly publish?: string
  /** GET `Stats`; may have `{?c}` */
  readonly stats?: string
  /** PUT `Tuning`; has `{c}` */
  readonly tune?: string
  /** GET subscribes with a token only; has `{c}` */
  readonly secure?: string
  /** POST `TokenRequest`, DELETE at `<tokens>/{t}` */
  readonly tokens?: string
  /** GET subscribes, `declares.maxSubscribers` at a time; has `{c}` */
  readonly limited?: string
  /** WebSocket that sends each message back, same type */
  readonly echo?: string
  /** WebSocket of a channel; has `{c}`, may have `{?stream,lastEventId}` */
  readonly socket?: string
  /** the same behind authentication */
  readonly socketAuth?: string
}

export type PartName = keyof Parts

/** What a driver answers to `GET <target>`. */
export interface Descriptor extends Parts {
  readonly streamproof: 1
  /** of the server or framework under test */
  readonly name: string
  readonly version: string
  readonly declares: Declares
}

/** Body of `POST play`: a stream of exactly these events. */
export interface PlayRequest {
  readonly events: readonly Event[]
  /** ms between two events; 0 when absent */
  readonly pauseMs?: number
  /** after the last event: a clean end, an open stream, or a producer that raises */
  readonly end: 'close' | 'hold' | 'throw'
}

/** Answer of `POST publish`: the id of each event as it will be on the wire, null for one without. */
export interface Published {
  readonly ids: readonly (string | null)[]
}

/** Answer of `GET stats`: eventually true, so it is polled. */
export interface Stats {
  /** open subscriptions, of channel `c` when it is given */
  readonly subscribers: number
  /** plays that are not over */
  readonly plays: number
  /** open WebSockets */
  readonly sockets: number
  /** bytes accepted for clients and not yet taken by the system */
  readonly bufferedBytes?: number
  /** resident memory of the process */
  readonly rssBytes?: number
}

/** Body of `PUT tune`, and, complete, its answer. */
export interface Tuning {
  readonly heartbeatMs?: number
  readonly replayEvents?: number
  readonly bufferBytes?: number
  readonly bufferEvents?: number
  readonly stallMs?: number
}

/** Body of `POST tokens`. */
export interface TokenRequest {
  readonly ttlMs: number
  readonly user: string
}

/** Answer of `POST tokens`. */
export interface Token {
  readonly token: string
}

/** RFC 9457, with the place of a refused value. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** of the refused event in `events` or in the batch, from 0 */
  readonly index?: number
  /** the member that was refused */
  readonly field?: string
}

/** A stream that the client of `socket` asks for: `count` chunks with `bytes` bytes of data, `everyMs` apart. */
export interface SocketStream {
  readonly stream: string
  readonly count: number
  readonly bytes: number
  readonly everyMs: number
  /** the chunk that fails instead */
  readonly failAt?: number
}

/** What the client of `socket` sends, one JSON text message each. */
export type SocketCommand =
  | { readonly start: SocketStream }
  | { readonly cancel: { readonly stream: string } }
  | { readonly publish: { readonly events: readonly Event[]; readonly ref: string } }
  | { readonly ping: { readonly ref: string } }
  | { readonly close: { readonly code: number; readonly reason: string; readonly after?: number } }
  | { readonly throw: true }
  | { readonly auth: { readonly token: string } }

/** What the server of `socket` sends, one JSON text message each. */
export type SocketReply =
  | { readonly chunk: { readonly stream: string; readonly n: number; readonly id: string; readonly data: string } }
  | { readonly done: { readonly stream: string } }
  | { readonly cancelled: { readonly stream: string } }
  | { readonly error: { readonly stream?: string; readonly detail: string } }
  | { readonly published: { readonly ref: string; readonly ids: readonly (string | null)[] } }
  | { readonly pong: { readonly ref: string } }
  | { readonly reset: { readonly stream: string } }

/** What `{c}` may be; anything else is 404. */
export const channelName = /^[A-Za-z0-9_-]{1,64}$/

/** The most that one publish or play may carry; beyond it the answer is 413. */
export const limits = { events: 1000, bodyBytes: 8 * 1024 * 1024 } as const
