/**
 * Stands between a client and a reference server, and changes what passes: so it shows what the libraries of the
 * servers cannot be told to do wrong. For proofs only.
 */
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Meddling {
  /** what a JSON answer to this path becomes; `sockets`: connections of WebSockets that are open here */
  readonly json?: (path: string, body: Readonly<Record<string, unknown>>, sockets: number) => object
  /** what a client's bytes on a WebSocket become; nothing is sent on without any */
  readonly fromClient?: (bytes: Buffer) => Buffer
  /** the end of TCP by the server is kept from the client */
  readonly staysOpen?: true
}

export interface Between {
  /** with a slash at its end, as the server's own */
  readonly url: string
  close(): Promise<void>
}

/** Starts it on loopback, on a free port. @param url of the server, with a slash at its end */
export async function startBetween(url: string, { json, fromClient, staysOpen }: Meddling): Promise<Between> {
  const { hostname: host, port } = new URL(url)
  const sockets = new Set<net.Socket>()
  let open = 0

  const server = http.createServer((asked, answer) => {
    const forwarded = http.request({ host, port, method: asked.method, path: asked.url, headers: asked.headers, agent: false }, async (given) => {
      const isJson = /\bjson\b/.test(given.headers['content-type'] ?? '')
      if (!json || !isJson) {
        answer.writeHead(given.statusCode ?? 502, given.headers)
        given.pipe(answer)
        return
      }
      const body = JSON.stringify(json(asked.url ?? '', JSON.parse(String(await buffer(given))) as Record<string, unknown>, open))
      answer.writeHead(given.statusCode ?? 502, { ...given.headers, 'content-length': Buffer.byteLength(body) })
      answer.end(body)
    })
    forwarded.on('error', () => answer.destroy())
    answer.on('close', () => forwarded.destroy())
    asked.pipe(forwarded)
  })

  server.on('upgrade', (asked, client: net.Socket, early: Buffer) => {
    const target = net.connect({ host, port: Number(port), allowHalfOpen: true })
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    open += 1
    client.on('close', () => {
      open -= 1
      target.destroy()
    })
    const fields = asked.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('')
    target.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${fields}\r\n`)
    const say = (bytes: Buffer): unknown => target.write(fromClient ? fromClient(bytes) : bytes)
    if (early.length > 0) say(early)
    client.on('data', say).on('end', () => target.end())
    target.on('data', (bytes) => client.write(bytes))
    if (!staysOpen) target.on('end', () => client.end()).on('close', () => client.destroy())
  })

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
