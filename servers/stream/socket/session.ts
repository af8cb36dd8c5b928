/** One channel socket: what it says is done, and what happens on its channel and to its streams is said to it. */
import type { SocketCommand, SocketReply } from '../../../spec/contract/contract.ts'
import { Unacceptable, detailOf } from '../bodies.ts'
import { Stall } from '../stall.ts'
import { Misunderstood, commandOf } from './commands.ts'
import type { Duplex, Listener, Message } from './duplex.ts'
import type { SocketHooks } from './hooks.ts'
import { Pulse } from './pulse.ts'
import type { Room } from './room.ts'
import type { Outlet, Stream } from './stream.ts'

/** ms that a client has to say who it is */
const authMs = 1000

export interface SessionOptions {
  readonly hooks: SocketHooks
  readonly room: Room
  /** Where a token is needed: the one of the handshake, if it came there, and whose a token is. */
  readonly access?: { readonly token: string | undefined; readonly user: (token: string, session: Session) => string | undefined }
  /** what it wants to go on with, from the query */
  readonly resume: { readonly stream: string | undefined; readonly lastEventId: string | undefined }
}

export class Session implements Listener, Outlet {
  readonly #duplex: Duplex
  readonly #options: SessionOptions
  readonly #pulse: Pulse
  readonly #stall: Stall
  readonly #streams = new Set<Stream>()
  #user: string | undefined
  #authTimer: NodeJS.Timeout | undefined
  #unobserve = (): void => {}
  #full = false
  #closed = false
  #attached = false
  /** messages that are still to be sent before the close that the client asked for */
  #leaving: { after: number; readonly code: number; readonly reason: string } | undefined

