/** Values of the command line: each reader takes what was typed and gives the value, or throws what is wrong. Pure. */
import { redactUrl } from './secrets.ts'

/** A mistake on the command line, in three parts: what was given, what is accepted, what to type. */
export interface UsageError {
  readonly given: string
  readonly accepted: string
  readonly type: string
}

/** Thrown by the readers below; `parse` turns it into a value. */
export class Mistake extends Error {
  readonly usage: UsageError

  constructor(given: string, accepted: string, type: string) {
    super(given)
    this.usage = { given, accepted, type }
  }
}

/** The candidate with the fewest edits to a word, if it is near enough to be what was meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, distance: edits(word, candidate) })).sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** Names and values of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/** An http, https, ws or wss URL without fragment, as the URL standard writes it. */
export function readUrl(text: string, flag: string): string {
  const shown = redactUrl(text, [])
  const example = `${flag} http://127.0.0.1:3000/stream`.trim()
  if (!/^(?:http|ws)s?:\/\//i.test(text)) {
    const guess = `http://${shown}`
    const isHost = /^(?:\[[\da-f:]+\]|[\w.-]+)(?::\d+)?(?:[/?]|$)/i.test(text) && (/[:/.]/.test(text) || text === 'localhost') && URL.canParse(guess)
    throw new Mistake(`${shown || 'an empty text'} is no http, https, ws or wss URL`, 'an absolute URL', isHost ? `${flag} ${guess}`.trim() : example)
  }
  if (!URL.canParse(text)) throw new Mistake(`${shown} is no valid URL`, 'an absolute http, https, ws or wss URL', example)
  const url = new URL(text)
  url.hash = ''
  return url.href
}

const token = /^[!#$%&'*+\-.^_`|~\w]+$/
const ownHeaders = new Set(['connection', 'content-length', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** `Name: value` with variables of the environment filled in. Values are never quoted in a mistake: they may be secret. */
export function readHeader(text: string, env: Environment): readonly [name: string, value: string] {
  const example = '--header \'Authorization: $TOKEN\''
  const colon = text.indexOf(':')
  if (colon < 0) throw new Mistake('a --header without a colon', 'Name: value', example)
  const name = text.slice(0, colon)
  if (!token.test(name)) {
    throw new Mistake(`a --header whose name holds characters that HTTP forbids there`, 'letters, digits and hyphens before the colon', example)
  }
  if (ownHeaders.has(name.toLowerCase())) {
    throw new Mistake(`--header ${name}`, 'any header but those that frame the message: the kit writes them itself', 'the command without it')
  }
  return [name, fieldValue(filledIn(text.slice(colon + 1), env, `--header ${name}`), `--header ${name}`)]
}

/** `$NAME` and `${NAME}` replaced by what the environment says; `$$` is a dollar sign. */
export function filledIn(text: string, env: Environment, flag: string): string {
  return text.replace(/\$(?:\$|\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain
    if (name === undefined) return '$'
    const value = env[name]
    if (value === undefined) throw new Mistake(`${flag} names ${whole}, which is not set`, 'a variable of the environment', `export ${name}=…`)
    return value
  })
}

/** A header value that HTTP can carry, without white space around it. */
export function fieldValue(text: string, flag: string): string {
  const value = text.replace(/^[ \t]+|[ \t]+$/g, '')
  const bad = /[^\t\x20-\x7e\x80-\xff]/.exec(value)
  if (!bad) return value
  const code = bad[0].charCodeAt(0)
  const what = code === 0x0d || code === 0x0a ? 'a line break' : code < 0x20 || code === 0x7f ? 'a control character' : 'a character outside Latin-1'
  throw new Mistake(`${flag} holds ${what} at position ${bad.index + 1} of its value`, 'visible Latin-1 characters, spaces and tabs', `${flag} without it`)
}

/** A request method, in capitals when it is one of the registered ones. */
export function readMethod(text: string): string {
  if (!token.test(text)) throw new Mistake(`--method ${text}`, 'a method name such as GET or POST', '--method POST')
  return /^(?:get|head|post|put|patch|delete|options|query)$/i.test(text) ? text.toUpperCase() : text
}

/** An origin as a browser writes it: scheme, host and port, nothing behind; or `null`. */
export function readOrigin(text: string): string {
  if (text === 'null') return text
  if (URL.canParse(text) && new URL(text).origin === text) return text
  const origin = URL.canParse(text) ? new URL(text).origin : 'null'
  throw new Mistake(
    `--origin ${redactUrl(text, [])}`, 'scheme, host and port, without a path', `--origin ${origin === 'null' ? 'https://app.example.com' : origin}`,
  )
}

/** ms from `5s`, `500ms`, `5000` or `1m`; 1 ms to 10 minutes. */
export function readDuration(text: string): number {
  const [, digits, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text) ?? []
  const ms = Math.round(Number(digits) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm'])
  if (digits !== undefined && ms >= 1 && ms <= 600_000) return ms
  throw new Mistake(`--observe ${text}`, 'a time up to 10m such as 5s, 500ms or 5000 (ms)', '--observe 5s')
}

/** A whole number within bounds. */
export function readWhole(text: string, flag: string, [least, most]: readonly [number, number], example: number): number {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && value >= least && value <= most) return value
  throw new Mistake(`${flag} ${text}`, `a whole number from ${least} to ${most}`, `${flag} ${example}`)
}

/** One of a few words. */
export function readChoice<const W extends string>(text: string, flag: string, words: readonly W[]): W {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new Mistake(`${flag} ${text}`, words.join(', '), `${flag} ${nearest(text, words) ?? words[0] ?? ''}`)
}

/** A body: the text itself, or with `@` in front the UTF-8 text of a file. */
export function readBody(text: string, readFile: (path: string) => Uint8Array): string {
  if (!text.startsWith('@')) return text
  const path = text.slice(1)
  let bytes: Uint8Array
  try {
    bytes = readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Mistake(`--body @${path}: the file cannot be read${code}`, 'a file that can be read, or the body itself', '--body @request.json')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Mistake(`--body @${path}: the file is not UTF-8`, 'a text file in UTF-8', '--body @request.json')
  }
}
