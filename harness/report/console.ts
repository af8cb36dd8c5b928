/** The report for a reader at a terminal: failures in full, everything else in one line each. Pure. */
import { styleText } from 'node:util'
import type { Deviation, Verdict } from '../../spec/model.ts'
import { explanationOf } from '../../spec/sse/explain/index.ts'
import { fails, type Report } from '../report.ts'
import { baselineTotals, renderExcused } from './excused.ts'
import {
  again, byRoom, counted, effort, excuseWords, exitMeaning, failuresOf, incompleteBecause, kindWords, outcomeWords, placeWords, reasonOf, type Rendering, type RuleText,
} from './meaning.ts'
import { hexdump, visible } from './text.ts'

export type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

export const painter = (color = false): Paint => (style, text) => (color ? styleText(style, text, { validateStream: false }) : text)

/** The whole report; ends with a line feed. */
export function renderConsole(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const paint = painter(rendering.color)
  const blocks = [
    header(report, paint),
    ...report.verdicts.filter(({ outcome }) => outcome === 'broken').map((verdict) => broken(verdict, paint)),
    ...failuresOf(report, rendering.failOn).map((verdict) => renderFailure(verdict, rules, rendering)),
    ...renderExcused(report, paint),
    ...others(report, paint),
    totals(report, rendering, paint),
  ]
  return `${blocks.join('\n\n')}\n`
}

function header(report: Report, paint: Paint): string {
  const { kit, target, incomplete } = report
  const name = [target.name, target.version].filter((part) => part !== undefined).map(visible).join(' ')
  const lines = [
    paint('bold', `${kit.name} ${kit.version}`) + `, Node ${kit.node}, rules of ${visible(report.spec)}`,
    `target   ${visible(target.url)}`,
    `kind     ${kindWords(report)}${name ? `, ${name}` : ''}`,
  ]
  const reason = incompleteBecause(report)
  if (reason !== undefined) lines.push('', `${paint('yellow', 'INCOMPLETE')}  ${visible(reason)}`)
  if (incomplete?.quoted !== undefined) lines.push(`  it sent    ${visible(incomplete.quoted)}`)
  return lines.join('\n')
}

function broken({ rule, note }: Verdict, paint: Paint): string {
  return `${paint('magenta', 'BROKEN')}  ${rule}\n  the kit is at fault, not the target: ${visible(note ?? 'no reason was given')}`
}

/** One failing rule in full, in the order of a reader's questions: what rule, what came, what of it, what to do. */
export function renderFailure(verdict: Verdict, rules: readonly RuleText[], { failOn, command, color }: Rendering): string {
  const paint = painter(color)
  const rule = rules.find(({ id }) => id === verdict.rule)
  const label = fails(verdict, failOn) ? paint(['red', 'bold'], 'FAIL') : paint('yellow', verdict.excused?.as.toUpperCase() ?? 'WARN')
  const level = verdict.level === verdict.effectiveLevel ? verdict.level : `${verdict.effectiveLevel} (${verdict.level} elsewhere)`
  const lines = [`${label}  ${paint('bold', verdict.rule)}  ${level}  ${rule?.clause ?? ''}`.trimEnd()]
  if (rule) lines.push(`  rule       ${rule.says}`)
  if (verdict.examined > 1) lines.push(`  examined   ${verdict.examined}, ${counted(verdict.deviations.length, 'deviation')} shown`)
  for (const deviation of verdict.deviations) lines.push(...shown(deviation, paint))
  if (verdict.excused) lines.push(`  excused    ${visible(excuseWords(verdict.excused))}`)
  if (verdict.note !== undefined) lines.push(`  note       ${visible(verdict.note)}`)
  if (verdict.replay) lines.push(`  published  ${visible(verdict.replay.counterexample)}`)
  if (rule) lines.push(`  a client   ${rule.harm}`, `  fix        ${rule.fix}`)
  const page = explanationOf(verdict.rule)?.page
  if (page !== undefined) lines.push(`  see        streamproof explain ${page}`)
  lines.push(`  again      ${again(verdict, command)}`)
  return lines.join('\n')
}

function shown({ expected, actual, where, excerpt }: Deviation, paint: Paint): string[] {
  const dump = excerpt ? hexdump(Buffer.from(excerpt.hex, 'hex'), excerpt.offset, excerpt.mark) : []
  return [
    `  expected   ${paint('green', visible(expected))}`,
    `  came       ${paint('red', visible(actual))}`,
    `  where      ${placeWords(where)}`,
    ...dump.map((line) => `             ${/^[\da-f]{8} .*\|$/.test(line) ? line : paint('red', line)}`),
  ]
}

function others(report: Report, paint: Paint): string[] {
  const blocks: string[] = []
  const rest = report.verdicts.filter(({ outcome, excused }) => outcome !== 'fail' && outcome !== 'broken' && excused === undefined)
  const width = Math.max(0, ...rest.map(({ rule }) => slugOf(rule).length))
  for (const [room, verdicts] of byRoom(rest)) {
    const unreached = verdicts.filter((verdict) => isUnreached(verdict, report))
    const lines = verdicts.filter((verdict) => !unreached.includes(verdict)).map((verdict) => {
      const word = outcomeWords[verdict.outcome].padEnd(14)
      const painted = verdict.outcome === 'pass' ? paint('green', word) : paint('dim', word)
      return `  ${painted}  ${slugOf(verdict.rule).padEnd(width)}  ${visible(reasonOf(verdict))}`.trimEnd()
    })
    if (unreached.length > 0) lines.push(`  ${paint('dim', outcomeWords['not-exercised'].padEnd(14))}  ${counted(unreached.length, 'rule')}, for the reason above`)
    blocks.push([paint('bold', room), ...lines].join('\n'))
  }
  if (report.notes.length > 0) {
    blocks.push([paint('bold', 'notes'), ...report.notes.map(({ rule, text }) => `  ${rule}: ${visible(text)}`)].join('\n'))
  }
  return blocks
}

/** A verdict that only repeats why the whole run is incomplete. */
function isUnreached({ outcome, note }: Verdict, { incomplete }: Report): boolean {
  return outcome === 'not-exercised' && incomplete !== undefined && note === incomplete.reason
}

const slugOf = (rule: string): string => rule.split('/').slice(2).join('/')

/** Counts, effort and the exit code: three lines. */
export function totals(report: Report, { failOn }: Rendering, paint: Paint): string {
  const counts = Object.entries(outcomeWords).map(([outcome, words]) => `${report.counts[outcome as keyof typeof outcomeWords]} ${words}`)
  const style = report.exitCode === 0 ? 'green' : report.exitCode === 1 ? 'red' : 'yellow'
  return [
    `${counted(report.verdicts.length, 'rule')}: ${counts.join(', ')}`,
    ...baselineTotals(report),
    ...effort(report),
    paint([style, 'bold'], `exit ${report.exitCode}`) + `: ${visible(exitMeaning(report, failOn))}`,
  ].join('\n')
}
