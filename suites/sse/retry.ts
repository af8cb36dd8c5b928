/** How the retry room is provoked: values that are times, and values that are none. */
import fc from 'fast-check'
import type { RuleId } from '../../spec/model.ts'
import type { Script, Suite } from '../stimulus.ts'
import { anchored } from './payloads.ts'

const feeds: readonly RuleId[] = [
  'sse/retry/digits-only', 'sse/retry/not-empty', 'sse/retry/bounds', 'sse/retry/moderate', 'sse/retry/fits-int32',
]

const script = (retry: unknown): Script => anchored({ data: 'x', retry })

const times = fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.nat())
const others = fc.oneof(
  fc.integer({ max: -1 }), fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
  fc.tuple(fc.nat(), fc.constantFrom('s', 'ms', ' ', 'x', ',0', '.0')).map((parts) => parts.join('')),
  fc.constantFrom('', ' 1', '+1', '0x10', '1_0', 'NaN', '٣', 'undefined'),
  fc.constantFrom(true, false, null), fc.constant([]), fc.constant({}),
)

export const retry: Suite = {
  id: 'sse/retry',
  stimuli: [],
  properties: [{
    id: 'retry/digits-only',
    says: 'reconnection times, and values that are none',
    feeds,
    scripts: fc.oneof(times, others).map(script),
    examples: [
      0, 1, 1500, 2 ** 31 - 1, -1, 1.5, '3s', '٣', 1e21, '1500x', '  9', '9 ', '+1', '', true, null,
    ].map(script),
    runs: 30,
  }],
}
