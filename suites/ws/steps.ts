/** Steps that the suites of the protocol have in common. */
import { bytes, join } from '../../spec/bytes.ts'
import { client } from '../../spec/ws/frame.ts'
import type { Address, Step } from './stimulus.ts'

/** ms; a right server answers at once, one that does not costs this once */
export const patienceMs = 1000

export const open = (link: string, role: string, to: Address = 'target'): Step => ({ do: 'open', link, role, to })

/** All of it in one write. */
export const send = (link: string, ...frames: readonly Uint8Array[]): Step => ({ do: 'send', link, bytes: join(...frames) })

/** Where each of these frames ends. */
export const endsOf = (frames: readonly Uint8Array[]): number[] =>
  frames.reduce<number[]>((ends, { length }) => [...ends, (ends.at(-1) ?? 0) + length], [])

/** Each frame in a write of its own. */
export const sendApart = (link: string, ...frames: readonly Uint8Array[]): Step =>
  ({ do: 'send', link, bytes: join(...frames), chop: endsOf(frames) })

export const leave = (link: string, by: 'close' | 'fin' | 'rst' = 'close'): Step => ({ do: 'leave', link, by })

export const together = (...branches: readonly (readonly Step[])[]): Step => ({ do: 'together', branches })

export const ended = (link: string): Step => ({ do: 'await', link, for: { end: true }, withinMs: patienceMs })
export const ponged = (link: string, nonce: string | Uint8Array): Step => ({ do: 'await', link, for: { pong: nonce }, withinMs: patienceMs })

/** The message with this payload has come back. */
export const back = (link: string, payload: string | Uint8Array): Step =>
  ({ do: 'await', link, for: { message: bytes(payload) }, withinMs: patienceMs })

/** A ping, and the pong to it. */
export const pinged = (link: string, nonce: string | Uint8Array): Step[] => [send(link, client.ping(nonce)), ponged(link, nonce)]

/** Messages to an echo one after the other, each when the one before has come back. */
export const echoed = (link: string, ...payloads: readonly (string | Uint8Array)[]): Step[] => payloads.flatMap((payload) => [
  send(link, typeof payload === 'string' ? client.text(payload) : client.binary(payload)), back(link, payload),
])

/** The twin of a role: what the target does about ordinary frames. */
export const twin = (role: string, ...frames: readonly Uint8Array[]): Step[] => {
  const link = `${role}-twin`
  // a Close of the kit would tell the same, and later
  return [open(link, `${role}/twin`), send(link, ...frames), ...pinged(link, 'twin'), { do: 'leave', link, by: 'fin' }]
}

/** One connection for each fault, all with this role; the twin's frames are the same without a fault. */
export function faulty(role: string, wrong: readonly Uint8Array[], ...right: readonly Uint8Array[]): Step[] {
  const branches = wrong.map((one, i) => [open(`${role}-${i}`, role), send(`${role}-${i}`, one), ended(`${role}-${i}`)])
  return [{ do: 'together', branches: right.length > 0 ? [...branches, twin(role, ...right)] : branches }]
}
