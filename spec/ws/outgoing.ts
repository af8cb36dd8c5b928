/** Every frame that a target ever sends, looked at whatever it was provoked by. */
import type { Finding } from '../model.ts'
import type { Connection, WsExchange } from './exchange.ts'
import type { Frame } from './reader.ts'

/** What is wrong with a frame, in the indicative; undefined when nothing is. */
export type Flaw = (frame: Frame, connection: Connection) => string | undefined

/** One finding for each connection: no frame of the target has this flaw, as far as its frames can be read. */
export const never = (flaw: Flaw, expected: string) => ({ connections }: WsExchange): Finding[] =>
  connections.flatMap((connection) => {
    const { frames, partial, fault } = connection.received
    const all = [...frames, ...(partial ? [partial] : [])].slice(0, fault ? fault.index + 1 : undefined)
    if (all.length === 0) return []
    const bad = all.find((frame) => flaw(frame, connection) !== undefined)
    return [{
      where: bad ? connection.place(bad) : connection.endPlace,
      ok: bad === undefined,
      expected,
      actual: (bad && flaw(bad, connection)) ?? 'nothing else',
    }]
  })
