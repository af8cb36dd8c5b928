/**
 * Literals and edits of what goes over the wire. A room writes its right transcript with the literals and its wrong
 * twins with the edits, so that both stand on one screen.
 */
import type { Act, Chunk, Declares, Edit, Ended, Event, Link, SentRequest, Transcript } from './model.ts'

const encoder = new TextEncoder()

/** UTF-8 bytes of a string, or the bytes themselves. */
export function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : text
}

/** Bytes from hexadecimal; white space is free. */
export function hex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replace(/\s+/g, ''), 'hex'))
}

/** One run of bytes. */
export function join(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map(bytes)))
}

/** An arrival at a time in ms. */
export function sent(at: number, ...parts: readonly (string | Uint8Array)[]): Chunk {
  return { at, bytes: join(...parts) }
}

/** One HTTP/1.1 chunk (RFC 9112 7.1) around a payload. */
export function chunked(payload: string | Uint8Array): Uint8Array {
  const body = bytes(payload)
  return join(`${body.length.toString(16)}\r\n`, body, '\r\n')
}

export const lastChunk = '0\r\n\r\n'

// ---- right links -----------------------------------------------------------------------------------------------

const url = 'http://target.test/stream'

/** The head of an answer: status code and reason, then field lines. */
export const head = (status: string, ...fields: readonly string[]): string =>
  [`HTTP/1.1 ${status}`, 'Date: Sun, 22 Nov 2026 12:00:00 GMT', ...fields, '', ''].join('\r\n')

/** The head of a right event stream, as far as no rule asks for more. */
export const streamHead = head(
  '200 OK',
  'Content-Type: text/event-stream',
  'Cache-Control: no-store, no-transform',
  'X-Accel-Buffering: no',
  'Transfer-Encoding: chunked',
)

/** A request as the kit writes it; `asked` overrides what differs. */
export function request(asked: Partial<SentRequest> = {}): SentRequest {
  const headers = [['Host', 'target.test'], ['Accept', 'text/event-stream'], ['Accept-Encoding', 'identity']] as const
  return { method: 'GET', url, version: '1.1', headers, ...asked }
}

const left = (chunks: readonly Chunk[]): Ended => ({ at: (chunks.at(-1)?.at ?? 0) + 2000, by: 'kit', how: 'window' })
const completed = (chunks: readonly Chunk[]): Ended => ({ at: chunks.at(-1)?.at ?? 0, by: 'kit', how: 'complete' })

/** Any answer, byte by byte as given. Its message is complete unless `ended` says otherwise. */
export function answer(role: string, asked: Partial<SentRequest>, chunks: readonly Chunk[], ended?: Ended): Link {
  return { id: role, role, request: request(asked), openedAt: 0, chunks, ended: ended ?? completed(chunks) }
}

/** A head without content. */
export function bare(role: string, asked: Partial<SentRequest>, status: string, ...fields: readonly string[]): Link {
  return answer(role, asked, [sent(1, head(status, ...fields))])
}

/** A live event stream that the kit left after its window: one HTTP chunk for each arrival. */
export function live(role: string, ...arrivals: readonly Chunk[]): Link {
  const chunks = [sent(1, streamHead), ...arrivals.map(({ at, bytes: body }) => sent(at, chunked(body)))]
  return answer(role, {}, chunks, left(chunks))
}

/** An event stream of which the kit read the head and left. */
export function opened(role: string, asked: Partial<SentRequest> = {}): Link {
  return answer(role, asked, [sent(1, streamHead)], { at: 100, by: 'kit', how: 'window' })
}

/** An event stream that the target ended cleanly. */
export function finite(role: string, ...arrivals: readonly Chunk[]): Link {
  const stream = live(role, ...arrivals)
  const chunks = [...stream.chunks, sent(arrivals.at(-1)?.at ?? 1, lastChunk)]
  return { ...stream, chunks, ended: completed(chunks) }
}

/** What a driver answers when it is asked to play these events and close (contract: play). */
export function played(id: string, events: readonly Event[], ...parts: readonly (string | Uint8Array)[]): Link {
  const body = JSON.stringify({ events, end: 'close' })
  const headers = [['Host', 'target.test'], ['Content-Type', 'application/json']] as const
  const asked = { method: 'POST', url: 'http://target.test/play', headers, body }
  const chunks = [sent(1, streamHead), sent(2, chunked(join(...parts))), sent(2, lastChunk)]
  return { ...answer('play', asked, chunks), id }
}

