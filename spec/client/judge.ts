/** From readings and findings to verdicts about a client. Pure. */
import { Buffer } from 'node:buffer'
import { mostDeviations } from '../judge.ts'
import type { Excerpt, Finding, Verdict, Why } from '../model.ts'
import type { ClientRule } from './rule.ts'
import { bytesOf, pieces, sameReading, sayReading, vectors, type Cut, type Reading, type Vector } from './vectors.ts'

/** A vector on its way to a client. */
export interface Delivery {
  /** the same bytes in the same pieces under the same type have the same id */
  readonly id: string
  readonly vector: Vector
  readonly pieces: readonly Buffer[]
  readonly contentType: string
  /** the client is let back in once, to see its last event ID */
  readonly returns: boolean
}

/** A finding about a client, with the bytes that it was sent. */
export interface Seen extends Finding {
  readonly excerpt?: Excerpt
}

/** Why nothing could be found out. */
export interface Unseen {
  readonly why: Why
  readonly note: string
}

const usualType = 'text/event-stream'

function delivery({ contentType = usualType, returns = false }: ClientRule, vector: Vector, cut: Cut): Delivery {
  const marks = [...(contentType === usualType ? [] : ['charset']), ...(returns ? ['returns'] : [])]
  return { id: [vector.name, cut, ...marks].join('/'), vector, pieces: pieces(bytesOf(vector), cut), contentType, returns }
}

interface Comparison {
  readonly delivery: Delivery
  /** what the reading is compared with: another delivery, or what the vector says */
  readonly with?: Delivery
}

function comparisons(rule: ClientRule): Comparison[] {
  const named = (rule.vectors ?? []).map((name) => {
    const vector = vectors.find((one) => one.name === name)
    if (!vector) throw new Error(`${rule.id} names ${name}, which is no vector`)
    return vector
  })
  return named.flatMap((vector): Comparison[] => {
    const whole = delivery(rule, vector, 'whole')
    const cut = (how: Cut): Delivery[] => [delivery(rule, vector, how)].filter((one) => one.pieces.length > 1)
    if (rule.compares === 'cuts') return [...cut('bytes'), ...cut('random')].map((one) => ({ delivery: one, with: whole }))
    if (rule.compares === 'crlf') return cut('crlf').map((one) => ({ delivery: one, with: whole }))
    return [whole, ...(rule.compares === 'pieces' ? cut('bytes') : [])].map((one) => ({ delivery: one }))
  })
}

/** What a client is sent so that the rules can be judged; nothing twice. */
export function deliveriesOf(rules: readonly ClientRule[]): Delivery[] {
  const all = rules.flatMap(comparisons).flatMap((one) => [...(one.with ? [one.with] : []), one.delivery])
  return [...new Map(all.map((one) => [one.id, one])).values()]
}

/** One finding for each vector of a rule. Readings are found by the id of the delivery. */
export function readingsFound(rule: ClientRule, readings: ReadonlyMap<string, Reading>): Seen[] | Unseen {
  const findings: Seen[] = []
  for (const { delivery: sent, with: other } of comparisons(rule)) {
    const reading = readings.get(sent.id)
    const expected = other ? readings.get(other.id) : expectedOf(sent.vector, reading)
    if (!reading || !expected) return { why: 'inconclusive', note: `${sent.id} was not read` }
    if (rule.returns && reading.lastEventId === undefined) {
      return { why: 'inconclusive', note: 'the client did not come back after the end of the body, so its last event ID cannot be seen' }
    }
    const as = other ? 'as in one piece: ' : ''
    findings.push({
      where: { link: sent.id },
      ok: sameReading(reading, expected),
      expected: `${as}${sayReading(expected)}`,
      actual: sayReading(reading),
      excerpt: excerptOf(sent),
    })
  }
  return findings
}

/** What a vector means, as far as it is compared with this reading. */
function expectedOf({ events, lastEventId, retry, disputed }: Vector, reading: Reading | undefined): Reading {
  return {
    events,
    ...(reading?.lastEventId === undefined ? {} : { lastEventId }),
    ...(reading?.retry === undefined || disputed !== undefined ? {} : { retry }),
  }
}

const mostShown = 64

function excerptOf({ pieces: sent }: Delivery): Excerpt {
  const bytes = Buffer.concat(sent)
  return { offset: 0, hex: bytes.toString('hex', 0, mostShown), mark: { offset: 0, length: Math.min(bytes.length, mostShown) } }
}

/** The verdict on one rule. Findings that are none leave a rule not exercised. */
export function judgeClient({ id, level }: ClientRule, found: readonly Seen[] | Unseen): Verdict {
  const base = { rule: id, level, effectiveLevel: level, examined: 0, deviations: [] }
  if ('why' in found) return { ...base, outcome: 'not-exercised', ...found }
  if (found.length === 0) return { ...base, outcome: 'not-exercised', why: 'no-subject' }
  const bad = found.filter(({ ok }) => !ok)
  if (bad.length === 0) return { ...base, outcome: 'pass', examined: found.length }
  const deviations = bad.slice(0, mostDeviations).map(({ expected, actual, where, excerpt }) => {
    const bytes = excerpt ? { excerpt } : {}
    return { expected, actual, where, ...bytes }
  })
  return { ...base, outcome: 'fail', examined: found.length, deviations }
}
