/** What compressed messages rely on, and what makes one that cannot be read wrong. */
import { join } from '../../bytes.ts'
import { isRefused, isSame, paired, sentMessages, waited, type Echo } from '../echoes.ts'
import type { Connection } from '../exchange.ts'
import { Inflater, memoryOf, type Inflated, type Memory, type Unreadable } from '../inflate.ts'
import type { Message } from '../machine.ts'

/** a reader that forgets nothing */
const everything: Memory = { windowBits: 15, takeover: true }

const compressedOf = (message: Message): Uint8Array => join(...message.frames.map(({ payload }) => payload))

/**
 * Why a compressed message of one side cannot be read: `context` it looks back into messages that were to be forgotten,
 * `window` it looks back beyond the window, `stream` it is no compressed data. Undefined: no such fault.
 */
export function causeOf(connection: Connection, side: 'sent' | 'received'): 'context' | 'window' | 'stream' | undefined {
  const { fault, happenings, open } = connection[side]
  const { deflate } = connection
  if (fault?.kind !== 'deflate' || !deflate) return undefined
  const earlier = happenings.flatMap((one) => (one.kind === 'message' && one.compressed ? [compressedOf(one)] : []))
  const last = join(...open.map(({ payload }) => payload))
  const agreed = memoryOf(deflate, side === 'sent' ? 'client' : 'server')
  const isReadBy = (memory: Memory): boolean => {
    const reader = new Inflater(memory)
    for (const payload of earlier) reader.read(payload)
    return 'payload' in reader.read(last)
  }
  if (isReadBy({ ...agreed, takeover: true })) return 'context'
  return isReadBy(everything) ? 'window' : 'stream'
}

/**
 * What is peculiar about a message of the kit where compression was agreed on. A narrow rule looks at messages that are
 * peculiar in its own way only.
 */
export type Oddity = 'uncompressed' | 'fragmented' | 'blocks' | 'empty' | 'context' | 'reset'

/** A message of the kit, whether it came back the same, and what is peculiar about it. */
export interface Answer {
  readonly message: Message
  readonly isEqual: boolean
  readonly oddities: readonly Oddity[]
  readonly back: Echo['back']
}

/**
 * The messages that were sent where compression was agreed on, up to the first that did not come back the same: what
 * becomes of the later ones may be its fault.
 */
export function answers(connection: Connection): Answer[] {
  const { deflate, close, provocation, received } = connection
  // what came before a fault of the kit may go down with it; where client_no_context_takeover is answered unasked, history is one
  if (!deflate || provocation || received.fault || received.isCut) return []
  // 1007 is what servers say that cannot decompress
  if (isRefused(connection) && close?.code !== 1007) return []
  const all = paired(sentMessages(connection), connection.messages).echoes
  const reader = new Inflater(everything)
  let compressed = 0
  // a decompressor that has ended at BFINAL gives nothing for what comes behind it either
  let isBehindFinal = false
  const read = all.map(({ sent, back }): Answer => {
    const inflated = sent.compressed ? reader.read(compressedOf(sent)) : undefined
    if (sent.compressed) compressed += 1
    const oddities = odditiesOf(sent, inflated, { isReset: compressed > 1 && deflate.clientNoContextTakeover, isBehindFinal })
    isBehindFinal ||= inflated !== undefined && 'blocks' in inflated && inflated.blocks.some(({ final }) => final)
    return { message: sent, back, isEqual: back !== undefined && isSame(sent, back), oddities }
  })
  const first = read.findIndex(({ isEqual }) => !isEqual)
  if (first < 0) return read
  return read.slice(0, read[first]?.back || waited(connection) ? first + 1 : first)
}

function odditiesOf(message: Message, inflated: Inflated | Unreadable | undefined, { isReset, isBehindFinal }: { readonly isReset: boolean; readonly isBehindFinal: boolean }): Oddity[] {
  if (!inflated || !('payload' in inflated)) return ['uncompressed']
  const { blocks, reachesBack } = inflated
  const hasPlainBlock = blocks.length === 1 && blocks.every(({ type, final }) => type !== 'stored' && !final)
  return [
    ...(message.frames.length > 1 ? ['fragmented' as const] : []),
    ...(message.payload.length === 0 ? ['empty' as const] : []),
    ...((hasPlainBlock || blocks.length === 0) && !isBehindFinal ? [] : ['blocks' as const]),
    ...(reachesBack ? ['context' as const] : []),
    ...(isReset && !reachesBack ? ['reset' as const] : []),
  ]
}

/** Those answers whose only oddity is this one. */
export const peculiar = (connection: Connection, oddity: Oddity): Answer[] =>
  answers(connection).filter(({ oddities }) => oddities.length === 1 && oddities[0] === oddity)
