/** What is said on the channel socket of the contract: text messages that are JSON objects with a type. */
import type { Connection } from './exchange.ts'
import type { Happening, Message } from './machine.ts'

/** A message that says something; nothing is known of its members but that they are JSON. */
export interface Said {
  readonly type: string
  readonly members: Readonly<Record<string, unknown>>
  readonly message: Message
  /** ms; its last byte */
  readonly at: number
}

function said(message: Message): Said[] {
  if (message.type !== 'text') return []
  try {
    const members: unknown = JSON.parse(Buffer.from(message.payload).toString('utf8'))
    if (typeof members !== 'object' || members === null || !('type' in members) || typeof members.type !== 'string') return []
    return [{ type: members.type, members: { ...members }, message, at: message.frames.at(-1)?.at ?? 0 }]
  } catch {
    return []
  }
}

const among = (happenings: readonly Happening[], type?: string): Said[] =>
  happenings.flatMap((one) => (one.kind === 'message' ? said(one) : [])).filter((one) => type === undefined || one.type === type)

/** What the target said, of one type or of all. */
export const replies = ({ received }: Connection, type?: string): Said[] => among(received.happenings, type)

/** What the kit said. */
export const commands = ({ sent }: Connection, type?: string): Said[] => among(sent.happenings, type)
