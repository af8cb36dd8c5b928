/** Literals and edits of what is said on a channel socket, beside those of `bytes.ts`. */
import { sent } from '../bytes.ts'
import type { Chunk, Edit, Ended, Link, SentRequest } from '../model.ts'
import { changed, socket } from './bytes.ts'
import { client, server } from './frame.ts'
import { readFrames } from './reader.ts'
import { sha1 } from './sha1.ts'
import { keyOf, upgradeFields } from './upgrade.ts'

/** Who says what, and how many ms behind the line before; 5 unless it is said. */
export type Line = readonly [who: 'kit' | 'target', what: object, afterMs?: number]

const url = 'http://target.test/channels/c/socket'

/** The handshake of a client that comes back. */
export const asking = (id: string, query: Readonly<Record<string, string>>): Partial<SentRequest> =>
  ({ url: `${url}?${new URLSearchParams(query)}`, headers: [['Host', 'target.test'], ...upgradeFields(keyOf(id))] })

export interface Scenery {
  readonly role?: string
  readonly asked?: Partial<SentRequest>
  /** how it ended, and how many ms behind the last line */
  readonly ended?: Pick<Ended, 'by' | 'how'> & { readonly afterMs?: number }
}

/** A connection that was opened at that time, ms, and what was said on it. */
export function conversation(id: string, at: number, lines: readonly Line[], { role = id, asked, ended }: Scenery = {}): Link {
  let ms = at + 10
  const written = lines.map(([who, what, afterMs = 5]) => {
    ms += afterMs
    const text = JSON.stringify(what)
    const bytes = what instanceof Uint8Array ? what : who === 'kit' ? client.text(text) : server.text(text)
    return { who, chunk: sent(ms, bytes) }
  })
  const of = (who: Line[0]): Chunk[] => written.filter((one) => one.who === who).map(({ chunk }) => chunk)
  const link = socket(id, { asked: asked ?? { url }, sent: of('kit'), received: of('target') }, role)
  const { afterMs = 5, ...how } = ended ?? { by: 'kit', how: 'window' }
  return {
    ...link,
    openedAt: at,
    chunks: link.chunks.map((chunk, i) => (i === 0 ? { ...chunk, at: at + 1 } : chunk)),
    ended: { at: ms + afterMs, ...how } as Ended,
  }
}

/** An id that nobody guesses. */
export const idOf = (stream: string, n: number): string => Buffer.from(sha1(Buffer.from(`${stream} ${n}`))).toString('base64url')

export const chunk = (stream: string, n: number): object => ({ type: 'chunk', stream, n, id: idOf(stream, n), data: `${stream} ${n}` })

/** Chunks of a stream, as the target says them. */
export const chunks = (stream: string, from: number, to: number, afterMs = 5): Line[] =>
  Array.from({ length: to - from + 1 }, (_, i): Line => ['target', chunk(stream, from + i), afterMs])

export const done = (stream: string, count: number): Line => ['target', { type: 'done', stream, count, received: 0 }]
export const start = (stream: string, count: number, values: object = {}): Line =>
  ['kit', { type: 'start', stream, count, bytes: 8, everyMs: 5, ...values }]
export const cancel = (stream: string): Line => ['kit', { type: 'cancel', stream }]
export const cancelled = (stream: string): Line => ['target', { type: 'cancelled', stream }]

/** A ping of the contract, and the pong to it. */
export const asked = (ref: string): Line[] => [['kit', { type: 'ping', ref }], ['target', { type: 'pong', ref }]]

type Members = Readonly<Record<string, unknown>>

/** Changes the messages of the target on a connection: each one becomes those that are returned. */
export const retold = (id: string, change: (said: Members) => readonly object[]): Edit => (transcript) => {
  let changes = 0
  const edited = changed(transcript, id, (link) => ({
    ...link,
    chunks: link.chunks.flatMap((one, i) => {
      const said = i === 0 ? undefined : membersOf(one)
      if (!said) return [one]
      const told = change(said)
      changes += Number(told.length !== 1 || told[0] !== said)
      return told.map((what) => sent(one.at, server.text(JSON.stringify(what))))
    }),
  }))
  if (changes === 0) throw new Error(`nothing of ${id} was changed`)
  return edited
}

function membersOf(one: Chunk): Members | undefined {
  const [frame] = readFrames([one], 0).frames
  return frame?.opcode === 1 ? JSON.parse(Buffer.from(frame.payload).toString()) as Members : undefined
}

/** Leaves out messages of the target; the kit listens so many ms longer for them. */
export const unsaid = (id: string, is: (said: Members) => boolean, listenedMs = 1500): Edit => (transcript) =>
  changed(retold(id, (said) => (is(said) ? [] : [said]))(transcript), id, (link) =>
    ({ ...link, ended: { ...link.ended, at: link.ended.at + listenedMs } }))

/** Changes members of the messages that are meant. */
export const altered = (id: string, is: (said: Members) => boolean, values: object): Edit =>
  retold(id, (said) => [is(said) ? { ...said, ...values } : said])

/** Says one more thing behind each message that is meant. */
export const followed = (id: string, is: (said: Members) => boolean, ...more: readonly object[]): Edit =>
  retold(id, (said) => (is(said) ? [said, ...more] : [said]))

export const ofType = (type: string, stream?: string) => (said: Members): boolean =>
  said['type'] === type && (stream === undefined || said['stream'] === stream)

/** That chunk of a stream. */
export const nth = (stream: string, n: number) => (said: Members): boolean => ofType('chunk', stream)(said) && said['n'] === n
