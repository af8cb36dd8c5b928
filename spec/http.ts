/**
 * HTTP/1.x responses as they were on the wire: https://www.rfc-editor.org/rfc/rfc9112
 *
 * Ours, because a lenient parser hides the faults the kit looks for and a strict one stops at the first.
 */
import { ResponseReader } from './http/reader.ts'
import type { Body, Message, Piece } from './http/message.ts'
import type { Link, Place } from './model.ts'

export { field, fields } from './http/head.ts'
export { ResponseReader } from './http/reader.ts'
export type {
  Body, ChunkLine, FaultKind, Field, Head, HttpFault, Message, Piece, Span,
} from './http/message.ts'

/**
 * Reads everything a link received. Only a FIN of the target ends a body that close delimits (RFC 9112 8).
 * `unframed`: the transfer framing was removed before.
 */
export function readResponse(link: Link, unframed = false): Message {
  const reader = new ResponseReader(link.request.method, unframed)
  for (const chunk of link.chunks) reader.push(chunk)
  if (link.ended.by === 'target' && link.ended.how === 'fin') reader.end(link.ended.at)
  return reader.message()
}

/** What a link received as a body alone, whose head nobody kept: taken for that of an event stream. */
export function readBody(link: Link): Message {
  const pieces: Piece[] = []
  let offset = 0
  for (const { at, bytes: { length } } of link.chunks) {
    if (length > 0) pieces.push({ body: offset, wire: offset, length, at })
    offset += length
  }
  const span = { start: 0, end: 0 }
  const type = { name: 'Content-Type', value: 'text/event-stream', span }
  const bytes = new Uint8Array(Buffer.concat(link.chunks.map((chunk) => chunk.bytes)))
  return {
    interim: [],
    head: { version: '1.1', status: 200, reason: '', fields: [type], span, at: link.openedAt, startedAt: link.openedAt },
    body: { framing: 'close', bytes, pieces, complete: false, trailers: [] },
    faults: [],
  }
}

/**
 * Where the body bytes `[offset, offset + length)` were on the wire, chunk framing between them included, and when
 * the first of them came. In a body whose content coding was removed: the arrival that made the first one decodable.
 * Behind the end of the body: the place after its last byte. Without any byte: only the link.
 */
export function bodyPlace(link: Link, body: Body, offset: number, length = 1): Place {
  const first = pieceAt(body, offset)
  if (!first) return { link: link.id }
  if (first.wireLength !== undefined) {
    return { link: link.id, byte: first.wire, length: first.wireLength, at: first.at }
  }
  const byte = first.wire + Math.min(offset - first.body, first.length)
  const lastOffset = offset + Math.max(length, 1) - 1
  const last = lastOffset < first.body + first.length ? first : pieceAt(body, lastOffset)
  const end = last ? last.wire + Math.min(lastOffset - last.body + 1, last.length) : byte
  return { link: link.id, byte, ...(end - byte > 1 && { length: end - byte }), at: first.at }
}

/** The piece that holds this offset, or the last one before it. */
function pieceAt({ pieces }: Body, offset: number): Body['pieces'][number] | undefined {
  let low = 0
  let high = pieces.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((pieces[middle]?.body ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return pieces[low]
}
