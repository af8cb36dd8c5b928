/** One WebSocket connection, byte by byte: what the kit writes and everything that comes back are kept with their times. */
import type net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { bytes } from '../../spec/bytes.ts'
import { ResponseReader } from '../../spec/http.ts'
import type { Chunk, Link, SentRequest } from '../../spec/model.ts'
import { client, opcodes } from '../../spec/ws/frame.ts'
import { FrameReader, type Frame } from '../../spec/ws/reader.ts'
import type { Chop, Event } from '../../suites/ws/stimulus.ts'
import { Connection } from '../connection.ts'

/** ms between two writes that are to arrive apart: without it the system may put them into one segment */
const apartMs = 1
/**
 * What is kept of one connection: bytes, and frames, which cost more than their bytes. More where a flood is asked for,
 * and little of a target that is known to send without end.
 */
export const appetites = {
  usual: { bytes: 20 * 1024 * 1024, frames: 30_000 },
  loud: { bytes: 20 * 1024 * 1024, frames: 500_000 },
  endless: { bytes: 1024 * 1024, frames: 2000 },
} as const
/** ms in which a target that reads takes what waits */
const drainMs = 4000

export interface SocketDial {
  readonly id: string
  readonly role: string
  /** as it is recorded; `head` is what is written */
  readonly request: SentRequest
  readonly head: Uint8Array
  readonly chop?: Chop
  /** in the same write as the end of the request */
  readonly early?: Uint8Array
  /** how much is kept; `usual` unless it says otherwise */
  readonly appetite?: keyof typeof appetites
}

