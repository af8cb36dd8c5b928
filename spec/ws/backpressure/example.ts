/** Clients that read nothing for a while, or never again, on a target that holds little for each of them. */
import { counted, driven, published, tuned } from '../../bytes.ts'
import type { Link, Transcript } from '../../model.ts'
import { asked, chunks, conversation, done, start, type Line } from '../conversation.ts'
import { client, server } from '../frame.ts'

/** bytes that the target of the example holds for a client, and ms that it waits for one */
export const bufferBytes = 64
const stallMs = 300

const fast = { everyMs: 0 }
const event = (n: number): Line => ['target', { type: 'event', id: `e${n}`, data: `event ${n}` }]
const away = { ended: { by: 'target', how: 'fin' } } as const

/** larger than what may wait */
export const large = 'x'.repeat(2 * bufferBytes)

const links: readonly Link[] = [
  conversation('slow', 0, [start('flood', 4, fast), ...chunks('flood', 0, 0), ...chunks('flood', 1, 3, 400), done('flood', 4)], { role: 'slow/stream' }),
  conversation('beside', 0, [start('beside', 2), ...chunks('beside', 0, 1), done('beside', 2), ...asked('beside')]),
  conversation('behind', 2000, [event(0), event(1), ['target', server.close(1013), 200]], { role: 'slow/events', ...away }),
  conversation('full', 3000, [start('full', 4, fast), ...chunks('full', 0, 1), ['target', server.close(1013), 200]], { role: 'slow/large', ...away }),
  conversation('stalled', 4000, [start('stall', 4, fast), ...chunks('stall', 0, 1)], { role: 'slow/stalled', ended: { by: 'target', how: 'rst', afterMs: 400 } }),
  conversation('gone', 5000, [start('gone', 4, fast), ...chunks('gone', 0, 1)], { role: 'slow/gone', ended: { by: 'kit', how: 'abort' } }),
  conversation('inbound', 7000, [['kit', client.binary('x')], ['target', server.binary('x'), 200]], { role: 'inbound' }),
]

const stats = (at: number, counts: object): ReturnType<typeof counted> => counted(at, { subscribers: 0, plays: 0, sockets: 0, bufferedBytes: 0, ...counts })

export const example: Transcript = driven(
  {},
  [
    tuned(0, { bufferBytes, stallMs, replayMs: 300 }), stats(300, { plays: 1, sockets: 2, bufferedBytes: bufferBytes }),
    ...[0, 1, 2].map((n) => published(2050 + n, [{ data: `event ${n}` }])), published(3050, [{ data: large }]),
    stats(4500, {}), stats(6500, {}),
  ],
  ...links,
)
