/** What one write carries: whole blocks, put together once for all who are to get them. */
import type { Block } from './answer.ts'

export interface Frame {
  readonly block: Block
  readonly bytes: number
  /** how many blocks it carries */
  readonly events: number
}

/**
 * Most that is put into one frame, unless one block alone is longer. A slow reader is given one frame after the other,
 * so this is also about what a socket holds for it: what waits outside can be dropped between two blocks.
 */
const frameBytes = 64 * 1024

/** The blocks of one tick as few writes: a fan-out spends its time on system calls, one for each write. */
export function framesOf(blocks: readonly Block[]): Frame[] {
  const frames: Frame[] = []
  let start = 0
  let bytes = 0
  for (const [index, block] of blocks.entries()) {
    if (bytes > 0 && bytes + block.length > frameBytes) {
      frames.push(frameOf(blocks.slice(start, index), bytes))
      start = index
      bytes = 0
    }
    bytes += block.length
  }
  if (start < blocks.length) frames.push(frameOf(blocks.slice(start), bytes))
  return frames
}

function frameOf(blocks: readonly Block[], bytes: number): Frame {
  const [only] = blocks
  const block = blocks.length === 1 && only !== undefined ? only : Buffer.concat(blocks.map(bytesOf))
  return { block, bytes, events: blocks.length }
}

/** A block as bytes: encoded here, once, and not by every socket. */
export const bytesOf = (block: Block): Uint8Array => (typeof block === 'string' ? Buffer.from(block) : block)
