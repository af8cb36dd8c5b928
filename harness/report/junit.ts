/**
 * The report as JUnit XML: a suite for each room, a case for each rule, so that a CI system shows rules as tests.
 * A reason goes with every skip, and a fault of the kit is an error, not a failure. Pure.
 */
import type { Verdict } from '../../spec/model.ts'
import { fails, type Report } from '../report.ts'
import { renderFailure } from './console.ts'
import { baselineFaults, byRoom, excuseWords, incompleteBecause, outcomeWords, reasonOf, type Rendering, type RuleText } from './meaning.ts'
import { xml } from './text.ts'

interface Case {
  readonly kind: 'passed' | 'failure' | 'skipped' | 'error'
  readonly lines: readonly string[]
}

/** One XML document; ends with a line feed. */
export function renderJunit(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const suites = [...byRoom(report.verdicts)].map(
    ([room, verdicts]) => [room, verdicts.map((verdict) => caseOf(verdict, rules, rendering))] as const,
  )
  const reason = incompleteBecause(report)
  const run = [
    ...(reason === undefined ? [] : [incompleteCase(reason, report.incomplete?.quoted)]),
    ...baselineFaults(report).map(baselineCase),
  ]
  if (run.length > 0) suites.push(['run', run])
  const cases = suites.flatMap(([, members]) => members)
  const { target, kit, spec, run: { ms } } = report
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="streamproof" ${tally(cases)} time="${(ms / 1000).toFixed(3)}">`,
    ...suites.flatMap(([name, members]) => [
      `  <testsuite name="${xml(name)}" ${tally(members)} time="0">`,
      '    <properties>',
      `      <property name="target" value="${xml(target.url)}"/>`,
      `      <property name="kit" value="${xml(kit.version)}"/>`,
      `      <property name="spec" value="${xml(spec)}"/>`,
      '    </properties>',
      ...members.flatMap(({ lines }) => lines.map((line) => `    ${line}`)),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n')
}

function tally(cases: readonly Case[]): string {
  const count = (kind: Case['kind']): number => cases.filter((one) => one.kind === kind).length
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`
}

function caseOf(verdict: Verdict, rules: readonly RuleText[], rendering: Rendering): Case {
  const [protocol, area, ...slug] = verdict.rule.split('/')
  const open = `<testcase classname="${xml(`${protocol}/${area}`)}" name="${xml(slug.join('/'))}" time="0"`
  const inner = (kind: Case['kind'], line: string): Case => ({ kind, lines: [`${open}>`, `  ${line}`, '</testcase>'] })
  const plain = { ...rendering, color: false }
  if (verdict.excused) {
    const shown = verdict.outcome === 'fail' ? `<system-out>${xml(renderFailure(verdict, rules, plain))}</system-out>` : ''
    return inner('skipped', `<skipped message="${oneLine(`${excuseWords(verdict.excused)}; this time: ${outcomeWords[verdict.outcome]}`)}"/>${shown}`)
  }
  switch (verdict.outcome) {
    case 'pass':
      return { kind: 'passed', lines: [`${open}/>`] }
    case 'fail': {
      const text = xml(renderFailure(verdict, rules, plain))
      if (!fails(verdict, rendering.failOn)) return inner('passed', `<system-out>${text}</system-out>`)
      const [first] = verdict.deviations
      const message = first ? `expected ${first.expected}; came ${first.actual}` : verdict.rule
      return inner('failure', `<failure type="${verdict.effectiveLevel}" message="${oneLine(message)}">${text}</failure>`)
    }
    case 'not-exercised':
    case 'not-applicable':
      return inner('skipped', `<skipped message="${oneLine(`${outcomeWords[verdict.outcome]}: ${reasonOf(verdict)}`)}"/>`)
    case 'broken':
      return inner('error', `<error type="broken" message="${oneLine(verdict.note ?? 'the kit is at fault')}"/>`)
  }
}

function baselineCase(fault: string): Case {
  return {
    kind: 'failure',
    lines: ['<testcase classname="run" name="baseline" time="0">', `  <failure type="stale" message="${oneLine(fault)}"/>`, '</testcase>'],
  }
}

function incompleteCase(reason: string, quoted: string | undefined): Case {
  const text = quoted === undefined ? '' : oneLine(`it sent ${quoted}`)
  return {
    kind: 'error',
    lines: [
      '<testcase classname="run" name="complete" time="0">',
      `  <error type="incomplete" message="${oneLine(reason)}">${text}</error>`,
      '</testcase>',
    ],
  }
}

/** An attribute: XML readers turn its line feeds into spaces, so they are shown. */
const oneLine = (text: string): string => xml(text.replaceAll('\n', '\\n'))
