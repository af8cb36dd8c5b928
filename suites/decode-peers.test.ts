/**
 * The decoder against independent ones, on the same bytes with the same cuts. Where a peer leaves the standard the
 * difference is named here and allowed for as narrowly as it can be: any other one fails, and so does a difference
 * that its witness no longer shows.
 */
import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEventStream } from '../spec/sse/decode.ts'
import { bodies, cutAt, cuts } from './decode-arbitraries.ts'

interface Reading {
  readonly events: readonly { readonly type: string; readonly data: string; readonly lastEventId: string }[]
  readonly lastEventId: string
  readonly retry: number | undefined
}

interface Difference {
  readonly clause: string
  readonly witness: string
  /** the body of which the standard's reading is the peer's reading of this one */
  readonly asRead: (body: Buffer) => Buffer
}

interface Peer {
  readonly name: string
  readonly read: (chunks: readonly Uint8Array[]) => Reading
  readonly differences: Readonly<Record<string, Difference>>
}

const interpretation = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation'

function ours(body: Buffer): Reading {
  const { events, lastEventId, reconnectionTime } = decodeEventStream(body)
  return {
    events: events.map(({ type, data, lastEventId: id }) => ({ type, data, lastEventId: id })),
    lastEventId,
    retry: reconnectionTime,
  }
}

// ---- eventsource-parser --------------------------------------------------------------------------------------------

/**
 * It takes text, hence a TextDecoder before it, which leaves the BOM to it (`ignoreBOM`: otherwise each would remove
 * one). It reports the id of a block with `onId`; that the id stays for later events is left to its caller, here.
 */
function readByParser(chunks: readonly Uint8Array[]): Reading {
  const events: Reading['events'][number][] = []
  let lastEventId = ''
  let retry: number | undefined
  const text = new TextDecoder('utf-8', { ignoreBOM: true })
  const parser = createParser({
    onId: (id) => { lastEventId = id },
    onEvent: ({ event, data }) => events.push({ type: event ?? 'message', data, lastEventId }),
    onRetry: (ms) => { retry = ms },
  })
  for (const chunk of chunks) parser.feed(text.decode(chunk, { stream: true }))
  return { events, lastEventId, retry }
}

const bom = Buffer.from('\u{feff}')
/** U+00EF U+00BB U+00BF, which is what a BOM looks like to who reads it as latin1. */
const latin1Bom = Buffer.from('ï»¿')

const eventsourceParser: Peer = {
  name: 'eventsource-parser',
  read: readByParser,
  differences: {
    'removes the characters U+00EF U+00BB U+00BF at the start of a stream as if they were a BOM': {
      clause: 'https://encoding.spec.whatwg.org/#utf-8-decode',
      witness: 'ï»¿data: a\n\n',
      // a BOM in its place, which the decoder removes: one that stands behind it stays for both
      asRead: (body) => (body.subarray(0, latin1Bom.length).equals(latin1Bom)
        ? Buffer.concat([bom, body.subarray(latin1Bom.length)])
        : body),
    },
  },
}

// ---- undici --------------------------------------------------------------------------------------------------------

interface UndiciEvent {
  readonly type: string
  readonly options: { readonly data: string; readonly lastEventId?: string }
}

interface UndiciState {
  lastEventId?: string
  reconnectionTime?: number
}

/** Not exported by undici: the transform behind its EventSource. */
const { EventSourceStream } = createRequire(import.meta.url)('undici/lib/web/eventsource/eventsource-stream.js') as {
  EventSourceStream: new (options: { eventSourceSettings: UndiciState; push: (event: UndiciEvent) => boolean }) => {
    _transform(chunk: Buffer, encoding: string, done: (error?: Error) => void): void
  }
}

function readByUndici(chunks: readonly Uint8Array[]): Reading {
  const events: Reading['events'][number][] = []
  const state: UndiciState = {}
  const stream = new EventSourceStream({
    eventSourceSettings: state,
    push: ({ type, options: { data, lastEventId = '' } }) => events.push({ type, data, lastEventId }) > 0,
  })
  for (const chunk of chunks) {
    stream._transform(Buffer.from(chunk), 'buffer', (error) => {
      if (error) throw error
    })
  }
  return { events, lastEventId: state.lastEventId ?? '', retry: state.reconnectionTime }
}

const undici: Peer = {
  name: 'undici',
  read: readByUndici,
  differences: {
    'keeps the event type when an empty `event` field follows': {
      clause: `${interpretation} (Set the event type buffer to field value)`,
      witness: 'event: a\nevent:\ndata: 1\n\n',
      asRead(body) {
        const comments = Buffer.from(body)
        for (const { name, value, start } of decodeEventStream(body).lines) {
          if (name === 'event' && value === '') comments[start] = 0x3a
        }
        return comments
      },
    },
    'takes `retry` at the blank line, not at its own': {
      clause: `${interpretation} (Process the field, when the line is)`,
      witness: 'retry: 10\n',
      asRead(body) {
        const open = decodeEventStream(body).blocks.find(({ terminated }) => !terminated)
        return open ? body.subarray(0, open.start) : body
      },
    },
  },
}

// ---- the comparison ------------------------------------------------------------------------------------------------

describe.each([eventsourceParser, undici])('$name', ({ read, differences }) => {
  const asRead = (body: Buffer): Buffer =>
    Object.values(differences).reduce((before, difference) => difference.asRead(before), body)

  test('reads every body as we do, wherever it is cut, the known differences apart', () => {
    fc.assert(fc.property(bodies.chain((body) => fc.tuple(fc.constant(body), cuts(body.length))), ([body, at]) => {
      expect(read(cutAt(body, at))).toEqual(ours(asRead(body)))
    }), { numRuns: 5000 })
  })

  test.each(Object.entries(differences))('still %s', (_, { witness, asRead: alone }) => {
    const body = Buffer.from(witness)
    expect(read([body])).not.toEqual(ours(body))
    expect(read([body])).toEqual(ours(alone(body)))
  })
})

test('eventsource-parser still gives an event the id of its own block only', () => {
  const ids: (string | undefined)[] = []
  const body = 'id: 1\ndata: a\n\ndata: b\n\n'
  createParser({ onEvent: ({ id }) => ids.push(id) }).feed(body)
  expect(ids).toEqual(['1', undefined])
  expect(ours(Buffer.from(body)).events).toMatchObject([{ lastEventId: '1' }, { lastEventId: '1' }])
})
