/**
 * What must not be seen in any output, and how it is hidden. Pure. A secret shorter than four characters cannot be
 * told from ordinary text: it is hidden where its place gives it away (query values, userinfo) and nowhere else.
 */
import type { Report } from './report.ts'

/** The part of the options that can hold secrets. */
export interface Confided {
  /** absolute URL */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string
  readonly token?: string
}

const shortest = 4
const hidden = '***'

const harmless = new Set([
  'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'cache-control', 'connection', 'content-encoding',
  'content-language', 'content-length', 'content-type', 'host', 'last-event-id', 'origin', 'pragma', 'user-agent',
])

/** `max_tokens` and its like are numbers of language models, not secrets. */
const secretName =
  /token(?!s)|key|secret|auth|sig|code|session|sid|pass|pwd|jwt|credential|ticket|otp|nonce|bearer|cookie|access/i

/** Whether a header of that name holds nothing to hide. */
export function isHarmless(name: string): boolean {
  return harmless.has(name.toLowerCase())
}

const looksRandom = (value: string): boolean => /^(?=.*[A-Za-z])(?=.*\d)[\w.~+/=-]{16,}$/.test(value)

/** Whether a value of that name, in a query, a form or a JSON body, is taken for a secret. */
export function isSecret(name: string, value: string): boolean {
  return secretName.test(name) || looksRandom(value)
}

/** Every secret that the options hold, as it was given; longest first. */
export function secretsOf({ target, headers, body, token }: Confided): string[] {
  const found = new Set<string>()
  if (token !== undefined) addCredentials(found, token)
  for (const [name, value] of headers) {
    if (isHarmless(name)) continue
    addCredentials(found, value)
    if (/^(set-)?cookie$/i.test(name)) for (const pair of value.split(';')) found.add(pair.slice(pair.indexOf('=') + 1).trim())
  }
  addUrl(found, target)
  if (body !== undefined) addBody(found, body)
  return [...found].filter((secret) => secret.length >= shortest).sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
}

