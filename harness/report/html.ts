/**
 * The report as one HTML page that needs nothing beside it: no script, no font, no request. It is well-formed as XML
 * too, so that a strict reader can prove that nothing of a target became markup. Pure.
 */
import type { Deviation, Verdict } from '../../spec/model.ts'
import { fails, type Report } from '../report.ts'
import {
  again, baselineFaults, byRoom, counted, effort, excuseWords, exitMeaning, failuresOf, incompleteBecause, kindWords, outcomeWords, placeWords, reasonOf,
  type Rendering, type RuleText,
} from './meaning.ts'
import { hexdump, visible, xml } from './text.ts'

const style = `
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --soft: #9a6700; --dim: #6e7781 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { overflow-x: auto; overflow-wrap: normal; padding: .5rem; border: 1px solid var(--dim); border-radius: 4px }
article { border-left: 4px solid var(--soft); padding: .1rem 1rem; margin: 1.5rem 0 }
article.hard { border-color: var(--bad) }
.exit0 { color: var(--good) } .exit1 { color: var(--bad) } .exit3 { color: var(--soft) }
article:target { outline: 2px solid var(--soft) }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .15rem .75rem .15rem 0 }
dt { color: var(--dim); float: left; clear: left; width: 6rem }
dd { margin: 0 0 .2rem 6.5rem }
.pass { color: var(--good) } .fail, .broken { color: var(--bad) } .not-exercised, .not-applicable { color: var(--dim) }
summary { cursor: pointer; font-weight: 600 }
`

const code = (text: string): string => `<code>${xml(visible(text))}</code>`
const item = (term: string, shown: string): string => `<dt>${term}</dt><dd>${shown}</dd>`

/** One HTML document; ends with a line feed. */
export function renderHtml(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const { kit, target, spec } = report
  const failed = [...failuresOf(report, rendering.failOn), ...report.verdicts.filter(({ outcome, excused }) => outcome === 'fail' && excused)]
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'"/>',
    '<meta name="viewport" content="width=device-width"/>',
    '<meta name="referrer" content="no-referrer"/>',
    `<title>streamproof: ${xml(visible(target.url))}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    `<h1 class="exit${report.exitCode}">${xml(visible(exitMeaning(report, rendering.failOn)))}</h1>`,
    header(report),
    ...failed.map((verdict) => failure(verdict, rules, rendering)),
    '<h2>All rules</h2>',
    ...[...byRoom(report.verdicts)].map(([room, verdicts]) => table(room, verdicts, rules)),
    ...notes(report),
    `<p>${effort(report).join('; ')}; `
      + `${kit.name} ${xml(kit.version)}, Node ${xml(kit.node)}, rules of ${xml(spec)}</p>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function header(report: Report): string {
  const { target, counts, incomplete } = report
  const name = [target.name, target.version].filter((part) => part !== undefined).join(' ')
  const reason = incompleteBecause(report)
  const outcomes = Object.entries(outcomeWords).map(([outcome, words]) => `<span class="${outcome}">${counts[outcome as keyof typeof outcomeWords]} ${words}</span>`)
  return [
    '<dl>',
    item('target', code(target.url)),
    item('kind', kindWords(report)),
    ...(name === '' ? [] : [item('name', code(name))]),
    item('rules', outcomes.join(', ')),
    ...(reason === undefined ? [] : [item('incomplete', code(reason))]),
    ...(incomplete?.quoted === undefined ? [] : [item('it sent', code(incomplete.quoted))]),
    ...baselineFaults(report).map((fault) => item('baseline', code(fault))),
    '</dl>',
  ].join('\n')
}

function failure(verdict: Verdict, rules: readonly RuleText[], { failOn, command }: Rendering): string {
  const rule = rules.find(({ id }) => id === verdict.rule)
  const level = verdict.level === verdict.effectiveLevel ? verdict.level : `${verdict.effectiveLevel}, ${verdict.level} elsewhere`
  return [
    `<article id="${xml(verdict.rule)}"${fails(verdict, failOn) ? ' class="hard"' : ''}>`,
    `<h3>${xml(verdict.rule)} (${level})</h3>`,
    '<dl>',
    ...(rule ? [item('rule', `<a href="${xml(rule.clause)}">${xml(rule.says)}</a>`)] : []),
    ...(verdict.examined > 1 ? [item('examined', `${verdict.examined}, ${counted(verdict.deviations.length, 'deviation')} shown`)] : []),
    ...verdict.deviations.flatMap(deviation),
    ...(verdict.excused ? [item('excused', code(excuseWords(verdict.excused)))] : []),
    ...(verdict.note === undefined ? [] : [item('note', code(verdict.note))]),
    ...(verdict.replay ? [item('published', code(verdict.replay.counterexample))] : []),
    ...(rule ? [item('a client', xml(rule.harm)), item('fix', xml(rule.fix))] : []),
    item('again', code(again(verdict, command))),
    '</dl>',
    '</article>',
  ].join('\n')
}

function deviation({ expected, actual, where, excerpt }: Deviation): string[] {
  const dump = excerpt ? hexdump(Buffer.from(excerpt.hex, 'hex'), excerpt.offset, excerpt.mark) : []
  return [
    item('expected', code(expected)),
    item('came', code(actual)),
    item('where', code(placeWords(where))),
    ...(dump.length === 0 ? [] : [item('bytes', `<pre>${xml(dump.join('\n'))}</pre>`)]),
  ]
}

function table(room: string, verdicts: readonly Verdict[], rules: readonly RuleText[]): string {
  const row = (verdict: Verdict): string => {
    const { rule, outcome, effectiveLevel } = verdict
    const says = rules.find(({ id }) => id === rule)?.says ?? rule
    const slug = xml(rule.split('/').slice(2).join('/'))
    const name = outcome === 'fail' ? `<a href="#${xml(rule)}">${slug}</a>` : slug
    return `<tr><td class="${outcome}">${outcomeWords[outcome]}</td><td title="${xml(says)}">${name}</td><td>${effectiveLevel}</td><td>${code(reasonOf(verdict))}</td></tr>`
  }
  const open = verdicts.some(({ outcome }) => outcome === 'fail' || outcome === 'broken') ? ' open="open"' : ''
  const passed = verdicts.filter(({ outcome }) => outcome === 'pass').length
  return [
    `<details${open}><summary>${xml(room)}: ${passed} of ${verdicts.length} pass</summary>`,
    '<table>', '<tr><th>outcome</th><th>rule</th><th>level</th><th>examined, or why not</th></tr>', ...verdicts.map(row), '</table>',
    '</details>',
  ].join('\n')
}

function notes({ notes: recorded }: Report): string[] {
  if (recorded.length === 0) return []
  return ['<h2>Notes</h2>', '<ul>', ...recorded.map(({ rule, text }) => `<li>${xml(rule)}: ${code(text)}</li>`), '</ul>']
}
