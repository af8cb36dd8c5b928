/** Everything that was seen of a target, and what comes of it. A run gathers it, a file brings it back. Pure. */
import { judge } from '../spec/judge.ts'
import type { Declares, Rule, RuleId, Scene, Verdict } from '../spec/model.ts'
import type { Exchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'
import type { Thresholds } from '../spec/thresholds.ts'
import { drivenOf, type Drive } from './drive.ts'
import type { Absence } from './plan.ts'
import { countOutcomes, exitCodeOf, type FailOn, type Incomplete, type Report } from './report.ts'
import { kitVersion } from './request.ts'
import { maskBytes, redactReport } from './secrets.ts'
import { speaksOfFirstAnswer } from './unusable.ts'

/** revision of the standards that the rules were written from */
export const specRevision = 'WHATWG HTML 2026-03-16, Fetch 2026-07-02, Encoding 2026-05-21; RFC 9110, 9111, 9112, 6455, 7692'

/** What is known of the target itself. */
export interface Subject {
  readonly url: string
  readonly kind: 'observed' | 'driven'
  /** what a driver calls itself */
  readonly name?: string
  readonly version?: string
  /** of the ordinary request */
  readonly method: string
  /** of the contract */
  readonly parts: readonly string[]
  readonly declares: Declares
}

export interface Evidence {
  readonly target: Subject
  readonly exchanges: readonly Exchange[]
  /** what the generated cases showed */
  readonly drives: readonly Drive[]
  /** why a rule may have had nothing to look at */
  readonly absence: (rule: RuleId) => Absence
  /** an event stream or a driver answered; otherwise only the first answer is judged */
  readonly reached: boolean
  readonly incomplete?: Incomplete
  /** the target took the request and sent no head */
  readonly silent: boolean
}

/** By what evidence is judged. */
export interface Measure {
  readonly rules: readonly Rule<Exchange>[]
  readonly thresholds: Thresholds
  readonly failOn: FailOn
  /** what no output may show */
  readonly secrets: readonly string[]
}

/** What was seen, judged. */
export interface Judged {
  readonly target: Pick<Subject, 'url' | 'kind' | 'name' | 'version'>
  readonly verdicts: readonly Verdict[]
  readonly notes: Report['notes']
  readonly incomplete?: Incomplete
}

/** The report on what was seen; secrets are hidden in it. */
export function reportOf(evidence: Evidence, measure: Measure, run: Report['run'], interrupted = false): Report {
  return reportOn({ ...evidence, verdicts: verdictsOf(evidence, measure), notes: notesOf(evidence) }, measure, run, interrupted)
}

/** The report on what was judged; secrets are hidden in it. */
export function reportOn(judged: Judged, { failOn, secrets }: Pick<Measure, 'failOn' | 'secrets'>, run: Report['run'], interrupted = false): Report {
  const { target: { url, kind, name, version }, verdicts, notes, incomplete } = judged
  const report: Report = {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: kitVersion, node: process.version },
    target: { url, kind, ...(name === undefined ? {} : { name }), ...(version === undefined ? {} : { version }) },
    spec: specRevision,
    verdicts,
    notes,
    counts: countOutcomes(verdicts),
    run,
    ...(incomplete ? { incomplete } : {}),
    ...(interrupted ? { interrupted: true as const } : {}),
    exitCode: exitCodeOf(verdicts, failOn, { incomplete: incomplete !== undefined, interrupted }),
  }
  return redactReport(report, secrets)
}

/** A verdict for each rule, in the order given. */
export function verdictsOf(evidence: Evidence, { rules, thresholds, secrets }: Omit<Measure, 'failOn'>): Verdict[] {
  const { target, exchanges, drives, incomplete, reached, silent } = evidence
  const { kind, method, declares } = target
  const scene: Scene<Exchange> = { kind, method, parts: new Set(target.parts), declares, exchanges }
  const blockedBy: Absence = { why: 'blocked', note: incomplete?.reason ?? 'the target did not answer with an event stream' }
  return rules.map((rule) => {
    const blocked = !reached && !speaksOfFirstAnswer(rule, scene, incomplete !== undefined)
    const driven = drivenOf(drives, rule.id, thresholds)
    const verdict = judge(rule, {
      scene: blocked ? { ...scene, exchanges: [] } : scene,
      absent: blocked ? blockedBy : evidence.absence(rule.id),
      mask: (bytes) => maskBytes(bytes, secrets),
      ...(driven ? { driven } : {}),
    })
    // a late head is a matter of taste; without any no client ever opens
    return silent && verdict.outcome === 'fail' ? { ...verdict, effectiveLevel: 'interop' } : verdict
  })
}

/** Recorded facts without verdict. */
export function notesOf({ exchanges, reached }: Evidence): Report['notes'] {
  if (!reached) return []
  return rooms.flatMap((room) => room.notes ?? []).flatMap((note) => {
    const texts = new Set(exchanges.flatMap((exchange) => note.record(exchange)))
    return [...texts].map((text) => ({ rule: note.id, text }))
  })
}
