/** What the generated cases of properties show about rules: how much was looked at, and the cases that fail, shrunk. */
import fc from 'fast-check'
import type { Replay, Rule, RuleId } from '../spec/model.ts'

/** What cases showed about one rule. */
export interface Driven<Case> {
  /** subjects looked at, those of shrinking left out */
  examined: number
  readonly failing: Case[]
  replay?: Replay
}

/** A property as far as it is counted. */
interface Counted<Input> {
  /** the first one is its own: its first failure stops the property and is shrunk */
  readonly feeds: readonly RuleId[]
  /** always tried, before any generated one */
  readonly examples: readonly Input[]
  /** generated cases, unless `--runs` says otherwise */
  readonly runs: number
}

export interface Generation {
  readonly seed: number
  /** generated cases in place of the property's own number */
  readonly runs?: number
  /** fast-check path of a failure to show again */
  readonly path?: string
}

/** The count of one property. `Case` is what is kept of an exchange that fails. */
export class Tally<Input, X, Case> {
  readonly byRule: ReadonlyMap<RuleId, Driven<Case>>
  readonly #property: Counted<Input>
  readonly #fed: readonly Rule<X>[]
  readonly #own: Rule<X> | undefined
  #shrinking = false

  constructor(property: Counted<Input>, rules: readonly Rule<X>[]) {
    this.#property = property
    this.#fed = rules.filter(({ id }) => property.feeds.includes(id))
    this.#own = this.#fed.find(({ id }) => id === property.feeds[0])
    this.byRule = new Map(this.#fed.map(({ id }) => [id, { examined: 0, failing: [] }]))
  }

  /** A failure was found, and is being made smaller. */
  get isShrinking(): boolean {
    return this.#shrinking
  }

  /** Judges one case. `fails`: the property's own rule does. `isNews`: some rule had something to look at for the first time. */
  judge(exchange: X, kept: Case): { readonly fails: boolean; readonly isNews: boolean } {
    let fails = false
    let isNews = false
    for (const rule of this.#fed) {
      const findings = rule.check(exchange)
      const failed = findings.some(({ ok }) => !ok)
      const seen = this.byRule.get(rule.id)
      if (!seen) continue
      isNews ||= seen.examined === 0 && findings.length > 0
      if (!this.#shrinking) seen.examined += findings.length
      // while shrinking, each case that fails is smaller than the one before; of other rules the first is enough
      if (failed && rule === this.#own) seen.failing[0] = kept
      else if (failed && seen.failing.length === 0) seen.failing.push(kept)
      fails ||= failed && rule === this.#own
    }
    this.#shrinking ||= fails
    return { fails, isNews }
  }

  /** Tries the examples, then generated cases, up to the first that fails. `spoken` writes a case for a report. */
  async run(inputs: fc.Arbitrary<Input>, { seed, runs, path }: Generation, fails: (input: Input) => Promise<boolean>, spoken: (input: Input) => string): Promise<void> {
    const { examples } = this.#property
    const details = await fc.check(fc.asyncProperty(inputs, async (input) => !(await fails(input))), {
      seed,
      numRuns: examples.length + (runs ?? this.#property.runs),
      examples: examples.map((input) => [input]),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    })
    const [input] = details.counterexample ?? []
    const own = this.#own && this.byRule.get(this.#own.id)
    if (!this.#own || !own || !details.failed || input === undefined) return
    own.replay = { id: `${this.#own.id}:${details.seed}:${details.counterexamplePath ?? '0'}`, counterexample: spoken(input) }
  }
}

/** What all properties together showed about a rule; undefined when none of them was driven. One failing case is enough. */
export function together<Case>(drives: readonly { readonly byRule: ReadonlyMap<RuleId, Driven<Case>> }[], rule: RuleId): Driven<Case> | undefined {
  const all = drives.flatMap(({ byRule }) => byRule.get(rule) ?? [])
  if (all.length === 0) return undefined
  // the property that shrinks for this rule speaks first
  const failing = all.toSorted((a, b) => Number(b.replay !== undefined) - Number(a.replay !== undefined)).flatMap((one) => one.failing)
  const replay = all.find((one) => one.replay)?.replay
  return { examined: all.reduce((sum, one) => sum + one.examined, 0), failing: failing.slice(0, 1), ...(replay ? { replay } : {}) }
}
