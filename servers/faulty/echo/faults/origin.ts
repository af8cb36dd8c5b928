/** What a server can get wrong about the pages that its clients come from. */
import { admitting, guarded, guards, origin } from '../guard.ts'
import { valuesOf } from '../handshake.ts'
import type { Hooks } from '../hooks.ts'

const isRight = (one: string): boolean => one.toLowerCase() === origin

export const originFaults = {
  anyOrigin: () => guarded({ origin: () => undefined }),
  /** the status says that the request was wrong, not that the page may not */
  originBadRequest: () => guarded({ origin: (request) => guards.origin(request) && { status: '400 Bad Request' } }),
  originByBeginning: () => guarded({ origin: admitting((one) => one.toLowerCase().startsWith(origin)) }),
  /** the dot of a regular expression is any character */
  originByPattern: () => guarded({ origin: admitting((one) => /^https:\/\/app.example$/i.test(one)) }),
  originCaseful: () => guarded({ origin: admitting((one) => one === origin) }),
  /** meant for files that were opened from the disk */
  nullTaken: () => guarded({ origin: admitting((one) => one === 'null' || isRight(one)) }),
  /** the text that a missing value became is on the list */
  undefinedTaken: () => guarded({ origin: admitting((one) => one === 'undefined' || isRight(one)) }),
  firstOrigin: () => guarded({ origin: (request) => admitting(isRight)({ ...request, headers: [['Origin', valuesOf(request, 'origin')[0] ?? origin]] }) }),
  /** who comes from the right page is taken for a user */
  originAsIdentity: () => guarded({ credentials: (request) => (valuesOf(request, 'origin').some(isRight) ? undefined : guards.credentials(request)) }),
  /** the cookie is proof enough */
  cookieAlone: () => guarded({ origin: (request) => (valuesOf(request, 'cookie').length > 0 ? undefined : guards.origin(request)) }),
} as const satisfies Record<string, () => Partial<Hooks>>
