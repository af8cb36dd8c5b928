/** What may happen to a channel, one command after the other. */
import fc from 'fast-check'
import { Subscriber, type Channel, type Model } from './model.ts'

type Command = fc.AsyncCommand<Model, Channel, boolean>

/** bytes of one event of a flood: five of them are more than the system takes in for a client that does not read */
const floodEventBytes = 1024 * 1024
const floodEvents = 5

class Publish implements Command {
  readonly count: number

  constructor(count: number) {
    this.count = count
  }

  check(): boolean {
    return true
  }

  async run(model: Model, real: Channel): Promise<void> {
    await model.publish(real, model.nextEvents(this.count))
  }

  toString(): string {
    return `publish ${this.count}`
  }
}

class Flood implements Command {
  check(): boolean {
    return true
  }

  async run(model: Model, real: Channel): Promise<void> {
    await model.publish(real, model.nextEvents(floodEvents, ` ${'.'.repeat(floodEventBytes)}`))
  }

  toString(): string {
    return 'flood'
  }
}

/**
 * For the first time, or with the id of the newest event, which it kept from an earlier visit. Who stalls has such an
 * id: nothing that it reads could tell it since when it is subscribed.
 */
class Subscribe implements Command {
  readonly name: string
  readonly stalled: boolean

  constructor(name: string, stalled: boolean) {
    this.name = name
    this.stalled = stalled
  }

  check(model: Readonly<Model>): boolean {
    return !model.subscribers.has(this.name) && (!this.stalled || model.published.length > 0)
  }

  async run(model: Model, real: Channel): Promise<void> {
    const subscriber = new Subscriber(this.name)
    if (this.stalled) model.remember(subscriber)
    model.subscribers.set(this.name, subscriber)
    await model.connect(real, subscriber, this.stalled)
  }

  toString(): string {
    return `${this.name} subscribes${this.stalled ? ' and stalls' : ''}`
  }
}

class Cut implements Command {
  readonly name: string
  readonly by: 'FIN' | 'RST'
  /** which share of the bytes that came the client still got, in thousandths */
  readonly permille: number

  constructor(name: string, by: 'FIN' | 'RST', permille: number) {
    this.name = name
    this.by = by
    this.permille = permille
  }

  check(model: Readonly<Model>): boolean {
    return model.subscribers.get(this.name)?.connection !== undefined
  }

  async run(model: Model): Promise<void> {
    const subscriber = model.subscribers.get(this.name)
    if (subscriber) await model.cut(subscriber, this.by, this.permille)
  }

  toString(): string {
    return `${this.name} is cut by ${this.by} at ${this.permille}/1000`
  }
}

/** With the last id that was committed. */
class Reconnect implements Command {
  readonly name: string
  readonly stalled: boolean

  constructor(name: string, stalled: boolean) {
    this.name = name
    this.stalled = stalled
  }

  check(model: Readonly<Model>): boolean {
    const subscriber = model.subscribers.get(this.name)
    return subscriber !== undefined && !subscriber.connection && (!this.stalled || subscriber.lastEventId !== '')
  }

  async run(model: Model, real: Channel): Promise<void> {
    const subscriber = model.subscribers.get(this.name)
    if (subscriber) await model.connect(real, subscriber, this.stalled)
  }

  toString(): string {
    return `${this.name} reconnects${this.stalled ? ' and stalls' : ''}`
  }
}

class GoOn implements Command {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  check(model: Readonly<Model>): boolean {
    return model.subscribers.get(this.name)?.stalled === true
  }

  async run(model: Model): Promise<void> {
    const subscriber = model.subscribers.get(this.name)
    if (!subscriber) return
    subscriber.stalled = false
    subscriber.connection?.goOn()
    model.lines.push({ at: this.name, note: 'reads on' })
  }

  toString(): string {
    return `${this.name} reads on`
  }
}

const permille = fc.oneof(fc.constant(1000), fc.integer({ min: 0, max: 1000 }))

/** Histories of that many commands at most; in those with `floods` few subscribers may fall behind. */
export function histories(maxCommands: number, floods: boolean): fc.Arbitrary<Iterable<Command>> {
  const name = floods ? fc.constantFrom('A', 'A', 'B') : fc.constantFrom('A', 'B', 'C')
  return fc.commands<Model, Channel, boolean>([
    fc.tuple(name, fc.boolean()).map((parts) => new Subscribe(...parts)),
    fc.integer({ min: 1, max: 5 }).map((count) => new Publish(count)),
    fc.tuple(name, fc.constantFrom('FIN' as const, 'RST' as const), permille).map((parts) => new Cut(...parts)),
    fc.tuple(name, fc.boolean()).map((parts) => new Reconnect(...parts)),
    floods ? fc.constant(new Flood()) : name.map((who) => new GoOn(who)),
  ], { maxCommands, size: 'max' })
}

/** Runs a history on a fresh channel and finishes it. @throws Error, with the diagram, when a subscriber is wronged */
export async function play(model: Model, real: Channel, commands: Iterable<Command>): Promise<void> {
  await fc.asyncModelRun(() => ({ model, real }), commands)
  await model.finish(real)
}