/** Secrets that a command line holds: values of `NAME=value` and `--name value` whose name says so, and those of its URLs. */
export function commandSecrets(command: string): string[] {
  const found = new Set<string>()
  for (const [, name = '', quoted, plain = ''] of command.matchAll(/(?:^|\s)(?:--?)?([\w-]+)[=\s](?:["']([^"']*)["']|([^\s"']+))/g)) {
    if (isSecret(name, quoted ?? plain)) addCredentials(found, quoted ?? plain)
  }
  for (const [url] of command.matchAll(/[a-z][a-z0-9+.-]*:\/\/[^\s"']+/gi)) addUrl(found, url)
  return [...found].filter((secret) => secret.length >= shortest).sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
}

function addCredentials(found: Set<string>, value: string): void {
  const trimmed = value.trim()
  found.add(trimmed)
  const [, scheme, credentials] = /^([!#$%&'*+.^`|~\w-]+)\s+(.+)$/s.exec(trimmed) ?? []
  if (scheme === undefined || credentials === undefined) return
  if (/^(bearer|basic|token|apikey|digest|negotiate)$/i.test(scheme)) found.add(credentials)
  if (!/^basic$/i.test(scheme)) return
  const decoded = Buffer.from(credentials, 'base64').toString('utf8')
  found.add(decoded)
  const colon = decoded.indexOf(':')
  if (colon >= 0) found.add(decoded.slice(0, colon)).add(decoded.slice(colon + 1))
}

function addUrl(found: Set<string>, target: string): void {
  const [, userinfo] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)@/i.exec(target) ?? []
  if (userinfo !== undefined) {
    const colon = userinfo.indexOf(':')
    const parts = colon < 0 ? [userinfo] : [userinfo.slice(0, colon), userinfo.slice(colon + 1)]
    for (const part of parts) found.add(part).add(decoded(part))
    const pair = parts.map(decoded).join(':')
    // the Authorization header that userinfo stands for
    found.add(pair).add(Buffer.from(colon < 0 ? `${pair}:` : pair).toString('base64'))
  }
  const mark = target.search(/[?#]/)
  if (mark >= 0) addPairs(found, target.slice(mark + 1))
}

function addPairs(found: Set<string>, query: string): void {
  for (const pair of query.split(/[&;?#]/)) {
    const equals = pair.indexOf('=')
    const [name, value] = equals < 0 ? ['', pair] : [pair.slice(0, equals), pair.slice(equals + 1)]
    if (isSecret(decoded(name), decoded(value))) found.add(value).add(decoded(value))
  }
}

function addBody(found: Set<string>, body: string): void {
  found.add(body).add(body.trim())
  try {
    addLeaves(found, JSON.parse(body), '')
  } catch {
    if (/^[^\s=&]+=/.test(body)) addPairs(found, body.trim())
  }
}

function addLeaves(found: Set<string>, value: unknown, name: string): void {
  if (typeof value === 'string' && isSecret(name, value)) found.add(value)
  if (Array.isArray(value)) for (const item of value) addLeaves(found, item, name)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) addLeaves(found, item, secretName.test(name) ? name : key)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** A secret as it was given, URL-encoded, JSON-escaped and HTML-escaped: what an echo may look like. */
function formsOf(secret: string): string[] {
  const wellFormed = secret.toWellFormed()
  const encoded = [encodeURIComponent(wellFormed), encodeURI(wellFormed), new URLSearchParams([['', wellFormed]]).toString().slice(1)]
  const strict = encodeURIComponent(wellFormed).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const lower = [...encoded, strict].map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))
  const escaped = JSON.stringify(secret).slice(1, -1)
  const ascii = escaped.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const html = secret.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? '&#39;')
  const all = [secret, ...encoded, strict, ...lower, escaped, escaped.replaceAll('/', '\\/'), ascii, ascii.replaceAll('/', '\\/'), html]
  // what quotes a quotation: a JSON answer that the report shows as a JSON string
  return [...all, JSON.stringify(escaped).slice(1, -1), JSON.stringify(ascii).slice(1, -1)]
}

type Span = [start: number, end: number]

/** Overlapping spans as one. */
function merged(spans: Span[]): Span[] {
  const out: Span[] = []
  for (const [start, end] of spans.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
    const last = out.at(-1)
    if (last && start < last[1]) last[1] = Math.max(last[1], end)
    else out.push([start, end])
  }
  return out
}

function occurrences(needle: string, text: string): Span[] {
  const spans: Span[] = []
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) spans.push([at, at + needle.length])
  return spans
}

/** The longest prefix of a form, four characters at least, that stands right before each truncation mark. */
function cutOff(form: string, text: string): Span[] {
  return occurrences('…', text).flatMap(([mark]): Span[] => {
    for (let length = Math.min(form.length - 1, mark); length >= shortest; length--) {
      if (text.startsWith(form.slice(0, length), mark - length)) return [[mark - length, mark]]
    }
    return []
  })
}

/** Every form of every secret that is long enough to be told from ordinary text. */
function allForms(secrets: readonly string[]): string[] {
  return [...new Set(secrets.flatMap(formsOf))].filter((form) => form.length >= shortest)
}

/** Text with every secret replaced by `***`, also one that a truncation mark `…` cuts off. */
export function redactText(text: string, secrets: readonly string[]): string {
  return hide(text, allForms(secrets))
}

function hide(text: string, forms: readonly string[]): string {
  let shown = text
  // once more after each change: what stood around a secret may make up another one
  for (;;) {
    const spans = merged(forms.flatMap((form) => [...occurrences(form, shown), ...cutOff(form, shown)]))
    if (spans.length === 0) return shown
    let next = ''
    let from = 0
    for (const [start, end] of spans) {
      next += shown.slice(from, start) + hidden
      from = end
    }
    shown = next + shown.slice(from)
  }
}

/** Bytes of the same length with every secret, in UTF-8 and in Latin-1, overwritten by `*`. */
export function maskBytes(bytes: Uint8Array, secrets: readonly string[]): Uint8Array {
  return mask(bytes, allForms(secrets))
}

const isLatin1 = (text: string): boolean => Buffer.from(text, 'latin1').toString('latin1') === text

function mask(bytes: Uint8Array, forms: readonly string[]): Uint8Array {
  const seen = Buffer.from(bytes)
  const masked = new Uint8Array(bytes)
  for (const form of forms) {
    const needles = [Buffer.from(form, 'utf8'), ...(isLatin1(form) ? [Buffer.from(form, 'latin1')] : [])]
    for (const needle of needles) {
      for (let at = seen.indexOf(needle); at >= 0; at = seen.indexOf(needle, at + 1)) masked.fill(0x2a, at, at + needle.length)
    }
  }
  return masked
}

/** A URL without userinfo, without secret query and fragment values, and without any other secret. */
export function redactUrl(url: string, secrets: readonly string[]): string {
  return hideUrl(url, allForms(secrets))
}

function hideUrl(url: string, forms: readonly string[]): string {
  const [, scheme = '', userinfo, place = '', query = '', fragment = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)?(?:([^/?#]*)@)?([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(url) ?? []
  const pairs = (text: string): string =>
    text.replace(/([?#&;])([^=&;]*)(?:=([^&;]*))?/g, (_, mark: string, name: string, value?: string) => {
      if (value === undefined) return `${mark}${looksRandom(decoded(name)) ? hidden : name}`
      return `${mark}${name}=${isSecret(decoded(name), decoded(value)) ? hidden : value}`
    })
  return hide(`${scheme}${userinfo === undefined ? '' : `${hidden}@`}${place}${pairs(query)}${pairs(fragment)}`, forms)
}

/** Words of the report itself: a secret that happens to be one of them gives nothing away there. */
const ownWords = new Set(['schema', 'kit', 'spec', 'kind', 'rule', 'level', 'effectiveLevel', 'outcome', 'why', 'id'])

/** A report with every string redacted but rule ids and the report's own words; excerpts of bytes are masked. */
export function redactReport(report: Report, secrets: readonly string[]): Report {
  const forms = allForms(secrets)
  const redacted = (value: unknown, key: string): unknown => {
    if (ownWords.has(key)) return value
    if (typeof value === 'string') {
      if (key === 'hex') return Buffer.from(mask(Buffer.from(value, 'hex'), forms)).toString('hex')
      return key === 'url' ? hideUrl(value, forms) : hide(value, forms)
    }
    if (Array.isArray(value)) return value.map((item) => redacted(item, ''))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redacted(item, name)]))
  }
  return redacted(report, '') as Report
}
