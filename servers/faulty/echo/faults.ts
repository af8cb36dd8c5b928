/** Wrong servers by name: each gets one thing wrong. */
import { auth } from './faults/auth.ts'
import { close } from './faults/close.ts'
import { control } from './faults/control.ts'
import { deflate } from './faults/deflate.ts'
import { fragmentation } from './faults/fragmentation.ts'
import { framing } from './faults/framing.ts'
import { heartbeat } from './faults/heartbeat.ts'
import { limits } from './faults/limits.ts'
import { masking } from './faults/masking.ts'
import { originFaults } from './faults/origin.ts'
import { utf8 } from './faults/utf8.ts'
import { handshake } from './faults/handshake.ts'
import type { Hooks } from './hooks.ts'

export const faults = { ...handshake, ...framing, ...masking, ...close, ...control, ...fragmentation, ...utf8, ...deflate, ...limits, ...auth, ...originFaults, ...heartbeat } as const satisfies Record<string, () => Partial<Hooks>>

export type EchoFault = keyof typeof faults
