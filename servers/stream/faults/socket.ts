/** Wrong in what channel sockets do. */
import type { SocketReply } from '../../../spec/contract/contract.ts'
import type { Duplex } from '../socket/duplex.ts'
import type { SocketHooks } from '../socket/hooks.ts'
import type { Hooks } from '../hooks.ts'

type MakeFault = (right: Hooks) => Hooks

/** Replaces decisions of the sockets. */
export const onSocket = (change: (right: SocketHooks) => Partial<SocketHooks>): MakeFault => (right) =>
  ({ ...right, socket: { ...right.socket, ...change(right.socket) } })

/** Changes how connections are written to, pinged and closed; called once for each. */
export const onDuplex = (change: (duplex: Duplex) => Duplex): MakeFault =>
  onSocket((right) => ({ duplex: (duplex, request) => change(right.duplex(duplex, request)) }))

/** Changes the text messages of a server; '' leaves one out. What is made is called once for each connection. */
export const onTexts = (make: () => (reply: SocketReply) => readonly SocketReply[]): MakeFault => onDuplex((duplex) => {
  const change = make()
  return {
    ...duplex,
    send: (message) => {
      // The echo has messages of its own.
      if (typeof message !== 'string' || !message.startsWith('{"type":')) return duplex.send(message)
      return change(JSON.parse(message) as SocketReply).map((reply) => duplex.send(JSON.stringify(reply))).at(-1) ?? true
    },
  }
})

const late = (stream: string): SocketReply => ({ type: 'chunk', stream, n: 9_999_999, id: 'late', data: 'late' })

export const socket = {
  // ---- streams ----
  /** the client stops to show what is still paid for */
  streamCancelIgnored: onSocket(() => ({ cancel: () => {} })),
  /** what was on its way in the producer comes after the end */
  chunkAfterCancel: onSocket(() => ({ ending: (end) => (end.type === 'cancelled' ? [end, late(end.stream)] : [end]) })),
  doneTwice: onSocket(() => ({ ending: (end) => [end, end] })),
  endMissing: onSocket(() => ({ ending: () => [] })),
  /** an answer that broke off looks complete */
  errorAsDone: onSocket(() => ({
    ending: (end) => [end.type === 'error' ? { type: 'done', stream: end.stream, count: 0, received: 0 } : end],
  })),
  /** the last chunk that the client has seen comes again */
  resumeRepeats: onSocket(() => ({ resumeAt: (n) => (n === undefined ? n : Math.max(0, n - 1)) })),
  resumeSkips: onSocket(() => ({ resumeAt: (n) => (n === undefined || n === 0 ? n : n + 1) })),
  /** coming back costs the whole work again */
  resumeReruns: onSocket(() => ({ resumed: (_, again) => again(), resumeAt: () => 0 })),
  /** an id that is not known gets all from the start, and nobody says so */
  unknownIdSilent: onSocket(() => ({ resumeAt: (n) => n ?? 0 })),
  /** whoever knows the name of a stream gets it */
  streamOfAnybody: onSocket(() => ({ mayResume: () => true })),
  takeoverBoth: onSocket(() => ({
    takeover: (old, fresh) => ({
      ...fresh,
      send: (message) => {
        old.send(message)
        fresh.send(message)
      },
      full: () => fresh.full(),
      replaced: () => fresh.replaced(),
    }),
  })),
  /** nobody hears that the client has left, and its work is kept for ever */
  streamNeverDropped: onSocket(() => ({ left: () => {} })),

  // ---- signs of life ----
  pingMissing: onSocket(() => ({ ping: () => {}, dead: () => {} })),
  /** pings go out, and nobody looks for the answers */
  deadPeerKept: onSocket(() => ({ dead: () => {} })),

  // ---- who may connect ----
  originUnchecked: onSocket(() => ({ admits: () => true })),
  /** the right origin is anything that starts like it */
  originByPrefix: onSocket(() => ({
    admits: (origin, allowed) => origin === undefined || allowed.some((one) => one === '*' || origin.startsWith(one)),
  })),
  /** the token is looked at when a socket opens, and never again */
  tokenOnlyFirst: onSocket(() => ({ tokenOver: () => {} })),
  /** what says "all is well" brings the client back at once */
  closeCode1000: onSocket(() => ({ unauthorized: 1000 })),

  // ---- bounds and errors ----
  /** send() without a look at what waits */
  queueUnbounded: onSocket(() => ({ waits: () => false, overflow: () => {} })),
  /** a handler that raises leaves its socket open, and silent */
  throwSwallowed: onSocket(() => ({ raised: () => {} })),
  /** one message that is no JSON ends everything on its socket */
  badMessageCloses1011: onSocket(() => ({ misunderstood: (_, close) => close(1011) })),
  fanOutTwice: onTexts(() => (reply) => (reply.type === 'event' ? [reply, reply] : [reply])),

  // ---- the end of the server ----
  /** connections go down with the process */
  socketsCutOnShutdown: onSocket(() => ({
    shutdown: (duplexes) => {
      for (const duplex of duplexes) duplex.terminate()
    },
  })),
} satisfies Record<string, MakeFault>
