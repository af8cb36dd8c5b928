/**
 * Clients that come back. No standard tells a server what to do with Last-Event-ID; the format has it so that nothing
 * is lost, and these are the ways in which it is lost all the same.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import type { Room } from '../model.ts'
import type { Exchange } from './exchange.ts'
import { manyCycles } from './resume/cycles.ts'
import { example } from './resume/example.ts'
import { hostileId } from './resume/hostile.ts'
import { ids, notes } from './resume/ids.ts'
import { lastEventIdHeader, replay } from './resume/replay.ts'

export const resume: Room<Exchange> = {
  id: 'sse/resume',
  clause: lastEventIdHeader,
  example,
  rules: [...replay, manyCycles, ...ids, hostileId],
  notes,
}
