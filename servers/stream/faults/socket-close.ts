/** Wrong in how channel sockets end. */
import type { Hooks } from '../hooks.ts'
import { onDuplex, onSocket } from './socket.ts'

export const socketClose = {
  /** the handler of close drops the connection */
  closeTerminates: onDuplex((duplex) => ({ ...duplex, close: () => duplex.terminate() })),
  /** messages are written a turn later, and the Close is not: it overtakes them */
  closeUnflushed: onDuplex((duplex) => ({
    ...duplex,
    send: (message) => {
      setImmediate(() => duplex.send(message))
      return true
    },
  })),
  /** a connection that is lost is no close */
  lostSocketCounted: onSocket(() => ({ over: () => {} })),
} satisfies Record<string, (right: Hooks) => Hooks>
