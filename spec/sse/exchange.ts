/**
 * The transcript read: heads, bodies, lines, blocks, events, each with its place. Everything is read when it is first
 * asked for, because a driven case is judged by few rules and there are thousands of cases.
 */
import { uncode, type Uncoded } from '../coding.ts'
import { codings, extractMimeType, type MediaType } from '../fields.ts'
import { bodyPlace, fields, readBody, readResponse, type Body, type Head, type Message } from '../http.ts'
import type { Act, Aspect, Declares, Event, Finding, Link, Place, Transcript } from '../model.ts'
import { usual, type Thresholds } from '../thresholds.ts'
import { decodeEventStream, type Dispatched, type EventStream, type Line } from './decode.ts'

/** What is read of a coded body: kilobytes can hold gigabytes, and millions of lines. */
const mostDecoded = { bytes: 8 * 1024 * 1024, lines: 8192 }

/** The same up to the last line that is read. */
function bounded(content: Uncoded): Uncoded {
  const { bytes } = content.body
  let lines = 0
  for (let i = 0; i < bytes.length - 1; i += 1) {
    if (bytes[i] !== 10 && bytes[i] !== 13) continue
    lines += 1
    if (lines < mostDecoded.lines) continue
    const body = { ...content.body, bytes: bytes.slice(0, i + 1) }
    return { ...content, body, fault: `more than ${mostDecoded.lines} lines when decoded` }
  }
  return content
}

/** What came back for one request. */
export class Answer {
  readonly link: Link
  readonly #lacks: readonly Aspect[]
  readonly #memo = new Map<string, unknown>()

  constructor(link: Link, lacks: readonly Aspect[] = []) {
    this.link = link
    this.#lacks = lacks
  }

  #once<T>(key: string, make: () => T): T {
    if (!this.#memo.has(key)) this.#memo.set(key, make())
    return this.#memo.get(key) as T
  }

  get message(): Message {
    return this.#once('message', () => (
      this.#lacks.includes('head') ? readBody(this.link) : readResponse(this.link, this.#lacks.includes('framing'))))
  }

  get head(): Head | undefined {
    return this.message.head
  }

  /** 0 when no head came */
  get status(): number {
    return this.head?.status ?? 0
  }

  /** Values of a field, line by line as they came. */
  values(name: string): string[] {
    return this.head ? fields(this.head, name).map((field) => field.value) : []
  }

  /** What a client takes for the type: Fetch "extract a MIME type". */
  get mimeType(): MediaType | undefined {
    return this.#once('mimeType', () => extractMimeType(this.values('content-type')))
  }

  /** The codings that Content-Encoding lists, in the order applied. */
  get codings(): readonly string[] {
    return this.#once('codings', () => codings(this.values('content-encoding').join(', ')))
  }

