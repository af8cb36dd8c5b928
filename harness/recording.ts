/**
 * `--record DIR`: every session of a run as a file, and an index of them. Secrets are overwritten with as many `*` as
 * they have bytes, in requests as in what came back, so that offsets stay and what was equal stays equal.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Act, Link, SentRequest, Transcript } from '../spec/model.ts'
import type { Exchange } from '../spec/sse/exchange.ts'
import type { Drive } from './drive.ts'
import type { Evidence, Subject } from './evidence.ts'
import { encodeTranscript, type RecordingIndex, type RecordedProperty } from './offline/transcript.ts'
import { shellWord } from './report/text.ts'
import { kitVersion, type RunOptions } from './request.ts'
import type { RunHooks, Seen } from './run.ts'
import { isHarmless, isSecret, maskBytes, redactText, redactUrl } from './secrets.ts'
import { Mistake } from './values.ts'
import { isWebSocket } from './ws/endpoint.ts'

const indexFile = 'index.json'

/**
 * The hooks of a run that is recorded in this directory, which is made ready at once.
 * @throws Mistake when the directory cannot be written, or holds something else; and for a WebSocket
 */
export function recording(dir: string, options: RunOptions, hooks: RunHooks): RunHooks {
  if (isWebSocket(options.target)) {
    throw new Mistake('--record of a WebSocket', 'the URL of an event stream, or of a driver', 'the command without --record')
  }
  prepareDirectory(dir)
  const record = (seen: Seen): void => {
    try {
      writeRecording(dir, options, seen)
    } catch (error) {
      // the verdicts stand without it
      if (!(error instanceof Error && 'code' in error)) throw error
      hooks.announce?.(`the recording in ${dir} was not finished (${String(error.code)})`)
    }
  }
  return { ...hooks, record }
}

/**
 * Makes the directory ready: it is created, or an earlier recording is removed from it.
 * @throws Mistake when it cannot be written, or holds anything else: nothing of the user's is overwritten
 */
export function prepareDirectory(dir: string): void {
  const elsewhere = '--record recording'
  try {
    mkdirSync(dir, { recursive: true })
    const old = recorded(dir)
    const foreign = readdirSync(dir).find((name) => !old.has(name))
    if (foreign !== undefined) throw new Mistake(`--record ${dir}, which holds ${foreign}`, 'a new or empty directory, or an earlier recording', elsewhere)
    for (const name of old) rmSync(join(dir, name), { force: true })
    writeFileSync(join(dir, indexFile), '')
    rmSync(join(dir, indexFile))
  } catch (error) {
    if (error instanceof Mistake) throw error
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Mistake(`--record ${dir}: the directory cannot be written${code}`, 'a directory that can be created', `--record ${shellWord('/tmp/recording')}`)
  }
}

/** The files that the index of an earlier recording names, and the index; none when there is no such index. */
function recorded(dir: string): Set<string> {
  try {
    const { schema, sessions, properties } = JSON.parse(readFileSync(join(dir, indexFile), 'utf8')) as RecordingIndex
    if (schema !== 'streamproof-recording/1') return new Set()
    const cases = properties.flatMap(({ kept, rules }) => [...kept, ...rules.flatMap(({ failing }) => failing)])
    return new Set([indexFile, ...[...sessions, ...cases].filter((name) => /^[\w-]+\.json$/.test(name))])
  } catch {
    return new Set()
  }
}

/** Writes one file for each session and each kept case, and `index.json` last. */
export function writeRecording(dir: string, options: RunOptions, { evidence, measure, run, interrupted }: Seen): void {
  const cover = new Cover(evidence, measure.secrets)
  const target = cover.subject(evidence.target)
  let files = 0
  const write = (transcript: Transcript, kind: string): string => {
    files += 1
    const name = `${String(files).padStart(3, '0')}-${kind}${transcript.stimulus.replace(/\W+/g, '-')}.json`
    writeFileSync(join(dir, name), `${JSON.stringify(encodeTranscript(cover.transcript(transcript), target))}\n`)
    return name
  }
  const sessions = evidence.exchanges.map(({ transcript }) => write(transcript, ''))
  const properties = evidence.drives.map((drive) => recordedProperty(drive, (transcript) => write(transcript, 'case-')))
  const { incomplete, reached, silent } = evidence
  const index: RecordingIndex = {
    schema: 'streamproof-recording/1',
    kit: kitVersion,
    target,
    options: cover.options(options),
    rules: measure.rules.map(({ id }) => id),
    reached,
    silent,
    interrupted,
    ...(incomplete ? { incomplete: cover.texts(incomplete) } : {}),
    maskedBytes: cover.maskedBytes,
    sessions,
    properties,
    absences: measure.rules.map(({ id }) => ({ rule: id, ...evidence.absence(id) })),
    run,
  }
  writeFileSync(join(dir, indexFile), `${JSON.stringify(index, null, 2)}\n`)
}

