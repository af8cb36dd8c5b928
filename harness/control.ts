/** Control traffic of a driver: ordinary requests whose answers are read whole. */
import { request as send, type Agent } from 'undici'
import type { Act, SentRequest } from '../spec/model.ts'

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
}
