/** Cases 2.*: pings and pongs. */
import { bytes } from '../../bytes.ts'
import { client } from '../frame.ts'
import { byOctet, right, whole, wrong, type Case, type Heard } from './case.ts'

const pong = (payload: string | Uint8Array): Heard => ({ kind: 'pong', payload: bytes(payload) })

const octets = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)
const longest = new Uint8Array(125).fill(0xfe)
const tooLong = new Uint8Array(126).fill(0xfe)
const unsolicited = 'unsolicited pong payload'
const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`)

export const pings: readonly Case[] = [
  right('2.1', 'a ping without payload', whole(client.ping()), [pong('')]),
  right('2.2', 'a ping with text', whole(client.ping('Hello, world!')), [pong('Hello, world!')]),
  right('2.3', 'a ping with bytes that are not UTF-8', whole(client.ping(octets)), [pong(octets)]),
  right('2.4', 'a ping of 125 bytes', whole(client.ping(longest)), [pong(longest)]),
  wrong('2.5', 'a ping of 126 bytes', whole(client.ping(tooLong)), [1002]),
  right('2.6', 'a ping of 125 bytes, octet by octet', byOctet(client.ping(longest)), [pong(longest)], { withinMs: 2000 }),
  right('2.7', 'a pong that nobody asked for, without payload, and a Close', whole(client.pong(), client.close(1000)), [], { closesItself: true }),
  right('2.8', 'a pong that nobody asked for, and a Close', whole(client.pong(unsolicited), client.close(1000)), [], { closesItself: true }),
  right('2.9', 'a pong that nobody asked for, and a ping', whole(client.pong(unsolicited), client.ping('ping payload')), [pong('ping payload')]),
  right('2.10', 'ten pings', whole(...ten.map((one) => client.ping(one))), ten.map(pong), { withinMs: 3000 }),
  right('2.11', 'ten pings, octet by octet', byOctet(...ten.map((one) => client.ping(one))), ten.map(pong), { withinMs: 3000 }),
]
