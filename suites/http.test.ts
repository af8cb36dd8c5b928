import { describe, expect, test } from 'vitest'
import { bodyPlace, field, fields, readResponse, ResponseReader } from '../spec/http.ts'
import type { Body } from '../spec/http.ts'
import { bytesOf, CHUNKED, endOf, FIN, link, octets, OK, OPEN, read, RIGHT, text, WRONG } from './http/messages.ts'
import type { Case } from './http/messages.ts'

describe('faults', () => {
  test.each(Object.entries(WRONG))('%s', (kind, wrong) => {
    const where = { start: wrong.bytes.indexOf('⟦'), end: wrong.bytes.indexOf('⟧') - 1 }
    const { faults } = read(bytesOf(wrong), endOf(wrong), wrong.method)
    expect(faults.map((fault) => ({ kind: fault.kind, where: fault.where }))).toEqual([{ kind, where }])
  })

  test('right messages have none', () => {
    for (const right of RIGHT) expect(read(bytesOf(right), endOf(right), right.method).faults).toEqual([])
  })

  test('the time is that of the first byte meant; at the end that of the FIN', () => {
    const cut = link([`${OK}A\0`, ': b\r', '\nC: \x7f', '\r\n\r\n', 'x'], FIN)
    expect(readResponse(cut).faults.map(({ kind, at }) => [kind, at])).toEqual([['field-name', 0], ['field-value', 2]])
    const early = readResponse(link([`${CHUNKED}5`, '\r\nab'], FIN))
    expect(early.faults.map(({ kind, at }) => [kind, at])).toEqual([['incomplete-body', 99]])
  })

  test.each([
    ['chunk-size-space', `${CHUNKED} \t1\r\na\r\n0\r\n\r\n`],
    ['chunk-extension', `${CHUNKED}1 ;a\r\na\r\n0\r\n\r\n`],
    ['chunk-size', `${CHUNKED}data: a\n\n`],
    ['chunk-size', `${CHUNKED}1 a\r\n`],
    ['chunk-size-empty', `${CHUNKED}\r\n`],
    ['chunk-data-end', `${CHUNKED}1\r\na\n1\r\nb\r\n`],
    ['chunk-data-end', `${CHUNKED}1\r\na\r1\r\nb\r\n`],
    ['chunk-extension', `${CHUNKED}1;${'a'.repeat(20_000)}`],
    ['trailer', `${CHUNKED}0\r\n\n`],
    ['transfer-coding', `${OK}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n`],
    ['transfer-coding', `${OK}Transfer-Encoding:\r\n\r\n`],
    ['content-length-malformed', `${OK}Content-Length: +1\r\n\r\n`],
    ['content-length-malformed', `${OK}Content-Length: \xa01\r\n\r\n`],
    ['content-length-malformed', `${OK}Content-Length: 1,\r\n\r\n`],
    ['status-line', `http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`],
    ['status-line', `HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n`],
    ['obs-fold', `${OK} A: b\r\nContent-Length: 0\r\n\r\n`],
    ['field-name', `${OK}: b\r\nContent-Length: 0\r\n\r\n`],
  ])('%s, case %$', (kind, whole) => {
    expect(read(whole).faults.map((fault) => fault.kind)).toEqual([kind])
  })
})

