/** What came on the streams that nobody played, beside what the kit published there. */
import { streams, type Answer, type Exchange } from '../exchange.ts'
import type { Published } from '../history.ts'
import { identified, type Identified } from './given.ts'

/** Streams whose events nobody asked for in the request: the ids of plays are the kit's choice. */
export const unplayed = (exchange: Exchange): Answer[] =>
  streams(exchange).filter(({ published, link }) => published === undefined && link.role !== 'sibling')

/** Links on which the past is told again: what becomes of it there is the business of resuming. */
const retelling: ReadonlySet<string> = new Set(['resume', 'cycle', 'non-ascii'])

/** Streams that tell what happens as it does. */
export const told = (exchange: Exchange): Answer[] => unplayed(exchange).filter(({ link }) => !retelling.has(link.role))

/** An event that the kit published, as it came. */
export interface Arrival extends Identified {
  readonly published: Published
  /** index of the event in the history */
  readonly index: number
}

/** The kit publishes where this link reads (never for the base): what a target says on its own needs no id. */
export const isDriven = ({ link }: Answer, published: readonly Published[]): boolean =>
  published.length > 0 && link.role !== 'base'

/** The events of a link that the kit published; by their data, as far as it was published once. */
export function arrivals(answer: Answer, published: readonly Published[]): Arrival[] {
  if (!isDriven(answer, published)) return []
  const numbered = published.map((one, index) => ({ published: one, index }))
  const byData = Map.groupBy(numbered, (one) => one.published.event.data)
  return identified(answer).flatMap((one): Arrival[] => {
    const [found, ...more] = byData.get(one.event.data) ?? []
    return found && more.length === 0 ? [{ ...one, ...found }] : []
  })
}
