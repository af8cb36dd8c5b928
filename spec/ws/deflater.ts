/** Compresses messages (RFC 7692 7.2.1), in every way that the format allows. */
import { constants, DeflateRaw } from 'minizlib'
import { join } from '../bytes.ts'

/** How a message is compressed; what is left out is as zlib does it. */
export interface Compression {
  /** 8 to 15 */
  readonly windowBits?: number
  /** the history of earlier messages is used; true unless it says otherwise */
  readonly takeover?: boolean
  /** 0 (stored) to 9 */
  readonly level?: number
  /** 1 to 9 */
  readonly memLevel?: number
  /** only codes of RFC 1951 3.2.6 */
  readonly fixed?: boolean
}

/** bytes of the end of a flush, which a message leaves out */
const tailLength = 4

/** Compresses messages in order. */
export class Deflater {
  readonly #options: ConstructorParameters<typeof DeflateRaw>[0]
  readonly #takeover: boolean
  #stream: DeflateRaw | undefined

  constructor({ windowBits = 15, takeover = true, level = 6, memLevel = 8, fixed = false }: Compression = {}) {
    // zlib cannot look back 256 bytes only: it does without copies then
    const strategy = windowBits < 9 ? constants.Z_HUFFMAN_ONLY : fixed ? constants.Z_FIXED : constants.Z_DEFAULT_STRATEGY
    const options = { windowBits: Math.max(9, windowBits), level, memLevel, strategy: strategy as number, flush: constants.Z_SYNC_FLUSH as number }
    this.#options = options
    this.#takeover = takeover
  }

  /** The payload of a compressed message; several parts become as many runs of blocks. */
  message(...parts: readonly Uint8Array[]): Uint8Array {
    if (!this.#takeover) this.#stream = undefined
    const flushed = parts.filter(({ length }) => length > 0).map((part) => this.#flushed(part))
    // zlib gives nothing for nothing (RFC 7692 7.2.3.6)
    return flushed.length === 0 ? Uint8Array.of(0) : join(...flushed).slice(0, -tailLength)
  }

  #flushed(part: Uint8Array): Uint8Array {
    this.#stream ??= new DeflateRaw(this.#options)
    const out: Uint8Array[] = []
    const take = (chunk: Uint8Array): void => void out.push(chunk)
    this.#stream.on('data', take)
    this.#stream.write(Buffer.from(part))
    this.#stream.off('data', take)
    return join(...out)
  }
}

/** A message as one stored block, or the last one of its stream (RFC 7692 7.2.3.3, 7.2.3.4). */
export function storedMessage(payload: Uint8Array, final = false): Uint8Array {
  const { length } = payload
  const head = Uint8Array.of(final ? 1 : 0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255)
  return join(head, payload, Uint8Array.of(0))
}
