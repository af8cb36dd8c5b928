/**
 * What a standard client makes of the body of an event stream, with the place of everything in bytes.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import type { DecoderLimits, Dispatched, Line, Tail } from './decoder.ts'
import { EventStreamDecoder } from './decoder.ts'

export { EventStreamDecoder }
export type { DecoderHandlers, DecoderLimits, Dispatched, Line, Tail } from './decoder.ts'

/** A run of non-blank lines with the blank line that ends it. Blank lines before it belong to no block. */
export interface Block {
  /** the blank line included */
  readonly lines: readonly Line[]
  /** first byte of the first line */
  readonly start: number
  /** after the end of the last line */
  readonly end: number
  /** false when the stream ended before the blank line: the client drops the block */
  readonly terminated: boolean
  /** absent when the block fires nothing: no data, or not terminated */
  readonly event?: Dispatched
}

export interface EventStream {
  /** whether the body begins with a byte order mark, which belongs to no line */
  readonly bom: boolean
  /** every complete line; BOM, lines and the tail's partial line tile the body */
  readonly lines: readonly Line[]
  readonly blocks: readonly Block[]
  readonly events: readonly Dispatched[]
  readonly tail: Tail
  /** what a client would send as `Last-Event-ID` afterwards */
  readonly lastEventId: string
  /** ms; absent when no valid `retry` field was there */
  readonly reconnectionTime?: number
}

/**
 * A whole body at once. Never fails on what the bytes are: everything is an event stream.
 * @throws RangeError when one line is longer than a string can be
 */
export function decodeEventStream(bytes: Uint8Array): EventStream {
  const lines: Line[] = []
  const events: Dispatched[] = []
  const decoder = new EventStreamDecoder({
    onLine: (line) => lines.push(line),
    onEvent: (event) => events.push(event),
  })
  decoder.push(bytes)
  const { bom, lastEventId, reconnectionTime } = decoder
  return {
    bom,
    lines,
    blocks: blocksOf(lines, events),
    events,
    tail: decoder.end(),
    lastEventId,
    ...(reconnectionTime !== undefined && { reconnectionTime }),
  }
}

function blocksOf(lines: readonly Line[], events: readonly Dispatched[]): Block[] {
  const fired = new Map(events.map((event) => [event.start, event]))
  const blocks: Block[] = []
  let open: Line[] = []
  const close = (terminated: boolean): void => {
    const first = open[0]
    const last = open.at(-1)
    if (first === undefined || last === undefined) return
    const event = fired.get(first.start)
    blocks.push({ lines: open, start: first.start, end: last.next, terminated, ...(event && { event }) })
    open = []
  }
  for (const line of lines) {
    if (line.kind !== 'blank') {
      open.push(line)
    } else if (open.length > 0) {
      open.push(line)
      close(true)
    }
  }
  close(false)
  return blocks
}

/** Bytes in, events out; what is unfinished when the body ends is dropped. Fails with a RangeError past a limit. */
export function eventStream(limits?: DecoderLimits): TransformStream<Uint8Array, Dispatched> {
  let decoder: EventStreamDecoder
  return new TransformStream({
    start(controller) {
      decoder = new EventStreamDecoder({ onEvent: (event) => controller.enqueue(event) }, limits)
    },
    transform(bytes) {
      decoder.push(bytes)
    },
  })
}
