/**
 * The first contact: where the target really is (redirects followed as a client would), and whether it is a driver.
 */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { parseTemplate } from 'url-template'
import type { Descriptor, PartName } from '../spec/contract/contract.ts'
import { field } from '../spec/http.ts'
import { Answer } from '../spec/sse/exchange.ts'
import type { Link, SentRequest } from '../spec/model.ts'
import type { OpenLink } from './link.ts'
import type { Probe } from './probe.ts'
import { redactUrl } from './secrets.ts'

/** Fetch, HTTP-redirect fetch: a client gives up after so many */
export const mostRedirects = 20
const redirectStatuses = new Set([301, 302, 303, 307, 308])
/** bytes; a descriptor is small */
const descriptorLimit = 256 * 1024

export type FirstContact =
  | { readonly kind: 'stream'; readonly hops: readonly Link[]; readonly base: OpenLink; readonly request: SentRequest }
  | { readonly kind: 'answer'; readonly hops: readonly Link[]; readonly base: OpenLink; readonly request: SentRequest }
  | { readonly kind: 'driver'; readonly hops: readonly Link[]; readonly request: SentRequest; readonly descriptor: Descriptor }
  | { readonly kind: 'unusable'; readonly hops: readonly Link[]; readonly base: Link; readonly reason: string }

export interface ContactOptions {
  /** ms for each head, and for the rest of what is no event stream */
  readonly headMs: number
  readonly bodyMs: number
  readonly allowOriginChange: boolean
  /** requests that may be sent; once a redirect has made a GET of it, what follows a POST costs nothing */
  readonly budget: number
}

/** A request that may do something: start work, cost tokens, change data. */
const isCostly = ({ method, body }: Pick<SentRequest, 'method' | 'body'>): boolean =>
  (method !== 'GET' && method !== 'HEAD') || body !== undefined

function spent(status: number, { method, url }: SentRequest, sent: number): string {
  const shown = redactUrl(url, [])
  return `the target redirects (${status}) to ${shown}, and ${sent} ${method} ${sent === 1 ? 'was' : 'were'} sent, no more: ` +
    `--target ${shown} asks there, or --budget ${sent + 1} follows`
}

/**
 * Sends the ordinary request and follows redirects. An event stream is left open for the caller to read; everything
 * else is read to its end, `bodyMs` at most.
 */
export async function contact(
  probe: Probe,
  first: SentRequest,
  { headMs, bodyMs, allowOriginChange, budget }: ContactOptions,
): Promise<FirstContact> {
  const hops: Link[] = []
  const costs = (one: SentRequest): number => (isCostly(first) && !isCostly(one) ? 0 : 1)
  let sent = 0
  let request = first
  for (;;) {
    const base = probe.open({ id: hops.length ? `base-${hops.length}` : 'base', role: 'base', request })
    sent += costs(request)
    await base.head(headMs)
    if (base.answer().status === 0) await base.read({ end: true, thenMs: 0 }, 0)
    const next = redirected(base.answer(), request)
    if (next && hops.length < mostRedirects) {
      await base.read({ end: true, thenMs: 0 }, bodyMs)
      const hop = base.link()
      if (sent + costs(next) > budget) return { kind: 'unusable', hops, base: hop, reason: spent(base.answer().status, next, sent) }
      hops.push({ ...hop, id: `hop-${hops.length + 1}`, role: 'base/hop' })
      request = next
      continue
    }
    const answer = base.answer()
    if (answer.isEventStream) return { kind: 'stream', hops, base, request }
    if (answer.status >= 200 && answer.status < 300 && answer.status !== 204) {
      await base.read({ end: true, thenMs: 0 }, bodyMs)
      const claim = descriptorOf(base.answer())
      if (claim === undefined) return { kind: 'answer', hops, base, request }
      const reason = faultOf(claim, request.url, allowOriginChange)
      if (reason) return { kind: 'unusable', hops, base: base.link(), reason }
      return { kind: 'driver', hops, request, descriptor: claim as unknown as Descriptor }
    }
    await base.read({ end: true, thenMs: 0 }, base.isOver ? 0 : bodyMs)
    return { kind: 'answer', hops, base, request }
  }
}

