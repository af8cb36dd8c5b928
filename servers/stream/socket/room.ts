/** A channel as its sockets see it: its events, its bounds, and the streams that were started on it. */
import type { SocketStream, Tuning } from '../../../spec/contract/contract.ts'
import type { Event } from '../../../spec/model.ts'
import { Misunderstood } from './commands.ts'
import type { SocketHooks } from './hooks.ts'
import { Stream } from './stream.ts'

/** What the channel itself does. */
export interface RoomOptions {
  readonly hooks: SocketHooks
  readonly bounds: Required<Tuning>
  /** returns the ids; throws Unacceptable */
  readonly publish: (events: unknown) => readonly (string | null)[]
  /** has `listener` called with what is published, until the returned function is called */
  readonly observe: (listener: (events: readonly Event[]) => void) => () => void
}

/** Streams that are kept at once. */
const most = 1000

export class Room {
  readonly #options: RoomOptions
  readonly #streams = new Map<string, Stream>()
  readonly publish: RoomOptions['publish']
  readonly observe: RoomOptions['observe']

  constructor(options: RoomOptions) {
    this.#options = options
    this.publish = options.publish
    this.observe = options.observe
  }

  get bounds(): Required<Tuning> {
    return this.#options.bounds
  }

  get streams(): readonly Stream[] {
    return [...this.#streams.values()]
  }

  stream(name: string): Stream | undefined {
    return this.#streams.get(name)
  }

  /** Throws Misunderstood where the name is taken: a message that is sent again must not do its work again. */
  start(request: SocketStream, owner: string | undefined): Stream {
    const { hooks, bounds: { bufferBytes, replayMs } } = this.#options
    const refuse = (): void => {
      throw new Misunderstood('there is a stream of this name')
    }
    if (this.#streams.has(request.stream)) hooks.taken(refuse)
    if (this.#streams.size >= most) this.#forgetOldest()
    const dropped = (): void => {
      if (this.#streams.get(request.stream) === stream) this.#streams.delete(request.stream)
    }
    const stream = new Stream(request, { hooks, owner, bufferBytes, replayMs, dropped })
    this.#streams.set(request.stream, stream)
    return stream
  }

  /** Wrong on purpose: the same work from its start. */
  again(stream: Stream): Stream {
    stream.drop()
    return this.start(stream.request, stream.owner)
  }

  #forgetOldest(): void {
    const over = this.streams.find(({ works }) => !works)
    if (!over) throw new Misunderstood(`at most ${most} streams are kept here`)
    over.drop()
  }
}
