/**
 * The report as SARIF 2.1.0, for code scanning: one result for each failing rule. Pure.
 *
 * GitHub takes every result for a problem, whatever its `kind` and its `suppressions`, so what was not exercised, does
 * not apply, is excused or is the kit's own fault stands in the notifications of the invocation. It also refuses a whole file for one location whose scheme is
 * not that of the checkout, so the target stands there as a relative path and as a URL in the text.
 */
import { createHash } from 'node:crypto'
import type { Deviation, Excerpt, Level, Place, Verdict } from '../../spec/model.ts'
import { fails, type Report } from '../report.ts'
import { isLoopback } from '../request.ts'
import {
  again, baselineFaults, counted, excuseWords, exitMeaning, failuresOf, incompleteBecause, placeWords, reasonOf, type Rendering, type RuleText,
} from './meaning.ts'
import { json, markdown, visible } from './text.ts'

const levels: Readonly<Record<Level, 'error' | 'warning' | 'note'>> = {
  must: 'error', interop: 'error', contract: 'error', should: 'warning', advice: 'note',
}

/** What has no result, and how loud its notification is. */
const notified = { 'not-exercised': 'note', 'not-applicable': 'none', excused: 'note', broken: 'error' } as const

/** One SARIF log with one run; ends with a line feed. */
export function renderSarif(report: Report, rules: readonly RuleText[], rendering: Rendering): string {
  const judged = rules.filter(({ id }) => report.verdicts.some(({ rule }) => rule === id))
  const index = new Map(judged.map(({ id }, i) => [id, i]))
  const { kit, target, spec, counts } = report
  const uri = pathOf(target.url)
  return `${json({
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: {
        driver: {
          name: kit.name,
          semanticVersion: kit.version,
          rules: judged.map(descriptor),
          notifications: Object.entries(notified).map(([id, level]) => ({
            id, shortDescription: { text: id.replace('-', ' ') }, defaultConfiguration: { level },
          })),
        },
      },
      artifacts: [{ location: { uri }, roles: ['analysisTarget'], description: message(target.url) }],
      invocations: [invocation(report, index, rendering)],
      results: failuresOf(report, rendering.failOn).map((verdict) =>
        result(verdict, judged[index.get(verdict.rule) ?? -1], index.get(verdict.rule), uri, rendering)),
      properties: { target, spec, counts },
    }],
  })}\n`
}

function descriptor({ id, level, clause, says, harm, fix }: RuleText): object {
  const [protocol = '', area = '', slug = ''] = id.split('/')
  const lines = [`Rule: ${says}.`, `A client: ${harm}.`, `Fix: ${fix}.`]
  return {
    id,
    name: `${area}-${slug}`.replace(/(?:^|-)(\w)/g, (_, first: string) => first.toUpperCase()),
    shortDescription: { text: braced(says) },
    fullDescription: { text: braced(`${says}. A client: ${harm}.`) },
    helpUri: clause,
    help: {
      text: braced([...lines, `Clause: ${clause}`].join('\n')),
      markdown: braced([...lines.map(markdown), `[The clause](${clause})`].join('\n\n')),
    },
    defaultConfiguration: { level: levels[level] },
    properties: { level, tags: [protocol, area, level] },
  }
}

function invocation(report: Report, index: ReadonlyMap<string, number>, { failOn, command }: Rendering): object {
  const reason = incompleteBecause(report)
  const quoted = report.incomplete?.quoted
  return {
    executionSuccessful: reason === undefined,
    exitCode: report.exitCode,
    exitCodeDescription: visible(exitMeaning(report, failOn)),
    commandLine: visible(command),
    toolExecutionNotifications: [
      ...(reason === undefined ? [] : [{ level: 'error', message: message(quoted === undefined ? reason : `${reason}; it sent ${quoted}`) }]),
      ...baselineFaults(report).map((fault) => ({ level: 'error', message: message(fault) })),
      ...report.verdicts.flatMap((verdict) => notification(verdict, index.get(verdict.rule))),
    ],
  }
}

