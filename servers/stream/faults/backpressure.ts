/** Wrong about clients that read slowly, or not at all. */
import type { Hooks } from '../hooks.ts'
import { bytesOf } from '../frame.ts'
import type { Subscription } from '../subscription.ts'

const never = 0x7fffffff

export const backpressure = {
  /** the result of write() is not looked at */
  bufferUnbounded: (right) => ({
    ...right,
    bounds: (bounds) => ({ ...bounds, bufferBytes: Infinity, bufferEvents: Infinity, stallMs: never }),
  }),
  /** `await write()` in the loop: everybody waits for the slowest */
  stalledBlocksAll: (right) => {
    const turns = new WeakMap<ReadonlySet<Subscription>, Promise<void>>()
    return {
      ...right,
      fanOut: (subscriptions, send) => {
        const turn = async (): Promise<void> => {
          for (const subscription of subscriptions) {
            while (subscription.behind) await new Promise((resolve) => { setTimeout(resolve, 20).unref() })
            send(subscription)
          }
        }
        turns.set(subscriptions, (turns.get(subscriptions) ?? Promise.resolve()).then(turn))
      },
    }
  },
  /** what is too much is left out, and the stream goes on */
  overflowDropsSilently: (right) => ({ ...right, overflow: (subscription) => subscription.discard() }),
  /** a buffer that is cut at its limit, wherever that is, and goes on */
  overflowTears: (right) => ({
    ...right,
    overflow: (subscription, [first]) => {
      subscription.discard()
      if (!first) return
      const block = bytesOf(first.block).slice(0, -Math.ceil(first.bytes / first.events / 2))
      subscription.enqueue([{ ...first, block, bytes: block.length }])
    },
  }),
  /** closed as soon as a socket is full once */
  pauseDisconnects: (right) => ({ ...right, bounds: (bounds) => ({ ...bounds, bufferBytes: 0, bufferEvents: 0 }) }),
  /** who never reads stays for ever */
  stallForever: (right) => ({ ...right, bounds: (bounds) => ({ ...bounds, stallMs: never }) }),
} satisfies Record<string, (right: Hooks) => Hooks>
