/** What a driver says about itself: how much is open (contract: stats), and which bounds hold (contract: tune). */
import type { Act, Declares } from '../model.ts'
import type { Exchange } from './exchange.ts'

/** One answer of `stats`. */
export interface Counts {
  /** ms; asked, and answered */
  readonly at: number
  readonly doneAt: number
  /** open subscriptions of the channel alone; undefined when the target counts all channels together */
  readonly subscribers: number | undefined
  /** plays of the whole target that are not over */
  readonly plays: number
  /** work of the whole target that goes on; undefined when it does not say */
  readonly works: number | undefined
  /** of the whole target; undefined when it does not say */
  readonly bufferedBytes: number | undefined
  readonly rssBytes: number | undefined
}

/** The answers of `stats`, in the order in which they were asked for. */
export function countsOf({ acts }: Exchange): Counts[] {
  return acts
    .filter(({ kind, status }) => kind === 'stats' && status === 200)
    .toSorted((a, b) => a.at - b.at)
    .flatMap((act) => {
      const { subscribers, plays, works, bufferedBytes, rssBytes } = numbersOf(act)
      if (subscribers === undefined || plays === undefined) return []
      const own = new URL(act.request.url).searchParams.has('c')
      const { at, doneAt } = act
      return [{ at, doneAt, subscribers: own ? subscribers : undefined, plays, works, bufferedBytes, rssBytes }]
    })
}

/** The last answer before a time in ms, and the first one asked for after it. */
export function around(counts: readonly Counts[], from: number, to = from): [Counts | undefined, Counts | undefined] {
  return [counts.findLast(({ doneAt }) => doneAt <= from), counts.find(({ at }) => at >= to)]
}

export type Bounds = Pick<Declares, 'heartbeatMs' | 'replayEvents' | 'bufferBytes' | 'bufferEvents' | 'stallMs'>

/** What the target declares, or has taken over from `tune` for the channel of the stimulus. */
export function boundsOf({ acts, declares }: Exchange): Bounds {
  const tuned = acts.filter(({ kind, status, to }) => kind === 'tune' && status === 200 && to === undefined)
  return Object.assign({}, declares, ...tuned.map(numbersOf)) as Bounds
}

function numbersOf({ body }: Act): Readonly<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(body)
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return Object.fromEntries(entries.filter(([, one]) => typeof one === 'number')) as Record<string, number>
  } catch {
    return {}
  }
}
