/** Literals and edits of WebSocket connections, beside those of `spec/bytes.ts`. */
import { bytes, join, request, sent } from '../bytes.ts'
import type { Chunk, Edit, Ended, Link, SentRequest, Transcript } from '../model.ts'
import { client } from './frame.ts'
import { acceptOf, keyOf, upgradeFields } from './upgrade.ts'

const target = 'http://target.test/socket'

/** An opening handshake as the kit writes it; `asked` overrides what differs. */
export function upgradeRequest(link: string, asked: Partial<SentRequest> = {}): SentRequest {
  return request({ url: target, headers: [['Host', 'target.test'], ...upgradeFields(keyOf(link))], ...asked })
}

/** The head of a right 101 for the handshake of that link. */
export const switching = (link: string, ...fields: readonly string[]): string =>
  [
    'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(keyOf(link))}`, ...fields, '', '',
  ].join('\r\n')

/** The kit left after it had seen enough. */
const left = (at: number): Ended => ({ at, by: 'kit', how: 'window' })

/** ms; from here on the example connections speak */
const open = 10

/** What a connection is, beside its name. */
export interface Talk {
  readonly asked?: Partial<SentRequest>
  /** field lines of the 101 beside the usual ones */
  readonly fields?: readonly string[]
  /** what the kit wrote behind the request: one arrival after the other, 10 ms apart, or with times of their own */
  readonly sent?: readonly (Uint8Array | Chunk)[]
  /** what the target wrote behind its head: each 1 ms after what the kit wrote at that place, or with times of their own */
  readonly received?: readonly (Uint8Array | Chunk)[]
  readonly ended?: Ended
}

const timed = (parts: readonly (Uint8Array | Chunk)[], from: number): Chunk[] =>
  parts.map((part, i) => (part instanceof Uint8Array ? sent(from + 10 * i, part) : part))

/** A connection that opened. Without `ended` the kit left it. */
export function socket(id: string, { asked, fields = [], sent: told = [], received = [], ended }: Talk = {}, role = id): Link {
  const chunks = [sent(1, switching(id, ...fields)), ...timed(received, open + 1)]
  const last = Math.max(chunks.at(-1)?.at ?? 0, open + 10 * told.length)
  return {
    id, role, request: upgradeRequest(id, asked), openedAt: 0, chunks, sent: timed(told, open), ended: ended ?? left(last + 500),
  }
}

/** The same that the target ended by FIN. */
export function closed(id: string, talk: Talk = {}, role = id): Link {
  const link = socket(id, talk, role)
  return { ...link, ended: { at: (link.chunks.at(-1)?.at ?? 0) + 1, by: 'target', how: 'fin' } }
}

/** A handshake that was refused. */
export function refused(id: string, asked: Partial<SentRequest>, status: string, ...fields: readonly string[]): Link {
  const head = [`HTTP/1.1 ${status}`, 'Date: Sun, 22 Nov 2026 12:00:00 GMT', 'Connection: close', 'Content-Length: 4', ...fields, '', 'no\r\n']
  return {
    id, role: id, request: upgradeRequest(id, asked), openedAt: 0, chunks: [sent(1, head.join('\r\n'))], sent: [],
    ended: { at: 2, by: 'target', how: 'fin' },
  }
}

/** Leaves out what the target sent behind the head of a connection. */
export const silenced = (id: string): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, chunks: link.chunks.slice(0, 1), ended: left(link.ended.at + 500),
}))

/** Replaces what the target sent behind the head of a connection; it stays open unless `ended`. */
export const says = (id: string, received: readonly (Uint8Array | Chunk)[], ended?: Ended): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, chunks: [...link.chunks.slice(0, 1), ...timed(received, open + 1)], ended: ended ?? left(link.ended.at + 500),
}))

/** The target does not end TCP: the kit leaves after a while. */
export const heldOpen = (id: string, ms = 1000): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, ended: left(link.ended.at + ms),
}))

/** The connection with that id, replaced; throws when there is none. */
export function changed(transcript: Transcript, id: string, edit: (link: Link) => Link): Transcript {
  if (!transcript.links.some((link) => link.id === id)) throw new Error(`no link ${id}`)
  return { ...transcript, links: transcript.links.map((link) => (link.id === id ? edit(link) : link)) }
}

/** Several frames in one write. */
export const together = (...frames: readonly Uint8Array[]): Uint8Array => join(...frames)

export { bytes, client }
