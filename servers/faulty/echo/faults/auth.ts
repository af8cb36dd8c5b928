/** What a server can get wrong about who comes. */
import { refusal, valuesOf } from '../handshake.ts'
import { guarded, guards } from '../guard.ts'
import type { Hooks, Request } from '../hooks.ts'

const isAnonymous = (request: Request): boolean =>
  valuesOf(request, 'authorization').length === 0 && valuesOf(request, 'cookie').length === 0

const { refusal: guardedRefusal } = guarded()

export const auth = {
  /** who sends no token is not asked for one */
  anonymousTaken: () => guarded({ credentials: (request) => (isAnonymous(request) ? undefined : guards.credentials(request)) }),
  /** only looks whether there is a token */
  anyToken: () => guarded({ credentials: (request) => (isAnonymous(request) ? guards.credentials(request) : undefined) }),
  /** the check stands before the router, which knows more spellings of the path */
  guardOfOnePath: () => ({
    refusal: (request) => (request.target === '/' ? guardedRefusal?.(request) : refusal({ ...request, target: '/' })),
  }),
} as const satisfies Record<string, () => Partial<Hooks>>