/** What a driver answers when it is asked to play these events and hold the stream open. */
export function held(id: string, events: readonly Event[], ...arrivals: readonly Chunk[]): Link {
  const stream = live('play', ...arrivals)
  const asked = played(id, events).request
  return { ...stream, id, request: { ...asked, body: JSON.stringify({ events, end: 'hold' }) } }
}

/** A transcript of these links. */
export function session(...links: readonly Link[]): Transcript {
  return { stimulus: 'example', links, acts: [] }
}

/** The same of a driver: what it declares, and what it was asked to do meanwhile. */
export function driven(declares: Declares, acts: readonly Act[], ...links: readonly Link[]): Transcript {
  return { stimulus: 'example', declares, links, acts }
}

/** A batch that a driver took: 202, with the ids it says it gave. */
export function published(at: number, events: readonly Event[], ids?: readonly (string | null)[]): Act {
  return act(at, 'publish', events, 202, JSON.stringify({ ids: ids ?? events.map(({ id }) => id ?? null) }))
}

/** A batch that a driver refused. */
export function refused(at: number, events: readonly Event[]): Act {
  return act(at, 'publish', events, 422, '')
}

/** The bounds of a channel, set before its first use (contract: tune). */
export function tuned(at: number, values: Readonly<Record<string, number>>): Act {
  return act(at, 'tune', values, 200, JSON.stringify(values))
}

function act(at: number, kind: Act['kind'], body: unknown, status: number, answered: string): Act {
  const asked = request({ method: kind === 'tune' ? 'PUT' : 'POST', url: 'http://target.test/channel', body: JSON.stringify(body) })
  return { at, doneAt: at + 2, kind, request: asked, status, body: answered }
}

/** A link that came back with this `Last-Event-ID`, as UTF-8 on the wire. */
export function resumed(id: string, lastEventId: string, ...arrivals: readonly Chunk[]): Link {
  const stream = live('resume', ...arrivals)
  const header = ['Last-Event-ID', Buffer.from(lastEventId, 'utf8').toString('latin1')] as const
  return { ...stream, id, request: { ...stream.request, headers: [...stream.request.headers, header] } }
}

/** The link under another id, opened so many ms later. */
export function later(link: Link, id: string, ms: number): Link {
  const chunks = link.chunks.map((chunk) => ({ ...chunk, at: chunk.at + ms }))
  return { ...link, id, openedAt: link.openedAt + ms, chunks, ended: { ...link.ended, at: link.ended.at + ms } }
}

/** What a driver says is open on the channel, and in all (contract: stats). */
export function counted(at: number, counts: Readonly<Record<string, number>>): Act {
  const asked = request({ url: 'http://target.test/stats?c=channel' })
  return { at, doneAt: at + 2, kind: 'stats', request: asked, status: 200, body: JSON.stringify(counts) }
}

/** Something that a driver did without saying anything: `finish`, or the end of the process after `signal`. */
export function acted(at: number, kind: 'finish' | 'signal'): Act {
  return { ...act(at, kind, undefined, 204, ''), request: request({ method: kind === 'finish' ? 'DELETE' : 'SIGTERM' }) }
}

// ---- edits -----------------------------------------------------------------------------------------------------

/** A change of what one link received: bytes and times. */
export type LinkEdit = (chunks: readonly Chunk[]) => readonly Chunk[]

const sameChunks = (a: readonly Chunk[], b: readonly Chunk[]): boolean =>
  a.length === b.length && a.every((one, i) => one.at === b[i]?.at && Buffer.from(one.bytes).equals(b[i].bytes))

/** Applies an edit to the one link of that id or role which it changes. @throws when none or several change */
export function onLink(which: string, edit: LinkEdit): Edit {
  return (transcript) => {
    const named = transcript.links.filter((link) => link.id === which)
    const subjects = named.length > 0 ? named : transcript.links.filter((link) => link.role === which)
    const changed = subjects
      .map((link) => ({ link, chunks: edit(link.chunks) }))
      .filter(({ link, chunks }) => !sameChunks(link.chunks, chunks))
    const [hit] = changed
    if (!hit || changed.length > 1) throw new Error(`edit of "${which}" changes ${changed.length} links, not one`)
    const last = hit.chunks.at(-1)?.at ?? 0
    const ended = { ...hit.link.ended, at: Math.max(hit.link.ended.at, last) }
    const links = transcript.links.map((link) => (link === hit.link ? { ...link, chunks: hit.chunks, ended } : link))
    return { ...transcript, links }
  }
}

/**
 * Applies an edit to the payload of a chunked answer and frames the result anew, one HTTP chunk for each arrival.
 * Only for links made by the literals above: head first, then one chunk an arrival.
 */