/** 429 and 503 are asked again once, after what Retry-After says, 10 s at most. */
export async function askedAgain(
  ask: () => Promise<FirstContact>,
  { signal, progress }: { readonly signal?: AbortSignal; readonly progress?: (line: string) => void },
): Promise<FirstContact> {
  const first = await ask()
  if (first.kind !== 'answer' || signal?.aborted) return first
  const answer = first.base.answer()
  const [after] = answer.values('retry-after')
  if ((answer.status !== 429 && answer.status !== 503) || after === undefined || !/^\d+$/.test(after) || Number(after) > 10) return first
  progress?.(`${answer.status}: asking again after ${after} s`)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Number(after) * 1000)
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
  return ask()
}

/**
 * The request that a client makes next (Fetch, HTTP-redirect fetch): POST becomes GET after 301, 302 and 303,
 * credentials do not cross origins. Undefined when the answer is no redirect that can be followed.
 */
export function redirected(answer: Answer, request: SentRequest): SentRequest | undefined {
  if (!redirectStatuses.has(answer.status) || !answer.head) return undefined
  const location = field(answer.head, 'location')
  if (location === undefined || !URL.canParse(location, request.url)) return undefined
  const url = new URL(location, request.url)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  const toGet =
    (answer.status === 303 && request.method !== 'HEAD') || (request.method === 'POST' && (answer.status === 301 || answer.status === 302))
  const sameOrigin = url.origin === new URL(request.url).origin
  const gone = new Set(['host', ...(sameOrigin ? [] : ['authorization', 'cookie']), ...(toGet ? ['content-type', 'content-length'] : [])])
  const { body, ...rest } = request
  return {
    ...rest,
    url: url.href,
    method: toGet ? 'GET' : request.method,
    headers: request.headers.filter(([name]) => !gone.has(name.toLowerCase())),
    ...(body === undefined || toGet ? {} : { body }),
  }
}

/** The JSON of an answer that claims to be a driver, undefined for everything else. */
function descriptorOf(answer: Answer): Record<string, unknown> | undefined {
  const body = answer.content.body?.bytes
  if (!body || body.length > descriptorLimit) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    const claims = typeof value === 'object' && value !== null && 'streamproof' in value
    return claims ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

type Validator = { (value: unknown): boolean; errors?: readonly { instancePath: string; message?: string; params: object }[] | null }
let validator: Validator | undefined

function validate(): Validator {
  if (validator) return validator
  const file = new URL(import.meta.url.endsWith('.ts') ? '../spec/contract/openapi.yaml' : '../../spec/contract/openapi.yaml', import.meta.url)
  const document = parse(readFileSync(file, 'utf8')) as { components: object }
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'contract', components: document.components })
  validator = ajv.compile({ $ref: 'contract#/components/schemas/Descriptor' }) as Validator
  return validator
}

/** Why a descriptor cannot be used, with the JSON pointer at fault; undefined when it is right. */
export function faultOf(descriptor: Record<string, unknown>, base: string, allowOriginChange: boolean): string | undefined {
  const check = validate()
  if (!check(descriptor)) {
    const [error] = check.errors ?? []
    const extra = error && 'additionalProperty' in error.params ? ` (${String(error.params.additionalProperty)})` : ''
    return `its descriptor breaks contract v1 at ${error?.instancePath || '/'}: ${error?.message ?? 'not valid'}${extra}`
  }
  for (const [part, value] of Object.entries(descriptor)) {
    if (typeof value !== 'string' || part === 'name' || part === 'version') continue
    const expanded = parseTemplate(value).expand({ c: 'c' })
    if (!URL.canParse(expanded, base)) return `its descriptor breaks contract v1 at /${part}: ${JSON.stringify(value)} is no URL template`
    const { origin } = new URL(expanded, base)
    if (!allowOriginChange && origin.replace(/^ws/, 'http') !== new URL(base).origin) {
      return `its descriptor names another origin at /${part} (${origin}); --allow-origin-change permits that`
    }
  }
  return undefined
}

/** URL of a part of the contract. */
export function partUrl(descriptor: Descriptor, part: PartName, base: string, values: Record<string, string> = {}): string | undefined {
  const template = descriptor[part]
  return template === undefined ? undefined : new URL(parseTemplate(template).expand(values), base).href
}
