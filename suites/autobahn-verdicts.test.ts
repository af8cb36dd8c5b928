/** Verdicts on Autobahn cases follow from what a connection carried. */
import { describe, expect, test } from 'vitest'
import type { Chunk, Ended, Link } from '../spec/model.ts'
import { cases, loads } from '../spec/ws/autobahn/index.ts'
import { loadVerdict } from '../spec/ws/autobahn/load-verdict.ts'
import { verdictOf } from '../spec/ws/autobahn/verdict.ts'
import { socket } from '../spec/ws/bytes.ts'
import { client, server } from '../spec/ws/frame.ts'

const caseOf = (id: string) => cases.find((one) => one.id === id) ?? expect.fail(`no case ${id}`)
const loadOf = (id: string) => loads.find((one) => one.id === id) ?? expect.fail(`no case ${id}`)

const fin: Ended = { at: 900, by: 'target', how: 'fin' }
const at = (ms: number, ...frames: readonly Uint8Array[]): Chunk => ({ at: ms, bytes: new Uint8Array(Buffer.concat(frames)) })

/** A connection on which a case was sent at 10 ms, and what followed. */
const went = (id: string, { said = [], received = [], ended }: { said?: readonly Chunk[]; received?: readonly Chunk[]; ended?: Ended }): Link =>
  socket('case', { sent: [...caseOf(id).parts.map(({ bytes }, i) => at(10 + 100 * i, bytes)), ...said], received, ...(ended ? { ended } : {}) })

const goodbye = at(500, client.close(1000))
const bye = at(501, server.close(1000))
const hello = server.text('Hello, world!')
const verdict = (id: string, course: Parameters<typeof went>[1], isEcho = true): string => {
  const { behavior, behaviorClose } = verdictOf(caseOf(id), went(id, course), isEcho)
  return `${behavior}/${behaviorClose}`
}
const pongs = (...numbers: readonly number[]): Chunk => at(20, ...numbers.map((i) => server.pong(`payload-${i}`)))

