/**
 * The report as GitHub-flavoured Markdown, for the summary of a CI step. Whatever a target sent stands in a code span
 * or a fenced block, where nothing is markup, a link, a mention or a reference. Pure.
 */
import type { Deviation, Verdict } from '../../spec/model.ts'
import { fails, type Report } from '../report.ts'
import {
  again, baselineFaults, byRoom, counted, effort, excuseWords, exitMeaning, failuresOf, incompleteBecause, outcomeWords, placeWords, reasonOf, type Rendering,
  type RuleText,
} from './meaning.ts'
import { codeSpan as code, hexdump, markdown as plain } from './text.ts'

/** bytes; GitHub refuses the summary of a step that has more than 1 MiB */
const mostBytes = 1_000_000

/** One Markdown document of at most a million bytes; blocks that do not fit are left out and counted. Ends with a line feed. */
export function renderMarkdown(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  return cut([
    header(report, rendering),
    ...[...failuresOf(report, rendering.failOn), ...excusedFailures(report)].map((verdict) => failure(verdict, rules, rendering)),
    ...others(report),
    ...notes(report),
  ])
}

function cut(blocks: readonly string[]): string {
  let left = mostBytes
  const kept = blocks.filter((block) => {
    const size = Buffer.byteLength(block) + 2
    if (size > left) return false
    left -= size
    return true
  })
  const missing = blocks.length - kept.length
  if (missing > 0) {
    kept.push(`**Cut:** ${counted(missing, 'block')} did not fit into a million bytes; \`--report json=report.json\` has everything.`)
  }
  return `${kept.join('\n\n')}\n`
}

function header(report: Report, { failOn }: Rendering): string {
  const { kit, target, spec, counts, incomplete } = report
  const icon = report.exitCode === 0 ? '✅' : report.exitCode === 1 ? '❌' : '⚠'
  const name = [target.name, target.version].filter((part) => part !== undefined).join(' ')
  const reason = incompleteBecause(report)
  return [
    `## ${icon} streamproof: ${report.exitCode === 3 ? 'incomplete' : plain(exitMeaning(report, failOn))}`,
    `${code(target.url)}, ${target.kind}${name === '' ? '' : `, ${code(name)}`}; exit ${report.exitCode}`,
    ...baselineFaults(report).map((fault) => `**Baseline:** ${code(fault)}`),
    ...(reason === undefined ? [] : [`**Incomplete:** ${code(reason)}`]),
    ...(incomplete?.quoted === undefined ? [] : [`It sent: ${code(incomplete.quoted)}`]),
    [
      '| outcome | rules |',
      '|---|---:|',
      ...Object.entries(outcomeWords).map(([outcome, words]) => `| ${words} | ${counts[outcome as keyof typeof outcomeWords]} |`),
    ].join('\n'),
    `${effort(report).join('; ')}; `
      + `${kit.name} ${plain(kit.version)}, rules of ${plain(spec)}`,
  ].join('\n\n')
}

function failure(verdict: Verdict, rules: readonly RuleText[], { failOn, command }: Rendering): string {
  const rule = rules.find(({ id }) => id === verdict.rule)
  const level = verdict.level === verdict.effectiveLevel ? verdict.level : `${verdict.effectiveLevel}, ${verdict.level} elsewhere`
  const shown = verdict.deviations.length
  return details(`${fails(verdict, failOn) ? '❌' : '⚠'} ${verdict.rule} (${level})`, [
    ...(rule ? [`[${plain(rule.says)}](${rule.clause})`] : []),
    ...(verdict.examined > 1 ? [`${verdict.examined} examined, ${counted(shown, 'deviation')} shown`] : []),
    ...verdict.deviations.flatMap(deviation),
    ...(verdict.excused ? [`Excused: ${code(excuseWords(verdict.excused))}`] : []),
    ...(verdict.note === undefined ? [] : [`Note: ${code(verdict.note)}`]),
    ...(verdict.replay ? [`Published: ${code(verdict.replay.counterexample)}`] : []),
    ...(rule ? [`**A client:** ${plain(rule.harm)}`, `**Fix:** ${plain(rule.fix)}`] : []),
    `**Again:** ${code(again(verdict, command))}`,
  ])
}

const excusedFailures = ({ verdicts }: Report): Verdict[] =>
  verdicts.filter(({ outcome, excused }) => outcome === 'fail' && excused !== undefined)

function deviation({ expected, actual, where, excerpt }: Deviation): string[] {
  const items = [`- expected ${code(expected)}`, `- came ${code(actual)}`, `- where ${code(placeWords(where))}`].join('\n')
  if (!excerpt) return [items]
  // every line begins with an offset or blanks, so none of them ends the block
  return [items, ['```text', ...hexdump(Buffer.from(excerpt.hex, 'hex'), excerpt.offset, excerpt.mark), '```'].join('\n')]
}

/** What did not fail, room by room, without what passed. */
function others({ verdicts }: Report): string[] {
  const rest = verdicts.filter(({ outcome }) => outcome !== 'fail' && outcome !== 'pass')
  return [...byRoom(rest)].map(([room, members]) =>
    details(`${room}: ${counted(members.length, 'rule')} without a verdict`, [
      members.map((verdict) => `- \`${verdict.rule}\` ${outcomeWords[verdict.outcome]}: ${code(reasonOf(verdict))}`).join('\n'),
    ]))
}

function notes({ notes: recorded }: Report): string[] {
  if (recorded.length === 0) return []
  return [details(counted(recorded.length, 'note'), [recorded.map(({ rule, text }) => `- \`${rule}\` ${code(text)}`).join('\n')])]
}

/** A folded block; the blank lines make what is inside Markdown again. */
const details = (summary: string, paragraphs: readonly string[]): string =>
  [`<details><summary>${summary}</summary>`, ...paragraphs, '</details>'].join('\n\n')
