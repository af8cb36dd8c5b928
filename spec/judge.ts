/** From findings to a verdict. Pure: levels and outcomes meet here and nowhere else. */
import type { Aspect, Deviation, Excerpt, Finding, Level, Link, Place, Replay, Rule, Scene, Transcript, Verdict, Why } from './model.ts'

/** At most so many deviations of one rule go into a report; the number examined tells the rest. */
export const mostDeviations = 5

/** What a check is given besides the exchanges. */
export interface Bench<X> {
  readonly scene: Scene<X>
  /** why there may be nothing to look at: the stimuli of the rule were skipped for this reason */
  readonly absent?: { readonly why: Why | 'not-applicable'; readonly note?: string }
  /** what the generated cases of a driver showed: subjects looked at, and the cases that fail, shrunk */
  readonly driven?: { readonly examined: number; readonly failing: readonly X[]; readonly replay?: Replay }
  /** hides secrets in received bytes; must keep their number */
  readonly mask?: (bytes: Uint8Array) => Uint8Array
}

/** Judges one rule on everything that was seen. A check that throws makes the verdict `broken`, never a failure. */
export function judge<X extends { readonly transcript: Transcript }>(
  rule: Rule<X>,
  { scene, absent, mask, driven }: Bench<X>,
): Verdict {
  const base = { rule: rule.id, level: rule.level, effectiveLevel: effectiveLevel(rule, scene), examined: 0, deviations: [] }
  try {
    const reason = rule.applies?.(scene)
    if (reason !== undefined) return { ...base, outcome: 'not-applicable', note: reason }
    let examined = 0
    const bad: { finding: Finding; exchange: X }[] = []
    const missing = new Set<Aspect>()
    for (const exchange of scene.exchanges) {
      const lacking = lackingFor(rule, exchange.transcript)
      for (const aspect of lacking) missing.add(aspect)
      if (lacking.length > 0) continue
      const findings = rule.check(exchange)
      examined += findings.length
      for (const finding of findings) if (!finding.ok) bad.push({ finding, exchange })
    }
    examined += driven?.examined ?? 0
    for (const exchange of driven?.failing ?? []) {
      for (const finding of rule.check(exchange)) if (!finding.ok) bad.push({ finding, exchange })
    }
    if (bad.length > 0) {
      const deviations = bad.slice(0, mostDeviations).map((one) => deviation(one.finding, one.exchange.transcript, mask))
      return { ...base, outcome: 'fail', examined, deviations, ...(driven?.replay ? { replay: driven.replay } : {}) }
    }
    if (examined > 0) return { ...base, outcome: 'pass', examined }
    if (missing.size > 0) return { ...base, outcome: 'not-exercised', why: 'no-subject', note: uncarried([...missing]) }
    const inconclusive = rule.inconclusive?.(scene)
    if (inconclusive) return { ...base, outcome: 'not-exercised', ...inconclusive }
    const note = absent?.note === undefined ? {} : { note: absent.note }
    if (absent?.why === 'not-applicable') return { ...base, outcome: 'not-applicable', ...note }
    return { ...base, outcome: 'not-exercised', why: absent?.why ?? 'no-subject', ...note }
  } catch (error) {
    return { ...base, outcome: 'broken', note: `the kit's own check failed: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function lackingFor<X>({ needs = [] }: Rule<X>, { lacks = [] }: Transcript): readonly Aspect[] {
  return needs.filter((aspect) => lacks.includes(aspect))
}

const aspectWords: Readonly<Record<Aspect, string>> = {
  times: 'arrival times',
  framing: 'transfer framing',
  coding: 'content coding',
  octets: 'bytes of the body, only its text',
  head: 'head',
  'wire-head': 'head as it was on the wire',
  body: 'body',
  end: 'end of the answer',
  request: 'request',
}

/** One line about what a file does not carry. */
export function uncarried(aspects: readonly Aspect[]): string {
  // without a head there is none as it was on the wire
  const told = aspects.filter((aspect) => aspect !== 'wire-head' || !aspects.includes('head'))
  return `the file carries no ${told.map((aspect) => aspectWords[aspect]).join(', no ')}`
}

/** On a driver that promises what the rule is about, the rule is part of the contract; a stricter level stays. */
export function effectiveLevel<X>(rule: Rule<X>, { kind, parts, declares }: Scene<X>): Level {
  if (kind !== 'driven' || rule.promisedBy === undefined || rule.level === 'must' || rule.level === 'interop') return rule.level
  return parts.has(rule.promisedBy) || rule.promisedBy in declares ? 'contract' : rule.level
}

function deviation(finding: Finding, transcript: Transcript, mask: (bytes: Uint8Array) => Uint8Array = (b) => b): Deviation {
  const { expected, actual, where } = finding
  const link = transcript.links.find(({ id }) => id === where.link)
  const shown = link && excerpt(link, where, mask)
  return { expected, actual, where, ...(shown ? { excerpt: shown } : {}) }
}

const before = 24
const most = 64

/** The bytes of a link around a place; undefined when the place names no byte. */
export function excerpt(link: Link, where: Place, mask: (bytes: Uint8Array) => Uint8Array): Excerpt | undefined {
  if (where.byte === undefined) return undefined
  const received = mask(new Uint8Array(Buffer.concat(link.chunks.map(({ bytes }) => bytes))))
  if (received.length === 0) return undefined
  const offset = Math.max(0, Math.min(where.byte, received.length - 1) - before)
  const shown = received.subarray(offset, Math.max(offset + most, where.byte + 8))
  return {
    offset,
    hex: Buffer.from(shown.subarray(0, most)).toString('hex'),
    mark: { offset: where.byte, length: Math.min(where.length ?? 1, offset + most - where.byte) },
  }
}
