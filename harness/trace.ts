/** The generated pages: every rule, and every sentence of the standards with what answers for it. Pure. */
import type { RuleId } from '../spec/model.ts'
import { clientRules } from '../spec/client/index.ts'
import { explanationOf } from '../spec/sse/explain/index.ts'
import type { Clause } from '../spec/trace/clause.ts'
import { clauses, standards } from '../spec/trace/index.ts'
import { areasOf } from './options/subject.ts'
import { counted, type RuleText } from './report/meaning.ts'
import { allRules, streamRules } from './selection.ts'

const generated = '<!-- written by `npm run docs`; edit the data, not this page -->'

/** Text for a table cell: no bar, no line end, and `<` as it is meant. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\s+/g, ' ')

/** Text outside tables: what HTML or emphasis would be, as it is meant. */
const prose = (text: string): string => text.replaceAll('<', '&lt;').replaceAll('*', '\\*')

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** The anchor that `rulesPage` gives a rule. */
const anchor = (rule: string): string => rule.replaceAll('/', '-')
const link = (rule: RuleId): string => `[${rule}](rules.md#${anchor(rule)})`

/** `9.2.5` of HTML, `section-6.1` of an RFC: what a reader looks for. */
const placeOf = ({ id, url }: Clause): string => /-(\d+(?:\.\d+)*)-/.exec(id)?.[1] ?? url.slice(url.indexOf('#') + 1)

/** Clauses that name a rule, in reading order. */
export const clausesOf = (rule: string): Clause[] => clauses.filter((clause) => 'rules' in clause && clause.rules.some((id) => id === rule))

/** `docs/traceability.md` */
export function traceabilityPage(): string {
  const covered = clauses.filter((clause) => 'rules' in clause)
  const lines = [
    '# Traceability',
    generated,
    '',
    'Every sentence of the standards that binds or concerns a server of event streams, in our own words, with the rules that',
    'look at it, or why none does; and back, from every rule to its sentences. A sentence that binds clients is listed where',
    'a server that ignores it loses something by it. A test fails on a hole in either direction.',
    '',
    `${counted(clauses.length, 'sentence')}: ${covered.length} with rules, ${clauses.length - covered.length} without, each with its reason. `
      + `${counted(streamRules.length, 'rule')}.`,
  ]
  for (const { title, revision, clauses: own } of standards) {
    lines.push('', `## ${title}`, '', `${revision}.`, '', row('place', 'speaks', 'to', 'gist', 'rules'), row('---', '---', '---', '---', '---'))
    for (const clause of own) {
      const answer = 'rules' in clause ? clause.rules.map(link).join(', ') : `*none*: ${cell(clause.excluded)}`
      lines.push(row(`<a id="${clause.id}"></a>[${placeOf(clause)}](${clause.url})`, clause.keyword, clause.binds, cell(clause.gist), answer))
    }
  }
  lines.push('', '## From rules to sentences', '', row('rule', 'level', 'sentences'), row('---', '---', '---'))
  for (const { id, level } of streamRules) {
    lines.push(row(link(id), level, clausesOf(id).map((clause) => `[${clause.id}](#${clause.id})`).join(', ')))
  }
  return `${lines.join('\n')}\n`
}

/** `docs/rules.md` */
export function rulesPage(): string {
  const all: readonly RuleText[] = [...allRules, ...clientRules]
  const areas = areasOf(all.map(({ id }) => id))
  const lines = [
    '# Rules',
    generated,
    '',
    `${counted(allRules.length, 'rule')} about servers, ${counted(clientRules.length, 'rule')} about clients. \`streamproof explain RULE\` shows the same`,
    'with code for node:http, Express and FastAPI; [traceability](traceability.md) says which sentence of which standard each comes from.',
    '',
    ...areas.map((area) => `- [${area}](#${anchor(area)})`),
  ]
  for (const area of areas) {
    lines.push('', `<a id="${anchor(area)}"></a>`, `## ${area}`)
    for (const rule of all.filter(({ id }) => id.startsWith(`${area}/`))) lines.push(...ruleSection(rule))
  }
  return `${lines.join('\n')}\n`
}

function ruleSection({ id, level, clause, says, harm, fix }: RuleText): string[] {
  const { bug, flaw, page } = explanationOf(id) ?? {}
  const code = typeof bug === 'string' ? [bug] : bug
  return [
    '', `<a id="${anchor(id)}"></a>`, `### ${id}`, '',
    `**${level}** [clause](${clause}): ${prose(says)}.`, '',
    `- harm: ${prose(harm)}`,
    `- fix: ${prose(fix)}`,
    ...(page === undefined ? [] : [`- page: [${page}](guide/${page}.md)`]),
    ...(code === undefined ? [] : ['', '```', ...code, '```', '', prose(flaw ?? '')]),
  ]
}
