/** Too much of everything, and a right server that takes 4096 bytes a message. */
import { driven, join, sent } from '../../bytes.ts'
import type { Link, Transcript } from '../../model.ts'
import { closed, refused, socket, upgradeRequest } from '../bytes.ts'
import { client, server } from '../frame.ts'

/** bytes of a message */
const most = 4096

const refusedAs = (id: string, code: number, ...frames: readonly Uint8Array[]): Link =>
  closed(id, { sent: frames, received: [server.close(code)] })

/** A frame of which only the header comes. */
const headerOf = (announced: bigint): Uint8Array => client.binary('', { announced, lengthForm: announced < 65_536n ? 16 : 64 })

const octets = client.binary(new Uint8Array(1000))
const pings = Array.from({ length: 8 }, (_, i) => client.ping(`flood ${i}`))
const large = new Uint8Array(most).fill(0x61)
const long = new Uint8Array(3000).fill(0x61)

/** A handshake with another field. */
const asking = (id: string, name: string, value: string): Pick<Link, 'request'> =>
  ({ request: upgradeRequest(id, { headers: [...upgradeRequest(id).headers, [name, value]] }) })

export const example: Transcript = driven({ maxMessageBytes: most }, [],
  refusedAs('over', 1009, client.binary(new Uint8Array(most + 1))),
  socket('at', { sent: [client.binary(large), client.ping('nonce')], received: [server.binary(large), server.pong('nonce')] }),
  refusedAs('fragments', 1009, client.binary(new Uint8Array(3000), { fin: false }), client.more(new Uint8Array(3000), { fin: false })),
  refusedAs('declared', 1009, headerOf(BigInt(most + 1))),
  ...[32n, 53n, 63n].map((power) => refusedAs(`huge-${power}`, 1009, headerOf(power === 63n ? 2n ** 63n - 1n : 2n ** power))),
  closed('pieces', {
    sent: [join(client.binary('', { fin: false }), ...Array.from({ length: 1000 }, () => client.more('', { fin: false })))],
    received: [server.close(1008)],
  }, 'limits/pieces'),
  socket('octets', {
    sent: [...Array.from(octets, (_, i) => sent(10 + i, octets.subarray(i, i + 1))), sent(1100, client.ping('nonce'))],
    received: [sent(1101, server.pong('nonce'))],
  }, 'limits/octets'),
  socket('pings', {
    sent: pings.map((ping, i) => sent(i < 4 ? 10 : 1001, ping)), received: pings.map((_, i) => sent(1000 + i, server.pong(`flood ${i}`))),
  }, 'limits/ping-flood'),
  { ...refused('headers', {}, '431 Request Header Fields Too Large'), role: 'limits/headers' },
  socket('headers/after', {}, 'limits/headers/after'),
  { ...socket('long-field'), ...asking('long-field', 'Sec-WebSocket-Protocol', `a,${' '.repeat(6000)}b`) },
  ...Array.from({ length: 10 }, (_, i) => (i < 9
    ? socket(`crowd-${i}`, { sent: [client.ping('nonce')], received: [server.pong('nonce')] }, 'limits/crowd')
    : { ...refused('crowd-9', {}, '503 Service Unavailable'), role: 'limits/crowd' })),
  socket('throughput', {
    sent: [client.text(long, { fin: false }), client.more('')].map((frame) => sent(10, frame)),
    received: [sent(20, server.text(long))],
  }, 'limits/throughput'),
)
