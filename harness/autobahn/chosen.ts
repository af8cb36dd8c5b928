/** Which Autobahn cases are run. Pure. */
import type { Case } from '../../spec/ws/autobahn/case.ts'
import { beside, cases, loads } from '../../spec/ws/autobahn/index.ts'
import type { Load } from '../../spec/ws/autobahn/limits.ts'
import { matches } from '../selection.ts'
import { Mistake, nearest } from '../values.ts'

/**
 * Those of the patterns, without any all of them; a case that stands beside another comes with it.
 * @throws Mistake for a pattern that matches nothing, or only cases of load that were not asked for
 */
export function chosenCases(patterns: readonly string[], withLoad: boolean): { cases: readonly Case[]; loads: readonly Load[] } {
  const all = [...cases, ...loads].map(({ id }) => id)
  for (const pattern of patterns) {
    const found = all.filter((id) => matches(pattern, id))
    if (found.length === 0) {
      const meant = nearest(pattern, [...all, ...all.map((id) => id.replace(/\..*/, '.*'))]) ?? '1.*'
      throw new Mistake(`--cases ${pattern}, which matches no case`, 'numbers of Autobahn cases and patterns of them: 1.* to 7.*, 9.*, 10.*, 12.*, 13.*', `--cases '${meant}'`)
    }
    if (!withLoad && found.every((id) => loads.some((load) => load.id === id))) {
      throw new Mistake(`--cases ${pattern} without --load`, '--load beside cases of 9.*, 12.* and 13.*: they send megabytes', `--load --cases '${pattern}'`)
    }
  }
  const isChosen = ({ id }: { readonly id: string }): boolean => patterns.length === 0 || patterns.some((pattern) => matches(pattern, id.replace('+', '')))
  return { cases: [...cases, ...beside].filter(isChosen), loads: withLoad ? loads.filter(isChosen) : [] }
}
