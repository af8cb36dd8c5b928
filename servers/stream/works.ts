/**
 * Work that goes on whether anybody reads or not: a request starts it, a stream shows it from its first event on, and
 * another request cancels it. What it has made stands in the log of a channel, so whoever comes late or back gets it.
 */
import type { WorkRequest, WorkStarted } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import { json, noContent, problem, streamed } from './answer.ts'
import type { Answer, Whole } from './answer.ts'
import { Channel } from './channel.ts'
import type { ChannelOptions } from './channel.ts'
import type { Hooks } from './hooks.ts'

/** ms that finished work can still be read */
const keptMs = 60_000
/** of work at once, finished or not */
const most = 100

interface Work {
  readonly channel: Channel
  /** the event that is still to be made, and its timer */
  next: number
  timer: NodeJS.Timeout | undefined
}

export class Works {
  readonly #options: () => ChannelOptions
  readonly #hooks: Hooks
  readonly #works = new Map<string, Work>()

  constructor(options: () => ChannelOptions, hooks: Hooks) {
    this.#options = options
    this.#hooks = hooks
  }

  /** work that is neither done nor cancelled */
  get running(): number {
    return [...this.#works.values()].filter(({ channel }) => !channel.finished).length
  }

  start({ events, pauseMs = 0 }: WorkRequest): Whole {
    if (this.#works.size >= most) return problem(503, 'too much work is kept here', { 'Retry-After': '60' })
    const id = crypto.randomUUID()
    let count = 0
    const channel = new Channel({
      ...this.#options(),
      replayEvents: events.length,
      fromStart: true,
      identify: (event) => ({ ...event, id: String((count += 1)) }),
    })
    const work: Work = { channel, next: 0, timer: undefined }
    this.#works.set(id, work)
    const proceed = (): void => {
      const event = events[work.next]
      work.next += 1
      if (event === undefined) return this.#end(id, work, { event: 'done', data: '' })
      channel.publish([event])
      work.timer = setTimeout(proceed, pauseMs)
    }
    work.timer = setTimeout(proceed, 0)
    const path = `/works/${id}`
    return json(202, { id, stream: path, cancel: path } satisfies WorkStarted, { Location: path })
  }

  /** What it has made, or what followed the event with this id, and what it makes from now on. */
  show(id: string, after: string | undefined): Answer {
    const channel = this.#works.get(id)?.channel
    if (!channel) return problem(404, 'there is no such work, or no longer')
    const hasAll = after !== undefined && channel.knows(after) && channel.rest(after).length === 0
    return channel.finished && hasAll ? noContent() : streamed((sink) => channel.subscribe(sink, after))
  }

  cancel(id: string): Answer {
    const work = this.#works.get(id)
    if (!work) return problem(404, 'there is no such work, or no longer')
    if (!work.channel.finished) this.#hooks.cancel(() => this.#end(id, work, { event: 'cancelled', data: '' }))
    return noContent()
  }

  #end(id: string, { channel, timer }: Work, last: Event): void {
    clearTimeout(timer)
    channel.finish(last)
    setTimeout(() => this.#works.delete(id), keptMs).unref()
  }
}
