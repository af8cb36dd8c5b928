/**
 * The report as workflow commands of GitHub Actions: annotations on the page of the run. The runner reads them from
 * standard output. Pure.
 */
import type { Verdict } from '../../spec/model.ts'
import { fails, type FailOn, type Report } from '../report.ts'
import {
  again, baselineFaults, counted, exitMeaning, failuresOf, incompleteBecause, placeWords, type Rendering, type RuleText,
} from './meaning.ts'
import { visible } from './text.ts'

/** GitHub shows so many annotations of a kind from one step and drops the rest without a word */
const mostOfAKind = 10

const kinds = ['error', 'warning', 'notice'] as const

interface Annotation {
  readonly kind: (typeof kinds)[number]
  readonly title: string
  readonly lines: readonly string[]
}

/** One command on each line, ten of a kind at most; where there are more the last one says how many. */
export function renderAnnotations(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const all = [...ofTheRun(report, rendering.failOn), ...failuresOf(report, rendering.failOn).map((verdict) => ofFailure(verdict, rules, rendering))]
  return kinds.flatMap((kind) => limited(kind, all.filter((one) => one.kind === kind))).map(commandOf).join('')
}

function ofTheRun(report: Report, failOn: FailOn): Annotation[] {
  const reason = incompleteBecause(report)
  const quoted = report.incomplete?.quoted
  const incomplete = { kind: 'error', title: 'incomplete', lines: [reason ?? '', ...(quoted === undefined ? [] : [`it sent ${quoted}`])] } as const
  const { pass, fail } = report.counts
  return [
    ...(reason === undefined ? [] : [incomplete]),
    ...baselineFaults(report).map((fault) => ({ kind: 'error', title: 'stale baseline', lines: [fault] }) as const),
    ...report.verdicts.filter(({ outcome }) => outcome === 'broken').map(({ rule, note }) =>
      ({ kind: 'error', title: rule, lines: [`the kit is at fault, not the target: ${note ?? 'no reason was given'}`] }) as const),
    { kind: 'notice', title: report.target.url, lines: [`${exitMeaning(report, failOn)} (${pass} pass, ${fail} fail)`] },
  ]
}

function ofFailure(verdict: Verdict, rules: readonly RuleText[], { failOn, command }: Rendering): Annotation {
  const rule = rules.find(({ id }) => id === verdict.rule)
  const [first] = verdict.deviations
  return {
    kind: fails(verdict, failOn) ? 'error' : verdict.effectiveLevel === 'advice' ? 'notice' : 'warning',
    title: `${verdict.rule} (${verdict.effectiveLevel})`,
    lines: [
      ...(rule ? [rule.says] : []),
      ...(first ? [`expected ${first.expected}`, `came ${first.actual}`, `where ${placeWords(first.where)}`] : []),
      ...(rule ? [`fix ${rule.fix}`, rule.clause] : []),
      `again ${again(verdict, command)}`,
    ],
  }
}

function limited(kind: Annotation['kind'], annotations: readonly Annotation[]): readonly Annotation[] {
  if (annotations.length <= mostOfAKind) return annotations
  const shown = annotations.slice(0, mostOfAKind - 1)
  const left = `${counted(annotations.length - shown.length, 'finding')} more: --report markdown or json has all of them`
  return [...shown, { kind, title: 'not shown', lines: [left] }]
}

const commandOf = ({ kind, title, lines }: Annotation): string =>
  `::${kind} title=${property(`streamproof: ${visible(title)}`)}::${data(lines.map(visible).join('\n'))}\n`

/** What the runner unescapes again; without it a value could end the command and begin another. */
const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