export function onBody(which: string, edit: LinkEdit): Edit {
  return onLink(which, (chunks) => {
    const [first, ...rest] = chunks
    if (!first) return chunks
    const payload = rest.map((chunk) => ({ at: chunk.at, bytes: unframed(chunk.bytes) }))
    const edited = edit(payload)
    if (sameChunks(payload, edited)) return chunks
    // a chunk that an edit has emptied was not sent: an empty one ends the body
    const kept = edited.filter(({ bytes: body }, i) => body.length > 0 || i === edited.length - 1)
    return [first, ...kept.map(({ at, bytes: body }) => sent(at, body.length ? chunked(body) : lastChunk))]
  })
}

function unframed(chunk: Uint8Array): Uint8Array {
  const start = chunk.indexOf(0x0a) + 1
  const size = Number.parseInt(Buffer.from(chunk.subarray(0, start)).toString('latin1'), 16)
  return chunk.subarray(start, start + size)
}

/** Replaces the one occurrence of a text. Absent: no change. @throws when it occurs twice */
export function swap(from: string | Uint8Array, to: string | Uint8Array): LinkEdit {
  const old = Buffer.from(bytes(from))
  return (chunks) => {
    let seen = 0
    return chunks.map(({ at, bytes: body }) => {
      const found = Buffer.from(body).indexOf(old)
      if (found < 0) return { at, bytes: body }
      seen += Buffer.from(body).indexOf(old, found + 1) < 0 ? 1 : 2
      if (seen > 1) throw new Error(`${JSON.stringify(old.toString('latin1'))} occurs more than once`)
      return sent(at, body.subarray(0, found), to, body.subarray(found + old.length))
    })
  }
}

/** Removes the one occurrence of a text. */
export const drop = (text: string | Uint8Array): LinkEdit => swap(text, '')

/** Adds an arrival after the last one that carries anything. */
export function append(later: number, text: string | Uint8Array): LinkEdit {
  return (chunks) => {
    const end = chunks.findLastIndex((chunk) => chunk.bytes.length > 0) + 1
    return [...chunks.slice(0, end), sent((chunks[end - 1]?.at ?? 0) + later, text), ...chunks.slice(end)]
  }
}

/** Drops everything after the first occurrence of a text. */
export function cutAfter(text: string | Uint8Array): LinkEdit {
  const mark = Buffer.from(bytes(text))
  return (chunks) => {
    const hit = chunks.findIndex((chunk) => Buffer.from(chunk.bytes).includes(mark))
    const chunk = chunks[hit]
    if (!chunk) return chunks
    const end = Buffer.from(chunk.bytes).indexOf(mark) + mark.length
    return [...chunks.slice(0, hit), { at: chunk.at, bytes: chunk.bytes.subarray(0, end) }]
  }
}

/** Everything from the arrival that carries the text comes later by so many ms. */
export function delay(text: string | Uint8Array, ms: number): LinkEdit {
  const mark = Buffer.from(bytes(text))
  return (chunks) => {
    const from = chunks.findIndex((chunk) => Buffer.from(chunk.bytes).includes(mark))
    return from < 0 ? chunks : chunks.map((chunk, i) => (i < from ? chunk : { ...chunk, at: chunk.at + ms }))
  }
}

/** Changes how a link ended, and when (ms). @throws when there is no such link */
export function ended(which: string, how: Ended['how'], by: Ended['by'] = 'target', at?: number): Edit {
  return (transcript) => {
    if (!transcript.links.some((link) => link.id === which)) throw new Error(`no link "${which}"`)
    const end = (link: Link) => ({ ...link, ended: { at: at ?? link.ended.at, by, how } as Ended })
    return { ...transcript, links: transcript.links.map((link) => (link.id === which ? end(link) : link)) }
  }
}

/** Changes the one act of that kind that began at that time. @throws when there is none */
export function onAct(kind: Act['kind'], at: number, change: Partial<Act>): Edit {
  return (transcript) => {
    const hit = transcript.acts.find((one) => one.kind === kind && one.at === at)
    if (!hit) throw new Error(`no ${kind} at ${at} ms`)
    return { ...transcript, acts: transcript.acts.map((one) => (one === hit ? { ...one, ...change } : one)) }
  }
}

/** A link receives what another one did. */
export function instead(which: string, other: Link): Edit {
  return onLink(which, () => other.chunks)
}

/** Several edits, one after the other. */
export function both(...edits: readonly Edit[]): Edit {
  return (transcript) => edits.reduce((changed, edit) => edit(changed), transcript)
}
