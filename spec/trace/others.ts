/** Bearer tokens (RFC 6750), and practice that no standard names but rules rely on. */
import { sse, type Clause } from './clause.ts'

const bearer = (number: string): string => `https://www.rfc-editor.org/rfc/rfc6750#section-${number}`

export const bearerClauses: readonly Clause[] = [
  { id: 'rfc6750-2.1-header', url: bearer('2.1'), binds: 'server', keyword: 'MUST',
    gist: 'a server that takes bearer tokens takes them in Authorization',
    rules: sse('auth/bearer-header') },
  { id: 'rfc6750-2.3-query', url: bearer('2.3'), binds: 'server', keyword: 'SHOULD',
    gist: 'a token in the query is a last resort; such answers are private or no-store',
    rules: sse('auth/query-token') },
  { id: 'rfc6750-3.1-invalid', url: bearer('3.1'), binds: 'server', keyword: 'SHOULD',
    gist: 'an expired or revoked token is answered with 401',
    rules: sse('auth/on-reconnect', 'auth/401-status') },
  { id: 'rfc6750-5.2-scope', url: bearer('5.2'), binds: 'server', keyword: 'SHOULD',
    gist: 'a token opens what it was made for, and nothing else',
    rules: sse('auth/user-scope', 'resume/tenant-scope') },
  { id: 'rfc6750-5.3-short', url: bearer('5.3'), binds: 'server', keyword: 'SHOULD',
    gist: 'tokens live for an hour or less',
    rules: sse('auth/expiry-mid-stream') },
  { id: 'rfc6750-5.3-url', url: bearer('5.3'), binds: 'server', keyword: 'SHOULD',
    gist: 'tokens are not passed in URLs of pages, where logs and histories keep them',
    rules: sse('auth/no-token-leak', 'auth/query-token') },
]

export const practice: readonly Clause[] = [
  { id: 'nginx-buffering', url: 'https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering',
    binds: 'intermediary', keyword: 'note',
    gist: 'nginx buffers answers unless the configuration, or X-Accel-Buffering: no in the answer, says otherwise',
    rules: sse('headers/x-accel-buffering') },
]
