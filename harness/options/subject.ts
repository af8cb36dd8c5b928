/** What `explain` and `rules` are asked about: a rule, an area, a page, some rules, or all. Pure. */
import type { Level } from '../../spec/model.ts'
import { pages, type PageId } from '../../spec/sse/explain/pages.ts'
import { matches } from '../selection.ts'
import { Mistake, nearest, readChoice } from '../values.ts'

export type Subject =
  | { readonly kind: 'overview' }
  /** ids as `streamproof rules` lists them */
  | { readonly kind: 'rule'; readonly id: string }
  /** `sse/framing` */
  | { readonly kind: 'area'; readonly id: string }
  | { readonly kind: 'page'; readonly id: PageId }

export const pageIds = Object.keys(pages) as readonly PageId[]

/** `sse/framing` of `sse/framing/utf8`, each area once, in the order of the rules. */
export const areasOf = (rules: readonly string[]): string[] =>
  [...new Set(rules.map((id) => id.split('/').slice(0, 2).join('/')))]

/**
 * Reads the operand of `explain`. An area can be given as `sse/framing`, `framing` or `sse/framing/*`.
 * @throws Mistake with the nearest name for what is none
 */
export function readSubject(text: string | undefined, rules: readonly string[]): Subject {
  if (text === undefined) return { kind: 'overview' }
  if (rules.includes(text)) return { kind: 'rule', id: text }
  const page = pageIds.find((id) => id === text)
  if (page !== undefined) return { kind: 'page', id: page }
  const areas = areasOf(rules)
  const plain = text.replace(/\/\*?$/, '')
  const area = areas.find((id) => id === plain || id === `sse/${plain}`)
  if (area !== undefined) return { kind: 'area', id: area }
  const meant = rules.find((id) => id.endsWith(`/${text}`)) ?? nearest(text, [...rules, ...pageIds, ...areas])
  throw new Mistake(
    `${text}, which is no rule, area or page`, 'an id that streamproof rules lists, an area such as sse/resume, or a page',
    meant === undefined ? 'streamproof explain' : `streamproof explain ${meant}`,
  )
}

/** Which rules are listed: globs over ids (none: all of them) and a level. */
export interface Listing {
  readonly globs: readonly string[]
  readonly level?: Level
}

/**
 * Reads the operands and the flag of `rules`. A glob is one over ids; an area alone will do.
 * @throws Mistake for a glob that matches nothing, and for what is no level
 */
export function readListing(operands: readonly string[], level: string | undefined, rules: readonly string[]): Listing {
  const globs = operands.map((text) => {
    const found = [text, `sse/${text}`].find((glob) => rules.some((id) => matches(glob, id)))
    if (found !== undefined) return found
    const meant = nearest(text, [...areasOf(rules), ...rules])
    throw new Mistake(`rules ${text}, which matches none`, 'globs over rule ids, such as sse/framing/*', `streamproof rules${meant === undefined ? '' : ` ${meant}`}`)
  })
  return { globs, ...(level === undefined ? {} : { level: readChoice(level, '--level', ['must', 'interop', 'should', 'advice']) }) }
}
