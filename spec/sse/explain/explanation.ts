/** What `streamproof explain` says beyond the rule's own sentences; the code of the recipes is in `examples/`. */
import type { RecipeId } from './recipes.ts'
import type { PageId } from './pages.ts'

/** Of one rule. */
export interface Explanation {
  /** wrong code or configuration as it is met in the field: a line, or a few */
  readonly bug: string | readonly string[]
  /** what it does that nobody meant */
  readonly flaw: string
  /** how it is done right; several rules share a recipe */
  readonly recipes: readonly RecipeId[]
  /** ids without `sse/` of rules that the same fault or the same repair is likely to touch */
  readonly related?: readonly string[]
  readonly page?: PageId
}

/** Of one area, by the last part of the rule's id. */
export type Explanations = Readonly<Record<string, Explanation>>
