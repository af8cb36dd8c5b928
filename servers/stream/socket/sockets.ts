/** The WebSockets of a server: who may connect to which, and which are open. */
import { problem } from '../answer.ts'
import type { Request, Whole } from '../answer.ts'
import { unauthorized } from '../auth.ts'
import type { Tokens } from '../tokens.ts'
import type { Accepted, Duplex, Listener } from './duplex.ts'
import { echo } from './echo.ts'
import { handshakeRefusal } from './handshake.ts'
import type { SocketHooks } from './hooks.ts'
import { Room } from './room.ts'
import type { RoomOptions } from './room.ts'
import { Session } from './session.ts'

export interface SocketsOptions {
  readonly hooks: SocketHooks
  /** whose pages may connect, or `*` */
  readonly origins: readonly string[]
  readonly tokens: Tokens
  /** a channel, as its sockets need it */
  readonly channel: (c: string) => RoomOptions
  /** called when the last one is over */
  readonly empty: () => void
}

export class Sockets {
  readonly #options: SocketsOptions
  readonly #rooms = new Map<string, Room>()
  /** of all connections, the echo included */
  readonly #open = new Map<Duplex, string | undefined>()
  /** open sockets by channel */
  readonly #sessions = new Map<string, number>()

  constructor(options: SocketsOptions) {
    this.#options = options
  }

  get open(): number {
    return this.#open.size
  }

  /** What stats tell of them; with `c` of the sockets and streams of one channel. */
  counts(c?: string): { readonly sockets: number; readonly producers: number; readonly bufferedBytes: number } {
    const rooms = c === undefined ? [...this.#rooms.values()] : [this.#rooms.get(c)]
    const streams = rooms.flatMap((room) => room?.streams ?? [])
    const sessions = c === undefined ? [...this.#sessions.values()] : [this.#sessions.get(c) ?? 0]
    const duplexes = [...this.#open].filter(([, of]) => c === undefined || of === c)
    return {
      sockets: sessions.reduce((sum, count) => sum + count, 0),
      producers: streams.filter(({ works }) => works).length,
      bufferedBytes: duplexes.reduce((sum, [duplex]) => sum + duplex.pending(), streams.reduce((sum, { waiting }) => sum + waiting, 0)),
    }
  }

  /** Somebody is connected to the channel, or may come back to one of its streams. */
  uses(c: string): boolean {
    return this.#sessions.has(c) || (this.#rooms.get(c)?.streams.length ?? 0) > 0
  }

  /** The channel is not there any more. */
  forget(c: string): void {
    this.#rooms.delete(c)
  }

  echo(request: Request): Accepted | Whole {
    return this.#refusal(request) ?? this.#accepted(request, { deflate: true }, echo)
  }

  socket(c: string, request: Request): Accepted | Whole {
    return this.#refusal(request) ?? this.#session(c, request)
  }

  /** The same for those who have a token: in the handshake, or in the first message. */
  secured(c: string, request: Request): Accepted | Whole {
    const { hooks, tokens } = this.#options
    const refused = this.#refusal(request)
    if (refused) return refused
    const given = hooks.token(request)
    const grant = tokens.grant(given)
    if (given !== undefined && !grant) return unauthorized(given)
    return this.#session(c, request, { token: given })
  }

  /** Closes all; the streams are kept, as who comes back may find this server again. */
  shutdown(): void {
    this.#options.hooks.shutdown(this.#open.keys())
  }

  #refusal(request: Request): Whole | undefined {
    const { hooks, origins } = this.#options
    const wrong = handshakeRefusal(request)
    if (wrong) return wrong
    return hooks.admits(request.header('origin'), origins) ? undefined : problem(403, 'pages of this origin may not connect')
  }

  #accepted(request: Request, { deflate, c }: { readonly deflate: boolean; readonly c?: string }, open: (duplex: Duplex) => Listener): Accepted {
    return {
      ...this.#options.hooks.protocol(request),
      deflate,
      open: (given) => {
        const duplex = this.#options.hooks.duplex(given, request)
        this.#open.set(duplex, c)
        const listener = open(duplex)
        return {
          message: (message) => listener.message(message),
          pong: () => listener.pong(),
          over: () => {
            this.#open.delete(duplex)
            listener.over()
            if (this.#open.size === 0) this.#options.empty()
          },
        }
      },
    }
  }

  /** `access` where a token is needed: without one in the handshake it has to be the first message. */
  #session(c: string, request: Request, access?: { readonly token: string | undefined }): Accepted {
    const { hooks, tokens } = this.#options
    const query = new URLSearchParams(request.query)
    const resume = { stream: query.get('stream') ?? undefined, lastEventId: query.get('lastEventId') || undefined }
    return this.#accepted(request, { deflate: false, c }, (duplex) => {
      let release = (): void => {}
      const user = (token: string, session: Session): string | undefined => {
        const grant = tokens.grant(token)
        const end = (): void => hooks.tokenOver(() => session.unauthorized('the token is over'))
        grant?.streams.add(end)
        hooks.spend(() => tokens.use(token))
        release = () => grant?.streams.delete(end)
        return grant?.user
      }
      this.#count(c, 1)
      const session = new Session(duplex, { hooks, room: this.#room(c), resume, ...(access && { access: { ...access, user } }) })
      return {
        message: (message) => session.message(message),
        pong: () => session.pong(),
        over: () => {
          hooks.over(() => this.#count(c, -1))
          release()
          session.over()
        },
      }
    })
  }

  #count(c: string, change: number): void {
    const count = (this.#sessions.get(c) ?? 0) + change
    if (count === 0) this.#sessions.delete(c)
    else this.#sessions.set(c, count)
  }

  #room(c: string): Room {
    let room = this.#rooms.get(c)
    if (!room) {
      room = new Room(this.#options.channel(c))
      this.#rooms.set(c, room)
    }
    return room
  }
}
