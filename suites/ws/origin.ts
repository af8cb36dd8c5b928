/** How the origin room is provoked: handshakes as pages of many origins make them. */
import type { RuleId } from '../../spec/model.ts'
import { nearMisses } from '../../spec/ws/origin/near.ts'
import { leave, together } from './steps.ts'
import type { Address, BaseFacts, Handshake, Step, Stimulus, Suite } from './stimulus.ts'

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/origin/${slug}` as RuleId)

const foreign = 'https://evil.example'

/** ms; a right target refuses at once */
const patienceMs = 1000
/** ms that a target has to end TCP behind a refusal, or a connection that it does not want */
const endMs = 500

/** A client that is to be turned away leaves after its answer. */
const gone = (link: string): Step[] => [
  { do: 'await', link, for: { refusal: true }, withinMs: patienceMs },
  { do: 'await', link, for: { end: true }, withinMs: endMs },
  leave(link, 'fin'),
]

/** A handshake as a page of these origins makes it; `null` leaves the ordinary one out. */
const page = (link: string, role: string, origins: string | null | readonly string[], asked: Handshake = {}, to: Address = 'target'): Step[] => [
  { do: 'open', link, role: `page/${role}`, to, asked: { ...asked, headers: { ...asked.headers, Origin: origins } } },
  ...gone(link),
]

/** A handshake that a right target takes. */
const welcome = (link: string, role: string, origins: string | null | readonly string[]): Step[] => [
  { do: 'open', link, role: `page/${role}`, to: 'target', asked: { headers: { Origin: origins } } }, leave(link),
]

/** Origins whose near misses are tried: each is a handshake. */
const mostOrigins = 2

/** What differs from target to target: whose pages may connect. */
function measured({ origins = [] }: BaseFacts): Stimulus[] {
  // where nobody says it none of this is sent: no target offers `origin` then
  const listed = origins.length > 0 ? origins.slice(0, mostOrigins) : ['https://app.example']
  const [first = ''] = listed
  const near = listed.flatMap(nearMisses).filter((one) => !origins.includes(one))
  return [
    {
      id: 'origin/pages',
      says: 'handshakes of a page that may connect, of a foreign one, and of what is no page',
      feeds: fed('disallowed-403', 'allowed', 'missing-policy', 'case'),
      profile: 'safe',
      needs: ['origin'],
      steps: [together(
        ...listed.map((origin, i) => welcome(`listed-${i}`, 'listed', origin)),
        welcome('case', 'case', first.toUpperCase()),
        welcome('absent', 'absent', null),
        page('foreign', 'foreign', foreign),
        page('undefined', 'undefined', 'undefined'),
      )],
      deadlineMs: 6000,
    },
    {
      id: 'origin/near',
      says: `handshakes of pages whose origins look like ${listed.join(' and ')}, of the origin null, and of two at once`,
      feeds: fed('exact', 'null', 'duplicate'),
      profile: 'full',
      needs: ['origin'],
      steps: [together(
        page('foreign', 'foreign', foreign),
        ...near.map((origin, i) => page(`near-${i}`, 'near', origin)),
        ...(origins.includes('null') ? [] : [page('null', 'null', 'null')]),
        page('two', 'two', [first, foreign]),
        page('two-reversed', 'two', [foreign, first]),
      )],
      deadlineMs: 6000,
    },
    {
      id: 'origin/strangers',
      says: 'clients without credentials, with the right Origin and without one',
      feeds: fed('not-auth'),
      profile: 'full',
      needs: ['origin', 'token'],
      steps: [together(page('stranger', 'stranger', null, { anonymous: true }), page('listed', 'stranger-listed', first, { anonymous: true }))],
      deadlineMs: 6000,
    },
    {
      id: 'origin/strangers-driven',
      says: 'clients with a wrong token, with the right Origin and without one',
      feeds: fed('not-auth'),
      profile: 'full',
      needs: ['origin', 'socketAuth'],
      steps: [together(...([['stranger', null], ['stranger-listed', first]] as const).map(([role, origin]) =>
        page(role, role, origin, { token: { text: 'streamproof-wrong-credentials', by: 'header' } }, 'socketAuth')))],
      deadlineMs: 6000,
    },
  ]
}

const stimuli: readonly Stimulus[] = [
  {
    id: 'origin/any',
    says: 'a handshake of a page of which nobody has said whether it may connect',
    feeds: fed('disallowed-403', 'allowed'),
    profile: 'safe',
    when: ({ origins = [] }) => origins.length === 0,
    steps: [{ do: 'open', link: 'any', role: 'page/any', to: 'target', asked: { headers: { Origin: foreign } } }, leave('any')],
    deadlineMs: 4000,
  },
  {
    id: 'origin/cookie',
    says: 'a handshake with the cookie and the origin of another page, and one without the cookie',
    feeds: fed('cookie-needs-origin'),
    profile: 'full',
    needs: ['cookie'],
    steps: [together(
      [
        { do: 'open', link: 'none', role: 'page/no-cookie', to: 'target', asked: { anonymous: true } },
        ...gone('none'),
      ],
      page('cookie', 'cookie', foreign),
    )],
    deadlineMs: 6000,
  },
]

export const origin: Suite = { id: 'ws/origin', properties: [], stimuli, measured }
