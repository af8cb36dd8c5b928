/** A right transcript of clients that come back: one channel, one client after the other. */
import { live, sent, session } from '../../bytes.ts'
import type { Act, Chunk, Event, Link, SentRequest, Transcript } from '../../model.ts'

/** Event number n as it was published, and as it is on the wire. */
const published = (n: number): Event =>
  (n === 3 ? { id: 'r-3', event: 'note', data: '{"n": 3}' } : { id: `r-${n}`, data: n === 4 ? '4\niv' : String(n) })

export const block = (n: number): string => {
  const { id, event, data = '' } = published(n)
  return `id: ${id}\n${event ? `event: ${event}\n` : ''}${data.split('\n').map((line) => `data: ${line}\n`).join('')}\n`
}
export const blocks = (...numbers: readonly number[]): string => numbers.map(block).join('')

const open = ': open\n\n'
export const reset = 'event: reset\ndata: the id is not known here\n\n'
/** An id that holds what an attacker would like to see in a head or a line of its own. */
export const hostileId = 'x%0d%0asp-reflected: 1'

const channel = 'http://target.test/channels/c'

const asked = (method: string, url: string, body: unknown): SentRequest =>
  ({ method, url, version: '1.1', headers: [['Host', 'target.test']], body: JSON.stringify(body) })

const publish = (at: number, ...events: readonly Event[]): Act => ({
  at, doneAt: at + 1, kind: 'publish', request: asked('POST', `${channel}/events`, events),
  status: 202, body: JSON.stringify({ ids: events.map(({ id }) => id) }),
})

const tuned = (at: number, values: object): Act => ({
  at, doneAt: at + 1, kind: 'tune', request: asked('PUT', channel, values), status: 200, body: JSON.stringify(values),
})

const sibling = (event: Event, at: number): Act => ({ ...publish(at, event), to: 'sibling' })

/** A link that was opened at that time, with what came so many ms later; left a moment after the last arrival. */
function link(
  id: string, role: string, at: number, lastEventId: string | undefined, ...arrivals: readonly Chunk[]
): Link {
  const stream = live(role, ...arrivals)
  const chunks = stream.chunks.map((chunk) => ({ ...chunk, at: chunk.at + at }))
  const headers = lastEventId === undefined ? [] : [['Last-Event-ID', lastEventId] as const]
  const request = { ...stream.request, url: channel, headers: [...stream.request.headers, ...headers] }
  const last = chunks.at(-1)?.at ?? at
  return { ...stream, id, request, openedAt: at, chunks, ended: { at: last + 1, by: 'kit', how: 'window' } }
}

const stayed = (ms: number, right: Link): Link => ({ ...right, ended: { ...right.ended, at: right.ended.at + ms } })
const twoIds = (right: Link): Link => ({ ...right, request: { ...right.request, url: `${channel}?lastEventId=r-3` } })

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

export const example: Transcript = {
  ...session(
    live('base', sent(5, open), sent(20, 'id: b-1\ndata: hello\n\n')),
    link('plain-get', 'first', 0, undefined, sent(5, open), sent(20, 'id: b-1\ndata: hello\n\n')),
    link('first', 'channel', 10, undefined, sent(2, open), sent(11, blocks(1, 2))),
    link(
      'witness', 'witness', 10, undefined,
      sent(2, open), sent(11, blocks(1, 2)), sent(31, blocks(3, 4, 5)), sent(51, block(6)),
    ),
    link('back', 'resume', 50, 'r-2', sent(2, open + blocks(3, 4, 5)), sent(11, block(6))),
    link('again', 'resume', 80, 'r-2', sent(2, open + blocks(3, 4, 5, 6)), sent(11, block(7))),
    link('cycle-1', 'cycle', 100, undefined, sent(2, open), sent(11, block(8))),
    link('cycle-2', 'cycle', 130, 'r-8', sent(2, open + blocks(9, 10)), sent(11, block(11))),
    link('cycle-3', 'cycle', 160, 'r-11', sent(2, open + blocks(12)), sent(11, block(13))),
    twoIds(link('two-ids', 'two-ids', 190, 'r-11', sent(2, open + blocks(12, 13)), sent(11, block(14)))),
    link('foreign', 'sibling', 210, 'r-11', sent(2, open), sent(11, 'id: u-1\ndata: u-1\n\n')),
    link('newcomer', 'newcomer', 230, undefined, sent(2, open), sent(11, block(15))),
    link('empty', 'empty-id', 230, '', sent(2, open), sent(11, block(15))),
    link('unknown', 'unknown-id', 250, 'never-given', sent(2, open + reset), sent(11, block(16))),
    link('hostile', 'hostile-id', 270, hostileId, sent(2, open)),
    link('after-hostile', 'after-hostile', 280, undefined, sent(2, open)),
    stayed(2000, link('future', 'future-id', 290, '9007199254740993', sent(2, open), sent(11, block(17)))),
    link('beside', 'witness', 290, undefined, sent(2, open), sent(11, block(17))),
    link('expired', 'resume', 340, 'r-2', sent(2, open + reset + blocks(20, 21, 22)), sent(11, block(23))),
  ),
  acts: [
    publish(20, published(1), published(2)),
    publish(40, published(3), published(4), published(5)),
    publish(60, published(6)),
    ...[90, 110, 120, 125, 140, 150, 170, 200].map((at, i) => publish(at, published(7 + i))),
    sibling({ id: 'u-1', data: 'u-1' }, 220),
    ...[240, 260, 300].map((at, i) => publish(at, published(15 + i))),
    tuned(310, { replayEvents: 3 }),
    publish(320, ...numbers(18, 22).map(published)),
    publish(350, published(23)),
  ],
  declares: { replayEvents: 100, unknownId: { event: 'reset' } },
}
