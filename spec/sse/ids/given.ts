/**
 * Who gave an id: the target, or the kit in a play or on a channel. Rules about the choice of ids look at the target's
 * own; rules about what becomes of an id look at all of them.
 */
import type { Event, Finding, Place, Scene } from '../../model.ts'
import type { Block, Dispatched, Line } from '../decode.ts'
import { quote, streams, type Answer, type Exchange } from '../exchange.ts'
import { batchOf } from '../history.ts'
import { isRefusal } from '../play.ts'

/** The complete `id` lines of a stream. */
export const idLines = ({ stream }: Answer): Line[] =>
  stream.lines.filter(({ kind, name }) => kind === 'field' && name === 'id')

/** The id that a block sets: its last `id` line without U+0000. */
export const idOf = ({ lines }: Block): string | undefined =>
  lines.findLast(({ kind, name, value }) => kind === 'field' && name === 'id' && !value.includes('\0'))?.value

/** An event, and the id that its own block sets. */
export interface Identified {
  readonly answer: Answer
  readonly block: Block
  readonly event: Dispatched
  readonly id: string | undefined
}

/** The events of a stream with the ids of their own blocks: that an id stays for later events is not meant here. */
export const identified = (answer: Answer): Identified[] => answer.stream.blocks.flatMap((block) =>
  (block.event ? [{ answer, block, event: block.event, id: idOf(block) }] : []))

/** An event with an id that is not empty. */
export const hasId = <T extends Identified>(one: T): one is T & { readonly id: string } => Boolean(one.id)

/** One event that the kit asked for, on a channel or in a play. */
export interface Request {
  readonly event: Event
  readonly status: number
  /** a 4xx by which the target says that it does not carry the event, or another one of its batch */
  readonly refused: boolean
  readonly where: Place
  /** only of a play */
  readonly answer?: Answer
}

const known = new WeakMap<Exchange, readonly Request[]>()

/** Everything that the kit asked to be played or published. */
export function asked(exchange: Exchange): readonly Request[] {
  const found = known.get(exchange) ?? requests(exchange)
  known.set(exchange, found)
  return found
}

function requests(exchange: Exchange): Request[] {
  const plays = exchange.answers.flatMap((answer) => (answer.published ?? []).map((event): Request => ({
    event, status: answer.status, refused: isRefusal(answer.status), where: answer.where, answer,
  })))
  const link = exchange.answers[0]?.link.id ?? 'control'
  const published = exchange.acts.filter(({ kind }) => kind === 'publish').flatMap((act) =>
    batchOf(act).map((event): Request => ({
      event, status: act.status, refused: isRefusal(act.status), where: { link, at: act.doneAt },
    })))
  return [...plays, ...published]
}

/** Ids that the kit chose itself. */
export const kitsOwn = (exchange: Exchange): Set<string | undefined> =>
  new Set(asked(exchange).map(({ event }) => event.id))

/** A good finding for each refused request whose event is such a one. */
export const refusals = (exchange: Exchange, expected: string, test: (event: Event) => boolean): Finding[] =>
  asked(exchange).filter(({ event, refused }) => refused && test(event)).map(({ event, status, where }) => ({
    where, ok: true, expected, actual: `${quote(event.id ?? String(event.retry))} refused with ${status}`,
  }))

const isSeen = (exchanges: readonly Exchange[]): boolean =>
  exchanges.some((exchange) => streams(exchange).some((answer) => idLines(answer).some(({ value }) => value !== '')))

const none = 'no id was seen'

/** Rules about ids as such: one was seen, or a driver can be asked to play one. */
export const wherePlayed = ({ parts, exchanges }: Scene<Exchange>): string | undefined =>
  (exchanges.length === 0 || isSeen(exchanges) || parts.has('play') ? undefined : none)

/** Rules about the ids of a stream: one was seen, or a driver promises them. */
export function whereGiven({ declares, exchanges }: Scene<Exchange>): string | undefined {
  const promised = declares.ids === 'client' || declares.ids === 'server'
  return exchanges.length === 0 || promised || isSeen(exchanges) ? undefined : none
}
