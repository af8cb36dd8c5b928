import type { Chunk } from '../model.ts'
import { Arrivals } from './arrivals.ts'
import { ChunkedBody } from './chunked.ts'
import type { Framing } from './head.ts'
import { framing, parseHead } from './head.ts'
import type { Body, FaultKind, Head, HttpFault, Message, Report, Span } from './message.ts'
import { Runs } from './runs.ts'
import { SECTION_LIMIT, Section } from './section.ts'

const LF = 10
const HTTP = [0x68, 0x74, 0x74, 0x70, 0x2f]
/** A status line that has not begun by this many bytes is not looked for any more. */
const JUNK_LIMIT = 8192

/**
 * Reads one response, however its bytes are cut (RFC 9112). Nothing is thrown: what is wrong becomes a fault, and
 * reading goes on while anything can be read. Costs O(bytes) over all pushes; `message` costs O(bytes) a call, so
 * watch `state` between pushes and ask for the message when it is over.
 */
export class ResponseReader {
  readonly #method: string
  readonly #unframed: boolean
  readonly #arrivals = new Arrivals()
  readonly #section = new Section()
  readonly #runs = new Runs()
  readonly #faults: HttpFault[] = []
  readonly #interim: Head[] = []
  /** seek: no status line has begun; head: the section holds a part of a head; after: nothing more is read */
  #phase: 'seek' | 'head' | 'body' | 'after' | 'not-http' = 'seek'
  #seekStart = 0
  #inOtherLine = false
  #headTooLarge = false
  #head: Head | undefined
  #cut: Head | undefined
  #framing: Framing | undefined
  #left = 0
  #chunked: ChunkedBody | undefined
  #complete = false
  #completeAt: number | undefined
  #junk: Span | undefined
  /** where the bytes begin that no longer belong to the message */
  #restStart = 0
  #message: Message | undefined

  /**
   * @param method of the request: a response to HEAD has no body whatever its head says (RFC 9112 6.3)
   * @param unframed the transfer framing was removed before: a body is all that follows the head
   */
  constructor(method: string, unframed = false) {
    this.#method = method
    this.#unframed = unframed
  }