/** A case that several rules keep is written once. */
function recordedProperty({ property, cases, kept, byRule }: Drive, write: (transcript: Transcript) => string): RecordedProperty {
  const names = new Map<Transcript, string>()
  const nameOf = (transcript: Transcript): string => {
    const name = names.get(transcript) ?? write(transcript)
    names.set(transcript, name)
    return name
  }
  return {
    property,
    cases,
    kept: kept.map(nameOf),
    rules: [...byRule].map(([rule, { examined, failing, replay }]) => (
      { rule, examined, failing: failing.map(nameOf), ...(replay ? { replay } : {}) })),
  }
}

/** Covers secrets: those of the command line, cookies that the target set, and credentials that the kit was issued. */
class Cover {
  readonly #secrets: readonly string[]
  /** an observed target is asked with the user's own URL and body */
  readonly #observed: boolean
  maskedBytes = 0

  constructor({ exchanges, drives, target }: Evidence, given: readonly string[]) {
    this.#observed = target.kind === 'observed'
    const requests = [...exchanges.map(({ transcript }) => transcript), ...drives.flatMap(({ kept }) => kept)]
      .flatMap(({ links, acts }) => [...links, ...acts].map(({ request }) => request))
    this.#secrets = [...new Set([...given, ...requests.flatMap(credentials), ...exchanges.flatMap(cookies)])]
  }

  transcript({ links, acts, ...rest }: Transcript): Transcript {
    return { ...this.texts(rest), links: links.map((link) => this.#link(link)), acts: acts.map((act) => this.#act(act)) }
  }

  subject(target: Subject): Subject {
    return { ...this.texts(target), url: redactUrl(target.url, this.#secrets) }
  }

  /** How the run was asked for. */
  options(options: RunOptions): Readonly<Record<string, unknown>> {
    const { headers, body, token } = options
    const shown = headers.map(([name, value]) => [name, isHarmless(name) ? this.#text(value) : '***'])
    return {
      ...this.texts(options),
      target: redactUrl(options.target, this.#secrets),
      headers: shown,
      ...(body === undefined ? {} : { body: '***' }),
      ...(token === undefined ? {} : { token: '***' }),
    }
  }

  /** A value with every string in it redacted. */
  texts<V>(value: V): V {
    if (typeof value === 'string') return redactText(value, this.#secrets) as V
    if (Array.isArray(value)) return value.map((item) => this.texts<unknown>(item)) as V
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.texts<unknown>(item)])) as V
  }

  #link({ chunks, request, ended, ...rest }: Link): Link {
    const received = new Uint8Array(Buffer.concat(chunks.map(({ bytes }) => bytes)))
    const masked = maskBytes(received, this.#secrets)
    for (let i = 0; i < received.length; i += 1) if (received[i] !== masked[i]) this.maskedBytes += 1
    let offset = 0
    const covered = chunks.map(({ at, bytes }) => ({ at, bytes: masked.subarray(offset, (offset += bytes.length)) }))
    const hop = rest.role === 'base/hop'
    return { ...rest, request: this.#request(request, this.#observed || hop), chunks: covered, ended: this.texts(ended) }
  }

  #act(act: Act): Act {
    return { ...act, request: this.#request(act.request, false), body: this.#text(act.body) }
  }

  #request({ body, headers, url, ...rest }: SentRequest, ofUser: boolean): SentRequest {
    const shown = typeof body === 'string' ? (ofUser ? '***' : this.#text(body)) : body && maskBytes(body, this.#secrets)
    const masked = this.#text(url)
    return {
      ...rest,
      url: ofUser ? redactUrl(masked, this.#secrets) : masked,
      headers: headers.map(([name, value]) => [name, this.#text(value)] as const),
      ...(shown === undefined ? {} : { body: shown }),
    }
  }

  #text(text: string): string {
    return Buffer.from(maskBytes(Buffer.from(text), this.#secrets)).toString('utf8')
  }
}

/** What opens doors in a request, whoever gave it. */
function credentials({ headers, url }: SentRequest): string[] {
  const inHeaders = headers.filter(([name]) => /^(?:proxy-)?authorization$|^cookie$/i.test(name)).flatMap(([, value]) => {
    const [, rest = value] = /^\S+\s+(.+)$/.exec(value) ?? []
    return [rest, ...value.split(';').map((pair) => pair.slice(pair.indexOf('=') + 1).trim())]
  })
  const inUrl = [...new URL(url).searchParams].filter(([name]) => isSecret(name, '')).map(([, value]) => value)
  return [...inHeaders, ...inUrl].filter((value) => value !== '')
}

/** Values of the cookies that an answer sets. */
function cookies({ answers }: Exchange): string[] {
  return answers.flatMap((answer) => answer.values('set-cookie'))
    .flatMap((line) => /^[^=;]*=([^;]*)/.exec(line)?.[1]?.trim() || [])
}
