/** All cases in the order of Autobahn, and those that stand beside them. */
import type { Case } from './case.ts'
import { closes } from './close.ts'
import { fragmentation } from './fragmentation.ts'
import { fragmenting, framing } from './framing.ts'
import { pings } from './pings.ts'
import { pingWithReservedBits, reservedBits, reservedOpcodes } from './reserved.ts'
import { loads } from './limits.ts'
import { utf8, wholeRanges } from './utf8.ts'

/** The release that the cases are taken from. */
export const source = { version: '25.10.1' } as const

export const categories: Readonly<Record<string, string>> = {
  1: 'Framing', 2: 'Pings and pongs', 3: 'Reserved bits', 4: 'Opcodes', 5: 'Fragmentation', 6: 'UTF-8', 7: 'Close',
  9: 'Limits and performance', 10: 'Automatic fragmentation', 12: 'Compression: payloads', 13: 'Compression: parameters',
}

export const cases: readonly Case[] = [
  ...framing, ...pings, ...reservedBits, ...reservedOpcodes, ...fragmentation, ...utf8, ...closes, ...fragmenting,
]

/** What Autobahn meant to send, or left out, beside the very bytes that it sends. */
export const beside: readonly Case[] = [pingWithReservedBits, ...wholeRanges]

export { loads }