  constructor(duplex: Duplex, options: SessionOptions) {
    const { hooks, room, access } = options
    const { heartbeatMs, stallMs } = room.bounds
    this.#duplex = duplex
    this.#options = options
    this.#pulse = new Pulse(duplex, heartbeatMs, hooks)
    this.#stall = new Stall(() => duplex.pending(), stallMs, () => duplex.terminate())
    duplex.onDrain(() => this.#drained())
    hooks.attached(() => (this.#attached = true))
    if (!access) this.#enter()
    else if (access.token !== undefined) this.#authenticate(access.token)
    else {
      this.#authTimer = setTimeout(() => hooks.silent(() => this.unauthorized('no token came')), authMs)
      hooks.stranger(() => this.#hear())
    }
  }

  // ---- what comes ----

  message(message: Message): void {
    if (this.#closed || !this.#attached) return
    this.#options.hooks.sign(() => this.#pulse.heard(), 'message')
    try {
      this.#take(message)
    } catch (error) {
      if (error instanceof Misunderstood) this.#misunderstood(error)
      else this.#options.hooks.raised((code) => this.close(code, 'the handler raised'), error)
    }
  }

  pong(): void {
    this.#options.hooks.sign(() => this.#pulse.heard(), 'pong')
  }

  over(): void {
    this.#leave()
  }

  // ---- what goes ----

  send(message: Message): void {
    if (this.#closed) return
    this.#stall.look()
    this.#full = !this.#duplex.send(message)
    this.#stall.wrote()
    if (this.#full) this.#stall.watch()
    if (!this.#leaving) return
    this.#leaving.after -= 1
    if (this.#leaving.after <= 0) this.close(this.#leaving.code, this.#leaving.reason)
  }

  full(): boolean {
    return this.#options.hooks.waits(this.#full || this.#closed)
  }

  replaced(): void {
    this.close(4409, 'another socket has the stream')
  }

  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#leave()
    this.#duplex.close(code, reason)
  }

  unauthorized(reason: string): void {
    this.close(this.#options.hooks.unauthorized, reason)
  }

  // ---- inside ----

  /** The client is known: it hears of the channel, and goes on with its stream. */
  #enter(): void {
    const { resume: { stream, lastEventId } } = this.#options
    this.#options.hooks.joined(() => this.#hear())
    if (stream !== undefined) this.#resume(stream, lastEventId)
  }

  #hear(): void {
    const { hooks, room } = this.#options
    this.#unobserve()
    this.#unobserve = room.observe((events) => {
      for (const event of events) {
        const reply = hooks.event(event)
        if (reply) this.#reply(reply)
      }
    })
  }

  #resume(name: string, lastEventId: string | undefined): void {
    const { hooks, room } = this.#options
    const found = room.stream(name)
    const mine = found && hooks.mayResume(found.owner, this.#user) ? found : undefined
    const from = hooks.resumeAt(mine && (lastEventId === undefined ? 0 : mine.after(lastEventId)))
    if (from === undefined) this.#reply({ type: 'reset', stream: name })
    if (mine) this.#attach(hooks.resumed(mine, () => room.again(mine)), from)
  }

  #attach(stream: Stream, from: number | undefined): void {
    this.#streams.add(stream)
    stream.attach(this, from)
  }

  #take(message: Message): void {
    if (this.#authTimer) {
      const command = commandOf(message)
      if (command.type !== 'auth') return this.unauthorized('the first message is auth')
      return this.#authenticate(command.token)
    }
    if (typeof message !== 'string') {
      const takers = [...this.#streams].filter(({ takesBytes }) => takesBytes)
      for (const stream of takers) stream.received(message.length)
      if (takers.length > 0) return
    }
    this.#do(commandOf(message))
  }

  #authenticate(token: string): void {
    this.#user = this.#options.access?.user(token, this)
    if (this.#user === undefined) return this.unauthorized('the token is not valid')
    this.#options.hooks.known(() => {
      clearTimeout(this.#authTimer)
      this.#authTimer = undefined
      this.#enter()
    })
  }

  #do(command: SocketCommand): void {
    const { hooks, room } = this.#options
    switch (command.type) {
      case 'start': {
        const { type: _, ...request } = command
        return this.#attach(room.start(request, this.#user), 0)
      }
      case 'cancel': {
        const stream = room.stream(command.stream)
        // One that is over or never was is as good as cancelled; an error would be a second end of it.
        if (!stream?.works) return hooks.pointless()
        if (!hooks.mayCancel(stream.owner, this.#user)) return
        return hooks.cancel(() => stream.cancel(), () => {
          for (const one of this.#streams) one.cancel()
        })
      }
      case 'publish': return this.#publish(command)
      case 'ping': return this.#reply({ type: 'pong', ref: command.ref })
      case 'close': {
        const { code, reason = '', after = 0 } = command
        this.#leaving = { after, code, reason }
        if (after === 0) this.close(code, reason)
        return
      }
      case 'throw': throw new Error('the handler raised, as the message asked')
      case 'auth': throw new Misunderstood('nobody is asked for a token here, or no more')
    }
  }

  #publish({ events, ref }: Extract<SocketCommand, { type: 'publish' }>): void {
    try {
      this.#reply({ type: 'published', ref, ids: this.#options.room.publish(events) })
    } catch (error) {
      if (error instanceof Unacceptable) throw new Misunderstood(detailOf(error), ref)
      throw error
    }
  }

  #misunderstood({ message, ref }: Misunderstood): void {
    if (this.#authTimer) return this.unauthorized('the first message is auth')
    this.#options.hooks.misunderstood(
      () => this.#reply({ type: 'error', ...(ref === undefined ? {} : { ref }), message }),
      (code) => this.close(code, message),
    )
  }

  /** Says something that cannot wait; a client that is too far behind for it is closed. */
  #reply(given: SocketReply): void {
    const { hooks, room } = this.#options
    const reply = hooks.reply(given)
    if (!reply || this.#closed) return
    const text = JSON.stringify(reply)
    if (hooks.exceeds(this.#duplex.pending(), text.length, room.bounds.bufferBytes)) {
      hooks.overflow(() => this.close(1013, 'too much waits to be read'))
    }
    this.send(text)
  }

  #drained(): void {
    this.#full = false
    this.#stall.look()
    // Turns: the first one may fill the socket again.
    const streams = [...this.#streams]
    const [first] = streams
    if (first && this.#streams.delete(first)) this.#streams.add(first)
    for (const stream of streams) stream.go()
  }

  #leave(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#authTimer)
    this.#pulse.stop()
    this.#unobserve()
    for (const stream of this.#streams) this.#options.hooks.left(() => stream.detach(this))
  }
}
