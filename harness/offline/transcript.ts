/** Transcripts and the index of a recording as JSON (`spec/transcript.schema.json`). Pure. */
import type { Act, Chunk, Link, RuleId, SentRequest, Transcript } from '../../spec/model.ts'
import type { Thresholds } from '../../spec/thresholds.ts'
import schema from '../../spec/transcript.schema.json' with { type: 'json' }
import type { Drive } from '../drive.ts'
import type { Driven } from '../tally.ts'
import type { Subject } from '../evidence.ts'
import type { Absence } from '../plan.ts'
import type { Incomplete, Report } from '../report.ts'
import { checkOf } from '../schema.ts'
import { Mistake } from '../values.ts'

/** The index of a recording; sessions and cases are named by their files. */
export interface RecordingIndex {
  readonly schema: 'streamproof-recording/1'
  /** version of the kit that made it */
  readonly kit: string
  readonly target: Subject
  /** how the run was asked for; of all that only the thresholds are read again */
  readonly options: Readonly<Record<string, unknown>> & { readonly thresholds?: Partial<Thresholds> }
  readonly rules: readonly RuleId[]
  readonly reached: boolean
  readonly silent: boolean
  readonly interrupted: boolean
  readonly incomplete?: Incomplete
  /** received bytes that were overwritten by `*` */
  readonly maskedBytes: number
  readonly sessions: readonly string[]
  readonly properties: readonly RecordedProperty[]
  readonly absences: readonly (Absence & { readonly rule: RuleId })[]
  readonly run: Report['run']
}

/** What the generated cases of a property showed. */
export interface RecordedProperty extends Pick<Drive, 'property' | 'cases'> {
  readonly kept: readonly string[]
  readonly rules: readonly (Pick<Driven<Transcript>, 'examined' | 'replay'> & { readonly rule: RuleId; readonly failing: readonly string[] })[]
}

type RequestJson = Omit<SentRequest, 'body'> & { readonly body?: string | { readonly base64: string } }
type LinkJson = Omit<Link, 'request' | 'chunks'> & {
  readonly request: RequestJson
  readonly chunks: readonly { readonly at: number; readonly base64: string }[]
}

/** A transcript file. */
export interface TranscriptJson extends Omit<Transcript, 'links' | 'acts'> {
  readonly schema: 'streamproof-transcript/1'
  readonly target: Subject
  readonly links: readonly LinkJson[]
  readonly acts: readonly (Omit<Act, 'request'> & { readonly request: RequestJson })[]
}

/** A transcript and its target as JSON. Secrets are the caller's business. */
export function encodeTranscript({ links, acts, ...rest }: Transcript, target: Subject): TranscriptJson {
  return {
    schema: 'streamproof-transcript/1',
    target,
    ...rest,
    links: links.map((link) => ({ ...link, request: encodeRequest(link.request), chunks: link.chunks.map(encodeChunk) })),
    acts: acts.map((act) => ({ ...act, request: encodeRequest(act.request) })),
  }
}

/** Undoes `encodeTranscript`. */
export function decodeTranscript({ stimulus, declares, lacks, links, acts }: TranscriptJson): Transcript {
  return {
    stimulus,
    ...(declares ? { declares } : {}),
    ...(lacks ? { lacks } : {}),
    links: links.map((link) => ({ ...link, request: decodeRequest(link.request), chunks: link.chunks.map(decodeChunk) })),
    acts: acts.map((act) => ({ ...act, request: decodeRequest(act.request) })),
  }
}

const encodeChunk = ({ at, bytes }: Chunk): { at: number; base64: string } =>
  ({ at, base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') })

const decodeChunk = ({ at, base64 }: { readonly at: number; readonly base64: string }): Chunk =>
  ({ at, bytes: new Uint8Array(Buffer.from(base64, 'base64')) })

function encodeRequest({ body, ...rest }: SentRequest): RequestJson {
  if (body === undefined) return rest
  return { ...rest, body: typeof body === 'string' ? body : { base64: Buffer.from(body).toString('base64') } }
}

function decodeRequest({ body, ...rest }: RequestJson): SentRequest {
  if (body === undefined) return rest
  return { ...rest, body: typeof body === 'string' ? body : new Uint8Array(Buffer.from(body.base64, 'base64')) }
}

const checkTranscript = checkOf(schema)
const checkIndex = checkOf({ ...schema.$defs.recording, $defs: schema.$defs })

/** @throws Mistake when the value breaks the schema, with the pointer at fault */
export function transcriptOf(value: unknown, file: string): TranscriptJson {
  const usage = checkTranscript(value, file)
  if (usage) throw new Mistake(usage.given, usage.accepted, usage.type)
  const transcript = value as TranscriptJson
  checkUrl(transcript.target.url, `${file}: the target`)
  for (const [i, { request }] of transcript.links.entries()) checkUrl(request.url, `${file}: /links/${i}/request`)
  for (const [i, { request }] of transcript.acts.entries()) checkUrl(request.url, `${file}: /acts/${i}/request`)
  const unreadable = transcript.links.findIndex(({ role, request }) => role === 'play' && !isJson(request.body))
  if (unreadable >= 0) throw new Mistake(`${file}: /links/${unreadable}/request/body of a play is no JSON`, 'the script that was played', '"body": "{\\"events\\":[]}"')
  return transcript
}

/** @throws Mistake for anything but an http or https URL: others could do something where a report links them */
function checkUrl(url: string, place: string): void {
  if (/^https?:/i.test(url) && URL.canParse(url)) return
  throw new Mistake(`${place} has no http or https URL`, 'an absolute http or https URL', '"url": "http://127.0.0.1:3000/stream"')
}

function isJson(body: RequestJson['body']): boolean {
  try {
    return typeof body === 'string' && typeof JSON.parse(body) === 'object'
  } catch {
    return false
  }
}

/** @throws Mistake when the value breaks the schema, with the pointer at fault */
export function indexOf(value: unknown, file: string): RecordingIndex {
  const usage = checkIndex(value, file)
  if (usage) throw new Mistake(usage.given, usage.accepted, usage.type)
  const index = value as RecordingIndex
  checkUrl(index.target.url, `${file}: the target`)
  return index
}
