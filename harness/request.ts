/** The ordinary request of a target, and what the command line says about it. */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import type { SentRequest } from '../spec/model.ts'
import type { Thresholds } from '../spec/thresholds.ts'
import type { FailOn } from './report.ts'

export interface RunOptions {
  readonly target: string
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: string
  readonly token?: string
  readonly origin?: string
  /** the WebSocket target sends every message back */
  readonly echo?: boolean
  readonly insecure: boolean
  /** ms of the observation window; without it 5000, and 1500 on a driver */
  readonly observeMs?: number
  /** `full` on loopback and drivers, else `safe` */
  readonly profile?: 'safe' | 'full'
  /** connections at most; without it `usualBudget` */
  readonly budget?: number
  readonly only: readonly string[]
  readonly skip: readonly string[]
  /** send only what these rules need; without it what all judged rules need. All judged rules look at what that shows */
  readonly provoked?: readonly string[]
  readonly failOn: FailOn
  /** numbers of convention that are other than usual */
  readonly thresholds?: Partial<Thresholds>
  readonly seed?: number
  /** generated cases of each property, instead of its own number */
  readonly runs?: number
  /** `rule:seed:path` of an earlier failure */
  readonly replay?: string
  readonly allowOriginChange: boolean
}

const manifest = new URL(import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url)

/** version of streamproof */
export const { version: kitVersion } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }

/** The ordinary request of a target, as given on the command line. */
export function ordinaryRequest(options: RunOptions): SentRequest {
  const given = new Set(options.headers.map(([name]) => name.toLowerCase()))
  const { origin, pathname, search, username, password } = new URL(options.target)
  const userinfo = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const usual: [string, string][] = [
    ['User-Agent', `streamproof/${kitVersion}`],
    ['Accept', 'text/event-stream'],
    ['Accept-Encoding', 'identity'],
    ...(options.token === undefined ? [] : [['Authorization', `Bearer ${options.token}`] as [string, string]]),
    ...(username === '' || options.token !== undefined ? [] : [['Authorization', `Basic ${Buffer.from(userinfo).toString('base64')}`] as [string, string]]),
    ...(options.origin === undefined ? [] : [['Origin', options.origin] as [string, string]]),
  ]
  return {
    method: options.method,
    url: `${origin}${pathname}${search}`,
    version: '1.1',
    headers: [...usual.filter(([name]) => !given.has(name.toLowerCase())), ...options.headers],
    ...(options.body === undefined ? {} : { body: options.body }),
  }
}

/** True for an address that cannot leave this machine. */
export function isLoopback(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'))
}

/** True for a request whose body is JSON and is announced as that. */
export const hasJsonBody = ({ headers, body }: SentRequest): boolean =>
  body !== undefined && headers.some(([name, value]) => /^content-type$/i.test(name) && /[/+]json\b/i.test(value))

/** Connections at most where nobody says: a stranger's GET is asked politely, what may cost something is asked once. */
export function usualBudget({ method, url, body }: SentRequest): number {
  if (method !== 'GET' || body !== undefined) return 1
  return isLoopback(url) ? 100 : 30
}
