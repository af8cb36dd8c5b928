/**
 * Text is UTF-8: which text a server takes, which it refuses and when, and what it sends.
 * https://www.rfc-editor.org/rfc/rfc6455#section-8.1
 */
import { hex, session } from '../bytes.ts'
import type { Room } from '../model.ts'
import { client, closed, socket, together } from './bytes.ts'
import type { WsExchange } from './exchange.ts'
import { server } from './frame.ts'
import { refused } from './utf8/refused.ts'
import { taken } from './utf8/taken.ts'
import { told } from './utf8/told.ts'

const plain = 'streamproof'
const odd = '\ufeff\0\ufffe\u{10ffff}'
const before = [client.text(plain), client.ping('a')]
const euro = hex('e282ac')
const notText = hex('ff80c0')

/** Text that is not UTF-8, then a ping, which a target that goes on would answer. */
const bad = (id: string, ...frames: readonly Uint8Array[]): ReturnType<typeof closed> =>
  closed(id, { sent: [together(...frames, client.ping('b'))], received: [server.close(1007)] })

const example = session(
  socket('valid', {
    sent: [...before, client.text(odd), client.ping('b'), client.text('.'), client.ping('c')],
    received: [server.text(plain), server.pong('a'), server.text(odd), server.pong('b'), server.text('.'), server.pong('c')],
  }),
  socket('split', {
    sent: [
      ...before, client.text(euro.slice(0, 1), { fin: false }), client.more(euro.slice(1)), client.ping('b'), client.text('.'),
    ],
    received: [server.text(plain), server.pong('a'), server.text(euro), server.pong('b'), server.text('.')],
  }),
  socket('binary', {
    sent: [client.binary(plain), client.ping('a'), client.binary(notText), client.ping('b')],
    received: [server.binary(plain), server.pong('a'), server.binary(notText), server.pong('b')],
  }),
  socket('control', { sent: [client.ping('a'), client.ping(notText)], received: [server.pong('a'), server.pong(notText)] }),
  bad('invalid', client.text(hex('61 80 62'))),
  bad('overlong', client.text(hex('61 c0af 62'))),
  bad('surrogate', client.text(hex('61 eda080 62'))),
  bad('range', client.text(hex('61 f4908080 62'))),
  bad('truncated', client.text(hex('61 e282'))),
  bad('split-invalid', client.text(hex('61 ed'), { fin: false }), client.more(hex('a080 62'))),
  closed('early-frame', {
    sent: [together(client.text(hex('61 80'), { fin: false }), client.ping('b'))], received: [server.close(1007)],
  }),
  closed('early-chop', { sent: [client.text(hex('61 80 62 62')).slice(0, 9)], received: [server.close(1007)] }),
)

export const utf8: Room<WsExchange> = {
  id: 'ws/utf8',
  clause: 'https://www.rfc-editor.org/rfc/rfc6455#section-8.1',
  example,
  rules: [...taken, ...refused, ...told],
}
