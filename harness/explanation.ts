/** The text of `streamproof explain`: what a rule asks and why, how it is broken, how it is done right. */
import { readFileSync } from 'node:fs'
import { clientRules, type ClientRule } from '../spec/client/index.ts'
import { explanationOf, explanations } from '../spec/sse/explain/index.ts'
import type { Explanation } from '../spec/sse/explain/explanation.ts'
import { pages, type PageId } from '../spec/sse/explain/pages.ts'
import type { RecipeId } from '../spec/sse/explain/recipes.ts'
import { rooms } from '../spec/sse/index.ts'
import type { RuleId } from '../spec/model.ts'
import { thresholdNames, thresholds } from '../spec/thresholds.ts'
import { clauses } from '../spec/trace/index.ts'
import { areasOf, pageIds, type Subject } from './options/subject.ts'
import { examples, packageFile, partsOfRecipe, titleOf } from './recipes.ts'
import { counted, type RuleText } from './report/meaning.ts'
import { allRules, type AnyRule } from './selection.ts'

/** The text for a subject; ends with a line feed. */
export function explanation(subject: Subject): string {
  switch (subject.kind) {
    case 'overview':
      return overview()
    case 'page':
      return pageText(subject.id)
    case 'area':
      return areaText(subject.id)
    case 'rule':
      return ruleText(subject.id)
  }
}

/** The page that says more about a rule. */
const pageOf = (rule: RuleId): PageId | undefined => explanationOf(rule)?.page

/** A page as it is stored, in Markdown. */
export const pageText = (id: PageId): string => readFileSync(packageFile(`docs/guide/${id}.md`), 'utf8')

const indented = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `    ${line}`))

function overview(): string {
  const areas = areasOf([...allRules, ...clientRules].map(({ id }) => id))
  const width = Math.max(...areas.map((id) => id.length), ...pageIds.map((id) => id.length))
  return [
    'streamproof explain RULE, AREA or PAGE',
    '',
    'areas',
    ...areas.map((area) => `  ${area.padEnd(width)}  ${counted(rulesOf(area).length, 'rule')}`),
    '',
    'pages',
    ...pageIds.map((id) => `  ${id.padEnd(width)}  ${pages[id]}`),
    '',
    'A rule: streamproof explain sse/framing/cr-in-data. All rules: streamproof rules.',
    '',
  ].join('\n')
}

const rulesOf = (area: string): RuleText[] => [...allRules, ...clientRules].filter(({ id }) => id.startsWith(`${area}/`))

function areaText(area: string): string {
  const rules = rulesOf(area)
  const slugs = rules.map(({ id }) => id.slice(area.length + 1))
  const width = Math.max(...slugs.map((slug) => slug.length))
  const named = [...new Set(rules.flatMap(({ id }) => pageOf(id) ?? []))]
  const clause = rooms.find(({ id }) => id === area)?.clause
  return [
    `${area}, ${counted(rules.length, 'rule')}`,
    ...(clause === undefined ? [] : [`  clause  ${clause}`]),
    ...(named.length === 0 ? [] : [`  pages   ${named.map((id) => `streamproof explain ${id}`).join(', ')}`]),
    '',
    ...rules.map(({ level, says }, i) => `  ${(slugs[i] ?? '').padEnd(width)}  ${level.padEnd(8)}  ${says}`),
    '',
    `One of them: streamproof explain ${rules[0]?.id}. Just these: ${command(area)} --only '${area}/*'`,
    '',
  ].join('\n')
}

function ruleText(id: string): string {
  const ofServers = allRules.find((one) => one.id === id)
  const ofClients = clientRules.find((one) => one.id === id)
  const rule: RuleText | undefined = ofServers ?? ofClients
  if (!rule) throw new Error(`${id} was a rule a moment ago`)
  const promised = ofServers?.promisedBy === undefined ? '' : `; contract on a driver that has ${ofServers.promisedBy}`
  const known = explanations.get(id)
  return [
    rule.id,
    `  rule      ${rule.says}`,
    `  level     ${rule.level}${promised}`,
    `  clause    ${rule.clause}`,
    ...sentencesOf(rule).map((gist) => `            ${gist}`),
    ...numbersOf(id).map((line) => `  number    ${line}`),
    `  ${ofClients ? 'harm    ' : 'a client'}  ${rule.harm}`,
    `  fix       ${rule.fix}`,
    ...(known === undefined ? [] : bugText(known)),
    ...(ofServers ? twinsText(ofServers) : []),
    ...(ofClients ? vectorsText(ofClients) : []),
    '',
    'just this rule',
    `  ${command(id)} --only ${id}`,
    ...(known === undefined ? [] : [...seeAlso(known), ...known.recipes.flatMap(recipeText)]),
    '',
  ].join('\n')
}

const command = (id: string): string => (id.startsWith('client/') ? 'npx streamproof client --cmd "node my-client.js"' : 'npx streamproof URL')

const twinsText = ({ mutants }: AnyRule): string[] => [
  '',
  'wrong twins that prove it can fail',
  ...Object.entries(mutants).map(([name, { fault }]) => `  ${name}${fault === undefined ? '' : ` (npm start -- --fault ${fault})`}`),
]

const vectorsText = ({ vectors = [] }: ClientRule): string[] =>
  (vectors.length === 0 ? [] : ['', 'vectors that show it', ...vectors.map((name) => `  ${name}`)])

/** What the texts say that the rule answers for: the sentences of its own clause. */
const sentencesOf = ({ id, clause }: RuleText): string[] => clauses.flatMap((one) =>
  ('rules' in one && one.url === clause && one.rules.includes(id) ? [`${one.keyword}, ${one.binds}: ${one.gist}`] : []))

/** The thresholds that a rule reads, as `--threshold` takes them. */
const numbersOf = (rule: string): string[] => thresholdNames.flatMap((name) => {
  const { value, unit, says, source, rules }: (typeof thresholds)[typeof name] = thresholds[name]
  return rules.some((one: string) => one === rule) ? [`--threshold ${name}=${value} (${unit}): ${says}; ${source}`] : []
})

function bugText({ bug, flaw }: Explanation): string[] {
  return ['', 'typical bug', ...indented(typeof bug === 'string' ? [bug] : bug), `  ${flaw}`]
}

function seeAlso({ related = [], page }: Explanation): string[] {
  const rules = related.map((id) => `sse/${id}`)
  return [
    ...(rules.length === 0 ? [] : ['', 'related', ...rules.map((id) => `  ${id}`)]),
    ...(page === undefined ? [] : ['', 'page', `  streamproof explain ${page}: ${pages[page]}`]),
  ]
}

function recipeText(id: RecipeId): string[] {
  const parts = partsOfRecipe(id)
  return [
    '',
    `how it is done right: ${titleOf(id)}`,
    ...parts.flatMap(({ file, lines }) => [`  ${examples[file]} (examples/${file})`, '', ...indented(lines), '']).slice(0, -1),
  ]
}
