/** The echo (contract: echo): every message back, same type, same bytes. */
import type { Duplex, Listener } from './duplex.ts'
import { right } from './hooks.ts'
import { Pulse } from './pulse.ts'

/** ms; an echo promises no heartbeat, but a peer that is gone without a word is not kept for ever */
const pulseMs = 30_000

/** Most bytes that wait for a peer that sends and does not read; then nothing more is read from it, or it is closed. */
const mostPending = 4 * 1024 * 1024

export function echo(duplex: Duplex): Listener {
  const pulse = new Pulse(duplex, pulseMs, right)
  duplex.onDrain(() => duplex.read?.(true))
  return {
    message: (message) => {
      pulse.heard()
      if (!duplex.send(message) && duplex.pending() > mostPending) {
        if (duplex.read) duplex.read(false)
        else duplex.close(1013, 'what was sent back is not read')
      }
    },
    pong: () => pulse.heard(),
    over: () => pulse.stop(),
  }
}
