/** How long something is waited for. */

/** ms that one look at the clock may count for at most */
const sliceMs = 100

/**
 * Calls back when so many ms have passed in which this process was awake. A process that was held up finds timers
 * that are due and bytes that have long arrived: what it could not have seen is not the target's silence.
 * @returns what stops it
 */
export function afterPatience(ms: number, over: () => void): () => void {
  let left = Math.max(0, ms)
  let timer: NodeJS.Timeout | undefined
  let last: NodeJS.Immediate | undefined
  const wait = (): void => {
    const slice = Math.min(left, sliceMs)
    left -= slice
    // timers run before arrivals are read, immediates behind them
    timer = setTimeout(() => (left > 0 ? wait() : (last = setImmediate(over))), slice)
  }
  wait()
  return () => {
    clearTimeout(timer)
    clearImmediate(last)
  }
}
