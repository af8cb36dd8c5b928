/** What `streamproof rules` lists. */
import { clientRules } from '../spec/client/index.ts'
import { explanationOf } from '../spec/sse/explain/index.ts'
import type { Listing } from './options/subject.ts'
import type { RuleText } from './report/meaning.ts'
import { allRules, matches } from './selection.ts'

/** Rules about servers, then those about clients. */
const all: readonly (RuleText & { readonly promisedBy?: string })[] = [...allRules, ...clientRules]

const listed = ({ globs, level }: Listing): typeof all => all.filter((rule) =>
  (globs.length === 0 || globs.some((glob) => matches(glob, rule.id))) && (level === undefined || rule.level === level))

/** A line for each rule: id, level, sentence. */
export function catalogue(listing: Listing): string {
  const rules = listed(listing)
  const width = Math.max(0, ...rules.map(({ id }) => id.length))
  return rules.map(({ id, level, says }) => `${id.padEnd(width)}  ${level.padEnd(8)}  ${says}\n`).join('')
}

/** The same for programs: all that is known of each rule but its checks. */
export function catalogueJson(listing: Listing): string {
  const values = listed(listing).map(({ id, level, promisedBy, clause, says, harm, fix }) => {
    const { bug, flaw, recipes, related, page } = explanationOf(id) ?? {}
    return {
      id, level, promisedBy, clause, says, harm, fix, bug: typeof bug === 'object' ? bug.join('\n') : bug, flaw, recipes,
      related: related?.map((slug) => `sse/${slug}`), page,
    }
  })
  return `${JSON.stringify(values, null, 2)}\n`
}
