/** A right server that asks who comes: a bearer token, and pages of its own origin alone. */
import { valuesOf, type Refusal, type Request } from './handshake.ts'
import { right, type Hooks } from './hooks.ts'

export const token = 'token-of-the-proof'
export const origin = 'https://app.example'
export const cookie = 'session=session-of-the-proof'

const unauthorized: Refusal = { status: '401 Unauthorized', fields: ['WWW-Authenticate: Bearer realm="streamproof"'] }
const forbidden: Refusal = { status: '403 Forbidden' }

/** Why a client is turned away: for who it is, for the page that it comes from. */
export interface Guards {
  readonly credentials: (request: Request) => Refusal | undefined
  readonly origin: (request: Request) => Refusal | undefined
}

const isKnown = (request: Request): boolean =>
  valuesOf(request, 'authorization').join() === `Bearer ${token}` || valuesOf(request, 'cookie').join() === cookie

export const guards: Guards = {
  credentials: (request) => (isKnown(request) ? undefined : unauthorized),
  origin: (request) => admitting((one) => one.toLowerCase() === origin)(request),
}

/** A guard that lets pages in whose origin is right, and what is no page: it sends none. */
export const admitting = (isRight: (origin: string) => boolean) => (request: Request): Refusal | undefined => {
  const lines = valuesOf(request, 'origin')
  return lines.length === 0 || (lines.length === 1 && isRight(lines[0] ?? '')) ? undefined : forbidden
}

/** A server with these guards, some of them replaced. */
export function guarded(replaced: Partial<Guards> = {}): Partial<Hooks> {
  const { credentials, origin: page } = { ...guards, ...replaced }
  return { refusal: (request) => right.refusal(request) ?? page(request) ?? credentials(request) }
}
