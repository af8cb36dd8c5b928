/**
 * The interpretation of an event stream, as bytes arrive.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
import { type Buffer, constants } from 'node:buffer'
import { afterName, blankLineEnd, bufferOf, dataStart, hasLineEnd, indexOr, value, valueStart } from './view.ts'
import { COLON, CR, EVENT, ID, LF, lineView, RETRY, UnfinishedLine, type View, viewOf } from './view.ts'

/** One complete line. All offsets are bytes of the body. */
export interface Line {
  /** from 1 */
  readonly number: number
  readonly start: number
  /** after the content, before the line end */
  readonly end: number
  /** after the line end */
  readonly next: number
  readonly eol: '\n' | '\r' | '\r\n'
  readonly kind: 'blank' | 'comment' | 'field'
  /** of a field, literally; otherwise empty */
  readonly name: string
  /** what follows the first colon, without one leading space; of a comment too */
  readonly value: string
}

/** An event that is fired. */
export interface Dispatched {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
  /** first byte of its block */
  readonly start: number
  /** after its blank line */
  readonly end: number
}

/** What a stream leaves behind when it ends: everything here is lost to the client. */
export interface Tail {
  /** bytes after the last line end */
  readonly partialLine?: { readonly start: number; readonly end: number; readonly text: string }
  /** whether a field line (not only comments) has come since the last blank line */
  readonly openBlock: boolean
  /** the data that the missing blank line would have fired */
  readonly data?: string
  /** the last event ID that the missing blank line would have set, when it is another one */
  readonly lastEventId?: string
}

export interface DecoderHandlers {
  /** every complete line, before it takes effect; without this handler no `Line` is made */
  onLine?(line: Line): void
  onEvent?(event: Dispatched): void
  /** the reconnection time in ms, at its line: no blank line is needed */
  onRetry?(ms: number, lineNumber: number): void
}

export interface DecoderLimits {
  /** bytes in one line without its end, and in the data of one event; absent: what a string can hold (512 MiB) */
  readonly maxEventBytes?: number
}

/** bytes */
const LONG = 4096

/**
 * Synchronous push decoder. However the bytes are cut into pushes, handlers hear the same; one thing follows the cut:
 * a CR that ends a push ends its line at once (waiting for a LF would delay an event that is complete), so that line
 * is reported with `eol: '\r'` and its `next`, or the event's `end`, before the LF which may open the next push. That
 * LF belongs to no reported line. With the whole body in one push all is exact: `decodeEventStream`.
 *
 * A handler that throws leaves the decoder in an undefined state.
 */
export class EventStreamDecoder {
  readonly #handlers: DecoderHandlers
  readonly #maxEventBytes: number

  /** bytes pushed so far */
  #offset = 0
  #bom = false
  readonly #held = new UnfinishedLine()
  /** the last push ended with CR: a LF at the start of the next one is its second half */
  #afterCR = false
  #lineNumber = 0

  /** -1 between blocks */
  #blockStart = -1
  #openBlock = false
  /** undefined, not empty, without a data line: an empty one fires an event */
  #data: string | undefined
  #dataBytes = 0
  #type = ''
  /** the id buffer: survives the block, and becomes the last event ID at each blank line */
  #id = ''
  #lastEventId = ''
  #reconnectionTime: number | undefined

  constructor(handlers: DecoderHandlers, limits: DecoderLimits = {}) {
    this.#handlers = handlers
    this.#maxEventBytes = limits.maxEventBytes ?? constants.MAX_STRING_LENGTH
  }

  /** The last event ID string: what a client would send on reconnect. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The reconnection time in ms, when the stream has set one. */
  get reconnectionTime(): number | undefined {
    return this.#reconnectionTime
  }

  /** Whether the stream began with a byte order mark. */
  get bom(): boolean {
    return this.#bom
  }

