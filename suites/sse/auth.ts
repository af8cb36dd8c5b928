/** How the auth room is provoked: clients without credentials, with wrong ones, and with tokens that end. */
import { tokenGraceMs } from '../../spec/contract/contract.ts'
import type { Event } from '../../spec/model.ts'
import type { Asked, Step, Stimulus, Suite, Until } from '../stimulus.ts'

/** ms; a token that outlasts its stimulus, and one that the kit waits for */
const lastingMs = 60_000
const briefMs = 700
/** ms; how long a client stays for what comes late */
const afterwardsMs = 60
/** ms behind the head, for an error that is written as an event */
const errorMs = 500

const wrong: Asked = { token: { text: 'streamproof-wrong-credentials' } }

const issue = (name: string, ttlMs = lastingMs): Step => ({ do: 'token', name, ttlMs })
const read = (link: string, until: Until): Step => ({ do: 'read', link, until })
const publish = (event: Event): Step => ({ do: 'publish', batches: [[event]] })
const event = (n: number): Event => ({ id: `a-${n}`, data: `a-${n}` })
const secure = (link: string, role: string, token: string, after?: string) => ({
  do: 'open', link, role, to: 'secure',
  asked: { token: { of: token }, ...(after === undefined ? {} : { lastEventId: { of: after } }) },
}) as const satisfies Step

/** A request that is to be turned away. */
const refused = (role: string, to: 'stream' | 'secure', asked: Asked): Step =>
  ({ do: 'open', link: role, role, to, asked, until: { head: true, thenMs: errorMs } })

/** A client with the token of that name, which sees an event. */
const reader = (token: string, n: number): Step[] =>
  [secure('reader', 'secure', token), publish(event(n)), read('reader', { sentinel: `a-${n}` })]

const onTokens = (
  slug: string, says: string, feeds: readonly string[], steps: readonly Step[], deadlineMs = 6000,
): Stimulus => ({
  id: `auth/${slug}`,
  says,
  feeds: feeds.map((rule) => `sse/auth/${rule}` as const),
  profile: 'full',
  needs: ['secure', 'tokens', 'publish'],
  steps,
  deadlineMs,
})

export const auth: Suite = {
  id: 'sse/auth',
  properties: [],
  stimuli: [
    {
      id: 'auth/credentials',
      says: 'a request without credentials, one with them, and one with wrong ones',
      feeds: [
        'sse/auth/401-challenge', 'sse/auth/401-status', 'sse/auth/bearer-header', 'sse/status/errors-before-stream',
      ],
      profile: 'full',
      authorized: true,
      // the wrong one last: a target may turn away for a while whoever has sent it
      steps: [
        refused('unauthorized', 'stream', { anonymous: true }),
        {
          do: 'open', link: 'authorized', role: 'authorized', to: 'stream', until: { head: true, thenMs: 0 },
        },
        refused('wrong-token', 'stream', { forged: true }),
      ],
      deadlineMs: 6000,
    },
    {
      id: 'auth/secure',
      says: 'the stream that needs a token, without one and with a wrong one',
      feeds: ['sse/auth/401-challenge', 'sse/auth/401-status'],
      profile: 'full',
      needs: ['secure'],
      steps: [refused('secure-anonymous', 'secure', { anonymous: true }), refused('secure-wrong', 'secure', wrong)],
      deadlineMs: 4000,
    },
    onTokens(
      'token', 'a token in the Authorization field, and in the query', ['bearer-header', 'query-token', 'no-token-leak'],
      [
        issue('lasting'),
        ...(['header', 'query'] as const).map((by): Step => ({
          do: 'open', link: by, role: by === 'header' ? 'bearer' : 'query-token', to: 'secure',
          asked: { token: { of: 'lasting', by } },
        })),
        publish(event(1)),
        {
          do: 'together',
          branches: [[read('header', { sentinel: 'a-1' })], [read('query', { sentinel: 'a-1' })]],
        },
      ],
      3000,
    ),
    onTokens(
      'revoked', 'a client whose token is revoked, and who comes back with it', ['on-reconnect', 'expiry-mid-stream'],
      [
        issue('revoked'),
        ...reader('revoked', 1),
        { do: 'revoke', token: 'revoked' },
        read('reader', { ms: tokenGraceMs + afterwardsMs }),
        { ...secure('back', 'reconnect', 'revoked', 'reader'), until: { head: true, thenMs: 0 } },
      ],
    ),
    onTokens(
      'expired', `a token that lasts ${briefMs} ms, and a client who comes back with it`,
      ['on-reconnect', 'expiry-mid-stream'],
      [
        issue('lasting'), secure('beside', 'secure', 'lasting'),
        issue('brief', briefMs),
        ...reader('brief', 1),
        // the client beside stays open, so the time passes whatever becomes of the reader
        read('beside', { ms: briefMs + tokenGraceMs + afterwardsMs }),
        { ...secure('back', 'reconnect', 'brief', 'reader'), until: { head: true, thenMs: 0 } },
      ],
    ),
    onTokens(
      'user-scope', 'the token of one user on the stream of another, and an id of that stream on an own one',
      ['user-scope', 'no-token-leak'],
      [
        issue('own'), { do: 'token', name: 'other', ttlMs: lastingMs, to: 'sibling' },
        ...reader('own', 1), { do: 'leave', link: 'reader' },
        secure('owner', 'secure', 'own', 'reader'), publish(event(2)), read('owner', { sentinel: 'a-2' }),
        secure('foreign', 'foreign', 'other', 'reader'),
        {
          do: 'open', link: 'foreign-id', role: 'foreign', to: 'secure-sibling',
          asked: { token: { of: 'other' }, lastEventId: { of: 'reader' } },
        },
        publish(event(3)), read('owner', { sentinel: 'a-3' }), read('owner', { ms: afterwardsMs }),
      ],
      4000,
    ),
  ],
}
