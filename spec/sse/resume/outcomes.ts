/** What came of a request with an id that is not an ordinary one. */
import type { Answer } from '../exchange.ts'
import type { Published } from '../history.ts'
import { arrivals, isOverload } from './returns.ts'

/** ms without a head after which a request hangs */
export const hangMs = 4000

export const isRefusal = ({ status }: Answer): boolean => status >= 400 && status < 500

/** The kit waited for a head, and none came. */
export const hangs = ({ head, link }: Answer): boolean =>
  !head && link.ended.by === 'kit' && link.ended.at - link.openedAt >= hangMs

/** The target took the request and closed without an answer. */
export const isCut = ({ head, link }: Answer): boolean =>
  !head && link.ended.by === 'target' && link.ended.how !== 'refused'

/** The request was decided: an answer, a hang or a cut. Overload says nothing about ids. */
export const isDecided = (answer: Answer): boolean =>
  !isOverload(answer) && (answer.head !== undefined || hangs(answer) || isCut(answer))

export const outcomeOf = (answer: Answer): string =>
  answer.head ? `status ${answer.status}` : isCut(answer) ? 'the connection was closed' : `no head in ${hangMs} ms`

/** Indexes of what was published before the request, and came. */
export const oldOnes = (answer: Answer, published: readonly Published[]): number[] =>
  arrivals(answer, published.filter(({ doneAt }) => doneAt < answer.link.openedAt))
    .flatMap(({ index }) => (index === undefined ? [] : [index]))
