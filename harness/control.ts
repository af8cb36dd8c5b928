/** Control traffic of a driver: ordinary requests whose answers are read whole. */
import { request as send, type Agent } from 'undici'
import type { Act, SentRequest } from '../spec/model.ts'

/** ms between two looks at stats: what a driver tells is true eventually, and nothing says when */
const pollMs = 40

export type ActKind = Exclude<Act['kind'], 'signal'>

/** Asks a driver to act. What it answers is a value; that it does not answer is status 0. */
export class Control {
  readonly #agent: Agent
  readonly #now: () => number
  readonly #left: () => number

  /** @param left ms that may still pass */
  constructor(agent: Agent, now: () => number, left: () => number) {
    this.#agent = agent
    this.#now = now
    this.#left = left
  }

  async ask(kind: ActKind, request: SentRequest, to?: 'sibling'): Promise<Act> {
    const at = this.#now()
    const act = { at, kind, request, ...(to ? { to } : {}) }
    const withinMs = Math.max(1, this.#left())
    try {
      const answer = await send(request.url, {
        dispatcher: this.#agent,
        method: request.method as 'POST',
        headers: Object.fromEntries(request.headers),
        ...(request.body === undefined ? {} : { body: request.body }),
        headersTimeout: withinMs,
        bodyTimeout: withinMs,
      })
      return { ...act, status: answer.statusCode, body: await answer.body.text(), doneAt: this.#now() }
    } catch (error) {
      return { ...act, status: 0, body: error instanceof Error ? error.message : '', doneAt: this.#now() }
    }
  }

  /** Asks for stats until the number of that name is as wanted, or so many ms have passed; the last answer counts. */
  async poll(request: SentRequest, name: string, is: number, withinMs: number, signal?: AbortSignal): Promise<Act> {
    const until = this.#now() + Math.min(withinMs, this.#left())
    for (;;) {
      const last = await this.ask('stats', request)
      if (numberIn(last.body, name) === is || this.#now() >= until || signal?.aborted) return last
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }
}

function numberIn(body: string, name: string): number | undefined {
  try {
    const value = (JSON.parse(body) as Readonly<Record<string, unknown>>)[name]
    return typeof value === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