  /**
   * - head: no final head yet
   * - body: the head is read
   * - complete: nothing more is read: the message is complete, or (`body.complete` false) its framing broke or FIN came
   * - not-http: no status line in the first 8 KiB, or none before FIN
   */
  get state(): 'head' | 'body' | 'complete' | 'not-http' {
    if (this.#phase === 'seek' || this.#phase === 'head') return 'head'
    return this.#phase === 'after' ? 'complete' : this.#phase
  }

  /** Reads the next arrival. Its bytes are kept by reference until `message` and must not be changed. */
  push(chunk: Chunk): void {
    const { bytes, at } = chunk
    if (bytes.length === 0) return
    const base = this.#arrivals.length
    this.#arrivals.add(bytes.length, at)
    this.#message = undefined
    let i = 0
    while (i < bytes.length) {
      if (this.#phase === 'seek') i = this.#seek(bytes, i, base)
      else if (this.#phase === 'head') i = this.#takeHead(bytes, i)
      else if (this.#phase === 'body') i = this.#takeBody(bytes, i, base, at)
      else return
    }
  }

  /** The target sent FIN, at `at` ms (when absent: with the last byte). */
  end(at?: number): void {
    this.#message = undefined
    this.#arrivals.end(at)
    if (this.#phase === 'after' || this.#phase === 'not-http') return
    const end = this.#arrivals.length
    this.#restStart = end
    if (this.#phase === 'body' && this.#framing?.kind === 'close') {
      this.#finish(end)
    } else if (this.#phase === 'body') {
      this.#report('incomplete-body', end, end, 'the connection ended before the body was complete')
      this.#phase = 'after'
    } else if (this.#phase === 'head') {
      this.#cut = this.#readHead()
      this.#report('incomplete-head', end, end, 'the connection ended before the empty line after the head')
      this.#phase = 'after'
    } else if (end > this.#seekStart) {
      this.#phase = 'not-http'
    } else {
      this.#report('incomplete-head', end, end, 'the connection ended before a response')
      this.#phase = 'after'
    }
  }

  /** What was read so far. Bytes still to come do not change a message returned before. */
  message(): Message {
    this.#message ??= this.#assemble()
    return this.#message
  }

  readonly #report: Report = (kind, start, end, detail) => {
    this.#faults.push({ kind, where: { start, end }, at: this.#arrivals.timeOf(start), detail })
  }

  /** Looks for a line that begins with `HTTP/` (in any case: a wrong case is a fault of the status line). */
  #seek(bytes: Uint8Array, i: number, base: number): number {
    const section = this.#section
    if (!this.#inOtherLine && section.length === 0) section.reset(base + i)
    while (i < bytes.length) {
      if (this.#inOtherLine) {
        const lf = bytes.indexOf(LF, i)
        i = lf < 0 ? bytes.length : lf + 1
        if (base + i - this.#seekStart > JUNK_LIMIT) {
          this.#phase = 'not-http'
          return i
        }
        if (lf < 0) return i
        this.#inOtherLine = false
        section.reset(base + i)
      } else if (((bytes[i] as number) | 0x20) === HTTP[section.length]) {
        section.take(bytes, i, i + 1)
        i += 1
        if (section.length < HTTP.length) continue
        if (section.start > this.#seekStart) this.#reportJunk(section.start)
        this.#phase = 'head'
        return i
      } else {
        this.#inOtherLine = true
      }
    }
    return i
  }

  #reportJunk(end: number): void {
    const start = this.#seekStart
    this.#junk ??= { start, end }
    this.#report('junk-before-head', start, end, `${end - start} bytes before the status line`)
  }

  #takeHead(bytes: Uint8Array, from: number): number {
    const section = this.#section
    const end = section.take(bytes, from)
    if (section.length > SECTION_LIMIT && !this.#headTooLarge) {
      this.#headTooLarge = true
      this.#report('head-too-large', section.start, section.start + SECTION_LIMIT, `a head over ${SECTION_LIMIT} bytes`)
    }
    if (end < 0) return bytes.length
    const head = this.#readHead()
    const found = framing(this.#method, head, this.#report)
    this.#framing = this.#unframed && found.kind !== 'none' ? { kind: 'close', tunnel: false } : found
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.#interim.push(head)
      this.#seekStart = head.span.end
      this.#headTooLarge = false
      section.reset(head.span.end)
      this.#phase = 'seek'
      return end
    }
    this.#head = head
    this.#phase = 'body'
    if (this.#framing.kind === 'chunked') this.#chunked = new ChunkedBody(this.#runs, this.#report)
    this.#left = this.#framing.length ?? 0
    if (this.#framing.kind === 'none' || (this.#framing.kind === 'length' && this.#left === 0)) {
      this.#finish(head.span.end)
    }
    return end
  }

  #readHead(): Head {
    const { text, start } = this.#section
    const head = parseHead(text, start, this.#report)
    return { ...head, at: this.#arrivals.timeOf(head.span.end - 1), startedAt: this.#arrivals.timeOf(start) }
  }

  #takeBody(bytes: Uint8Array, from: number, base: number, at: number): number {
    if (this.#chunked) {
      const end = this.#chunked.take(bytes, from, base, at)
      if (this.#chunked.complete) this.#finish(base + end)
      else if (this.#chunked.over) {
        this.#restStart = this.#chunked.stoppedAt
        this.#phase = 'after'
      }
      return end
    }
    const bounded = this.#framing?.kind === 'length'
    const end = bounded ? Math.min(bytes.length, from + this.#left) : bytes.length
    this.#runs.add(bytes, from, end, base + from, at)
    this.#left -= end - from
    if (bounded && this.#left === 0) this.#finish(base + end)
    return end
  }

  /** The message is complete and ends before offset `end`. */
  #finish(end: number): void {
    this.#complete = true
    this.#completeAt = this.#arrivals.timeOf(this.#framing?.kind === 'close' ? end : end - 1)
    this.#restStart = end
    this.#phase = 'after'
  }

  #assemble(): Message {
    const received = this.#arrivals.length
    const faults = [...this.#faults]
    const rest = this.#phase === 'after' && received > this.#restStart
      ? { start: this.#restStart, end: received }
      : undefined
    const junk = this.#junk ?? this.#junkSoFar()
    const lasting = this.#lastingFault(rest)
    if (lasting) faults.push(lasting)
    return {
      interim: [...this.#interim],
      ...(this.#head && { head: this.#head, body: this.#body(this.#head, this.#complete ? undefined : rest) }),
      ...(this.#cut && { cut: this.#cut }),
      faults,
      ...(this.#complete && rest && { excess: rest }),
      ...(junk && { junk }),
    }
  }

  #junkSoFar(): Span | undefined {
    const { length, start } = this.#section
    if (this.#phase !== 'seek' && this.#phase !== 'not-http') return undefined
    // a line that may yet become a status line is no junk
    const end = this.#phase === 'seek' && !this.#inOtherLine && length > 0 ? start : this.#arrivals.length
    return end > this.#seekStart ? { start: this.#seekStart, end } : undefined
  }

  /** The fault whose span still grows with every arrival. */
  #lastingFault(rest: Span | undefined): HttpFault | undefined {
    const fault = (kind: FaultKind, where: Span, detail: string): HttpFault => {
      return { kind, where, at: this.#arrivals.timeOf(where.start), detail }
    }
    if (this.#phase === 'not-http') {
      const where = { start: this.#seekStart, end: this.#arrivals.length }
      return fault('not-http', where, 'no line begins with HTTP/')
    }
    if (!rest || !this.#complete || this.#framing?.tunnel) return undefined
    if (this.#framing?.kind !== 'none') return fault('excess', rest, 'bytes after the message was complete')
    const why = this.#method === 'HEAD' ? 'a response to HEAD' : `a ${this.#head?.status} response`
    return fault('forbidden-body', rest, `bytes after the head of ${why}`)
  }

  #body(head: Head, unread: Span | undefined): Body {
    const { kind = 'none', length, codings } = this.#framing ?? {}
    return {
      framing: kind,
      bytes: this.#runs.bytes(),
      pieces: this.#runs.pieces(),
      complete: this.#complete,
      ...(this.#complete && { completeAt: this.#completeAt ?? head.at }),
      ...(length !== undefined && { length }),
      ...(this.#chunked && { sizes: [...this.#chunked.sizes] }),
      trailers: this.#chunked?.trailers ?? [],
      ...(codings && { codings }),
      ...(unread && { unread }),
    }
  }
}
