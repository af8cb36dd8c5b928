/**
 * Wrong on purpose: each fault is the right server with one decision replaced, under the name of what it does wrong.
 * To add one: a name, what it breaks in a comment, and one of the makers (faults/makers.ts) or one of the hooks.
 */
import { auth } from './faults/auth.ts'
import { backpressure } from './faults/backpressure.ts'
import { cors } from './faults/cors.ts'
import { delivery } from './faults/delivery.ts'
import { encoding } from './faults/encoding.ts'
import { lifecycle } from './faults/lifecycle.ts'
import { resuming } from './faults/resuming.ts'
import { socketAccess } from './faults/socket-access.ts'
import { socketBeats } from './faults/socket-beats.ts'
import { socket } from './faults/socket.ts'
import { socketStreams } from './faults/socket-streams.ts'
import { socketClose } from './faults/socket-close.ts'
import { writing } from './faults/writing.ts'
import type { Hooks } from './hooks.ts'

export const faults = {
  ...encoding,
  ...writing,
  ...resuming,
  ...lifecycle,
  ...delivery,
  ...backpressure,
  ...auth,
  ...cors,
  ...socket,
  ...socketAccess,
  ...socketBeats,
  ...socketClose,
  ...socketStreams,
} satisfies Record<string, (right: Hooks) => Hooks>

export type Fault = keyof typeof faults
