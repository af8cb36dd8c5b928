/**
 * `streamproof judge`: a file or a recording instead of a target. It is read, never asked for more, and judged by the
 * rules and functions that judge a run.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { uncarried } from '../spec/judge.ts'
import type { RuleId, Transcript } from '../spec/model.ts'
import { readExchange, type Exchange } from '../spec/sse/exchange.ts'
import { withThresholds, type Thresholds } from '../spec/thresholds.ts'
import { reportOf, type Evidence, type Subject } from './evidence.ts'
import { unnamedUrl } from './offline/capture.ts'
import { bodyTranscript, curlTranscript } from './offline/curl.ts'
import { formatOf, type Contents, type FileFormat } from './offline/format.ts'
import { harEntries, secretHeaders, type HarEntry } from './offline/har.ts'
import { recorded } from './offline/recorded.ts'
import { decodeTranscript, indexOf, transcriptOf } from './offline/transcript.ts'
import type { FailOn, Report } from './report.ts'
import { secretsOf } from './secrets.ts'
import { selected, streamRules } from './selection.ts'
import { unusable } from './unusable.ts'
import { Mistake } from './values.ts'

export interface JudgeOptions {
  /** path of a file or of a recording, `-` for standard input */
  readonly file: string
  /** found out by its content when absent */
  readonly format?: FileFormat
  /** the only entry of an archive, from 1 */
  readonly entry?: number
  readonly only: readonly string[]
  readonly skip: readonly string[]
  readonly failOn: FailOn
  readonly thresholds?: Partial<Thresholds>
}

/** What a file holds, ready to be judged. */
export interface Source {
  readonly evidence: Evidence
  /** the rules that the recorded run judged */
  readonly rules?: readonly RuleId[]
  readonly thresholds: Thresholds
  readonly run: Report['run']
  readonly interrupted: boolean
  readonly secrets: readonly string[]
  /** verdicts on generated cases rest on so many of them */
  readonly noteOf?: (rule: RuleId) => string | undefined
  /** lines for the user */
  readonly remarks: readonly string[]
}

/** bytes; a larger file is no transcript of one session */
const mostBytes = 256 * 1024 * 1024

/**
 * Judges what a file or directory holds.
 * @param input the bytes of standard input, when that is the file
 * @param announce is given what the file does not carry, and what was left out
 * @throws Mistake for what cannot be read, with what is accepted
 */
export function judgeFile(options: JudgeOptions, input: Uint8Array | undefined, announce: (line: string) => void = () => {}): Report {
  const began = performance.now()
  const source = sourceOf(options, input)
  for (const line of source.remarks) announce(line)
  const filtered = options.only.length > 0 || options.skip.length > 0
  const wanted = filtered ? selected(streamRules, options) : streamRules
  const rules = filtered || !source.rules ? wanted : wanted.filter(({ id }) => source.rules?.includes(id))
  if (rules.length === 0) {
    throw new Mistake('no rule to judge', source.rules ? 'rules that the recorded run judged' : 'rules about event streams', 'streamproof rules')
  }
  const run = { ...source.run, ms: Math.round(performance.now() - began) }
  const measure = { rules, thresholds: source.thresholds, failOn: options.failOn, secrets: source.secrets }
  const report = reportOf(source.evidence, measure, run, source.interrupted)
  const { noteOf = () => undefined } = source
  const verdicts = report.verdicts.map((verdict) => {
    const note = verdict.outcome === 'pass' || verdict.outcome === 'fail' ? noteOf(verdict.rule) : undefined
    return note === undefined ? verdict : { ...verdict, note: [verdict.note, note].filter(Boolean).join('; ') }
  })
  return { ...report, verdicts }
}

function sourceOf(options: JudgeOptions, input: Uint8Array | undefined): Source {
  const { file } = options
  const isDirectory = input === undefined && (statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false)
  const path = isDirectory ? join(file, 'index.json') : file
  const name = file === '-' ? 'standard input' : file
  if (isDirectory && !statSync(path, { throwIfNoEntry: false })) {
    throw new Mistake(`${file}, a directory without index.json`, 'a directory that --record has written', 'streamproof URL --record recording')
  }
  const contents = formatOf(input ?? fileBytes(path), name, options.format)
  if (options.entry !== undefined && contents.format !== 'har') {
    throw new Mistake(`--entry ${options.entry} for what is no HTTP archive`, 'an archive (HAR)', `streamproof judge ${file}`)
  }
  if (contents.format === 'recording') {
    if (input !== undefined) throw new Mistake('the index of a recording on standard input', 'its directory, where the sessions are', 'streamproof judge DIR')
    const index = indexOf(contents.value, path)
    // what the run was judged by holds here too, unless something else is asked for
    const thresholds = withThresholds({ ...index.options.thresholds, ...options.thresholds })
    return recorded(index, (session) => sessionOf(join(dirname(path), session)), thresholds)
  }
  return sourceOfFile(contents, name, options, withThresholds(options.thresholds))
}

