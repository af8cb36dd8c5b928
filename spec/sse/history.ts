/**
 * What was published on a channel beside what its subscribers got. The order of publication is known only as far as
 * one act was over before the next began; within an act it is the order of its batch (contract: batches contiguous).
 */
import type { Act, Event } from '../model.ts'
import type { Dispatched } from './decode.ts'
import type { Answer, Exchange } from './exchange.ts'

/** One event that a target took. */
export interface Published {
  readonly event: Event
  /** as the target answered; else as it was published */
  readonly id: string | undefined
  /** ms; the request of its batch was written, and answered */
  readonly at: number
  readonly doneAt: number
}

const known = { own: new WeakMap<Exchange, Published[]>(), sibling: new WeakMap<Exchange, Published[]>() }

/** The events that the target accepted on the channel of the stimulus, or on its sibling, by the time they were asked for. */
export function history(exchange: Exchange, of?: 'sibling'): Published[] {
  const seen = known[of ?? 'own']
  // a flood is 64 MiB of JSON, and many rules ask
  const all = seen.get(exchange) ?? read(exchange, of)
  seen.set(exchange, all)
  return all
}

function read(exchange: Exchange, of?: 'sibling'): Published[] {
  return exchange.acts
    .filter((act) => act.kind === 'publish' && act.to === of && act.status >= 200 && act.status < 300)
    .toSorted((a, b) => a.at - b.at)
    .flatMap((act) => {
      const ids = idsOf(act)
      return batchOf(act).map((event, i) => ({ event, id: ids[i] ?? event.id, at: act.at, doneAt: act.doneAt }))
    })
}

const batches = new WeakMap<Act, readonly Event[]>()

/** The events of a publish, as they were asked for. */
export function batchOf(act: Act): readonly Event[] {
  const batch = batches.get(act) ?? (JSON.parse(String(act.request.body)) as readonly Event[])
  batches.set(act, batch)
  return batch
}

function idsOf({ body }: Act): readonly (string | undefined)[] {
  try {
    const { ids } = JSON.parse(body) as { ids?: readonly unknown[] }
    return Array.isArray(ids) ? ids.map((id) => (typeof id === 'string' ? id : undefined)) : []
  } catch {
    return []
  }
}

/** A payload without the JSON around it: a target that declares JSON is given a JSON string, and may write that as one. */
export function unquoted(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"')) return text
  try {
    const inner: unknown = JSON.parse(text)
    return typeof inner === 'string' ? unquoted(inner) : text
  } catch {
    return text
  }
}

/** Events as they were sent, told apart from what the target says on its own: those whose data somebody published. */
export function receivedOf(answer: Answer, published: readonly Published[]): Dispatched[] {
  const known = new Set(published.map(({ event }) => event.data))
  return answer.stream.events.filter(({ data }) => known.has(data))
}

/** The `Last-Event-ID` that a link was opened with, decoded as the standard writes it (UTF-8); undefined without one. */
export function resumedFrom({ link }: Answer): string | undefined {
  const value = link.request.headers.find(([name]) => name.toLowerCase() === 'last-event-id')?.[1]
  return value === undefined ? undefined : Buffer.from(value, 'latin1').toString('utf8')
}
