import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodyPlace, readResponse, ResponseReader } from '../../spec/http.ts'
import type { Message, Piece } from '../../spec/http.ts'
import { bytesOf, CHUNKED, endOf, FIN, link, octets, OK, OPEN, RIGHT, text, WRONG } from './messages.ts'

/** Without times, and pieces that touch joined: what no cut may change. */
function timeless(message: Message): unknown {
  const pieces: Piece[] = []
  for (const piece of message.body?.pieces ?? []) {
    const last = pieces.at(-1)
    if (last && last.wire + last.length === piece.wire) {
      pieces[pieces.length - 1] = { ...last, length: last.length + piece.length }
    } else pieces.push(piece)
  }
  const body = message.body && { ...message.body, bytes: text(message.body.bytes), pieces }
  const times = new Set(['at', 'startedAt', 'completeAt'])
  return JSON.parse(JSON.stringify({ ...message, body }, (key, value: unknown) => (times.has(key) ? undefined : value)))
}

describe('cuts', () => {
  test('no cut changes a message', () => {
    for (const one of [...RIGHT, ...Object.values(WRONG)]) {
      const bytes = octets(bytesOf(one))
      const expected = timeless(readResponse(link([bytes], endOf(one), one.method)))
      const step = Math.max(1, Math.floor(bytes.length / 200))
      for (let cut = 1; cut < bytes.length; cut += step) {
        const parts = [bytes.subarray(0, cut), new Uint8Array(0), bytes.subarray(cut)]
        expect(timeless(readResponse(link(parts, endOf(one), one.method)))).toEqual(expected)
      }
      const single = [...bytes].map((byte) => Uint8Array.of(byte))
      expect(timeless(readResponse(link(single, endOf(one), one.method)))).toEqual(expected)
    }
  })

  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })

  test('random bodies come back through chunks and cuts', () => {
    fc.assert(fc.property(pieces, fc.array(fc.nat()), (parts, cuts) => {
      const wire = Buffer.concat([
        octets(CHUNKED),
        ...parts.filter((part) => part.length > 0).flatMap((part) => {
          return [octets(`${part.length.toString(16)}\r\n`), part, octets('\r\n')]
        }),
        octets('0\r\n\r\n'),
      ])
      const places = [...new Set([0, ...cuts.map((cut) => cut % wire.length), wire.length])].toSorted((a, b) => a - b)
      const sent = places.slice(1).map((end, i) => new Uint8Array(wire.subarray(places[i], end)))
      const whole = link(sent)
      const { body, faults } = readResponse(whole)
      expect(faults).toEqual([])
      expect(text(body?.bytes)).toBe(text(Buffer.concat(parts)))
      expect(body?.complete).toBe(true)
      body?.bytes.forEach((byte, i) => {
        const { byte: at = -1 } = bodyPlace(whole, body, i)
        expect(wire[at]).toBe(byte)
      })
    }))
  })

  test('garbage is read without throwing, however it is cut', () => {
    const token = fc.constantFrom(OK, CHUNKED, '\r\n', '\n', '\r', ':', ' ', ';', '"', '0', '5', 'ffffffffffffffff',
      'A: b', 'Content-Length: 3', 'Transfer-Encoding: chunked', 'HTTP/1.1 100 \r\n\r\n', '\0', 'data: x')
    const garbage = fc.array(fc.oneof(token, fc.uint8Array({ maxLength: 8 }).map((bytes) => text(bytes))))
    const how = [fc.constantFrom(FIN, OPEN), fc.constantFrom('GET', 'HEAD')] as const
    fc.assert(fc.property(garbage, ...how, (parts, ended, method) => {
      const whole = timeless(readResponse(link([parts.join('')], ended, method)))
      expect(timeless(readResponse(link(parts, ended, method)))).toEqual(whole)
    }), { numRuns: 1000 })
  })

  test('a body of one-byte arrivals costs in proportion to its length', () => {
    const cost = (size: number): number => {
      const head = octets(`${OK}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`)
      const reader = new ResponseReader('GET')
      // of this process, not of the clock: other work on the machine does not count
      const started = process.cpuUsage()
      let at = 0
      for (const byte of head) reader.push({ at: at++, bytes: Uint8Array.of(byte) })
      const one = Uint8Array.of(97)
      for (let i = 0; i < size; i += 1) reader.push({ at: at++, bytes: one })
      const { body } = reader.message()
      expect([body?.bytes.length, body?.pieces.length, body?.pieces.at(-1)?.at]).toEqual([size, size, at - 1])
      const { user, system } = process.cpuUsage(started)
      return user + system
    }
    cost(1 << 16)
    const quarter = cost(1 << 20)
    const whole = cost(1 << 22)
    // four times the bytes: 4 when linear, 16 when quadratic
    expect(whole / quarter).toBeLessThan(10)
  }, 30_000)

  test('a long head and a long trailer section in one-byte arrivals are not quadratic', () => {
    const reader = new ResponseReader('GET')
    const long = `${'A: b\r\n'.repeat(40_000)}\r\n`
    const whole = octets(`${CHUNKED.slice(0, -2)}${long}0\r\n${long}`)
    for (const byte of whole) reader.push({ at: 0, bytes: Uint8Array.of(byte) })
    const { head, body, faults } = reader.message()
    expect([head?.fields.length, body?.trailers.length, body?.complete]).toEqual([40_001, 40_000, true])
    expect(faults.map(({ kind }) => kind)).toEqual(['head-too-large', 'trailer'])
  })
})
