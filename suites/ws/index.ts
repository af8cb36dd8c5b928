/** The suites in the order of the rooms. */
import { control } from './control.ts'
import { handshake } from './handshake.ts'
import type { Suite } from './stimulus.ts'
import { utf8 } from './utf8.ts'

export const suites: readonly Suite[] = [handshake, control, utf8]
