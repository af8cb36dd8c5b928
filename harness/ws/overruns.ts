/** Connections that a target has filled without end, and when the run gives up for them. */
import type { Connection } from '../../spec/ws/exchange.ts'
import { mostInflated } from '../../spec/ws/inflate.ts'
import { appetites } from './socket.ts'

const mebibyte = 1024 * 1024

/** What a run takes, from connections on which nothing large is asked for, before it gives up. */
const most = { connections: 4, frames: 300_000, bytes: 256 * mebibyte } as const

/** It brought more than is kept of a connection. */
const isFull = ({ link }: Connection): boolean => link.ended.how === 'limit'
/** The same, or more than is decompressed. */
const isCut = (connection: Connection): boolean => isFull(connection) || connection.received.isCut === true

/** What the connections of a run have brought, floods that were asked for left out. */
export class Overruns {
  #cut = 0
  #frames = 0
  #bytes = 0
  #isEndless = false
  #isCutUnasked = false

  /** A connection on which nothing was asked for. */
  greeted(connection: Connection): void {
    this.saw([connection])
    this.#isEndless ||= isFull(connection)
    this.#isCutUnasked ||= isCut(connection)
  }

  /** Counts what they brought. */
  saw(connections: readonly Connection[]): void {
    for (const connection of connections) {
      const { link, received, messages } = connection
      const inflated = messages.reduce((sum, { compressed, payload }) => sum + (compressed ? payload.length : 0), 0)
      const bytes = inflated + link.chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
      if (isCut(connection)) this.#cut += 1
      // a long run has many connections, each of which brings little
      if (bytes < appetites.endless.bytes && received.frames.length < appetites.endless.frames) continue
      this.#frames += received.frames.length
      this.#bytes += bytes
    }
  }

  /** The target sends without end by itself. */
  get isEndless(): boolean {
    return this.#isEndless
  }

  /** How much of a connection is to be kept; `loud`: a flood is asked for. */
  appetite(loud: boolean): keyof typeof appetites {
    return this.#isEndless ? 'endless' : loud ? 'loud' : 'usual'
  }

  /** Whether they may be judged: what is waited for may stand behind what came unasked and was not read. */
  admits(connections: readonly Connection[]): boolean {
    return !this.#isCutUnasked || !connections.some(isCut)
  }

  /** Nothing more is opened: each connection costs the time to fill and to read it, and all of them the memory. */
  get isOver(): boolean {
    return this.#cut >= most.connections || this.#frames >= most.frames || this.#bytes >= most.bytes
  }

  /** Why it is over: what came, in the indicative. */
  get says(): string {
    const { bytes, frames } = appetites.usual
    return 'the target sends more than can be kept, and the run was given up: '
      + (this.#cut >= most.connections
        ? `connections brought over ${bytes / mebibyte} MiB, ${frames} frames, or ${mostInflated / mebibyte} MiB of compressed messages`
        : `${this.#frames} frames and ${Math.round(this.#bytes / mebibyte)} MiB on connections that asked for little`)
  }
}
