/** What a client of a channel socket says: from bytes to a command, or to the reason why it is none. */
import { channelName } from '../../../spec/contract/contract.ts'
import type { SocketCommand } from '../../../spec/contract/contract.ts'
import type { Message } from './duplex.ts'

/** A message that is not understood; `ref` is what the client calls it, if it says so. */
export class Misunderstood extends Error {
  readonly ref: string | undefined

  constructor(message: string, ref?: string) {
    super(message)
    this.ref = ref
  }
}

/** What a member may be, in words that follow "must be". */
interface Kind {
  readonly is: (value: unknown) => boolean
  readonly words: string
}

const text = (most: number): Kind => ({ is: (value) => typeof value === 'string' && Buffer.byteLength(value) <= most, words: `a text of at most ${most} bytes` })
const whole = (least: number, most: number): Kind =>
  ({ is: (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most, words: `a whole number from ${least} to ${most}` })
const name: Kind = { is: (value) => typeof value === 'string' && channelName.test(value), words: '1 to 64 of A-Z, a-z, 0-9, _ and -' }
const flag: Kind = { is: (value) => typeof value === 'boolean', words: 'true or false' }
const list: Kind = { is: Array.isArray, words: 'an array of events' }

/** What may be sent in a Close (RFC 6455 section 7.4, and what IANA has added). */
const code: Kind = {
  is: (value) => Number.isInteger(value) && /^(?:100[0-3]|100[7-9]|101[0-4]|[34]\d{3})$/.test(String(value)),
  words: 'a code that may be sent in a Close',
}

interface Members {
  readonly needs: Readonly<Record<string, Kind>>
  readonly takes?: Readonly<Record<string, Kind>>
}

const commands: Readonly<Record<SocketCommand['type'], Members>> = {
  start: {
    needs: { stream: name, count: whole(0, 10_000_000), bytes: whole(0, 256 * 1024), everyMs: whole(0, 0x7fffffff) },
    takes: { failAt: whole(0, 10_000_000), binary: flag },
  },
  cancel: { needs: { stream: name } },
  publish: { needs: { events: list, ref: text(1024) } },
  ping: { needs: { ref: text(1024) } },
  close: { needs: { code }, takes: { reason: text(123), after: whole(0, 1_000_000) } },
  throw: { needs: {} },
  auth: { needs: { token: text(8192) } },
}

/** The command that a message is. Throws Misunderstood. */
export function commandOf(message: Message): SocketCommand {
  if (typeof message !== 'string') throw new Misunderstood('a binary message belongs to a binary stream, and none is open')
  const { type, ...members } = object(message)
  const ref = typeof members['ref'] === 'string' ? members['ref'] : undefined
  if (typeof type !== 'string' || !Object.hasOwn(commands, type)) {
    throw new Misunderstood(`type must be one of ${Object.keys(commands).join(', ')}`, ref)
  }
  const { needs, takes = {} } = commands[type as SocketCommand['type']]
  for (const [member, kind] of Object.entries(needs)) {
    if (!kind.is(members[member])) throw new Misunderstood(`${member} must be ${kind.words}`, ref)
  }
  for (const [member, value] of Object.entries(members)) {
    if (Object.hasOwn(needs, member)) continue
    const kind = Object.hasOwn(takes, member) ? takes[member] : undefined
    // Not its name: it is theirs, and may be anything.
    if (!kind) throw new Misunderstood(`${type} has no member but ${[...Object.keys(needs), ...Object.keys(takes)].join(', ')}`, ref)
    if (!kind.is(value)) throw new Misunderstood(`${member} must be ${kind.words}`, ref)
  }
  return { type, ...members } as SocketCommand
}

function object(message: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(message)
  } catch {
    throw new Misunderstood('the message is not JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  throw new Misunderstood('the message is not a JSON object')
}
