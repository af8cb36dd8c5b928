import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { describe, expect, test } from 'vitest'
import { readResponse } from '../../spec/http.ts'
import type { Link } from '../../spec/model.ts'
import { FIN, link, text } from './messages.ts'

describe('real servers', () => {
  async function exchange(handler: RequestListener, request: string): Promise<Link> {
    const server = createServer(handler).listen(0, '127.0.0.1')
    try {
      await once(server, 'listening')
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      const parts: Uint8Array[] = []
      socket.on('data', (bytes) => parts.push(new Uint8Array(bytes)))
      socket.write(request)
      await once(socket, 'end')
      socket.destroy()
      return link(parts, FIN, request.split(' ', 1)[0])
    } finally {
      server.close()
    }
  }

  test('node:http', async () => {
    const handler: RequestListener = (request, response) => {
      if (request.httpVersion === '1.1') response.writeContinue()
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: a\n\n')
      response.addTrailers({ 'X-Sum': '1' })
      response.end('data: ä\n\n')
    }
    const streamed = readResponse(await exchange(handler, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    expect(streamed).toMatchObject({ faults: [], head: { status: 200 }, body: { framing: 'chunked', complete: true } })
    expect(streamed.interim.map(({ status }) => status)).toEqual([100])
    expect(Buffer.from(streamed.body?.bytes ?? []).toString()).toBe('data: a\n\ndata: ä\n\n')
    expect(streamed.body?.trailers.map(({ name, value }) => [name, value])).toEqual([['X-Sum', '1']])
    const old = readResponse(await exchange(handler, 'GET / HTTP/1.0\r\n\r\n'))
    expect(old).toMatchObject({ faults: [], body: { framing: 'close', complete: true } })
  })

  test('express', async () => {
    const app = express()
    app.get('/', (_request, response) => void response.json({ a: 1 }))
    const plain = readResponse(await exchange(app, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    expect(plain).toMatchObject({ faults: [], body: { framing: 'length', complete: true, length: 7 } })
    expect(text(plain.body?.bytes)).toBe('{"a":1}')
    const head = readResponse(await exchange(app, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'))
    expect(head).toMatchObject({ faults: [], body: { framing: 'none', complete: true, length: 7 } })
  })
})
