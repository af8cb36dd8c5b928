/**
 * Before each file of tests. Where others share the processor, a process stands still for seconds, and a test of times
 * fails for that: such a test, and no other, has one more try.
 */
import { afterEach, beforeEach } from 'vitest'
import { Lateness } from '../harness/lateness.ts'

/** ms; tests tell times of 400 ms from none */
export const mostMs = 300

export const lateness = new Lateness()
const begun = new WeakMap<object, number>()

beforeEach(({ task }) => void begun.set(task, performance.now()))
afterEach(({ task }) => {
  const ms = Math.round(lateness.since(begun.get(task) ?? Infinity))
  if (task.result?.state === 'fail' && ms >= mostMs) throw new Error(`this process was held up for ${ms} ms meanwhile`)
})