  /** The body without its content codings; `fault` when they could not be removed. */
  get content(): { readonly body: Body | undefined; readonly fault?: string } {
    return this.#once('content', () => {
      const { body } = this.message
      const uncoded = this.codings.length === 0 || this.#lacks.includes('coding')
      return !body || uncoded ? { body } : bounded(uncode(body, this.codings, mostDecoded.bytes))
    })
  }

  /** A 200 with the essence `text/event-stream`, the only answer a client reads events from (HTML 9.2.2). */
  get isEventStream(): boolean {
    return this.status === 200 && this.mimeType?.essence === 'text/event-stream' && this.link.request.method !== 'HEAD'
  }

  /** The body as a client interprets it (HTML 9.2.6), whatever the type says. */
  get stream(): EventStream {
    return this.#once('stream', () => decodeEventStream(this.content.body?.bytes ?? new Uint8Array()))
  }

  /** The target ended the message as HTTP wants it: last chunk, announced length, or FIN where the close delimits. */
  get endedCleanly(): boolean {
    const { message } = this
    return message.body?.complete === true && message.faults.length === 0 && this.content.fault === undefined
  }

  /** The kit left while the message was still open. */
  get isOpen(): boolean {
    return this.link.ended.by === 'kit' && this.message.body?.complete !== true
  }

  /** What the kit asked to be played, when this link is a play (contract: play). */
  get published(): readonly Event[] | undefined {
    return this.#once('published', () => {
      const { role, request } = this.link
      if (role !== 'play' || typeof request.body !== 'string') return undefined
      const script = JSON.parse(request.body) as { events?: unknown }
      return Array.isArray(script.events) ? (script.events as readonly Event[]) : undefined
    })
  }

  /** How the play was asked to end; `close` unless it says otherwise. */
  get playEnd(): 'close' | 'hold' | 'throw' | undefined {
    return this.#once('playEnd', () => {
      if (!this.published) return undefined
      return (JSON.parse(String(this.link.request.body)) as { end?: 'close' | 'hold' | 'throw' }).end ?? 'close'
    })
  }

  /** ms between two events of the play; 0 when it is none, or asks for no pauses */
  get playPauseMs(): number {
    return this.#once('playPauseMs', () => {
      if (!this.published) return 0
      return (JSON.parse(String(this.link.request.body)) as { pauseMs?: number }).pauseMs ?? 0
    })
  }

  /** ms when the byte at a body offset had arrived (or became decodable) */
  arrival(offset: number): number {
    const { body } = this.content
    return (body && bodyPlace(this.link, body, offset).at) ?? this.link.openedAt
  }

  /** Place of the head, or of the link when no head came. */
  get where(): Place {
    const { head } = this
    if (!head) return { link: this.link.id }
    return { link: this.link.id, byte: head.span.start, length: head.span.end - head.span.start, at: head.at }
  }

  /** Place of a header field, or of the head when it is absent. */
  fieldPlace(name: string): Place {
    const [first] = this.head ? fields(this.head, name) : []
    if (!first) return this.where
    return { ...this.where, byte: first.span.start, length: first.span.end - first.span.start }
  }

  /** Place of bytes of the event stream. */
  place(start: number, end: number): Place {
    const { body } = this.content
    return body ? bodyPlace(this.link, body, start, Math.max(1, end - start)) : this.where
  }

  linePlace(line: Line): Place {
    return { ...this.place(line.start, Math.max(line.end, line.start + 1)), line: line.number }
  }

  eventPlace(event: Dispatched): Place {
    return this.place(event.start, event.end)
  }
}

export interface Exchange {
  readonly transcript: Transcript
  readonly answers: readonly Answer[]
  readonly acts: readonly Act[]
  readonly declares: Declares
  /** the numbers that rules of convention judge by */
  readonly thresholds: Thresholds
}

/** Reads a transcript; total. */
export function readExchange(transcript: Transcript, thresholds: Thresholds = usual): Exchange {
  const answers = transcript.links.map((link) => new Answer(link, transcript.lacks))
  return { transcript, answers, acts: transcript.acts, declares: transcript.declares ?? {}, thresholds }
}

/** The answers that are event streams. */
export function streams(exchange: Exchange): Answer[] {
  return exchange.answers.filter((answer) => answer.isEventStream)
}

/** The answers to requests of that role. */
export function withRole(exchange: Exchange, role: string): Answer[] {
  return exchange.answers.filter((answer) => answer.link.role === role)
}

/** Roles of links that ask for the stream as a client may; all others ask for something else, or wrongly. */
const streamRoles: ReadonlySet<string> = new Set([
  'base', 'ordinary', 'plain', 'anything', 'coded', 'http10', 'again', 'play', 'channel', 'limited',
])

/** The answers to requests that asked for the stream, whatever they were. */
export function askedForStream(exchange: Exchange): Answer[] {
  return exchange.answers.filter((answer) => streamRoles.has(answer.link.role))
}

/** A finding about each subject, from one sentence and two functions. */
export function forEvery<S>(
  subjects: readonly S[],
  expected: string | ((subject: S) => string),
  look: (subject: S) => { readonly ok: boolean; readonly actual: string; readonly where: Place },
): Finding[] {
  return subjects.map((subject) => ({
    ...look(subject),
    expected: typeof expected === 'string' ? expected : expected(subject),
  }))
}

/** Text as a report shows it: JSON escapes, at most so many characters. */
export function quote(text: string, most = 72): string {
  const shown = text.length > most ? `${text.slice(0, most)}…` : text
  // white space that looks like a space is shown for what it is
  const escaped = JSON.stringify(shown).replace(/[\u007f-\u009f\u2028\u2029\ufeff]|(?! )\p{Zs}/gu, hexEscape)
  return text.length > most ? `${escaped} (${text.length} characters)` : escaped
}

const hexEscape = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
