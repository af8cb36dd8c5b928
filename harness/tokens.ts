/** Tokens that a driver issues to the kit (contract: tokens), by the name that a stimulus gives them. */
import { tokenIn } from '../spec/contract/tokens.ts'
import type { Act, SentRequest } from '../spec/model.ts'
import { revocation, siblingOf } from './addresses.ts'
import type { Control } from './control.ts'

export class Tokens {
  readonly #control: Control
  /** undefined where the target issues none */
  readonly #issue: SentRequest | undefined
  readonly #channel: string
  readonly #texts = new Map<string, string>()

  /** @param channel name of the channel and of its user */
  constructor(control: Control, issue: SentRequest | undefined, channel: string) {
    this.#control = control
    this.#issue = issue
    this.#channel = channel
  }

  /** Asks for a token that lasts so many ms, of the user of the channel or of its sibling; `once`: for one use. */
  async issue({ name, ttlMs, to, once }: { readonly name: string; readonly ttlMs: number; readonly to?: 'sibling'; readonly once?: true }): Promise<Act[]> {
    if (!this.#issue) return []
    const user = to === 'sibling' ? siblingOf(this.#channel) : this.#channel
    const body = JSON.stringify({ ttlMs, user, ...(once ? { once } : {}) })
    const act = await this.#control.ask('token', { ...this.#issue, body })
    const text = tokenIn(act)
    if (text !== undefined) this.#texts.set(name, text)
    return [act]
  }

  async revoke(name: string): Promise<Act[]> {
    const text = this.#texts.get(name)
    return this.#issue && text !== undefined ? [await this.#control.ask('token', revocation(this.#issue, text))] : []
  }

  /** A token that was obtained, or a text; undefined when it was not obtained. */
  textOf(wanted: { readonly of: string } | { readonly text: string }): string | undefined {
    return 'text' in wanted ? wanted.text : this.#texts.get(wanted.of)
  }
}
