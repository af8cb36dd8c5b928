/** Carries the messages of a case of load to an echo and back, one after the other. */
import { constants, createDeflateRaw } from 'node:zlib'
import type { Link, SentRequest } from '../../spec/model.ts'
import { fragments, inChops, pieces } from '../../spec/ws/autobahn/case.ts'
import type { Load } from '../../spec/ws/autobahn/limits.ts'
import { Connection } from '../../spec/ws/exchange.ts'
import { client } from '../../spec/ws/frame.ts'
import type { Deflate } from '../../spec/ws/upgrade.ts'
import type { Probe } from '../probe.ts'
import { upgrade } from '../ws/upgrade.ts'

const headMs = 5000
const closeMs = 1000
/** ms for one message: the limits of Autobahn are for a hundred times as many */
const messageMs = 60_000
const quietMs = 300
/** bytes of payload of a case of compression, unless the user names a number of messages */
const usualBytes = 1024 * 1024
/** bytes at most: what a connection received is kept for judging */
const mostBytes = 16 * 1024 * 1024

/** How many messages a case sends. */
export function messagesOf({ messages, size, offer }: Load, asked?: number): number {
  if (offer === undefined) return messages
  return Math.min(messages, asked ?? Math.max(4, Math.floor(usualBytes / size)), Math.floor(mostBytes / size))
}

/** `sent`: messages that went out. */
export async function carry(load: Load, probe: Probe, request: SentRequest, { isEcho, messages }: { readonly isEcho: boolean; readonly messages?: number }): Promise<{ link: Link; sent: number }> {
  const id = `case-${load.id}`
  const asked = load.offer === undefined ? {} : { headers: { 'Sec-WebSocket-Extensions': load.offer } }
  const socket = probe.socket({ id, role: 'case', appetite: 'loud', ...upgrade(request, id, asked) })
  await socket.open(headMs)
  const { isAccepted, deflate } = new Connection(socket.link())
  let sent = 0
  if (isAccepted && (load.offer === undefined || deflate)) {
    const compress = deflate && compressor(deflate)
    const count = messagesOf(load, messages)
    const deadline = performance.now() + load.withinMs
    while (sent < count && !socket.isOver && performance.now() < deadline) {
      const payload = load.payload(sent)
      const bytes = Buffer.concat(framesOf(load, compress ? await compress(payload) : payload, compress !== undefined))
      await socket.send(bytes, load.chop === undefined ? undefined : inChops(load.chop, bytes).chop)
      sent += 1
      const before = performance.now()
      const withinMs = isEcho ? Math.min(messageMs, deadline - before) : quietMs
      await socket.await({ messages: sent }, withinMs)
      if (performance.now() - before >= withinMs) break
    }
  }
  await socket.close(closeMs)
  return { link: socket.link(), sent }
}

function framesOf({ kind, fragment }: Load, payload: Uint8Array, isCompressed: boolean): Uint8Array[] {
  const rsv = isCompressed ? 4 : 0
  if (fragment === undefined || payload.length <= fragment) return [client[kind](payload, { rsv })]
  return fragments(pieces(payload, fragment), { first: (piece, shape) => client[kind](piece, { rsv, ...shape }), more: client.more })
}

/** what RFC 7692 7.2.1 strips from the end of a message */
const tail = 4

/** Compresses the messages of one connection, with the history and the window that were agreed on. */
function compressor({ clientNoContextTakeover, clientMaxWindowBits }: Deflate): (payload: Uint8Array) => Promise<Uint8Array> {
  // zlib has no raw stream with a window of 8 bits; without matches none is needed
  const options = clientMaxWindowBits < 9 ? { level: 0 } : { windowBits: clientMaxWindowBits }
  let stream = createDeflateRaw(options)
  return (payload) => new Promise((resolve, reject) => {
    if (clientNoContextTakeover) stream = createDeflateRaw(options)
    const parts: Buffer[] = []
    const take = (part: Buffer): void => void parts.push(part)
    stream.on('data', take).once('error', reject)
    stream.write(payload)
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      stream.off('data', take).off('error', reject)
      resolve(new Uint8Array(Buffer.concat(parts).subarray(0, -tail)))
    })
  })
}