/** @throws Mistake when it cannot be read, or is too large */
function fileBytes(path: string): Uint8Array {
  try {
    const { size } = statSync(path)
    if (size > mostBytes) throw new Mistake(`${path}: ${size} bytes`, `at most ${mostBytes} bytes`, 'one session or one entry in a file of its own')
    return readFileSync(path)
  } catch (error) {
    if (error instanceof Mistake) throw error
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Mistake(`${path}: the file cannot be read${code}`, 'a transcript, a HAR, what curl -iN printed, or - for standard input', 'curl -iN URL | streamproof judge -')
  }
}

function sessionOf(path: string): Transcript {
  const contents = formatOf(fileBytes(path), path)
  if (contents.format !== 'transcript') throw new Mistake(`${path}: no transcript`, 'a file that --record has written', 'the recording as it was')
  return decodeTranscript(transcriptOf(contents.value, path))
}

function sourceOfFile(contents: Contents, name: string, options: JudgeOptions, thresholds: Thresholds): Source {
  if (contents.format === 'transcript') {
    const transcript = transcriptOf(contents.value, name)
    return alone([decodeTranscript(transcript)], transcript.target, [], thresholds)
  }
  if ('bytes' in contents) {
    const transcript = contents.format === 'http' ? curlTranscript(contents.bytes) : bodyTranscript(contents.bytes)
    const remarks = contents.format === 'body' ? [`${name} holds no head and is read as the body of an event stream; curl -iN prints both`]
      : transcript.lacks?.includes('framing') ? []
      : ['the body begins with a chunk size and is read as curl --raw prints it; if curl ran without --raw, the server chunks twice']
    return alone([transcript], subjectOf([transcript], name), remarks, thresholds)
  }
  const entries = harEntries(contents.value, name, options.entry)
  const transcripts = entries.map(({ transcript }) => transcript)
  return alone(transcripts, subjectOf(transcripts, name), harRemarks(entries), thresholds)
}

/** The target of a file that another tool wrote: the URL in it when there is one, else the file. */
function subjectOf(transcripts: readonly Transcript[], name: string): Subject {
  const requests = transcripts.flatMap(({ links }) => links).map(({ request }) => request)
  const urls = new Set(requests.map(({ url }) => url))
  const [url = unnamedUrl] = urls
  const method = requests[0]?.method ?? 'GET'
  return { url: urls.size > 1 || url === unnamedUrl ? name : url, kind: 'observed', method, parts: [], declares: {} }
}

function harRemarks(entries: readonly HarEntry[]): string[] {
  const bodiless = entries.filter(({ messagesOnly }) => messagesOnly > 0)
  return [
    ...(entries.length > 1 ? [`${entries.length} event streams are judged together; --entry ${entries[0]?.number ?? 1} takes one`] : []),
    ...bodiless.map(({ number, messagesOnly }) => (
      `entry ${number} lists ${messagesOnly} ${messagesOnly === 1 ? 'event' : 'events'} as the browser read them, and no body: only its head is judged`)),
  ]
}

/** Transcripts without the run that they are of. */
function alone(transcripts: readonly Transcript[], target: Subject, remarks: readonly string[], thresholds: Thresholds): Source {
  const exchanges = transcripts.map((transcript) => readExchange(transcript, thresholds))
  const secrets = transcripts.flatMap(({ links }) => links).flatMap(({ request }) => secretsOf({
    target: request.url,
    headers: secretHeaders(request),
    ...(target.kind === 'observed' && typeof request.body === 'string' ? { body: request.body } : {}),
  }))
  const [first, ...others] = transcripts.map((transcript) => transcript.lacks ?? [])
  const lacks = (first ?? []).filter((aspect) => others.every((one) => one.includes(aspect)))
  const links = transcripts.reduce((sum, transcript) => sum + transcript.links.length, 0)
  return {
    evidence: { target, exchanges, drives: [], absence: () => ({ why: 'no-subject', note: notHere }), silent: false, ...firstAnswer(exchanges, target, secrets) },
    thresholds,
    run: { links, cases: 0, ms: 0, seed: 0 },
    interrupted: false,
    secrets,
    remarks: [...remarks, ...(lacks.length > 0 ? [`${uncarried(lacks)}: rules that need it are not exercised`] : [])],
  }
}

const notHere = 'nothing in the file shows it; a run against the server would'

/** Whether there is a stream to judge, as a run finds it out by its first answer. */
function firstAnswer(exchanges: readonly Exchange[], { kind }: Subject, secrets: readonly string[]): Pick<Evidence, 'reached' | 'incomplete'> {
  const answers = exchanges.flatMap((exchange) => exchange.answers)
  if (kind === 'driven' || answers.some(({ isEventStream }) => isEventStream)) return { reached: true }
  const last = answers.findLast(({ link }) => link.role !== 'base/hop')
  const incomplete = last === undefined ? { reason: 'the file holds no answer' } : unusable(last, secrets)
  return { reached: false, ...(incomplete ? { incomplete: { ...incomplete, reason: incomplete.reason.replace(/;.*/s, '') } } : {}) }
}
