/** How the status room is provoked: methods, conditions, refusals, the end of a stream, and too many readers. */
import type { Asked, Step, Stimulus, Suite } from '../stimulus.ts'

/** ms; a stream that ended so soon calls for a second look */
const instantMs = 1000
/** more than any `declares.maxSubscribers` that the contract allows behind `limited` */
const crowd = 8

const badPlays: Readonly<Record<string, string>> = {
  'not-json': '{"events": [',
  'wrong-types': '{"events": {"data": "no list"}, "pauseMs": "soon", "end": "never"}',
}

const refusal = (id: string, says: string, rest: Pick<Stimulus, 'steps' | 'needs' | 'postOnly'>): Stimulus =>
  ({ id, says, feeds: ['sse/status/errors-before-stream'], profile: 'full', deadlineMs: 1500, ...rest })

/** Bytes behind the head come a moment later, if they come; a server that ended its answer closes before that. */
const closing = (role: string, method: string): Step => ({
  do: 'open', link: role, role, to: 'stream',
  // with an Origin many a server takes OPTIONS for a preflight, which has rules of its own
  asked: { method, headers: { Connection: 'close', ...(method === 'OPTIONS' ? { Origin: null } : {}) } }, until: { head: true, thenMs: 1200 },
})

const accept = (slug: string, value: string | null): Stimulus => ({
  id: `status/${slug}`,
  says: value === null ? 'a request without Accept' : `a request with Accept: ${value}`,
  feeds: ['sse/status/accept-optional'],
  profile: 'full',
  steps: [{
    do: 'open', link: slug, role: slug, to: 'stream',
    asked: { headers: { Accept: value } }, until: { head: true, thenMs: 100 },
  }],
  deadlineMs: 3000,
})

const conditions: Asked = {
  headers: { 'If-None-Match': '*', 'If-Modified-Since': 'Sun, 01 Jan 2034 00:00:00 GMT', Range: 'bytes=0-' },
}

export const status: Suite = {
  id: 'sse/status',
  properties: [],
  stimuli: [
    {
      id: 'status/head-and-options',
      says: 'HEAD and OPTIONS, each with Connection: close, to see whether the answers end',
      feeds: ['sse/status/head', 'sse/status/options', 'sse/status/204-no-body'],
      profile: 'safe',
      getOnly: true,
      steps: [closing('head', 'HEAD'), closing('options', 'OPTIONS')],
      deadlineMs: 6000,
    },
    {
      id: 'status/unknown-method',
      says: 'one request with the method STREAMPROOF',
      feeds: ['sse/status/405-or-501', 'sse/status/405-allow'],
      profile: 'full',
      getOnly: true,
      steps: [{
        do: 'open', link: 'unknown-method', role: 'unknown-method', to: 'stream',
        asked: { method: 'STREAMPROOF' }, until: { head: true, thenMs: 0 },
      }],
      deadlineMs: 3000,
    },
    {
      id: 'status/not-allowed',
      says: 'a GET of the URL that plays, which takes POST alone',
      feeds: ['sse/status/405-allow'],
      profile: 'full',
      needs: ['play'],
      steps: [{
        do: 'open', link: 'not-allowed', role: 'not-allowed', to: 'play',
        asked: { method: 'GET' }, until: { head: true, thenMs: 0 },
      }],
      deadlineMs: 3000,
    },
    accept('plain', null),
    accept('anything', '*/*'),
    {
      id: 'status/conditional',
      says: 'a GET with If-None-Match, If-Modified-Since and Range',
      feeds: ['sse/status/no-304-206'],
      profile: 'full',
      getOnly: true,
      steps: [{
        do: 'open', link: 'conditional', role: 'conditional', to: 'stream',
        asked: conditions, until: { head: true, thenMs: 0 },
      }],
      deadlineMs: 3000,
    },
    {
      id: 'status/again',
      says: 'a second request, because the first stream ended at once without an event',
      feeds: ['sse/status/no-instant-empty-200', 'sse/caching/stop-not-cached'],
      profile: 'full',
      when: ({ isEventStream, events, endedAfterMs }) =>
        isEventStream && events === 0 && endedAfterMs !== undefined && endedAfterMs <= instantMs,
      // bytes behind a 204 come a moment later, if they come
      steps: [{ do: 'open', link: 'again', role: 'again', to: 'stream', until: { end: true, thenMs: 100 } }],
      deadlineMs: 3000,
    },
    refusal('status/broken-body', 'a POST whose JSON is cut off', {
      postOnly: true,
      steps: [{
        do: 'open', link: 'broken-body', role: 'bad-body', to: 'stream',
        asked: { body: '{"streamproof": [' }, until: { end: true, thenMs: 0 },
      }],
    }),
    ...Object.entries(badPlays).map(([slug, body]) =>
      refusal(`status/bad-play-${slug}`, `a play with a wrong body (${slug})`, {
        needs: ['play'],
        steps: [{
          do: 'open', link: slug, role: 'bad-play', to: 'play', asked: { body }, until: { end: true, thenMs: 0 },
        }],
      })),
    refusal('status/forbidden-channel', 'a channel with a name that the contract forbids', {
      needs: ['channel'],
      steps: [{
        do: 'open', link: 'forbidden', role: 'forbidden-channel', to: 'forbidden-channel',
        until: { end: true, thenMs: 0 },
      }],
    }),
    {
      id: 'status/finished',
      says: 'a channel that is finished, and a reader who comes back to it',
      feeds: ['sse/status/204-to-stop', 'sse/status/204-no-body', 'sse/caching/stop-not-cached'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'reader', role: 'channel', to: 'stream' },
        { do: 'publish', batches: [[{ id: '1', data: 'first' }, { id: '2', data: 'last' }]] },
        { do: 'finish' },
        { do: 'read', link: 'reader', until: { end: true, thenMs: 0 } },
        {
          do: 'open', link: 'back', role: 'finished', to: 'stream',
          asked: { lastEventId: { of: 'reader' } }, until: { end: true, thenMs: 50 },
        },
      ],
      deadlineMs: 4000,
    },
    {
      id: 'status/capacity',
      says: `${crowd} readers at once where the target admits fewer`,
      feeds: ['sse/status/5xx-for-capacity'],
      profile: 'full',
      needs: ['limited'],
      steps: Array.from({ length: crowd }, (_, n): Step =>
        ({ do: 'open', link: `reader-${n + 1}`, role: 'limited', to: 'limited' })),
      deadlineMs: 4000,
    },
  ],
}
