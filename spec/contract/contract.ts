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
  /** GET subscribes with a token that was issued to the user `{c}`, and with no other; has `{c}` */
  readonly secure?: string
  /** POST `TokenRequest`, DELETE at `<tokens>/{t}` */
  readonly tokens?: string
  /** GET subscribes, `declares.maxSubscribers` at a time; has `{c}` */
  readonly limited?: string
  /** POST `WorkRequest`: starts work that a stream shows and another request cancels */
  readonly work?: string
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

/** Body of `POST work`: what it makes, one event after the other. */
export interface WorkRequest {
  readonly events: readonly Event[]
  /** ms between two events; 0 when absent */
  readonly pauseMs?: number
}

/** Answer of `POST work`, 202: URLs against that of the request, on its origin. */
export interface WorkStarted {
  readonly id: string
  /** GET shows all that the work makes, then the event `done` or `cancelled`; resumable */
  readonly stream: string
  /** DELETE cancels */
  readonly cancel: string
}

/** Answer of `POST publish`: the id of each event as it will be on the wire, null for one without. */
export interface Published {
  readonly ids: readonly (string | null)[]
}

/** Answer of `GET stats`: eventually true, so it is polled. With `c` of what belongs to that channel only. */
export interface Stats {
  /** open subscriptions */
  readonly subscribers: number
  /** plays that are not over, and streams of sockets that are at work; a play belongs to no channel, and always counts */
  readonly plays: number
  /** open WebSockets of channels */
  readonly sockets: number
  /** work that is neither done nor cancelled */
  readonly works?: number
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
  /** ms that a stream of `socket` can be resumed */
  readonly replayMs?: number
}

/** Body of `POST tokens`. */
export interface TokenRequest {
  /** ms until the token expires */
  readonly ttlMs: number
  /** whose channel it opens at `secure` */
  readonly user: string
  /** it is over once it has opened a stream or a socket; for drivers that declare `tickets` */
  readonly once?: boolean
}

/** Answer of `POST tokens`. */
export interface Token {
  readonly token: string
  /** ms since 1970 on the target's clock */
  readonly expiresAt: number
}

/** What a token is made of: the b64token of RFC 6750 section 2.1. */
export const tokenText = /^[A-Za-z0-9._~+/-]{1,4096}=*$/

/** ms; within this time after a token has expired or was revoked the streams that were opened with it have ended. */
export const tokenGraceMs = 2000

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

/** What the client of `socket` sends, one JSON text message each; `socket.md` says what each one does. */
export type SocketCommand =
  | { readonly type: 'start' } & SocketStream
  | { readonly type: 'cancel'; readonly stream: string }
  | { readonly type: 'publish'; readonly events: readonly Event[]; readonly ref: string }
  | { readonly type: 'ping'; readonly ref: string }
  | { readonly type: 'close'; readonly code: number; readonly reason?: string; readonly after?: number }
  | { readonly type: 'throw' }
  | { readonly type: 'auth'; readonly token: string }

/** A stream that the client of `socket` asks for: `count` chunks with `bytes` bytes of data, `everyMs` apart. */
export interface SocketStream {
  readonly stream: string
  readonly count: number
  readonly bytes: number
  /** 0: as fast as the client takes them */
  readonly everyMs: number
  /** the producer raises before it makes this chunk */
  readonly failAt?: number
  /** chunks are binary messages, and those of the client are counted */
  readonly binary?: boolean
}

/** What the server of `socket` sends, one JSON text message each, but for the chunks of binary streams. */
export type SocketReply =
  | { readonly type: 'chunk'; readonly stream: string; readonly n: number; readonly id: string; readonly data: string }
  | StreamEnd
  | { readonly type: 'event'; readonly id?: string; readonly event?: string; readonly data: string }
  | { readonly type: 'published'; readonly ref: string; readonly ids: readonly (string | null)[] }
  | { readonly type: 'pong'; readonly ref: string }
  | { readonly type: 'reset'; readonly stream: string }
  | { readonly type: 'error'; readonly ref?: string; readonly message: string }

/** The last message of a stream: exactly one of these. */
export type StreamEnd =
  | { readonly type: 'done'; readonly stream: string; readonly count: number; readonly received: number }
  | { readonly type: 'cancelled'; readonly stream: string }
  | { readonly type: 'error'; readonly stream: string; readonly message: string }

/** What `{c}` may be; anything else is 404. */
export const channelName = /^[A-Za-z0-9_-]{1,64}$/

/** The most that one publish or play may carry; beyond it the answer is 413. */
export const limits = { events: 1000, bodyBytes: 8 * 1024 * 1024 } as const
