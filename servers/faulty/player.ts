/**
 * A server that plays back links: whoever sends the request of a link gets that link's bytes, at its times. This is
 * how a wrong twin of an observed rule is met live, through real sockets.
 */
import net from 'node:net'
import { once } from 'node:events'
import type { Chunk, Link } from '../../spec/model.ts'

export interface Part {
  /** request as it is on the wire; Host and User-Agent do not count */
  readonly request: Uint8Array
  readonly link: Link
}

export interface Player {
  readonly url: string
  close(): Promise<void>
}

/** Requests are the same when they differ in Host and User-Agent alone; how often Host stands counts. */
export function signature(request: Uint8Array): string {
  const text = Buffer.from(request).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const [line = '', ...fields] = text.slice(0, end).split('\r\n')
  const hosts = fields.filter((field) => /^host:/i.test(field)).length
  const kept = fields.filter((field) => !/^(?:host|user-agent):/i.test(field)).map((field) => field.toLowerCase()).toSorted()
  return [line, `hosts ${hosts}`, ...kept, text.slice(end)].join('\n')
}

/**
 * Serves the parts on a free port; what nobody asked for gets `otherwise`. Parts of the same request answer one after
 * the other, and the last of them from then on.
 */
export async function playBack(parts: readonly Part[], otherwise: Link): Promise<Player> {
  const bySignature = Map.groupBy(parts, ({ request }) => signature(request))
  const next = (request: Uint8Array): Link => {
    const queue = bySignature.get(signature(request)) ?? []
    return (queue.length > 1 ? queue.shift() : queue[0])?.link ?? otherwise
  }
  const open = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    open.add(socket)
    let received = Buffer.alloc(0)
    let playing = false
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('end', () => socket.end())
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      if (playing || !isWhole(received)) return
      playing = true
      play(next(received), socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    url: `http://127.0.0.1:${port}/stream`,
    close: async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function isWhole(received: Buffer): boolean {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.subarray(0, end).toString('latin1'))?.[1]
  return received.length >= end + 4 + Number(length ?? 0)
}

/** One timer after the other: of several that are due at once Node may fire the longer ones first. */
function play({ chunks, openedAt, ended }: Link, socket: net.Socket): void {
  const began = performance.now()
  let timer: NodeJS.Timeout | undefined
  socket.once('close', () => clearTimeout(timer))
  const later = (at: number, act: () => void): void => {
    timer = setTimeout(act, Math.max(0, at - openedAt - (performance.now() - began)))
  }
  const proceed = (i: number): void => {
    const chunk = chunks[i]
    if (chunk) {
      later(chunk.at, () => {
        // what came at one time must not be spread over the turns of a busy loop
        let next = i
        for (; chunks[next]?.at === chunk.at; next++) if (socket.writable) socket.write((chunks[next] as Chunk).bytes)
        proceed(next)
      })
    } else if (ended.by === 'target') {
      later(ended.at + 1, () => void (ended.how === 'rst' ? socket.resetAndDestroy() : socket.end()))
    }
  }
  proceed(0)
}