describe('what is read', () => {
  test('status line, fields, spans and times', () => {
    const message = readResponse(link(['HTT', `P/1.1 404 Not Found\r\nA:b\r\nX-Y: \t c \xe4 \r\na: `, '2\r\n\r\n']))
    expect(message.head).toEqual({
      version: '1.1', status: 404, reason: 'Not Found', startedAt: 0, at: 2, span: { start: 0, end: 50 },
      fields: [
        { name: 'A', value: 'b', span: { start: 24, end: 27 } },
        { name: 'X-Y', value: 'c \xe4', span: { start: 29, end: 40 } },
        { name: 'a', value: '2', span: { start: 42, end: 46 } },
      ],
    })
    expect(message.head && field(message.head, 'a')).toBe('b, 2')
    expect(message.head && field(message.head, 'b')).toBeUndefined()
    expect(message.head && fields(message.head, 'x-y').map(({ value }) => value)).toEqual(['c \xe4'])
  })

  test('reading goes on after faults of the head', () => {
    const { head, body } = read('HTTP/1.1 OK\nA b\nC : d\r\n e\nContent-Length: 2\n\nhi')
    expect(head?.status).toBe(0)
    expect(head?.fields.map(({ name, value }) => [name, value])).toEqual([['C', 'd e'], ['Content-Length', '2']])
    expect([text(body?.bytes), body?.complete]).toEqual(['hi', true])
  })

  test('chunks, extensions and trailers', () => {
    const whole = bytesOf(RIGHT[2] as Case)
    const { body } = read(whole)
    expect(text(body?.bytes)).toBe('hello0123456789')
    expect(body?.sizes).toEqual([
      { size: 5, extension: ';a=b;c="d\\"e";f', wire: 47 },
      { size: 10, extension: '', wire: 72 },
      { size: 0, extension: '', wire: 89 },
    ])
    expect(body?.trailers.map(({ name, value }) => [name, value])).toEqual([['X-Sum', '1'], ['Y', '']])
    expect([body?.complete, body?.completeAt]).toEqual([true, 0])
  })

  test('data bytes have the time of their own arrival, not of the end of the chunk', () => {
    const whole = link([CHUNKED, '5\r\nhe', 'llo', '\r\n2\r\n', '!?', '\r\n0\r\n\r\n'])
    const { body } = readResponse(whole) as { body: Body }
    expect(body.pieces).toEqual([
      { body: 0, wire: 50, length: 2, at: 1 },
      { body: 2, wire: 52, length: 3, at: 2 },
      { body: 5, wire: 60, length: 2, at: 4 },
    ])
    expect(body.completeAt).toBe(5)
    expect(bodyPlace(whole, body, 0)).toEqual({ link: 'a', byte: 50, at: 1 })
    expect(bodyPlace(whole, body, 3, 3)).toEqual({ link: 'a', byte: 53, length: 8, at: 2 })
    expect(bodyPlace(whole, body, 6)).toEqual({ link: 'a', byte: 61, at: 4 })
    expect(bodyPlace(whole, body, 7)).toEqual({ link: 'a', byte: 62, at: 4 })
    expect(bodyPlace(whole, { ...body, pieces: [] }, 0)).toEqual({ link: 'a' })
  })

  test('what framing broke is kept, and nothing after it is de-chunked', () => {
    const reader = new ResponseReader('GET')
    reader.push({ at: 0, bytes: octets(`${CHUNKED}3\r\nabcd\r\n`) })
    expect(reader.state).toBe('complete')
    const { body, excess } = reader.message()
    expect([text(body?.bytes), body?.complete, body?.completeAt, excess]).toEqual(['abc', false, undefined, undefined])
    expect(body?.unread).toEqual({ start: 53, end: 56 })
    reader.end(7)
    expect(reader.message().faults.map(({ kind }) => kind)).toEqual(['chunk-data-end'])
  })

  test.each([
    ['none', 'HEAD', `${CHUNKED}`, true],
    ['none', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', true],
    ['none', 'GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', true],
    ['none', 'CONNECT', `${OK}\r\nTLS`, true],
    ['length', 'CONNECT', 'HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nabc', true],
    ['length', 'GET', `${OK}Content-Length: 0\r\n\r\n`, true],
    ['length', 'GET', `${OK}Content-Length: 4\r\n\r\nabc`, false],
    ['chunked', 'GET', `${OK}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, true],
    ['close', 'GET', `${OK}Transfer-Encoding: chunked, gzip\r\n\r\nabc`, false],
    ['close', 'GET', `${OK}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcdef`, false],
  ])('framing %s for %s %j', (framing, method, whole, complete) => {
    const { body } = read(whole, OPEN, method)
    expect([body?.framing, body?.complete]).toEqual([framing, complete])
  })

  test('only a FIN completes a body that close delimits, at its time', () => {
    const whole = `${OK}\r\nabc`
    expect(read(whole, FIN).body).toMatchObject({ complete: true, completeAt: 99 })
    expect(read(whole, { at: 9, by: 'target', how: 'rst' }).body?.complete).toBe(false)
  })

  test('interim responses are kept, 101 is final and what follows it is no fault', () => {
    expect(read(bytesOf(RIGHT[3] as Case)).interim.map(({ status }) => status)).toEqual([100, 103])
    const { head, excess } = read(bytesOf(RIGHT[5] as Case))
    expect([head?.status, excess]).toEqual([101, { start: 56, end: 59 }])
  })

  test('what is no HTTP, and what was cut off', () => {
    const garbage = new ResponseReader('GET')
    garbage.push({ at: 0, bytes: octets('hello\n'.repeat(2000)) })
    expect([garbage.state, garbage.message().junk]).toEqual(['not-http', { start: 0, end: 12_000 }])
    expect(read('hello\n')).toMatchObject({ faults: [], junk: { start: 0, end: 6 } })
    expect(read('HTTP').junk).toBeUndefined()
    expect(read('', FIN).faults.map(({ kind }) => kind)).toEqual(['incomplete-head'])
    expect(read(`${OK}A: b\r\nC`, FIN).cut?.fields.map(({ name }) => name)).toEqual(['A'])
  })

  test('transfer codings below the chunked one are named', () => {
    expect(read(`${OK}Transfer-Encoding: GZip, chunked\r\n\r\n0\r\n\r\n`).body?.codings).toEqual(['gzip'])
  })
})
