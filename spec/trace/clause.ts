/** A sentence of a standard, and what answers for it. */
import type { RuleId } from '../model.ts'

/** How strongly the text speaks: a keyword of RFC 2119 (HTML writes them small), or a note that asks nothing. */
export type Keyword = 'MUST' | 'SHOULD' | 'MAY' | 'note'

interface Sentence {
  /** never reused: `html-9.2.5-utf8` */
  readonly id: string
  /** URL with fragment */
  readonly url: string
  /** who is bound, or for a note addressed */
  readonly binds: 'server' | 'client' | 'intermediary'
  readonly keyword: Keyword
  /** in own words */
  readonly gist: string
}

export type Clause = Sentence & (
  | { readonly rules: readonly RuleId[] }
  /** why no rule answers for it */
  | { readonly excluded: string }
)

/** One text in one revision. */
export interface Standard {
  readonly title: string
  /** which text was read */
  readonly revision: string
  readonly clauses: readonly Clause[]
}

/** `sse('framing/utf8')` is `['sse/framing/utf8']`. */
export function sse(...slugs: readonly `${string}/${string}`[]): readonly RuleId[] {
  return slugs.map((slug): RuleId => `sse/${slug}`)
}
