/**
 * Numbered events that say how long they are: whoever reads them can tell, without a list of what was published,
 * whether one is missing, torn or out of its place.
 */
import type { Act } from '../model.ts'
import type { Dispatched } from './decode.ts'
import { withRole, type Answer, type Exchange } from './exchange.ts'
import { unquoted } from './history.ts'

/** The payload of event `n`: exactly so many bytes, all of them ASCII. */
export function numbered(n: number, bytes: number): string {
  return `flood ${n} ${bytes} `.padEnd(bytes, '=')
}

/** A run of filler; text of a target's own does not look like that. */
const filler = '='.repeat(16)

/** One event of a flood as it arrived. */
export interface Drop {
  readonly event: Dispatched
  /** undefined when the event is not, in whole, one that was published */
  readonly n: number | undefined
}

/** The events of an answer that belong to a flood, whole or torn. */
export function floodOf({ stream }: Answer): Drop[] {
  return stream.events.flatMap((event): Drop[] => {
    const text = unquoted(event.data)
    const [, n, bytes] = /^flood (\d+) (\d+) /.exec(text.slice(0, 40)) ?? []
    if (n !== undefined && text === numbered(Number(n), Number(bytes))) return [{ event, n: Number(n) }]
    return n !== undefined || text.includes(filler) ? [{ event, n: undefined }] : []
  })
}

/** A published event of a flood. */
export interface Poured {
  readonly n: number
  readonly bytes: number
  /** ms; its publish was written, and answered or given up */
  readonly at: number
  readonly doneAt: number
  /** the target took it; otherwise it did not answer */
  readonly taken: boolean
}

const poured = new WeakMap<Exchange, Poured[]>()

/** What was published of floods, in that order; batches that the target refused are left out. */
export function pouredInto(exchange: Exchange): Poured[] {
  const known = poured.get(exchange) ?? exchange.acts
    .filter((act) => act.kind === 'publish' && act.to === undefined && (act.status === 0 || isTaken(act)))
    .toSorted((a, b) => a.at - b.at)
    .flatMap((act) => [...String(act.request.body).matchAll(/flood (\d+) (\d+) /g)].map(([, n, bytes]) =>
      ({ n: Number(n), bytes: Number(bytes), at: act.at, doneAt: act.doneAt, taken: isTaken(act) })))
  poured.set(exchange, known)
  return known
}

const isTaken = ({ status }: Act): boolean => status >= 200 && status < 300

/** What was published while the link was open. */
export function pouredOn(answer: Answer, exchange: Exchange): Poured[] {
  const { openedAt, ended } = answer.link
  return pouredInto(exchange).filter(({ at }) => at >= openedAt && at < ended.at)
}

/** Body bytes that a link brought. */
export const bytesOf = ({ message }: Answer): number => message.body?.bytes.length ?? 0

/** ms when the last bytes of a link came; when it was opened if none did. */
export const lastArrival = ({ link }: Answer): number => link.chunks.at(-1)?.at ?? link.openedAt

/** ms of silence after which a stream brings nothing more */
export const silenceMs = 1500

/** The message is complete, or the target closed. */
export const isOver = ({ link, message }: Answer): boolean =>
  link.ended.by === 'target' || message.body?.complete === true

/** Clients that did not read and then did, and got something of a flood. */
export const stalled = (exchange: Exchange): Answer[] =>
  withRole(exchange, 'stalled').filter((one) => one.isEventStream && floodOf(one).length > 0)

/** Why a target cannot be flooded. */
export const load = ({ parts }: { readonly parts: ReadonlySet<string> }): string | undefined =>
  (parts.has('channel') && parts.has('publish') ? undefined : 'only a driver with channel, publish can show it')
