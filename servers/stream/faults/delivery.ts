/** Wrong in what comes behind the end of a stream, and in work that is shown and cancelled. */
import type { Hooks } from '../hooks.ts'
import { textOf } from './makers.ts'

export const delivery = {
  /** the summary is written by whoever closes the stream, behind the event that says that it is over */
  eventAfterEnd: (right) => ({
    ...right,
    endMarker: (block) => `${textOf(block)}event: summary\ndata: all was sent\n\n`,
  }),
  /** the stream of work is a mere subscription: what was made before it was open is not shown */
  workFromNow: (right) => ({
    ...right,
    replay: (log, at) => (at < 0 ? [] : right.replay(log, at)),
  }),
  /** the cancellation is noted, and the producer never looks at the note */
  cancelIgnored: (right) => ({ ...right, cancel: () => {} }),
  /** the stream ends as if the connection had broken */
  cancelSilent: (right) => ({
    ...right,
    endMarker: (block) => (textOf(block).startsWith('event: cancelled') ? '' : right.endMarker(block)),
  }),
} satisfies Record<string, (right: Hooks) => Hooks>
