/** The suites in the order of the rooms. */
import { close } from './close.ts'
import { auth } from './auth.ts'
import { origin } from './origin.ts'
import { heartbeat } from './heartbeat.ts'
import { backpressure } from './backpressure.ts'
import { lifecycle } from './lifecycle.ts'
import { resume } from './resume.ts'
import { control } from './control.ts'
import { deflate } from './deflate.ts'
import { fragmentation } from './fragmentation.ts'
import { framing } from './framing.ts'
import { handshake } from './handshake.ts'
import { limits } from './limits.ts'
import { masking } from './masking.ts'
import type { Suite } from './stimulus.ts'
import { utf8 } from './utf8.ts'

export const suites: readonly Suite[] = [handshake, framing, masking, control, fragmentation, utf8, close, deflate, limits, auth, origin, heartbeat, lifecycle, resume, backpressure]
