/** Wrong in the streams of channel sockets: what cancels them, in what order they come, and what they cost. */
import type { SocketReply } from '../../../spec/contract/contract.ts'
import type { Hooks } from '../hooks.ts'
import { onDuplex, onSocket, onTexts } from './socket.ts'

const isEvent = (message: unknown): boolean => typeof message === 'string' && message.startsWith('{"type":"event"')

/** bytes that wait before events are thrown away */
const fullBytes = 64 * 1024

export const socketStreams = {
  // ---- cancelling ----
  /** one AbortController for a whole socket */
  cancelStopsAll: onSocket(() => ({ cancel: (_, all) => all() })),
  /** a second click on Stop finds nothing to stop, and raises */
  pointlessCancelRaises: onSocket(() => ({
    pointless: () => {
      throw new Error('nothing to cancel')
    },
  })),
  cancelledAndDone: onSocket(() => ({
    ending: (end) => (end.type === 'cancelled' ? [end, { type: 'done', stream: end.stream, count: 0, received: 0 }] : [end]),
  })),
  /** the flag that says "busy" stays */
  busyAfterCancel: onTexts(() => {
    let cancelled = false
    const known = new Set<string>()
    return (reply) => {
      if (!('stream' in reply)) return [reply]
      if (!cancelled) known.add(reply.stream)
      cancelled ||= reply.type === 'cancelled'
      return known.has(reply.stream) ? [reply] : []
    }
  }),

  // ---- order ----
  /** each chunk takes its own way through an asynchronous transform: some arrive behind the next one */
  chunksSwapped: onTexts(() => {
    const held = new Map<string, SocketReply>()
    return (reply) => {
      if (!('stream' in reply)) return [reply]
      const before = held.get(reply.stream)
      held.delete(reply.stream)
      if (reply.type === 'chunk' && reply.n % 4 === 1 && !before) {
        held.set(reply.stream, reply)
        return []
      }
      return before ? [reply.type === 'chunk' ? reply : before, reply.type === 'chunk' ? before : reply] : [reply]
    }
  }),

  // ---- messages and members ----
  /** the listener comes behind an await */
  earlyMessageLost: onSocket(() => ({ attached: (read) => void setTimeout(read, 500) })),
  /** whoever connects is put on the list after an asynchronous look-up */
  joinLate: onSocket(() => ({ joined: (hear) => void setTimeout(hear, 60) })),
  eventsSwapped: onTexts(() => {
    let held: SocketReply | undefined
    return (reply) => {
      if (reply.type !== 'event') return [reply]
      const before = held
      held = undefined
      if (!before && reply.data.endsWith('1')) {
        held = reply
        return []
      }
      return before ? [reply, before] : [reply]
    }
  }),
  eventsLost: onTexts(() => (reply) => (reply.type === 'event' && reply.data.endsWith('1') ? [] : [reply])),

  // ---- coming back ----
  /** the id of a chunk is its number, and nothing else */
  idCounted: onSocket(() => ({ proof: () => '0'.repeat(16) })),
  /** all chunks have one id: that of the stream */
  idOfStream: onTexts(() => (reply) => (reply.type === 'chunk' ? [{ ...reply, id: reply.stream }] : [reply])),
  /** a message that was sent again does its work again */
  startedTwice: onSocket(() => ({ taken: () => {} })),
  /** nothing is ever forgotten */
  streamKept: onSocket(() => ({ expired: () => {} })),
  /** who comes back does not get what is still made */
  tailLost: onTexts(() => {
    let first: string | undefined
    let count = 0
    return (reply) => {
      if (reply.type !== 'chunk') return [reply]
      first ??= reply.n > 0 ? reply.stream : ''
      count += 1
      return reply.stream === first && count > 3 ? [] : [reply]
    }
  }),
  /** a finished stream is taken off the list */
  doneForgotten: onSocket((right) => {
    let over = false
    return {
      ending: (end) => {
        over ||= end.type === 'done'
        return right.ending(end)
      },
      resumeAt: (n) => (over ? undefined : n),
    }
  }),

  // ---- pressure ----
  /** nobody listens for `drain` */
  drainUnheard: onDuplex((duplex) => ({ ...duplex, onDrain: () => {} })),
  /** one that is full holds up all */
  slowHoldsAll: onSocket(() => {
    let slow = false
    return { waits: (full) => (slow ||= full) }
  }),
  /** what does not fit is thrown away, and nobody says so */
  eventsThrownAway: onDuplex((duplex) => ({
    ...duplex, send: (message) => (isEvent(message) && duplex.pending() > fullBytes ? true : duplex.send(message)),
  })),
  /** the bound looks at what waits already, not at what comes on top */
  capWithoutNext: onSocket(() => ({ exceeds: (pending, _, most) => pending > most })),
  /** a client that takes nothing is kept */
  stalledKept: onDuplex((duplex) => ({ ...duplex, terminate: () => {} })),
  /** an echo that reads on while nobody takes what it sends */
  echoReadsOn: onDuplex((duplex) => ({ ...duplex, read: () => {} })),
} satisfies Record<string, (right: Hooks) => Hooks>
