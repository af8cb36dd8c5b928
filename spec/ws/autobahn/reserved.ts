/** Cases 3.* (reserved bits) and 4.* (reserved opcodes): alone, or between a good message and a ping. */
import { bytes } from '../../bytes.ts'
import { client, type FrameShape } from '../frame.ts'
import { byFrame, byOctet, whole, wrong, type Case, type Part } from './case.ts'

const hello = 'Hello, world!'
const octets = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)
const codes = [1002] as const

/** A good message, the fault, a ping: the message may come back, the pong may not. */
const between = (id: string, says: string, cut: (...frames: readonly Uint8Array[]) => Part, fault: Uint8Array): Case =>
  wrong(id, says, cut(client.text(hello), fault, client.ping()), codes, { ok: [{ kind: 'text', payload: bytes(hello) }], nonStrict: [] })

const text = (shape: Partial<FrameShape>): Uint8Array => client.text(hello, shape)

export const reservedBits: readonly Case[] = [
  wrong('3.1', 'a text message with reserved bits 001', whole(text({ rsv: 1 })), codes),
  between('3.2', 'a text message, one with reserved bits 010, a ping', whole, text({ rsv: 2 })),
  between('3.3', 'a text message, one with reserved bits 011, a ping, frame by frame', byFrame, text({ rsv: 3 })),
  between('3.4', 'a text message, one with reserved bits 100, a ping, octet by octet', byOctet, text({ rsv: 4 })),
  wrong('3.5', 'a binary message with reserved bits 101', whole(client.binary(octets, { rsv: 5 })), codes),
  wrong('3.6', 'a binary message with reserved bits 110', whole(client.binary(hello, { rsv: 6 })), codes),
  wrong('3.7', 'a Close with reserved bits 111', whole(client.close(undefined, '', { rsv: 7 })), codes),
]

/** The five cases of a row: the first two alone, the fourth and fifth with payload, the fifth octet by octet. */
function row(number: string, first: number): Case[] {
  const name = (opcode: number): string => `a frame with opcode ${opcode}`
  const frame = (i: number, payload = ''): Uint8Array => client.frame(first + i - 1, payload)
  return [
    wrong(`${number}.1`, name(first), whole(frame(1)), codes),
    wrong(`${number}.2`, `${name(first + 1)} and payload`, whole(frame(2, 'reserved opcode payload')), codes),
    between(`${number}.3`, `a text message, ${name(first + 2)}, a ping`, whole, frame(3)),
    between(`${number}.4`, `a text message, ${name(first + 3)} and payload, a ping`, whole, frame(4, hello)),
    between(`${number}.5`, `a text message, ${name(first + 4)} and payload, a ping, octet by octet`, byOctet, frame(5, hello)),
  ]
}

export const reservedOpcodes: readonly Case[] = [...row('4.1', 3), ...row('4.2', 11)]

/** 3.6 is announced as a ping, and sends a binary message: here is the ping. */
export const pingWithReservedBits: Case = wrong('3.6+', 'a ping with reserved bits 110', whole(client.ping(hello, { rsv: 6 })), codes)