describe('verdicts', () => {
  const closedWell = { said: [goodbye], ended: fin }
  const told: readonly (readonly [says: string, verdict: string, seen: string])[] = [
    ['echoed and closed', 'OK/OK', verdict('1.1.1', { ...closedWell, received: [at(20, server.text('')), bye] })],
    ['another type', 'FAILED/OK', verdict('1.1.1', { ...closedWell, received: [at(20, server.binary('')), bye] })],
    ['not echoed by an echo', 'FAILED/OK', verdict('1.1.1', { ...closedWell, received: [bye] })],
    ['not echoed by something else', 'INCONCLUSIVE/OK', verdict('1.1.1', { ...closedWell, received: [bye] }, false)],
    ['greeted by something else', 'INCONCLUSIVE/OK', verdict('1.1.1', { ...closedWell, received: [at(15, server.text('hi')), bye] }, false)],
    ['greeted, echoed', 'OK/OK', verdict('1.1.1', { ...closedWell, received: [at(15, server.text('hi')), at(20, server.text('')), bye] })],
    ['refused by the application', 'INCONCLUSIVE/INCONCLUSIVE', verdict('1.1.1', { received: [at(20, server.close(1008))], ended: fin })],
    ['refused as invalid text', 'INCONCLUSIVE/INCONCLUSIVE', verdict('6.5.5', { received: [at(20, server.close(1007))], ended: fin })],
    ['refused by the protocol', 'FAILED/FAILED', verdict('1.1.1', { received: [at(20, server.close(1002))], ended: fin })],
    ['dropped', 'FAILED/FAILED', verdict('1.1.1', { ended: fin })],
    ['TCP left open', 'OK/UNCLEAN', verdict('1.1.1', { said: [goodbye], received: [at(20, server.text('')), bye] })],
    ['the Close unanswered', 'OK/UNCLEAN', verdict('1.1.1', { said: [goodbye], received: [at(20, server.text(''))], ended: fin })],
    ['echoed, closed with another code', 'FAILED/WRONG CODE', verdict('7.1.1', { ...closedWell, received: [at(20, server.text('Hello World!')), at(501, server.close(1011))] })],
    ['all pongs', 'OK/OK', verdict('2.10', { ...closedWell, received: [pongs(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), bye] })],
    ['only the latest pong', 'NON-STRICT/OK', verdict('2.10', { ...closedWell, received: [pongs(9), bye] })],
    ['pongs without the latest', 'FAILED/OK', verdict('2.10', { ...closedWell, received: [pongs(0, 8), bye] })],
    ['pongs in disorder', 'FAILED/OK', verdict('2.10', { ...closedWell, received: [pongs(3, 2, 9), bye] })],
    ['a fault failed', 'OK/OK', verdict('3.1', { received: [at(20, server.close(1002))], ended: fin })],
    ['a fault dropped', 'OK/OK', verdict('3.1', { ended: fin })],
    ['a fault failed with another code', 'OK/WRONG CODE', verdict('3.1', { received: [at(20, server.close(1011))], ended: fin })],
    ['a fault, and TCP left open', 'OK/FAILED BY CLIENT', verdict('3.1', { received: [at(20, server.close(1002))], said: [goodbye] })],
    ['a fault ignored', 'FAILED/FAILED', verdict('3.1', { ...closedWell, received: [bye] })],
    ['a fault answered', 'FAILED/FAILED', verdict('3.1', { ...closedWell, received: [at(20, hello), bye] })],
    ['answered before the fault', 'OK/OK', verdict('3.2', { received: [at(20, hello, server.close(1002))], ended: fin })],
    ['not answered before the fault', 'NON-STRICT/OK', verdict('3.2', { received: [at(20, server.close(1002))], ended: fin })],
    ['a pong behind the fault', 'FAILED/OK', verdict('3.2', { received: [at(20, hello, server.pong(), server.close(1002))], ended: fin })],
    ['a Close with reserved bits is no goodbye', 'OK/OK', verdict('3.7', { received: [at(20, server.close(1002))], ended: fin })],
    ['the pong before the pause', 'OK/OK', verdict('5.19', { ...closedWell, received: fiveFragments(50) })],
    ['the pong behind the pause', 'NON-STRICT/OK', verdict('5.19', { ...closedWell, received: fiveFragments(150) })],
    ['a Close ignored', 'FAILED/UNCLEAN', verdict('7.7.1', {})],
    ['a Close answered', 'OK/OK', verdict('7.7.3', { received: [at(20, server.close(1002))], ended: fin })],
    ['a Close answered with another code', 'FAILED/WRONG CODE', verdict('7.7.3', { received: [at(20, server.close(1001))], ended: fin })],
    ['a bad Close ignored', 'FAILED/FAILED BY CLIENT', verdict('7.9.1', {})],
    ['a bad Close dropped', 'OK/OK', verdict('7.9.1', { ended: fin })],
    ['a bad code sent back', 'FAILED/WRONG CODE', verdict('7.9.2', { received: [at(20, server.close(999))], ended: fin })],
    ['an open code', 'INFORMATIONAL/INFORMATIONAL', verdict('7.13.1', { received: [at(20, server.close(1002))], ended: fin })],
    ['a masked answer', 'FAILED/OK', verdict('2.1', { ...closedWell, received: [at(20, client.pong()), bye] })],
  ]
  test.each(told)('%s: %s', (_, expected, seen) => expect(seen).toBe(expected))

  test('no handshake fails both', () => {
    const link = socket('case', { received: [] })
    const refused = { ...link, chunks: [at(1, Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))] }
    expect(verdictOf(caseOf('1.1.1'), refused, true)).toMatchObject({ behavior: 'FAILED', behaviorClose: 'FAILED', remoteCloseCode: null })
  })

  test.each(['6.4.1', '6.4.2', '6.4.3', '6.4.4'])('%s fails at once, late, too early', (id) => {
    const failed = (parts: number): string => {
      const sent = [...caseOf(id).parts.slice(0, parts).map(({ bytes }, i) => at(10 + 100 * i, bytes)), at(320, client.close(1000))]
      const { behavior, behaviorClose } = verdictOf(caseOf(id), socket('case', { sent, received: [at(310, server.close(1007))], ended: fin }), true)
      return `${behavior}/${behaviorClose}`
    }
    expect([1, 2, 3].map(failed)).toEqual(['FAILED/OK', 'OK/OK', 'NON-STRICT/OK'])
  })

  test('load: back, changed, missing, limited, not agreed on', () => {
    const load = { ...loadOf('9.7.2'), messages: 2 }
    const echo = server.text('*'.repeat(16))
    const seen = (received: readonly Uint8Array[], more: { isEcho?: boolean; byTarget?: number } = {}, one = load): string => {
      const close = more.byTarget === undefined ? [at(10, client.text('*'.repeat(16)), client.text('*'.repeat(16))), goodbye] : [at(10, client.text(''))]
      const link = socket('case', { sent: close, received: [at(20, ...received), more.byTarget === undefined ? bye : at(30, server.close(more.byTarget))], ended: fin })
      const { behavior, behaviorClose } = loadVerdict(one, link, { sent: 2, isEcho: more.isEcho ?? true })
      return `${behavior}/${behaviorClose}`
    }
    expect(seen([echo, echo])).toBe('OK/OK')
    expect(seen([echo, server.text('+'.repeat(16))])).toBe('FAILED/OK')
    expect(seen([echo])).toBe('FAILED/OK')
    expect(seen([echo, echo, echo])).toBe('FAILED/OK')
    expect(seen([], { isEcho: false })).toBe('INCONCLUSIVE/OK')
    expect(seen([], { byTarget: 1009 })).toBe('INCONCLUSIVE/INCONCLUSIVE')
    expect(seen([], { byTarget: 1002 })).toBe('FAILED/FAILED')
    expect(seen([echo, echo], {}, { ...load, offer: 'permessage-deflate' })).toBe('UNIMPLEMENTED/OK')
  })
})

/** Both pongs of 5.19, the first at that time, then the message. */
function fiveFragments(ms: number): Chunk[] {
  return [at(ms, server.pong('pongme 1!')), at(200, server.pong('pongme 2!'), server.text('fragment1fragment2fragment3fragment4fragment5')), bye]
}
