/** How the kit cut what it sent into writes: TCP may cut it at more places, but hardly at fewer. */
import type { Connection } from './exchange.ts'
import type { Frame } from './reader.ts'

export interface Writes {
  /** offsets within the frame, header included, at which a write ended */
  cuts(frame: Frame): number[]
  /** the write that all of the frame went out in, from 0; undefined when it was cut */
  of(frame: Frame): number | undefined
}

export function writesOf({ link: { sent = [] } }: Connection): Writes {
  const ends: number[] = []
  for (const { bytes } of sent) ends.push((ends.at(-1) ?? 0) + bytes.length)
  // floods have a hundred thousand frames: looked up, not searched through
  const writeWith = (offset: number): number => {
    let from = 0
    let to = ends.length
    while (from < to) {
      const middle = (from + to) >> 1
      if ((ends[middle] ?? Infinity) > offset) to = middle
      else from = middle + 1
    }
    return from
  }
  const first = ({ span }: Frame): number => writeWith(span.start)
  const last = ({ span }: Frame): number => writeWith(span.end - 1)
  return {
    cuts: (frame) => ends.slice(first(frame), last(frame)).map((end) => end - frame.span.start),
    of: (frame) => (first(frame) === last(frame) ? first(frame) : undefined),
  }
}
