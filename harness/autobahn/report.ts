/** What came of the Autobahn cases, as text and in the shape of Autobahn's own reports. Pure. */
import { categories, source } from '../../spec/ws/autobahn/index.ts'
import { isFailure, type Behavior } from '../../spec/ws/autobahn/verdict.ts'
import type { AutobahnRun, Outcome } from '../autobahn.ts'
import { json, visible } from '../report/text.ts'

const columns: readonly Behavior[] = ['OK', 'NON-STRICT', 'INFORMATIONAL', 'UNIMPLEMENTED', 'INCONCLUSIVE', 'FAILED']

/** Stands beside a case of Autobahn, and is none. */
const isBeside = ({ id }: Outcome): boolean => id.endsWith('+')

/** The name of a case's own report, as Autobahn forms it. */
export function reportFile(agent: string, id: string): string {
  return `${agent.trim().toLowerCase().replace(/[^a-z0-9]/g, ' ').trim().replace(/\s+/g, '_')}_case_${id.replaceAll('.', '_')}.json`
}

/** `{agent: {case: …}}`, for programs that read Autobahn's index.json. */
export function indexJson(agent: string, { outcomes }: AutobahnRun): string {
  const byId = outcomes.filter((one) => !isBeside(one)).map(({ id, behavior, behaviorClose, durationMs, remoteCloseCode }) =>
    [id, { behavior, behaviorClose, duration: durationMs, remoteCloseCode, reportfile: reportFile(agent, id) }])
  return `${json({ [agent]: Object.fromEntries(byId) })}\n`
}

/** The report of each case: by file name. */
export function caseFiles(agent: string, { outcomes }: AutobahnRun): readonly (readonly [name: string, text: string])[] {
  return outcomes.filter((one) => !isBeside(one)).map(({ id, says, durationMs, ...verdict }) =>
    [reportFile(agent, id), `${json({ agent, id, description: says, duration: durationMs, ...verdict })}\n`])
}

/** 0 no case failed, 1 one did in either column, 3 nothing was decided or not all of it was run. */
export function exitCodeOf({ outcomes, incomplete }: AutobahnRun): 0 | 1 | 3 {
  if (outcomes.some(isFailure)) return 1
  const decided = outcomes.some(({ behavior }) => behavior !== 'INCONCLUSIVE' && behavior !== 'UNIMPLEMENTED')
  return incomplete || !decided ? 3 : 0
}

/** A table by category, then every case that is not OK in both columns. */
export function autobahnText(agent: string, run: AutobahnRun): string {
  const { outcomes, incomplete, isEcho } = run
  const theirs = outcomes.filter((one) => !isBeside(one))
  const lines = [`Autobahn ${source.version} cases on ${visible(agent)}`, '']
  if (outcomes.length > 0) {
    const rows = Object.entries(categories).flatMap(([number, name]) => {
      const own = theirs.filter(({ id }) => id.split('.')[0] === number)
      return own.length === 0 ? [] : [[`${number} ${name}`, ...columns.map((column) => own.filter(({ behavior }) => behavior === column).length)]]
    })
    lines.push(...table([['', ...columns], ...rows]), '')
  }
  if (!isEcho && outcomes.length > 0) lines.push('No message came back: what only an echo shows is INCONCLUSIVE. --echo says that the target is one.', '')
  for (const { id, says, behavior, behaviorClose, result, resultClose } of outcomes) {
    if (behavior === 'OK' && behaviorClose === 'OK') continue
    lines.push(`${id}  ${behavior}, close ${behaviorClose}`, `    sent: ${says}`, `    came: ${result}${result === resultClose ? '' : `; ${resultClose}`}`)
  }
  if (incomplete) {
    lines.push(`incomplete: ${visible(incomplete.reason)}`)
    if (incomplete.quoted !== undefined) lines.push(`    ${visible(incomplete.quoted)}`)
  }
  const failed = outcomes.filter(isFailure).length
  const besides = outcomes.length - theirs.length
  lines.push(`${theirs.length} cases${besides > 0 ? ` and ${besides} beside them` : ''}, ${failed === 0 ? 'none' : failed} failed`)
  return `${lines.join('\n')}\n`
}

function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)))
  return rows.map((row) => row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i] ?? 0) : String(cell || (typeof cell === 'number' ? '-' : cell)).padStart(widths[i] ?? 0))).join('  ').trimEnd())
}
