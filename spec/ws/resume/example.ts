/** Clients that come back: for what they have missed, with ids that nobody knows, too late, and as somebody else. */
import { driven, request } from '../../bytes.ts'
import type { Act, Link, SentRequest, Transcript } from '../../model.ts'
import { asking, chunks, conversation, done, idOf, start, type Line, type Scenery } from '../conversation.ts'
import { server } from '../frame.ts'
import { keyOf, upgradeFields } from '../upgrade.ts'

/** ms that the target of the example keeps a stream */
const replayMs = 300

/** Goes on with a stream behind chunk `n`. */
const back = (id: string, at: number, stream: string, n: number, lines: readonly Line[], scenery: Scenery = {}): Link =>
  conversation(id, at, lines, { asked: asking(id, { stream, lastEventId: idOf(stream, n) }), ...scenery })

const reset = (stream: string): Line => ['target', { type: 'reset', stream }]

const secure = (id: string, token: string, query: string): Partial<SentRequest> =>
  ({ url: `http://target.test/secure/c/socket?token=${token}${query}`, headers: [['Host', 'target.test'], ...upgradeFields(keyOf(id))] })

const issue = (token: string, user: string): Act => ({
  kind: 'token', at: 0, doneAt: 1, status: 201, body: JSON.stringify({ token, expiresAt: 0 }),
  request: request({ method: 'POST', url: 'http://target.test/tokens', body: JSON.stringify({ ttlMs: 60_000, user }) }),
})

const away = { ended: { by: 'target', how: 'fin' } } as const

const links: readonly Link[] = [
  conversation('first', 0, [start('cut', 6), ...chunks('cut', 0, 2)]),
  back('second', 100, 'cut', 2, chunks('cut', 3, 4)),
  back('third', 200, 'cut', 4, [...chunks('cut', 5, 5), done('cut', 6)]),
  back('again', 300, 'cut', 2, [...chunks('cut', 3, 5), done('cut', 6)]),

  conversation('open', 400, [start('open', 100_000), ...chunks('open', 0, 2)]),
  conversation('unknown', 500, [reset('open'), ...chunks('open', 9, 10)], { asked: asking('unknown', { stream: 'open', lastEventId: 'made-up' }) }),

  conversation('old', 600, [start('old', 3), ...chunks('old', 0, 2), done('old', 3)]),
  back('late', 3000, 'old', 1, [reset('old')]),

  conversation('owner', 3100, [start('mine', 100_000), ...chunks('mine', 0, 1)], { asked: secure('owner', 'token-of-one', '') }),
  conversation('stranger', 3200, [reset('mine')], {
    asked: secure('stranger', 'token-of-another', `&stream=mine&lastEventId=${idOf('mine', 1)}`),
  }),

  conversation('taken', 3300, [start('both', 100_000), ...chunks('both', 0, 2), ['target', server.close(4409), 60]], away),
  back('taker', 3345, 'both', 2, chunks('both', 3, 4)),

  conversation('twice', 3500, [
    start('twice', 2), ...chunks('twice', 0, 0), start('twice', 2), ['target', { type: 'error', message: 'there is one' }],
    ...chunks('twice', 1, 1), done('twice', 2),
  ]),

  conversation('guess-1', 3600, [start('guess-1', 2), ...chunks('guess-1', 0, 1), done('guess-1', 2)]),
  conversation('guess-2', 3600, [start('guess-2', 2), ...chunks('guess-2', 0, 1), done('guess-2', 2)]),

  conversation('near', 3700, [start('far', 100_000), ...chunks('far', 0, 2)]),
  back('elsewhere', 3800, 'far', 2, [reset('far')], { role: 'elsewhere' }),

  conversation('stopped', 3900, [start('kept', 100_000), ...chunks('kept', 0, 2), ['target', server.close(1001)]], away),
  back('after-stop', 4000, 'kept', 2, [...chunks('kept', 3, 4)], { role: 'elsewhere' }),
]

export const example: Transcript = driven(
  { replayMs, auth: ['bearer', 'query:token'], instances: ['http://a.test', 'http://b.test'] },
  [issue('token-of-one', 'c'), issue('token-of-another', 'c-sibling')],
  ...links,
)
