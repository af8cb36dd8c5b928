/**
 * A driver that has nothing but tokens and streams behind them, odd where it may be: tokens in the query alone, 404 for
 * whoever may not read, and an event before the end of a stream whose token is over.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

/** What it does to each kind of request. */
export interface Handlers {
  readonly issue: Handler
  readonly revoke: Handler
  readonly publish: Handler
  readonly secure: Handler
}

const parts = { channel: '/channels/{c}', publish: '/events/{c}', secure: '/secure/{c}', tokens: '/tokens' }

/** Serves on a free port; `change` makes it wrong, `declares` is what its descriptor promises. */
export async function serveSecured(
  change: Partial<Handlers> = {},
  declares: object = {},
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const handle = { ...handlers(), ...change }
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url ?? '', 'http://localhost')
    if (pathname === '/stream') answerJson(res, 200, { streamproof: 1, name: 'secured', version: '1', ...parts, declares })
    else if (req.method === 'DELETE') handle.revoke(req, res)
    else if (pathname === '/tokens') handle.issue(req, res)
    else if (pathname.startsWith('/secure/')) handle.secure(req, res)
    else if (req.method === 'POST') handle.publish(req, res)
    else res.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stream`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const answerJson = (res: ServerResponse, status: number, value: object): void =>
  void res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))

const bodyOf = async (req: IncomingMessage): Promise<unknown> => JSON.parse(Buffer.concat(await req.toArray()).toString())

const lastOf = (path: string | undefined): string => path?.split('/').at(-1) ?? ''

function handlers(): Handlers {
  const users = new Map<string, string>()
  const streams = new Map<ServerResponse, { readonly token: string; readonly c: string }>()
  let count = 0
  const over = (token: string): void => {
    users.delete(token)
    for (const [res, one] of streams) if (one.token === token) res.end('event: expired\ndata: bye\n\n')
  }
  return {
    issue: async (req, res) => {
      const { ttlMs, user } = await bodyOf(req) as { readonly ttlMs: number; readonly user: string }
      count += 1
      const token = `made-${count}-${'x'.repeat(12)}`
      users.set(token, user)
      setTimeout(() => over(token), ttlMs).unref()
      answerJson(res, 200, { token })
    },
    revoke: (req, res) => {
      over(lastOf(req.url))
      res.writeHead(204).end()
    },
    publish: async (req, res) => {
      const events = await bodyOf(req) as readonly { readonly id: string; readonly data: string }[]
      const blocks = events.map(({ id, data }) => `id: ${id}\ndata: ${data}\n\n`)
      for (const [stream, { c }] of streams) if (c === lastOf(req.url)) stream.write(blocks.join(''))
      answerJson(res, 202, { ids: events.map(({ id }) => id) })
    },
    secure: (req, res) => {
      const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost')
      const token = searchParams.get('st') ?? ''
      const c = lastOf(pathname)
      if (users.get(token) !== c) {
        res.writeHead(404).end()
        return
      }
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders()
      streams.set(res, { token, c })
      res.on('close', () => streams.delete(res))
    },
  }
}
