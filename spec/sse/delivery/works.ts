/** Work that a driver was asked to do (contract: work): what it said, and the streams that showed it. */
import type { Act, Event } from '../../model.ts'
import type { Answer, Exchange } from '../exchange.ts'

/** Names of the last event of work: it is done, or it was cancelled. */
export const outcomeNames = ['done', 'cancelled'] as const

/** What a driver answered to the request for work: absolute URLs. */
export interface Started {
  readonly id: string
  readonly stream: string
  readonly cancel: string
}

/** The answer to a request for work; undefined when it is none, or leads to another origin. */
export function startedBy({ status, body, request }: Act): Started | undefined {
  if (status !== 202) return undefined
  try {
    const { id, stream, cancel } = JSON.parse(body) as Partial<Record<keyof Started, unknown>>
    if (typeof id !== 'string' || typeof stream !== 'string' || typeof cancel !== 'string') return undefined
    const [there, off] = [new URL(stream, request.url), new URL(cancel, request.url)]
    const { origin } = new URL(request.url)
    return there.origin === origin && off.origin === origin ? { id, stream: there.href, cancel: off.href } : undefined
  } catch {
    return undefined
  }
}

/** One request for work, with the links that show it and the acts that cancel it, in the order in which they began. */
export interface Work {
  readonly act: Act
  readonly started: Started | undefined
  /** payloads that it makes, in order */
  readonly made: readonly string[]
  readonly shown: readonly Answer[]
  readonly cancelled: readonly Act[]
}

export function worksOf({ acts, answers }: Exchange): Work[] {
  return acts.filter(({ kind }) => kind === 'work').map((act) => {
    const started = startedBy(act)
    const { events } = JSON.parse(String(act.request.body)) as { readonly events: readonly Event[] }
    return {
      act,
      started,
      made: events.flatMap(({ data }) => (data === undefined ? [] : [data])),
      shown: answers.filter(({ link }) => link.role === 'work' && link.request.url === started?.stream),
      cancelled: acts.filter(({ kind, request }) => kind === 'cancel' && request.url === started?.cancel),
    }
  })
}
