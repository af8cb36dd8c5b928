/** How the cors room is provoked: pages of other origins, with and without invitation, and preflights. */
import type { BaseFacts, Stimulus, Step, Suite } from '../stimulus.ts'

/** more than any `declares.maxSubscribers` that the contract allows behind `limited` */
const crowd = 8

/** origins that nobody has invited; the second is that of sandboxed frames and local files */
const foreign = 'https://evil.example'
const opaque = 'null'

/** the target lets that page in, or the user says that it does */
const invited = ({ page }: BaseFacts): boolean => page?.meant === true

type Open = Extract<Step, { do: 'open' }>

const get = (link: string, role: string, asked: Open['asked'], to: Open['to'] = 'stream'): Open =>
  ({ do: 'open', link, role, to, asked: { page: true, ...asked }, until: { head: true, thenMs: 0 } })

const preflight = (role: string, name: string, to: Open['to'] = 'stream'): Open =>
  ({ do: 'open', link: role, role, to, asked: { preflight: [name] }, until: { head: true, thenMs: 0 } })

/** An answer that is no stream, to a page that is let in. */
const refusal = (slug: string, says: string, rest: Pick<Stimulus, 'steps' | 'needs' | 'authorized'>): Stimulus => ({
  id: `cors/${slug}`,
  says: `from a page of another origin: ${says}`,
  feeds: ['sse/cors/on-all-statuses', 'sse/cors/credentials'],
  profile: 'full',
  when: invited,
  deadlineMs: 4000,
  ...rest,
})

export const cors: Suite = {
  id: 'sse/cors',
  properties: [],
  stimuli: [
    {
      id: 'cors/pages',
      says: 'three requests: from a page of another origin, from one that nobody has invited, and from the origin null',
      feeds: [
        'sse/cors/allow-origin', 'sse/cors/credentials', 'sse/cors/on-all-statuses', 'sse/cors/vary-origin',
        'sse/cors/no-blind-reflection',
      ],
      profile: 'full',
      when: invited,
      steps: [
        get('page', 'page', {}),
        get('foreign', 'foreign-page', { headers: { Origin: foreign } }),
        get('null', 'null-page', { headers: { Origin: opaque } }),
      ],
      deadlineMs: 6000,
    },
    {
      id: 'cors/visitor',
      says: 'a request from a page of an origin that the kit made up, because the target speaks of CORS',
      feeds: ['sse/cors/allow-origin', 'sse/cors/credentials'],
      profile: 'full',
      when: ({ page }) => page?.meant === false,
      steps: [get('visitor', 'visitor', {})],
      deadlineMs: 3000,
    },
    {
      id: 'cors/preflight',
      says: 'the preflight of a page that sends Last-Event-ID',
      feeds: [
        'sse/cors/preflight-status', 'sse/cors/preflight-last-event-id', 'sse/cors/preflight-anonymous',
        'sse/cors/credentials',
      ],
      profile: 'safe',
      when: invited,
      steps: [preflight('preflight', 'last-event-id')],
      deadlineMs: 3000,
    },
    {
      id: 'cors/preflight-authorization',
      says: 'the preflight of a page that sends Authorization',
      feeds: ['sse/cors/authorization-explicit', 'sse/cors/preflight-status', 'sse/cors/preflight-anonymous'],
      profile: 'safe',
      when: (base) => invited(base) && base.authorization === true,
      steps: [preflight('preflight-authorization', 'authorization')],
      deadlineMs: 3000,
    },
    {
      id: 'cors/preflight-json',
      says: 'the preflight of a page that sends JSON',
      feeds: ['sse/cors/preflight-status', 'sse/cors/preflight-anonymous'],
      profile: 'safe',
      postOnly: true,
      when: invited,
      steps: [preflight('preflight-json', 'content-type')],
      deadlineMs: 3000,
    },
    {
      id: 'cors/preflight-secure',
      says: 'the preflight of a page that sends Authorization to a secured channel',
      feeds: ['sse/cors/authorization-explicit', 'sse/cors/preflight-status', 'sse/cors/preflight-anonymous'],
      profile: 'full',
      needs: ['secure'],
      when: invited,
      steps: [preflight('preflight-secure', 'authorization', 'secure')],
      deadlineMs: 3000,
    },
    refusal('unauthorized', 'a request without credentials', {
      authorized: true,
      steps: [get('unauthorized', 'page-unauthorized', { anonymous: true })],
    }),
    refusal('secure', 'a secured channel without a token', {
      needs: ['secure'],
      steps: [get('secure', 'page-secure', { anonymous: true }, 'secure')],
    }),
    refusal('forbidden-channel', 'a channel with a name that the contract forbids', {
      needs: ['channel'],
      steps: [get('forbidden', 'page-forbidden', {}, 'forbidden-channel')],
    }),
    refusal('not-allowed', 'a GET of the URL that plays', {
      needs: ['play'],
      steps: [get('not-allowed', 'page-not-allowed', { method: 'GET' }, 'play')],
    }),
    refusal('finished', 'a channel that is finished', {
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'reader', role: 'page-reader', to: 'stream', asked: { page: true } },
        { do: 'publish', batches: [[{ id: '1', data: 'last' }]] },
        { do: 'finish' },
        { do: 'read', link: 'reader', until: { end: true, thenMs: 0 } },
        get('back', 'page-finished', { lastEventId: { of: 'reader' } }),
      ],
    }),
    refusal('capacity', `${crowd} readers at once where the target admits fewer`, {
      needs: ['limited'],
      steps: Array.from({ length: crowd }, (_, n): Step =>
        ({ do: 'open', link: `reader-${n + 1}`, role: 'page-limited', to: 'limited', asked: { page: true } })),
    }),
  ],
}
