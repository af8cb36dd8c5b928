/** Streams that are cancelled, left, fail and end; handlers that raise; clients that join a channel; and a server that stops. */
import { acted, counted, driven, published, sent } from '../../bytes.ts'
import type { Link, Transcript } from '../../model.ts'
import { closed, refused, socket } from '../bytes.ts'
import { asked, cancel, cancelled, chunks, conversation, done, start, type Line, type Scenery } from '../conversation.ts'
import { client, server } from '../frame.ts'

const endless = 100_000

/** ms that the target of the example keeps a stream */
export const replayMs = 300

const said = (type: string, members: object = {}): Line => ['target', { type, ...members }]
const away = { ended: { by: 'target', how: 'fin' } } as const

/** A client that leaves while its stream is at work. */
const left = (id: string, at: number, more: readonly Line[] = [], ended: Scenery['ended'] = { by: 'kit', how: 'window' }): Link =>
  conversation(id, at, [start(id, endless), ...chunks(id, 0, 2), ...more], { ended })

const event = (n: number): Line => said('event', { id: `e${n}`, data: `event ${n}` })
const events = (from: number, to: number): Line[] => Array.from({ length: to - from + 1 }, (_, i) => event(from + i))

/** Listens to the channel from that time on. */
const listens = (id: string, role: string, at: number, from: number, lines: readonly Line[]): Link => {
  const link = conversation(id, at, lines, { role })
  // what the target says comes behind what is published
  const late = from - (link.chunks[1]?.at ?? 0)
  return {
    ...link, chunks: link.chunks.map((one, i) => (i === 0 ? one : { ...one, at: one.at + late + 10 * (i - 1) })),
    ended: { ...link.ended, at: 7900 },
  }
}

const links: readonly Link[] = [
  conversation('cancels', 0, [
    start('stopped', endless), ...chunks('stopped', 0, 2), cancel('stopped'), cancelled('stopped'), cancel('stopped'), cancel('never-was'), ...asked('still'),
    start('fresh', 3), ...chunks('fresh', 0, 2), done('fresh', 3),
  ]),
  conversation('scope', 1000, [
    start('kept', 5), start('ended', endless), ...chunks('kept', 0, 1), ...chunks('ended', 0, 1), cancel('ended'), cancelled('ended'), ...chunks('kept', 2, 4), done('kept', 5),
    cancel('kept'), ...asked('late'),
  ]),
  conversation('race', 2000, [start('race', 2, { everyMs: 0 }), ...chunks('race', 0, 1), done('race', 2), cancel('race'), ...asked('raced')]),
  conversation('ends', 2200, [
    start('none', 0), done('none', 0), start('broken', 5, { failAt: 2 }), ...chunks('broken', 0, 1), said('error', { stream: 'broken', message: 'upstream' }),
  ]),
  left('closes', 3000, [['kit', client.close(1000)], ['target', server.close(1000)]], { by: 'target', how: 'fin' }),
  left('drops', 4000),
  left('resets', 4010, [], { by: 'kit', how: 'abort' }),

  socket('odd', { sent: [client.text('{'), client.ping('odd')], received: [sent(21, server.pong('odd'))] }, 'odd-message'),
  conversation('odd-channel', 5000, [['kit', client.text('{')], said('error', { message: 'no JSON' }), ['kit', client.ping('odd')], ['target', server.pong('odd')]], { role: 'channel/odd-message' }),
  conversation('binary', 5100, [['kit', client.binary('x')], said('error', { message: 'not binary' })], { role: 'binary-message' }),
  conversation('bystander', 5200, [...asked('before'), ['kit', { type: 'ping', ref: 'after' }, 200], said('pong', { ref: 'after' })], { role: 'bystander' }),
  conversation('raises', 5210, [['kit', { type: 'throw' }], ['target', server.close(1011)]], away),
  conversation('early', 5500, asked('early'), { role: 'first-message/channel' }),

  listens('one', 'subscriber', 6000, 6105, events(0, 5)),
  listens('two', 'subscriber', 6000, 6105, events(0, 5)),
  listens('joins', 'joiner', 6120, 6125, events(2, 5)),
  listens('far', 'elsewhere/subscriber', 6000, 6105, events(0, 5)),
  conversation('leaves', 6000, [['kit', client.close(1000)], ['target', server.close(1000)]], { role: 'unsubscribed', ...away }),

  closed('stops', { received: [sent(8001, server.close(1001))] }, 'going-away'),
  { ...refused('turned-away', {}, '503 Service Unavailable'), role: 'afterwards', openedAt: 8005 },
]

const publishes = [0, 1, 2, 3, 4, 5].map((n) => published(6100 + 10 * n, [{ id: `e${n}`, data: `event ${n}` }]))

export const example: Transcript = driven(
  { replayMs, drainMs: 5000, instances: ['http://a.test', 'http://b.test'] },
  [
    counted(200, { subscribers: 0, plays: 0, sockets: 1 }), counted(3900, { subscribers: 0, plays: 0, sockets: 0 }), counted(4900, { subscribers: 0, plays: 0, sockets: 0 }),
    ...publishes, acted(8000, 'signal'), counted(20_000, { subscribers: 0, plays: 0, sockets: 0 }),
  ],
  ...links,
)
