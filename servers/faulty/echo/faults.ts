/** Wrong servers by name: each gets one thing wrong. */
import { control } from './faults/control.ts'
import { utf8 } from './faults/utf8.ts'
import { handshake } from './faults/handshake.ts'
import type { Hooks } from './hooks.ts'

export const faults = { ...handshake, ...control, ...utf8 } as const satisfies Record<string, () => Partial<Hooks>>

export type EchoFault = keyof typeof faults
