/** HTTP archives (HAR 1.2) of browsers and proxies: names and values of heads, and the body as text. Pure. */
import type { Aspect, SentRequest, Transcript } from '../../spec/model.ts'
import { isSecret } from '../secrets.ts'
import { Mistake } from '../values.ts'
import { checkOf } from '../schema.ts'
import { captured, capturedLink, unnamedUrl } from './capture.ts'

interface Pair {
  readonly name: string
  readonly value: string
}

/** What is read of an entry; whoever wrote the file may have left anything out. */
interface Entry {
  readonly request?: {
    readonly method?: string
    readonly url?: string
    readonly headers?: readonly Pair[]
    readonly postData?: { readonly text?: string }
  }
  readonly response?: {
    readonly status?: number
    readonly statusText?: string
    readonly httpVersion?: string
    readonly headers?: readonly Pair[]
    readonly content?: { readonly mimeType?: string; readonly text?: string; readonly encoding?: string }
  }
  /** Chrome: what its EventSource made of the stream */
  readonly _eventSourceMessages?: readonly unknown[]
}

const text = { type: 'string', description: 'a text', examples: [''] }
const pairs = {
  type: 'array', description: 'a list of {name, value}', examples: [[]],
  items: { type: 'object', description: 'an object {name, value}', required: ['name', 'value'], properties: { name: text, value: text } },
}
const check = checkOf({
  type: 'object',
  properties: {
    request: {
      type: 'object', description: 'an object',
      properties: { method: text, url: text, headers: pairs, postData: { type: 'object', description: 'an object', properties: { text } } },
    },
    response: {
      type: 'object', description: 'an object',
      properties: {
        status: { type: 'integer', description: 'a status code', examples: [200] },
        statusText: text, httpVersion: text, headers: pairs,
        content: { type: 'object', description: 'an object', properties: { mimeType: text, text, encoding: text } },
      },
    },
    _eventSourceMessages: { type: 'array', description: 'a list', examples: [[]] },
  },
})

export interface HarEntry {
  /** in the file, from 1 */
  readonly number: number
  readonly transcript: Transcript
  /** events that a browser lists although it kept no body; 0 where there is a body */
  readonly messagesOnly: number
}

/** What is lost in every archive: times are those of whole requests, heads are lists, bodies are decoded. */
const lost: readonly Aspect[] = ['framing', 'coding', 'wire-head']

/**
 * The entries whose answer is an event stream, or one of any type by its number (from 1).
 * @throws Mistake when there is none
 */
export function harEntries(archive: unknown, file: string, only?: number): HarEntry[] {
  const { entries } = (archive as { readonly log: { readonly entries: readonly unknown[] } }).log
  const numbered = entries.map((entry, i) => ({ number: i + 1, entry: (entry ?? {}) as Entry }))
  const answered = numbered.filter(({ entry }) => (entry.response?.status ?? 0) > 0)
  const wanted = only === undefined ? answered.filter(({ entry }) => isEventStream(entry)) : answered.filter(({ number }) => number === only)
  for (const { number, entry } of wanted) {
    const usage = check(entry, `${file}, entry ${number}`)
    if (usage) throw new Mistake(usage.given, usage.accepted, usage.type)
  }
  if (wanted.length > 0) return wanted.map(({ number, entry }) => read(entry, number))
  const range = `the number of an entry with an answer, from 1 to ${entries.length}`
  if (only !== undefined) throw new Mistake(`--entry ${only}: ${file} has no such entry, or no answer to it`, range, `--entry ${answered[0]?.number ?? 1}`)
  const count = `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`
  throw new Mistake(`${file}: none of its ${count} is an answer of text/event-stream`, 'an archive with an event stream, or --entry N for an answer of another type', '--entry 1')
}

function isEventStream({ response, _eventSourceMessages: messages }: Entry): boolean {
  const fields = Array.isArray(response?.headers) ? response.headers.filter(({ name }) => /^content-type$/i.test(String(name))) : []
  const types = [response?.content?.mimeType, ...fields.map(({ value }) => value)]
  return messages !== undefined || types.some((type) => /^\s*text\/event-stream\b/i.test(String(type)))
}

function read({ request: asked, response: answered, _eventSourceMessages: messages = [] }: Entry, number: number): HarEntry {
  const content = answered?.content ?? {}
  const text = content.text === '' && messages.length > 0 ? undefined : content.text
  const isBase64 = content.encoding === 'base64'
  const body = Buffer.from(text ?? '', isBase64 ? 'base64' : 'utf8')
  const bytes = new Uint8Array(Buffer.concat([Buffer.from(headText(answered), 'latin1'), body]))
  const link = capturedLink(`entry-${number}`, 'base', bytes, requestOf(asked))
  const lacks: Aspect[] = [...lost, ...(isBase64 ? [] : ['octets' as const]), ...(body.length === 0 ? ['body' as const] : [])]
  return { number, transcript: captured(`entry ${number}`, [link], lacks), messagesOnly: text === undefined ? messages.length : 0 }
}

/** The head as HTTP/1.1 would write it. Archives join lines of one name by a line feed; pseudo-fields are of HTTP/2. */
function headText(response: Entry['response']): string {
  const { status = 0, statusText = '', headers = [] } = response ?? {}
  const lines = headers.filter(({ name }) => !name.startsWith(':'))
    .flatMap(({ name, value }) => value.split(/\r?\n/).map((one) => `${name}: ${one}`))
  return [`HTTP/1.1 ${status} ${statusText.replaceAll(/[^\t -~]/g, '')}`, ...lines, '', ''].join('\r\n')
}

function requestOf(request: Entry['request']): SentRequest {
  const { method = 'GET', url = '', headers = [], postData } = request ?? {}
  return {
    method,
    url: /^https?:/i.test(url) && URL.canParse(url) ? url : unnamedUrl,
    version: '1.1',
    headers: headers.filter(({ name }) => !name.startsWith(':')).map(({ name, value }) => [name, value] as const),
    ...(postData?.text === undefined ? {} : { body: postData.text }),
  }
}

/** Headers of a request that open doors: a browser sends many others, whose values are ordinary words. */
export function secretHeaders({ headers }: SentRequest): SentRequest['headers'] {
  return headers.filter(([name]) => isSecret(name, ''))
}

/** Whether a JSON value looks like an archive. */
export function isArchive(value: unknown): boolean {
  const log = (value as { readonly log?: { readonly entries?: unknown } } | null)?.log
  return Array.isArray(log?.entries)
}
