/**
 * The transcript read: handshakes, frames and messages of both sides, and how each connection ended. Everything is read
 * when it is first asked for.
 */
import { field, fields, ResponseReader, type Head } from '../http.ts'
import type { Act, Declares, Finding, Link, Place, Transcript } from '../model.ts'
import { inflater } from './inflate.ts'
import { read, type Close, type Control, type Fault, type Happening, type Message, type Reading } from './machine.ts'
import { readFrames, type Frame } from './reader.ts'
import { acceptOf, asked, deflateOf, extensions, type Deflate, type Extension } from './upgrade.ts'

/** One side of a connection: its frames, and what they say. */
export interface Speech extends Reading {
  readonly frames: readonly Frame[]
  /** the frame that is cut off */
  readonly partial: Frame | undefined
  /** bytes behind the last complete frame */
  readonly pending: number
}

/** One connection: the handshake, and everything that either side sent. */
export class Connection {
  readonly link: Link
  readonly #memo = new Map<string, unknown>()

  constructor(link: Link) {
    this.link = link
  }

  #once<T>(key: string, make: () => T): T {
    if (!this.#memo.has(key)) this.#memo.set(key, make())
    return this.#memo.get(key) as T
  }

  /** The head of the answer; undefined when none came. */
  get head(): Head | undefined {
    return this.#once('head', () => {
      const reader = new ResponseReader(this.link.request.method)
      for (const chunk of this.link.chunks) {
        reader.push(chunk)
        if (reader.state !== 'head') break
      }
      return reader.message().head
    })
  }

  /** 0 when no head came */
  get status(): number {
    return this.head?.status ?? 0
  }

  /** Values of a field, line by line as they came. */
  values(name: string): string[] {
    return this.head ? fields(this.head, name).map(({ value }) => value) : []
  }

  /** The target switched protocols: what follows the head are frames. */
  get isOpen(): boolean {
    return this.status === 101
  }

  /** The handshake is one that a client takes (RFC 6455 4.1). */
  get isAccepted(): boolean {
    const key = asked(this.link.request, 'sec-websocket-key')
    return this.isOpen && key !== undefined && this.values('sec-websocket-accept').join() === acceptOf(key)
  }

  get extensions(): readonly Extension[] {
    return this.#once('extensions', () => extensions(this.head && field(this.head, 'sec-websocket-extensions')))
  }

  /** What was agreed on for permessage-deflate; undefined when it was not. */
  get deflate(): Deflate | undefined {
    return this.#once('deflate', () => deflateOf(this.extensions))
  }

  /** What the target sent behind the head. */
  get received(): Speech {
    return this.#once('received', () => {
      const start = this.head?.span.end
      if (start === undefined || !this.isOpen) return { frames: [], partial: undefined, pending: 0, happenings: [], open: [], afterClose: [] }
      // an echo may be as large as what it answers
      return speech(behind(this.link, start), start, 'server', this.deflate, () => messageBytes(this.sent.happenings))
    })
  }

  /** What the kit sent behind the request. Offsets count from its first byte. */
  get sent(): Speech {
    // bombs among it are what rules want to see
    return this.#once('sent', () => speech(this.link.sent ?? [], 0, 'client', this.deflate, () => mostSent))
  }

  /** Messages that the target sent. */
  get messages(): Message[] {
    return this.#once('messages', () => this.received.happenings.filter((one): one is Message => one.kind === 'message'))
  }

  get pongs(): Control[] {
    return this.#once('pongs', () => controls(this.received.happenings, 'pong'))
  }

  get pings(): Control[] {
    return this.#once('pings', () => controls(this.received.happenings, 'ping'))
  }

  /** The Close that the target sent. */
  get close(): Close | undefined {
    return this.received.happenings.find((one): one is Close => one.kind === 'close')
  }

  /** What is wrong with what the kit sent. */
  get provocation(): Fault | undefined {
    return this.sent.fault
  }

  /** The target ended TCP. */
  get isDropped(): boolean {
    return this.link.ended.by === 'target'
  }

  /** Where the handshake is in what was received. */
  get where(): Place {
    const { span, at } = this.head ?? {}
    return { link: this.link.id, ...(span ? { byte: span.start, length: span.end - span.start } : {}), ...(at === undefined ? {} : { at }) }
  }

  /** Where a frame of the target is. */
  place({ span, at }: Frame): Place {
    return { link: this.link.id, byte: span.start, length: span.end - span.start, at }
  }

  /** Where the connection ended. */
  get endPlace(): Place {
    return { link: this.link.id, byte: this.link.chunks.reduce((sum, { bytes }) => sum + bytes.length, 0), at: this.link.ended.at }
  }

  /** Where the lines of a field are; the head when there are none. */
  fieldPlace(name: string): Place {
    const [line] = this.head ? fields(this.head, name) : []
    return line ? { ...this.where, byte: line.span.start, length: line.span.end - line.span.start } : this.where
  }
}

/** bytes; what is decompressed of the messages of the kit beyond those that are decompressed of any side */
const mostSent = 512 * 1024 * 1024

const messageBytes = (happenings: readonly Happening[]): number =>
  happenings.reduce((sum, one) => sum + (one.kind === 'message' ? one.payload.length : 0), 0)

function controls(happenings: readonly Happening[], kind: Control['kind']): Control[] {
  return happenings.filter((one): one is Control => one.kind === kind)
}

function speech(chunks: Link['chunks'], start: number, from: 'client' | 'server', deflate: Deflate | undefined, more?: () => number): Speech {
  const { frames, partial, pending } = readFrames(chunks, start)
  const reading = read(frames, { from, ...(deflate ? { inflate: inflater(deflate, from, more) } : {}) }, partial)
  return { ...reading, frames, partial, pending }
}

/** The chunks of a link from an offset on. */
function behind({ chunks }: Link, start: number): Link['chunks'] {
  let offset = 0
  return chunks.flatMap((chunk) => {
    const from = Math.max(0, start - offset)
    offset += chunk.bytes.length
    return from < chunk.bytes.length ? [{ at: chunk.at, bytes: chunk.bytes.subarray(from) }] : []
  })
}

export interface WsExchange {
  readonly transcript: Transcript
  readonly connections: readonly Connection[]
  readonly acts: readonly Act[]
  readonly declares: Declares
}

export function readWsExchange(transcript: Transcript): WsExchange {
  const { links, acts, declares = {} } = transcript
  return { transcript, connections: links.map((link) => new Connection(link)), acts, declares }
}

/** Connections that a stimulus opened for this. */
export const withRole = ({ connections }: WsExchange, role: string): Connection[] =>
  connections.filter(({ link }) => link.role === role)

/** One finding for each subject. */
export function forEvery(
  subjects: readonly Connection[],
  expected: string,
  look: (subject: Connection) => Pick<Finding, 'ok' | 'actual'> & { readonly where?: Place },
): Finding[] {
  return subjects.map((subject) => ({ where: subject.where, expected, ...look(subject) }))
}
