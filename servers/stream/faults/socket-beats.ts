/** Wrong in signs of life: those of the server, and what it makes of those of its peers. */
import type { Hooks } from '../hooks.ts'
import { onDuplex, onSocket, onTexts } from './socket.ts'

const isChunk = (message: unknown): boolean => typeof message === 'string' && message.startsWith('{"type":"chunk"')

/** the loop that writes a stream is what pinged before, and nobody pings beside it */
const streamWithoutPings = onDuplex((duplex) => {
  let streams = false
  return {
    ...duplex,
    send: (message) => {
      streams ||= isChunk(message)
      return duplex.send(message)
    },
    ping: () => {
      if (!streams) duplex.ping()
    },
    terminate: () => {
      if (!streams) duplex.terminate()
    },
  }
})

const only = (what: 'message' | 'pong') => (heard: () => void, of: 'message' | 'pong'): void => {
  if (of === what) heard()
}

export const socketBeats = {
  /** only what a client says counts: one that only listens is dropped */
  pongUncounted: onSocket(() => ({ sign: only('message') })),
  /** only pongs count: behind a long upload they are late */
  messageUncounted: onSocket(() => ({ sign: only('pong') })),
  /** browsers cannot send pings of the protocol, and get no answer to those they can send */
  pingUnanswered: onTexts(() => (reply) => (reply.type === 'pong' ? [{ type: 'error', message: 'type is not known' }] : [reply])),
  streamWithoutPings,
} satisfies Record<string, (right: Hooks) => Hooks>
