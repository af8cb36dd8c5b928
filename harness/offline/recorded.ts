/** A recording as the evidence of the run that made it. Pure but for the sessions it is lent. */
import type { RuleId, Transcript } from '../../spec/model.ts'
import { readExchange } from '../../spec/sse/exchange.ts'
import type { Thresholds } from '../../spec/thresholds.ts'
import type { Drive } from '../drive.ts'
import type { Driven } from '../tally.ts'
import type { Source } from '../judge.ts'
import { streamRules } from '../selection.ts'
import type { RecordedProperty, RecordingIndex } from './transcript.ts'

/** parts of the contract that are WebSockets */
const sockets: ReadonlySet<string> = new Set(['echo', 'socket', 'socketAuth'])

/** @param session reads a file of the recording by its name */
export function recorded(index: RecordingIndex, session: (name: string) => Transcript, thresholds: Thresholds): Source {
  const { target, reached, silent, incomplete, interrupted, maskedBytes, run } = index
  const absences = new Map(index.absences.map(({ rule, ...absence }) => [rule, absence]))
  const properties = index.properties.map((property) => ({ property, drive: driveOf(property, session, thresholds) }))
  const unknown = { why: 'no-subject', note: 'the recorded run did not judge it' } as const
  return {
    evidence: {
      target,
      exchanges: index.sessions.map((name) => readExchange(session(name), thresholds)),
      drives: properties.map(({ drive }) => drive),
      absence: (rule) => absences.get(rule) ?? unknown,
      reached,
      ...(incomplete ? { incomplete } : {}),
      silent,
    },
    rules: index.rules,
    thresholds,
    run,
    interrupted,
    // what was secret has been overwritten
    secrets: [],
    noteOf: (rule) => casesNote(rule, properties.map(({ property }) => property)),
    remarks: [
      ...(maskedBytes > 0 ? [`${maskedBytes} received bytes were secret and are * in the recording`] : []),
      ...(target.parts.some((part) => sockets.has(part)) ? ['what the run did on WebSockets is not in the recording'] : []),
    ],
  }
}

/** Judges the kept cases anew: those that failed first, then all others. */
function driveOf({ property, cases, kept, rules }: RecordedProperty, session: (name: string) => Transcript, thresholds: Thresholds): Drive {
  const files = filesOf({ kept, rules })
  const exchanges = new Map(files.map((name) => [name, readExchange(session(name), thresholds)]))
  const byRule = new Map<RuleId, Driven<Transcript>>()
  for (const { rule: id, failing, replay } of rules) {
    const rule = streamRules.find((one) => one.id === id)
    if (!rule) continue
    let examined = 0
    const failed: Transcript[] = []
    for (const name of new Set([...failing, ...files])) {
      const exchange = exchanges.get(name)
      const findings = exchange ? rule.check(exchange) : []
      examined += findings.length
      if (exchange && findings.some(({ ok }) => !ok)) failed.push(exchange.transcript)
    }
    byRule.set(id, { examined, failing: failed, ...(replay && failed.length > 0 ? { replay } : {}) })
  }
  return { property, cases, byRule, unanswered: false, statuses: new Set(), kept: [] }
}

/** The files of a property's cases, each once. */
const filesOf = ({ kept, rules }: Pick<RecordedProperty, 'kept' | 'rules'>): string[] =>
  [...new Set([...kept, ...rules.flatMap(({ failing }) => failing)])]

/** How a verdict on a recording differs from that of the run. */
function casesNote(rule: RuleId, properties: readonly RecordedProperty[]): string | undefined {
  const own = properties.filter(({ rules }) => rules.some((one) => one.rule === rule))
  if (own.length === 0) return undefined
  const played = own.reduce((sum, { cases }) => sum + cases, 0)
  const files = own.reduce((sum, property) => sum + filesOf(property).length, 0)
  const examined = own.flatMap(({ rules }) => rules).filter((one) => one.rule === rule).reduce((sum, one) => sum + one.examined, 0)
  return `${files} of ${played} generated cases are in the recording; the run examined ${examined}`
}