/** The parts that bytes are cut into. */
function pieces(bytes: Uint8Array, chop: Chop | undefined): Uint8Array[] {
  if (chop === undefined) return [bytes]
  const cuts = chop === 'octets' ? Array.from({ length: Math.max(0, bytes.length - 1) }, (_, i) => i + 1) : chop
  const edges = [0, ...[...new Set(cuts)].filter((at) => at > 0 && at < bytes.length).toSorted((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end))
}

/** Tells the last frame of a message of just these bytes, frame by frame. */
function whole(wanted: Uint8Array): (frame: Pick<Frame, 'opcode' | 'fin' | 'payload'>) => boolean {
  let parts: Uint8Array[] = []
  return ({ opcode, fin, payload }) => {
    if (opcode > 2) return false
    if (opcode !== 0) parts = []
    parts.push(payload)
    return fin && Buffer.concat(parts).equals(wanted)
  }
}

export class OpenSocket extends Connection {
  readonly #dial: SocketDial
  readonly #chunks: Chunk[] = []
  readonly #sent: Chunk[] = []
  readonly #head: ResponseReader
  readonly #frames = new FrameReader()
  #received = 0
  #switched = false
  #answered = false
  #answers = false
  /** frames that were looked at for pings */
  #pinged = 0

  constructor(dial: SocketDial, socket: net.Socket, now: () => number) {
    super(socket, now)
    this.#dial = dial
    this.#head = new ResponseReader(dial.request.method)
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.on('drain', () => this.wake())
  }

  /** Writes the request. Resolves when its head has come, the connection is over, or so many ms have passed. */
  async open(withinMs: number): Promise<void> {
    await this.standing
    const { head, chop, early } = this.#dial
    const parts = pieces(head, chop)
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1
      if (this.isOver) return
      if (last && early) this.#sent.push({ at: this.now(), bytes: early })
      this.socket.write(last && early ? Buffer.concat([part, early]) : part)
      if (!last) await pause(apartMs)
    }
    await this.when(() => this.#answered, withinMs)
  }

  /**
   * Writes bytes in as many parts as `chop` says; resolves when they are handed to the system, or when a target that does
   * not read has taken nothing for so many ms. Then nothing more is written.
   */
  async send(bytes: Uint8Array, chop?: Chop, withinMs = drainMs): Promise<void> {
    const parts = pieces(bytes, chop)
    for (const [i, part] of parts.entries()) {
      if (this.isOver || this.socket.writableNeedDrain) return
      this.#sent.push({ at: this.now(), bytes: part })
      if (!this.socket.write(part)) await this.when(() => !this.socket.writableNeedDrain, withinMs)
      if (i < parts.length - 1) await pause(apartMs)
    }
  }

  /** Resolves when it has happened, the connection is over, or so many ms have passed. */
  async await(event: Event, withinMs: number): Promise<void> {
    if ('ms' in event) return this.when(() => false, event.ms)
    await this.when(this.#condition(event), withinMs)
  }

  #condition(event: Exclude<Event, { ms: number }>): () => boolean {
    if ('end' in event) return () => false
    const { frames } = this.#frames
    const seen = (test: (frame: (typeof frames)[number]) => boolean): (() => boolean) => {
      let looked = 0
      let found = 0
      const wanted = 'messages' in event ? event.messages : 1
      return () => {
        for (; looked < frames.length; looked++) if (test(frames[looked] as (typeof frames)[number])) found += 1
        return found >= wanted
      }
    }
    if ('pong' in event) {
      const payload = Buffer.from(bytes(event.pong))
      return seen(({ opcode, payload: got }) => opcode === 10 && payload.equals(got))
    }
    if ('close' in event) return seen(({ opcode }) => opcode === 8)
    if ('refusal' in event) {
      const closed = seen(({ opcode }) => opcode === 8)
      return () => (this.#answered && !this.#switched) || closed()
    }
    if ('message' in event) return seen(whole(event.message))
    if ('messages' in event) return seen(({ opcode, fin }) => opcode <= 2 && fin)
    return seen(({ opcode, payload }) => opcode <= 2 && Buffer.from(payload).includes(event.text))
  }

  #take(data: Buffer): void {
    if (this.isOver) return
    const chunk = { at: this.now(), bytes: new Uint8Array(data) }
    this.#chunks.push(chunk)
    this.#received += data.length
    if (this.#switched) this.#frames.push(chunk)
    else this.#takeHead(chunk)
    const most = appetites[this.#dial.appetite ?? 'usual']
    if (this.#received > most.bytes || this.#frames.frames.length > most.frames) this.leave('limit')
    this.#answerPings()
    this.wake()
  }

  #takeHead(chunk: Chunk): void {
    this.#head.push(chunk)
    if (this.#head.state === 'head') return
    const { head } = this.#head.message()
    if (head?.status !== 101) {
      this.#answered ||= this.#head.state === 'complete' || this.#head.state === 'not-http'
      return
    }
    this.#switched = true
    this.#answered = true
    const rest = this.#received - head.span.end
    if (rest > 0) this.#frames.push({ at: chunk.at, bytes: chunk.bytes.subarray(chunk.bytes.length - rest) })
  }

  /** The target answered 101. */
  get isSwitched(): boolean {
    return this.#switched
  }

  /** Answers pings of the target: those that have come, and those that come from now on. */
  answer(): void {
    this.#answers = true
    this.#answerPings()
  }

  #answerPings(): void {
    if (!this.#answers) return
    const { frames } = this.#frames
    for (; this.#pinged < frames.length; this.#pinged++) {
      const { opcode, payload } = frames[this.#pinged] as Frame
      if (opcode === opcodes.ping) void this.send(client.pong(payload))
    }
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Says goodbye: a Close, then what comes until the target ends TCP, `withinMs` at most. */
  async close(withinMs: number): Promise<void> {
    if (this.#switched) await this.send(client.close(1000))
    await this.when(() => false, withinMs)
    this.leave('window')
  }

  /** Sends FIN and reads on. */
  shut(): void {
    if (!this.isOver) this.socket.end()
  }

  /** What has been seen so far, as a value. */
  link(): Link {
    const { id, role, request } = this.#dial
    const { openedAt, ended } = this
    return { id, role, request, openedAt, chunks: [...this.#chunks], ended, sent: [...this.#sent] }
  }
}
