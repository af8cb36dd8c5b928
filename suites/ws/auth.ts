/** How the auth room is provoked: clients without credentials, with wrong ones, and with tokens that end. */
import { tokenGraceMs } from '../../spec/contract/contract.ts'
import type { RuleId } from '../../spec/model.ts'
import { leave, together } from './steps.ts'
import { cancel, ping, start } from './socket.ts'
import type { Address, Event, Handshake, Step, Stimulus, Suite } from './stimulus.ts'

/** ms; a right target does all of it at once */
const patienceMs = 1500
/** ms; a token that outlasts its stimulus, and one that the kit waits for */
const lastingMs = 60_000
const briefMs = 500
/** ms that a target has to end TCP behind a refusal */
const endMs = 500
/** ms behind the time that a target has, for what comes late */
const afterwardsMs = 100
/** ms that a socket without a token may stay (contract: socketAuth), and as much again */
const strangerMs = 2000

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/auth/${slug}` as RuleId)

const open = (link: string, role: string, to: Address, asked?: Handshake): Step => ({ do: 'open', link, role, to, ...(asked ? { asked } : {}) })

const until = (link: string, event: Event, withinMs = patienceMs): Step => ({ do: 'await', link, for: event, withinMs })

const issue = (name: string, ttlMs = lastingMs): Step => ({ do: 'token', name, ttlMs })

const say = (link: string, bytes: Uint8Array): Step => ({ do: 'send', link, bytes })

/** A ping of the contract, and the pong to it. */
const asks = (link: string): Step[] => [say(link, ping(link)), until(link, { text: '"pong"' })]

/** A client that is to be turned away leaves after its answer. */
const gone = (link: string): Step[] => [until(link, { refusal: true }), until(link, { end: true }, endMs), leave(link, 'fin')]

const away = (link: string, role: string, to: Address, asked: Handshake): Step[] => [open(link, role, to, asked), ...gone(link)]

const secure = (link: string, role: string, token: string, by: 'header' | 'query' | 'subprotocol' = 'header'): Step =>
  open(link, `secure/${role}`, 'socketAuth', { token: { of: token, by } })

// who does not answer pings may be dropped for that, without a Close
const answer = (link: string): Step => ({ do: 'answer', link })

const wrong = { text: 'streamproof-wrong-credentials' } as const

const ways = ['header', 'query', 'subprotocol'] as const
const spellings = ['slash', 'case', 'encoded', 'parameter'] as const

const onTokens = (slug: string, says: string, feeds: readonly RuleId[], steps: readonly Step[], deadlineMs = 6000): Stimulus =>
  ({ id: `auth/${slug}`, says, feeds, profile: 'full', needs: ['socketAuth', 'tokens'], steps, deadlineMs })

const stimuli: readonly Stimulus[] = [
  {
    id: 'auth/credentials',
    says: 'handshakes with credentials, without them, and with wrong ones',
    feeds: fed('missing-401', 'invalid-refused', 'header-bearer', 'close-code', 'not-reflected'),
    profile: 'full',
    needs: ['token'],
    // the wrong ones last: a target may turn away for a while whoever has sent them
    steps: [
      together(
        [open('authorized', 'authorized', 'target'), leave('authorized')],
        away('unauthorized', 'unauthorized', 'target', { anonymous: true }),
      ),
      together(...(['foreign', 'cut', 'altered'] as const).map((forged) => away(forged, 'forged', 'target', { forged }))),
    ],
    deadlineMs: 8000,
  },
  {
    id: 'auth/paths',
    says: 'handshakes without credentials for other spellings of the path',
    feeds: fed('every-upgrade-path'),
    profile: 'full',
    needs: ['token'],
    steps: [together(
      away('unauthorized', 'unauthorized', 'target', { anonymous: true }),
      ...spellings.map((spelled) => away(spelled, 'unauthorized/path', 'target', { anonymous: true, spelled })),
    )],
    deadlineMs: 6000,
  },
  onTokens('token', 'a token in the Authorization field, in the query and in a subprotocol',
    fed('header-bearer', 'query-token', 'subprotocol-token', 'subprotocol-answered', 'not-reflected'), [
      issue('lasting'),
      together(...ways.map((by) => [secure(by, 'token', 'lasting', by), ...asks(by), leave(by)])),
    ]),
  onTokens('wrong', 'tokens that nobody has issued, also for other spellings of the path', fed('invalid-refused', 'every-upgrade-path', 'not-reflected'), [
    together(
      ...ways.map((by) => away(by, 'secure/forged', 'socketAuth', { token: { ...wrong, by } })),
      ...spellings.map((spelled) => away(spelled, 'secure/path', 'socketAuth', { spelled, token: { ...wrong, by: 'header' } })),
    ),
  ]),
  {
    ...onTokens('stranger', 'clients that say nothing, something else, or a wrong token first, while an event is published',
      fed('first-message-timeout', 'no-data-before', 'close-code'), [
        together(...['anonymous', 'impatient', 'mistaken'].map((link) => [open(link, `secure/${link}`, 'socketAuth', { anonymous: true })])),
        { do: 'publish', events: [{ id: 'n-1', data: 'for users' }] },
        together(
          [answer('anonymous'), until('anonymous', { end: true }, strangerMs + afterwardsMs), leave('anonymous', 'fin')],
          [say('impatient', ping('who')), until('impatient', { end: true }), leave('impatient', 'fin')],
          [{ do: 'authenticate', link: 'mistaken', token: wrong }, until('mistaken', { end: true }), leave('mistaken', 'fin')],
        ),
      ]),
    needs: ['socketAuth', 'tokens', 'publish'],
  },
  onTokens('race', 'messages in the same write as the token, and clients that leave before the answer', fed('async-race'), [
    issue('lasting'),
    together(
      [
        open('first', 'secure/first', 'socketAuth', { anonymous: true }),
        { do: 'authenticate', link: 'first', token: { of: 'lasting' }, also: ping('first') },
        until('first', { text: '"pong"' }), leave('first'),
      ],
      ...[1, 2, 3, 4].map((n): Step[] => [
        { do: 'open', link: `hasty-${n}`, role: 'secure/hasty', to: 'socketAuth', asked: { token: { of: 'lasting', by: 'header' } }, hasty: true },
        leave(`hasty-${n}`, n % 2 === 0 ? 'rst' : 'fin'),
      ]),
    ),
    { do: 'stats', of: 'sockets', is: 0, withinMs: 3000 },
  ]),
  onTokens('revoked', 'a connection whose token is revoked, and clients that come back with it',
    fed('expiry-mid-connection', 'close-code', 'query-token', 'invalid-refused'), [
      issue('revoked'),
      secure('reader', 'over', 'revoked'), answer('reader'), ...asks('reader'),
      { do: 'revoke', token: 'revoked' },
      until('reader', { end: true }, tokenGraceMs + afterwardsMs), leave('reader', 'fin'),
      together(...(['header', 'query'] as const).map((by) => [secure(`back-${by}`, 'back', 'revoked', by), ...gone(`back-${by}`)])),
    ]),
  onTokens('expired', `a connection whose token lasts ${briefMs} ms`, fed('expiry-mid-connection', 'close-code'), [
    issue('brief', briefMs),
    secure('reader', 'over', 'brief', 'query'), answer('reader'), ...asks('reader'),
    until('reader', { end: true }, briefMs + tokenGraceMs + afterwardsMs), leave('reader', 'fin'),
  ]),
  onTokens('users', 'one user cancels the stream of another', fed('per-message'), [
    issue('own'), { do: 'token', name: 'other', ttlMs: lastingMs, to: 'sibling' },
    secure('owner', 'owner', 'own'), secure('stranger', 'stranger', 'other'),
    say('owner', start('whose', { count: 4, bytes: 8, everyMs: 100 })), until('owner', { messages: 1 }),
    say('stranger', cancel('whose')), ...asks('stranger'),
    until('owner', { text: '"type":"done"' }),
    leave('owner'), leave('stranger'),
  ]),
  {
    ...onTokens('ticket', 'two clients with the same ticket at the same time, and one afterwards', fed('ticket-single-use'), [
      { do: 'token', name: 'ticket', ttlMs: lastingMs, once: true },
      together(...['one', 'two'].map((link) => [secure(link, 'ticket', 'ticket'), say(link, ping(link)), until(link, { text: '"pong"' }, 500)])),
      secure('three', 'ticket', 'ticket'), say('three', ping('three')), until('three', { text: '"pong"' }, 500),
      ...['one', 'two', 'three'].map((link) => leave(link)),
    ]),
    needs: ['socketAuth', 'tokens', 'tickets'],
  },
]

export const auth: Suite = { id: 'ws/auth', properties: [], stimuli }
