/**
 * How connections end: by a Close of either side, answered by one, and the end of TCP.
 * https://www.rfc-editor.org/rfc/rfc6455#section-7
 */
import { hex, request, session } from '../bytes.ts'
import type { Act, Room } from '../model.ts'
import { client, closed, socket, together } from './bytes.ts'
import { afterLarge, lasts } from './close/behind.ts'
import { beyond, contents } from './close/codes.ts'
import { driven } from './close/driven.ts'
import { replies } from './close/reply.ts'
import type { WsExchange } from './exchange.ts'
import { opcodes, server } from './frame.ts'

const tell = (value: object): Uint8Array => client.text(JSON.stringify(value))

const act = (kind: Act['kind'], at: number, body = ''): Act =>
  ({ kind, at, doneAt: at + 1, request: request(), status: body === '' ? 0 : 200, body })

/** A Close, answered by the same. */
const answered = (id: string, code: number, reason = ''): ReturnType<typeof closed> =>
  closed(id, { sent: [client.close(code, reason)], received: [server.close(code)] })

/** A Close that is wrong. */
const refused = (id: string, frame: Uint8Array): ReturnType<typeof closed> =>
  closed(id, { sent: [frame], received: [server.close(1002)] })

const chunk = (n: number): Uint8Array => server.text(JSON.stringify({ type: 'chunk', stream: 's1', n, id: `i${n}`, data: '' }))

const goodbye = { type: 'close', code: 1000, reason: 'bye' }

const frames = session(
  answered('normal', 1000),
  closed('empty', { sent: [client.close()], received: [server.close()] }),
  answered('defined', 1010),
  answered('iana', 1012),
  answered('application', 3000),
  answered('long-reason', 1000, 'é'.repeat(61) + '.'),
  refused('unused', client.close(999)),
  refused('reserved', client.close(1005)),
  refused('unassigned', client.close(2000)),
  refused('one-byte', client.frame(opcodes.close, hex('03'))),
  refused('too-long', client.close(1000, 'x'.repeat(124))),
  refused('bad-reason', client.close(1000, hex('c3 28'))),
  refused('fault', client.frame(3, '')),
  closed('mid-fragment', {
    sent: [together(client.text('begun', { fin: false }), client.close(1000))], received: [server.close(1000)],
  }),
  closed('then-data', {
    sent: [together(client.close(1000), client.text('behind'), client.close(1001))], received: [server.close(1000)],
  }),
  closed('then-ping', { sent: [together(client.close(1000), client.ping('behind'))], received: [server.close(1000)] }),
  closed('peer-silent', { sent: [tell(goodbye)], received: [server.close(1000, 'bye')] }),
  closed('simultaneous', { sent: [together(tell(goodbye), client.close(1000))], received: [server.close(1000, 'bye')] }),
  closed('flush', {
    sent: [tell({ ...goodbye, after: 20 }), tell({ type: 'start', stream: 's1', count: 40, bytes: 64, everyMs: 0 })],
    received: [...Array.from({ length: 20 }, (_, n) => chunk(n)), server.close(1000, 'bye')],
  }),
  socket('lost-fin', { ended: { at: 60, by: 'kit', how: 'window' } }, 'lost'),
  socket('lost-rst', { ended: { at: 60, by: 'kit', how: 'abort' } }, 'lost'),
  closed('going-away', {
    sent: [{ at: 5002, bytes: client.close(1001) }], received: [{ at: 5001, bytes: server.close(1001) }],
  }),
)

export const close: Room<WsExchange> = {
  id: 'ws/close',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-7',
  example: { ...frames, acts: [act('stats', 50, '{"sockets":2}'), act('stats', 90, '{"sockets":0}'), act('signal', 5000)] },
  rules: [...replies, ...contents, ...lasts, ...driven],
  notes: [beyond, afterLarge],
}