function notification(verdict: Verdict, index: number | undefined): object[] {
  const { rule, outcome, excused } = verdict
  if (outcome === 'pass' || (outcome === 'fail' && excused === undefined)) return []
  const id = outcome === 'fail' ? 'excused' : outcome
  const associatedRule = { id: rule, ...(index === undefined ? {} : { index }) }
  return [{ descriptor: { id }, associatedRule, level: notified[id], message: message(...(excused ? [excuseWords(excused)] : []), reasonOf(verdict)) }]
}

function result(
  verdict: Verdict,
  rule: RuleText | undefined,
  ruleIndex: number | undefined,
  uri: string,
  { failOn, command }: Rendering,
): object {
  const [first, ...others] = verdict.deviations
  const parts = [
    ...(rule ? [rule.says] : []),
    ...(first ? [`Expected: ${first.expected}`, `Came: ${first.actual}`, `Where: ${placeWords(first.where)}`] : []),
    ...(others.length > 0 ? [`And ${counted(others.length, 'deviation')} more`] : []),
    ...(verdict.note === undefined ? [] : [`Note: ${verdict.note}`]),
    ...(verdict.replay ? [`Published: ${verdict.replay.counterexample}`] : []),
    `Again: ${again(verdict, command)}`,
  ]
  return {
    ruleId: verdict.rule,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    kind: 'fail',
    level: levels[verdict.effectiveLevel],
    message: message(...parts),
    locations: [{
      // a line of the event stream; code scanning wants one even where none is meant
      physicalLocation: { artifactLocation: { uri, index: 0 }, region: { startLine: first?.where.line ?? 1 } },
      ...(first ? logical(first.where) : {}),
    }],
    relatedLocations: verdict.deviations.map((deviation, i) => received(deviation, i + 1, uri)),
    partialFingerprints: { primaryLocationLineHash: `${fingerprint(`${verdict.rule} ${uri}`)}:1` },
    properties: {
      level: verdict.level,
      effectiveLevel: verdict.effectiveLevel,
      failsTheRun: fails(verdict, failOn),
      examined: verdict.examined,
      ...(verdict.replay ? { replay: verdict.replay.id } : {}),
    },
  }
}

/** The bytes that a link received: other offsets than those of the event stream, so a location of its own. */
function received({ expected, actual, where, excerpt }: Deviation, id: number, uri: string): object {
  const region = where.byte === undefined ? {} : { region: bytesAt(where.byte, where.length ?? 1, excerpt) }
  const bytes = excerpt && Buffer.from(excerpt.hex, 'hex')
  const context = bytes === undefined || where.byte === undefined ? {}
    : { contextRegion: { byteOffset: excerpt?.offset, byteLength: bytes.length, snippet: { binary: bytes.toString('base64') } } }
  return {
    id,
    message: message(`Expected: ${expected}`, `Came: ${actual}`, `Where: ${placeWords(where)}`),
    physicalLocation: { artifactLocation: { uri, index: 0 }, ...region, ...context },
    ...logical(where),
  }
}

function bytesAt(byteOffset: number, byteLength: number, excerpt: Excerpt | undefined): object {
  const from = byteOffset - (excerpt?.offset ?? byteOffset)
  const bytes = Buffer.from(excerpt?.hex ?? '', 'hex').subarray(from, from + byteLength)
  return { byteOffset, byteLength, ...(bytes.length === 0 ? {} : { snippet: { binary: bytes.toString('base64') } }) }
}

const logical = ({ link }: Place): object => ({ logicalLocations: [{ name: link, kind: 'link' }] })

/** The same from run to run, whatever port the target listens on. */
const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * The target as a relative path that is the same from run to run: no scheme, no port, no query; `localhost` for
 * every loopback address.
 */
function pathOf(target: string): string {
  if (!URL.canParse(target)) return 'target'
  const { hostname, pathname } = new URL(target)
  const path = `${isLoopback(target) ? 'localhost' : hostname}${pathname}`.replace(/\/+$/, '')
  return path.replace(/%(?![\da-f]{2})|[^\w.~!$&'()*+,;=@%/-]/gi, encodeURIComponent)
}

/** Text in the notation of a SARIF message: no placeholder (3.11.5) and no embedded link (3.11.6) comes out of it. */
function message(...lines: readonly string[]): { text: string } {
  return { text: lines.map((line) => braced(visible(line).replaceAll('](', '\\x5d('))).join('\n') }
}

const braced = (text: string): string => text.replace(/[{}]/g, '$&$&')
