/** Steps that many stimuli are made of. */
import { join } from '../../spec/bytes.ts'
import { client } from '../../spec/ws/frame.ts'
import type { Address, Step } from './stimulus.ts'

/** ms; a right server answers at once, one that does not costs this once */
export const patienceMs = 1000

export const open = (link: string, role: string, to: Address = 'target'): Step => ({ do: 'open', link, role, to })

/** All frames in one write. */
export const send = (link: string, ...frames: readonly Uint8Array[]): Step => ({ do: 'send', link, bytes: join(...frames) })

/** Each frame in a write of its own. */
export const sendApart = (link: string, ...frames: readonly Uint8Array[]): Step => ({
  do: 'send', link, bytes: join(...frames), chop: frames.reduce<number[]>((ends, { length }) => [...ends, (ends.at(-1) ?? 0) + length], []),
})

export const ponged = (link: string, pong: string | Uint8Array): Step => ({ do: 'await', link, for: { pong }, withinMs: patienceMs })

/** A ping, and the pong to it. */
export const pinged = (link: string, nonce: string | Uint8Array): Step[] => [send(link, client.ping(nonce)), ponged(link, nonce)]

/** So many messages have come in all. */
export const heard = (link: string, messages: number): Step => ({ do: 'await', link, for: { messages }, withinMs: patienceMs })

/** The target ends TCP. */
export const ended = (link: string): Step => ({ do: 'await', link, for: { end: true }, withinMs: patienceMs })

export const leave = (link: string, by: 'close' | 'fin' | 'rst' = 'close'): Step => ({ do: 'leave', link, by })

export const together = (...branches: readonly (readonly Step[])[]): Step => ({ do: 'together', branches })

/** One connection for each fault, and nothing behind it. */
export const faulty = (role: string, wrong: readonly Uint8Array[]): Step[][] =>
  wrong.map((bytes, i) => [open(`${role}-${i}`, role), send(`${role}-${i}`, bytes), ended(`${role}-${i}`)])