  /**
   * The next bytes of the body.
   * @throws RangeError when a line, or the data of an event, exceeds the limit; nothing can be pushed after that
   */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const buffer = bufferOf(bytes)
    const { length } = buffer
    const base = this.#offset
    this.#offset += length
    let at = this.#contentStart(buffer, base)
    this.#afterCR = buffer[length - 1] === CR
    // In the middle of a long line it pays to look for its end before anything else.
    if (this.#held.length > LONG && !hasLineEnd(buffer)) return this.#hold(buffer, 0, length)

    const view = viewOf(buffer, base)
    const { text } = view
    const fused = this.#handlers.onLine === undefined
    let held = this.#held.length > 0
    // Both line ends are remembered, and searched again only once passed: looking for the absent one anew at every
    // line would be quadratic. `length` stands for "no more in this push".
    let lf = indexOr(length, text, '\n', at)
    let cr = indexOr(length, text, '\r', at)
    while (at < length) {
      if (lf < at) lf = buffer[at] === LF ? at : indexOr(length, text, '\n', at)
      if (cr < at) cr = indexOr(length, text, '\r', at)
      const end = lf < cr ? lf : cr
      if (end === length) break
      const next = end === cr && cr + 1 < length && buffer[cr + 1] === LF ? end + 2 : end + 1

      // Nearly every event in the field is one `data` line and its blank line. Fired from here, it does not pass
      // through the buffers: nearly twice as fast.
      if (!held && this.#data === undefined && fused) {
        const after = blankLineEnd(buffer, next)
        const from = after === -1 || end - at > this.#maxEventBytes ? -1 : dataStart(buffer, at, end)
        if (from !== -1) {
          this.#lineNumber += 2
          if (this.#blockStart === -1) this.#blockStart = base + at
          this.#fire(value(view, from, end), base + after)
          at = after
          continue
        }
      }

      const eol = next - end === 2 ? '\r\n' : end === cr ? '\r' : '\n'
      if (held) this.#heldLine(view, at, end, eol)
      else this.#line(view, at, end, eol)
      held = false
      at = next
    }
    if (at < length) this.#hold(buffer, at, length)
  }

  /** The end of the body: nothing is fired, what is unfinished is dropped. To be called once, after the last push. */
  end(): Tail {
    const partialLine = { start: this.#offset - this.#held.length, end: this.#offset, text: this.#held.toString() }
    return {
      ...(this.#held.length > 0 && { partialLine }),
      openBlock: this.#openBlock,
      ...(this.#data !== undefined && { data: this.#data }),
      ...(this.#id !== this.#lastEventId && { lastEventId: this.#id }),
    }
  }

  /** Index behind what is no content at the start of a push: the second half of a CRLF, or the BOM. */
  #contentStart(bytes: Buffer, base: number): number {
    if (this.#afterCR) return bytes[0] === LF ? 1 : 0
    // A BOM may come in pieces, held like any unfinished line. Only the first counts: a later one is text.
    if (base >= 3 || this.#held.length < base) return 0
    const rest = this.#held.completesBom(bytes)
    if (rest > 0) {
      this.#bom = true
      this.#held.clear()
    }
    return rest
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (this.#held.length + end - start > this.#maxEventBytes) this.#tooLong(this.#lineNumber + 1)
    this.#held.append(bytes, start, end)
  }

  /** A line of which earlier pushes brought the beginning. */
  #heldLine(view: View, start: number, end: number, eol: Line['eol']): void {
    this.#hold(view.bytes, start, end)
    const { room, length } = this.#held
    this.#held.clear()
    this.#line(lineView(room, view.base + end - length), 0, length, eol)
  }

  #line(view: View, start: number, end: number, eol: Line['eol']): void {
    this.#lineNumber++
    if (end - start > this.#maxEventBytes) this.#tooLong(this.#lineNumber)
    if (this.#handlers.onLine !== undefined) this.#report(view, start, end, eol)
    // [spec] If the line is empty (a blank line): Dispatch the event, as defined below.
    if (start === end) {
      this.#blankLine(view.base + end + eol.length)
      return
    }
    const { bytes } = view
    if (this.#blockStart === -1) this.#blockStart = view.base + start
    // [spec] If the line starts with a U+003A COLON character (:): Ignore the line.
    if (bytes[start] === COLON) return
    this.#openBlock = true
    let from = dataStart(bytes, start, end)
    if (from !== -1) {
      this.#appendData(value(view, from, end), end - from)
    } else if ((from = valueStart(bytes, EVENT, start, end)) !== -1) {
      this.#type = value(view, from, end)
    } else if ((from = valueStart(bytes, ID, start, end)) !== -1) {
      const id = value(view, from, end)
      // [spec] If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
      // Otherwise, ignore the field.
      if (!id.includes('\0')) this.#id = id
    } else if ((from = valueStart(bytes, RETRY, start, end)) !== -1) {
      this.#retry(value(view, from, end))
    }
    // [spec] Otherwise: The field is ignored.
  }

  #appendData(line: string, bytes: number): void {
    // one LF for each line
    this.#dataBytes += bytes + 1
    if (this.#dataBytes > this.#maxEventBytes + 1) {
      throw new RangeError(`line ${this.#lineNumber}: the data of one event exceeds ${this.#maxEventBytes} bytes`)
    }
    this.#data = this.#data === undefined ? line : `${this.#data}\n${line}`
  }

  #retry(digits: string): void {
    // [spec] If the field value consists of only ASCII digits, then interpret the field value as an integer in base
    // ten, and set the event stream's reconnection time to that integer. Otherwise, ignore the field.
    // Of an empty value the condition is true in logic; clients differ, most ignore it, and so do we.
    if (!/^[0-9]+$/.test(digits)) return
    this.#reconnectionTime = Number(digits)
    this.#handlers.onRetry?.(this.#reconnectionTime, this.#lineNumber)
  }

  #blankLine(end: number): void {
    if (this.#data !== undefined) return this.#fire(this.#data, end)
    // No data, no event; but the id of such a block counts.
    this.#lastEventId = this.#id
    this.#clear()
  }

  #fire(data: string, end: number): void {
    // [spec] Set the last event ID string of the event source to the value of the last event ID buffer.
    this.#lastEventId = this.#id
    const event = { type: this.#type || 'message', data, lastEventId: this.#id, start: this.#blockStart, end }
    this.#clear()
    this.#handlers.onEvent?.(event)
  }

  /** After each blank line; the id buffer stays. */
  #clear(): void {
    this.#data = undefined
    this.#dataBytes = 0
    this.#type = ''
    this.#blockStart = -1
    this.#openBlock = false
  }

  #report(view: View, start: number, end: number, eol: Line['eol']): void {
    const { bytes, base } = view
    const content = bytes.subarray(start, end)
    const colon = content.indexOf(COLON)
    const nameEnd = colon === -1 ? content.length : colon
    this.#handlers.onLine?.({
      number: this.#lineNumber,
      start: base + start,
      end: base + end,
      next: base + end + eol.length,
      eol,
      kind: start === end ? 'blank' : colon === 0 ? 'comment' : 'field',
      name: content.toString('utf8', 0, nameEnd),
      value: content.toString('utf8', afterName(content, nameEnd, content.length)),
    })
  }

  #tooLong(lineNumber: number): never {
    throw new RangeError(`line ${lineNumber} exceeds ${this.#maxEventBytes} bytes`)
  }
}
