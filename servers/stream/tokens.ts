/**
 * Tokens that end by themselves (contract: tokens). EventSource cannot set header fields, so its token stands in the
 * URL, and URLs end up in logs and histories: what is found there is to be of no use any more.
 */
import { randomBytes } from 'node:crypto'
import type { Token, TokenRequest } from '../../spec/contract/contract.ts'
import { digest } from './auth.ts'

/** What a token stands for, as long as it is valid. */
export interface Grant {
  readonly user: string
  /** what is called once it is over: expired or revoked */
  readonly streams: Set<() => void>
}

/** Tokens that are valid at one time. */
export const mostTokens = 10_000

export class Tokens {
  // By digest: to find one takes the same time whatever was guessed, and a dump of the memory shows none.
  readonly #grants = new Map<string, Grant & { readonly timer: NodeJS.Timeout; uses: number }>()

  /** A token for that user and time; undefined when too many are out. */
  issue({ ttlMs, user, once = false }: TokenRequest): Token | undefined {
    if (this.#grants.size >= mostTokens) return undefined
    const token = randomBytes(24).toString('base64url')
    const timer = setTimeout(() => this.revoke(token), ttlMs).unref()
    this.#grants.set(keyOf(token), { user, streams: new Set(), timer, uses: once ? 1 : Infinity })
    return { token, expiresAt: Date.now() + ttlMs }
  }

  /** What the token stands for; undefined when it is none, or no longer. */
  grant(token: string | undefined): Grant | undefined {
    const grant = token === undefined ? undefined : this.#grants.get(keyOf(token))
    return grant && grant.uses > 0 ? grant : undefined
  }

  /** Something is opened with the token: one for one use opens nothing more. */
  use(token: string): void {
    const grant = this.#grants.get(keyOf(token))
    if (grant) grant.uses -= 1
  }

  /** Ends a token, and the streams that were opened with it. One that is not known is as good as ended. */
  revoke(token: string): void {
    const key = keyOf(token)
    const grant = this.#grants.get(key)
    if (!grant) return
    this.#grants.delete(key)
    clearTimeout(grant.timer)
    for (const end of grant.streams) end()
  }
}

const keyOf = (token: string): string => digest(token).toString('base64')
