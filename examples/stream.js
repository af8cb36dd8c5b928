/**
 * What a server of event streams needs whatever the framework: events as bytes, a history to resume from, a stream that
 * is opened, kept alive, bounded and let go. `res` is the response of node:http, which Express hands out too.
 * The parts from "recipe" to "end" are what `streamproof explain` prints.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

// recipe: event
/** One event as one block, blank line included. Throws for what a line cannot hold: refuse that beforehand. */
export function block({ id, event, data, retry }) {
  if (/[\r\n]/.test(event ?? '')) throw new TypeError('an event name with a line break')
  // an id comes back as a header value: no control characters, no space or tab at an end
  if (/\p{Cc}|^ | $/u.test(id ?? '')) throw new TypeError('an id that no header can carry')
  if (retry !== undefined && !/^\d+$/.test(retry)) throw new TypeError('retry is whole milliseconds')
  const lines = []
  if (id) lines.push(`id: ${id}`)
  if (event) lines.push(`event: ${event}`)
  if (retry !== undefined) lines.push(`retry: ${retry}`)
  // the three line ends of the format and no other; an empty payload is one empty data line; nothing is trimmed
  for (const line of String(data ?? '').toWellFormed().split(/\r\n|\r|\n/)) lines.push(`data: ${line}`)
  return `${lines.join('\n')}\n\n`
}
// end

// recipe: history
/** The last events of one channel as they were written, under ids that they keep, and who reads them. */
export class Channel {
  readers = new Set()
  finished = false
  #kept = []
  // after a restart old ids are unknown: they never name another event
  #series = randomUUID().slice(0, 8)
  #count = 0

  /** Ids are given here, once, in the order of publishing: neither by who writes nor for each reader. */
  publish(event) {
    const id = `${this.#series}-${++this.#count}`
    const bytes = block({ ...event, id })
    this.#kept.push({ id, bytes })
    if (this.#kept.length > 1000) this.#kept.shift()
    for (const res of this.readers) send(res, bytes)
  }

  /** What came after an id: nothing for a first request, a reset event for an id that is not kept (any more). */
  after(id) {
    if (id === undefined) return ''
    const at = this.#kept.findIndex((event) => event.id === id)
    const missed = this.#kept.slice(at + 1).map(({ bytes }) => bytes).join('')
    return at < 0 ? block({ event: 'reset', data: 'some events are gone: load everything anew' }) + missed : missed
  }
// end

// recipe: finish
  /** An event says that it was the last: to EventSource an end alone is a lost connection. Who comes back gets 204. */
  finish() {
    this.publish({ event: 'end', data: '' })
    this.finished = true
    for (const res of this.readers) res.end()
  }

  /** Nothing is left to send: answer 204, without content, to stop EventSource. */
  isOver(id) {
    return this.finished && this.#kept.at(-1)?.id === id
  }
// end
}

// recipe: last-event-id
/** node gives the bytes of a header as latin1, clients send the id in UTF-8. An empty header is as good as none. */
export function lastEventId(req) {
  const header = req.headers['last-event-id']
  return header ? Buffer.from(header, 'latin1').toString('utf8') : undefined
}
// end

// recipe: head
/** The head goes out at once, and a comment behind it: intermediaries wait for a first byte. */
export function open(res) {
  res.writeHead(200, streamFields)
  res.write(': open\n\n')
}

export const streamFields = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
}
// end

// recipe: heartbeat
/** A comment when a proxy might think that nobody is there. One write: a blank line never lands inside an event. */
export function keepAlive(res, everyMs = 15_000) {
  const timer = setInterval(() => send(res, ': ping\n\n'), everyMs)
  res.on('close', () => clearInterval(timer))
}
// end

// recipe: slow-reader
/** Writes to one reader and waits for none: a full socket is no reason to close, a megabyte behind is. */
export function send(res, bytes) {
  if (res.writableEnded || res.destroyed) return
  // it comes back with Last-Event-ID, so nothing is lost; dropping single events would leave a hole that nobody sees
  if (res.writableLength > 1024 * 1024) res.destroy()
  else res.write(bytes)
}

/** Ends a connection that has taken nothing for a while: its client is long gone. */
export function dropStalled(res, afterMs = 60_000) {
  const timer = setTimeout(() => (res.writableNeedDrain ? res.destroy() : timer.refresh()), afterMs)
  res.on('drain', () => timer.refresh())
  res.on('close', () => clearTimeout(timer))
}
// end

// recipe: subscribe
/** All open streams, for the limit and for the shutdown. */
export const streams = new Set()

/** Opens a stream of a channel. What it takes is given back when it closes, whoever closes it. */
export function subscribe(req, res, channel) {
  // history, place among the readers and head in one synchronous step: nothing is published in between
  const missed = channel.after(lastEventId(req))
  channel.readers.add(res)
  streams.add(res)
  res.on('close', () => {
    channel.readers.delete(res)
    streams.delete(res)
  })
  // a write to somebody who has just left is an error of that response alone
  res.on('error', () => {})
  open(res)
  if (missed !== '') res.write(missed)
  keepAlive(res)
  dropStalled(res)
}
// end

// recipe: post
/** A stream that answers one request: the work stops when its reader leaves, an event says how it ended. */
export async function answer(res, work) {
  const left = new AbortController()
  res.on('close', () => left.abort())
  res.on('error', () => {})
  open(res)
  keepAlive(res)
  try {
    for await (const part of work(left.signal)) {
      if (!res.write(block({ data: JSON.stringify(part) }))) await once(res, 'drain', { signal: left.signal })
    }
    res.end(block({ event: 'end', data: '{}' }))
  } catch {
    // the head is out, so no status can tell: an event does, and then the stream ends
    if (!left.signal.aborted) res.end(block({ event: 'failure', data: '{"title":"the answer broke off"}' }))
  }
}
// end
