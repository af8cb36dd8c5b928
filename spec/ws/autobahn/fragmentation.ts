/** Cases 5.*: fragments, right ones and wrong ones, and control frames between them. */
import { bytes } from '../../bytes.ts'
import { client } from '../frame.ts'
import { byFrame, byOctet, right, whole, wrong, type Case, type Heard, type Part } from './case.ts'

type Cut = (...frames: readonly Uint8Array[]) => Part

const cuts: readonly (readonly [says: string, cut: Cut])[] = [['', whole], [', frame by frame', byFrame], [', octet by octet', byOctet]]
const codes = [1002] as const

const text = (payload: string): Heard => ({ kind: 'text', payload: bytes(payload) })
const pong = (payload: string): Heard => ({ kind: 'pong', payload: bytes(payload) })
const first = (payload: string): Uint8Array => client.text(payload, { fin: false })
const middle = (payload: string): Uint8Array => client.more(payload, { fin: false })
const last = (payload: string): Uint8Array => client.more(payload)

/** ms between the two halves of 5.19 and 5.20 */
const pauseMs = 1000

const halves = (cut: Cut): Part[] => [
  cut(first('fragment1'), middle('fragment2'), client.ping('pongme 1!')),
  { ...cut(middle('fragment3'), middle('fragment4'), client.ping('pongme 2!'), last('fragment5')), pauseMs },
]

const heard = [pong('pongme 1!'), pong('pongme 2!'), text('fragment1fragment2fragment3fragment4fragment5')] as const

const nothing = 'where there is nothing to continue'

/** Two rounds of a continuation of nothing and a message of two fragments. */
const rounds = (orphan: Uint8Array): Part => {
  const round = [orphan, first('fragment2'), last('fragment3')]
  return whole(...round, ...round)
}

export const fragmentation: readonly Case[] = [
  wrong('5.1', 'a ping in two fragments', whole(client.ping('fragment1', { fin: false }), last('fragment2')), codes),
  wrong('5.2', 'a pong in two fragments', whole(client.pong('fragment1', { fin: false }), last('fragment2')), codes),
  ...cuts.map(([says, cut], i) =>
    right(`5.${3 + i}`, `a text message in two fragments${says}`, cut(first('fragment1'), last('fragment2')), [text('fragment1fragment2')])),
  ...cuts.map(([says, cut], i) =>
    right(`5.${6 + i}`, `a text message in two fragments, a ping between them${says}`,
      cut(first('fragment1'), client.ping('ping payload'), last('fragment2')), [pong('ping payload'), text('fragment1fragment2')])),
  ...cuts.map(([says, cut], i) =>
    wrong(`5.${9 + i}`, `a last fragment ${nothing}, and a text message${says}`,
      cut(last('non-continuation payload'), client.text('Hello, world!')), codes)),
  ...cuts.map(([says, cut], i) =>
    wrong(`5.${12 + i}`, `a fragment ${nothing}, and a text message${says}`,
      cut(middle('non-continuation payload'), client.text('Hello, world!')), codes)),
  wrong('5.15', `a text message in two fragments, a fragment ${nothing}, a text message`,
    whole(first('fragment1'), last('fragment2'), middle('fragment3'), client.text('fragment4')), codes,
    { ok: [text('fragment1fragment2')], nonStrict: [] }),
  wrong('5.16', `twice: a fragment ${nothing}, and a text message in two fragments`, rounds(middle('fragment1')), codes),
  wrong('5.17', `twice: a last fragment ${nothing}, and a text message in two fragments`, rounds(last('fragment1')), codes),
  wrong('5.18', 'a text message in two fragments that both have the opcode of text', whole(first('fragment1'), client.text('fragment2')), codes),
  right('5.19', 'a text message in five fragments, a ping after the second and the fourth, a pause between', halves(whole), heard),
  right('5.20', 'the same as 5.19, frame by frame', halves(byFrame), heard),
]
