/**
 * What no server means to send: random bytes, heads of random parts, and the right answers of the rooms with bytes,
 * chunks, times and ends changed. As transcripts for the rules, and as answers for sockets.
 */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { answer } from '../spec/bytes.ts'
import { judge } from '../spec/judge.ts'
import type { Act, Chunk, Ended, Link, RuleId, Scene, Transcript } from '../spec/model.ts'
import { readExchange, type Exchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'
import { bodies, cutAt, cuts } from './decode-arbitraries.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

const line = fc.constantFrom(
  'HTTP/1.1 200 OK', 'HTTP/1.1 200', 'HTTP/1.0 200 OK', 'HTTP/1.1 204 No Content', 'HTTP/1.1 103 Early Hints', 'HTTP/1.1 302 Found',
  'HTTP/1.1 503 Busy', 'HTTP/1.1 999 ?', 'HTTP/2 200', 'HTTP/1.1 -1 x', 'ICY 200 OK', 'http/1.1 200 ok', '',
)
const field = fc.constantFrom(
  'Content-Type: text/event-stream', 'content-type:text/event-stream;charset=latin1', 'Content-Type: text/html', 'Content-Type:',
  'Content-Type: text/event-stream, text/html; a="', 'Transfer-Encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: x',
  'Content-Length: 9', 'Content-Length: 9, 9', 'Content-Length: -1', 'Content-Length: 99999999999999999999', 'Content-Length: 1e3',
  'Content-Encoding: gzip', 'Content-Encoding: br, deflate', 'Content-Encoding: zstd', 'Location: /stream', 'Location: //[', 'Retry-After: x',
  'Connection: close', 'Keep-Alive: timeout=0', 'Cache-Control: max-age="', 'Vary: *', 'Access-Control-Allow-Origin: *', 'Date: never',
  ' folded', ': no name', 'no colon', 'Bad Name: x', `X: ${'y'.repeat(3000)}`, 'X: \u0000\u0080\u00ff', 'Set-Cookie: a=b', 'Trailer: x',
)
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r')
const heads = fc.tuple(line, fc.array(field, { maxLength: 8 }), lineEnd)
  .map(([first, fields, end]) => bytesOf(`${[first, ...fields].join(end)}${end}${end}`))

/** A body framed as chunks whose sizes are right, wrong or no sizes at all. */
const framed = fc.array(fc.tuple(bodies, fc.constantFrom('', '', '', '0', 'f', 'ffffffffffffffff', ';a="', 'x', '-', '\n')), { maxLength: 5 })
  .map((parts) => Buffer.concat(parts.flatMap(([body, wrong]) => [bytesOf(`${wrong}${body.length.toString(16)}\r\n`), body, bytesOf('\r\n')])))
const tail = fc.constantFrom('', '0\r\n\r\n', '0\r\nX: y\r\n\r\n', '0\r\n', 'HTTP/1.1 200 OK\r\n\r\n').map(bytesOf)
const random = fc.uint8Array({ maxLength: 400 }).map((some) => Buffer.from(some))

/** Bytes of an answer that nobody has made right. */
const invented: fc.Arbitrary<Buffer> = fc.oneof(
  random,
  fc.tuple(heads, fc.oneof(bodies, framed, random), tail).map((parts) => Buffer.concat(parts)),
)

/** ms between two arrivals; the clock of a transcript never goes back */
const gap = fc.oneof(fc.constant(0), fc.nat({ max: 40 }), fc.constantFrom(500, 3000, 100_000, 0.25))

/** Bytes cut into arrivals. */
const arrivals = (given: fc.Arbitrary<Buffer>): fc.Arbitrary<Chunk[]> =>
  given.chain((all) => fc.tuple(cuts(all.length), fc.array(gap, { minLength: 9, maxLength: 9 })).map(([offsets, gaps]) => {
    let at = 0
    return cutAt(all, offsets).map((piece, i) => ({ at: (at += gaps[i] ?? 0), bytes: new Uint8Array(piece) }))
  }))

type End = { readonly by: 'target'; readonly how: 'fin' | 'rst' } | { readonly by: 'kit'; readonly how: 'complete' | 'window' | 'deadline' | 'limit' | 'abort' }
const end: fc.Arbitrary<End> = fc.constantFrom<End>(
  { by: 'target', how: 'fin' }, { by: 'target', how: 'rst' }, { by: 'kit', how: 'complete' }, { by: 'kit', how: 'window' },
  { by: 'kit', how: 'deadline' }, { by: 'kit', how: 'limit' }, { by: 'kit', how: 'abort' },
)
const ended = (chunks: readonly Chunk[], how: End, later: number): Ended => ({ at: (chunks.at(-1)?.at ?? 0) + later, ...how })

/** One fault of the wire: what it does to the bytes of one arrival. */
interface Fault { readonly chunk: number; readonly kind: 'flip' | 'cut' | 'insert' | 'repeat' | 'drop'; readonly at: number; readonly some: Uint8Array }
const fault: fc.Arbitrary<Fault> = fc.record({
  chunk: fc.nat(), kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'drop'), at: fc.nat(), some: fc.uint8Array({ minLength: 1, maxLength: 6 }),
})

function spoilt(bytes: Uint8Array, { kind, at, some }: Fault): Uint8Array {
  const place = at % (bytes.length + 1)
  const before = bytes.subarray(0, place)
  const behind = bytes.subarray(place)
  switch (kind) {
    case 'flip': return Buffer.concat([before, behind.subarray(0, 1).map((byte) => byte ^ (some[0] ?? 1)), behind.subarray(1)])
    case 'cut': return before
    case 'insert': return Buffer.concat([before, some, behind])
    case 'repeat': return Buffer.concat([bytes, behind])
    case 'drop': return Buffer.concat([before, behind.subarray(some.length)])
  }
}

function damaged(chunks: readonly Chunk[], faults: readonly Fault[]): Chunk[] {
  const all = chunks.map((chunk) => ({ ...chunk }))
  for (const one of faults) {
    const hit = all[one.chunk % Math.max(1, all.length)]
    if (hit) hit.bytes = new Uint8Array(spoilt(hit.bytes, one))
  }
  return all
}

const examples = rooms.map(({ example }) => example)
const damage = fc.array(fault, { minLength: 1, maxLength: 5 })

const spoiltLinks = (links: readonly Link[]): fc.Arbitrary<Link[]> => fc.tuple(
  fc.array(fc.tuple(fc.nat(), damage, fc.option(fc.tuple(end, gap))), { minLength: 1, maxLength: 3 }), fc.constantFrom(1, 1, 0, 20),
).map(([spoils, slower]) => {
  const all = [...links]
  for (const [which, faults, how] of spoils) {
    const i = which % all.length
    const link = all[i]
    if (!link) continue
    const chunks = damaged(link.chunks, faults).map((chunk) => ({ ...chunk, at: link.openedAt + (chunk.at - link.openedAt) * slower }))
    all[i] = { ...link, chunks, ended: how ? ended(chunks, how[0], how[1]) : { ...link.ended, at: Math.max(link.ended.at, chunks.at(-1)?.at ?? 0) } }
  }
  return all
})

const answers = fc.record({
  status: fc.constantFrom(0, 200, 202, 204, 404, 409, 500, 999),
  body: fc.constantFrom('', '{}', '{"ids":', '{"ids":[1,null]}', '{"subscribers":-1}', '{"subscribers":"x"}', '[]', 'null', '<html>', '{"__proto__":1}'),
})
const spoiltActs = (acts: readonly Act[]): fc.Arbitrary<Act[]> =>
  fc.array(fc.option(answers), { minLength: acts.length, maxLength: acts.length })
    .map((changes) => acts.map((act, i) => ({ ...act, ...changes[i] })))

const roles = fc.constantFrom('base', 'base/hop', 'head', 'options', 'plain', 'coded', 'http10', 'again', 'channel', 'limited', 'ordinary', 'resumed', 'unknown')

/** A transcript that the rules must be able to judge, whatever is in it. */
export const noisyTranscripts: fc.Arbitrary<Transcript> = fc.oneof(
  fc.array(fc.tuple(roles, arrivals(invented), end, gap), { minLength: 1, maxLength: 3 }).map((links) => ({
    stimulus: 'noise',
    acts: [],
    links: links.map(([role, chunks, how, later], i) => ({ ...answer(role, {}, chunks, ended(chunks, how, later)), id: `${role}-${i}` })),
  })),
  fc.constantFrom(...examples).chain((example) => fc.tuple(spoiltLinks(example.links), spoiltActs(example.acts))
    .map(([links, acts]) => ({ ...example, links, acts }))),
)

/** What a socket answers: arrivals, each so many ms after the one before, and how it ends; `stay` leaves it open. */
export interface NoisyAnswer {
  readonly arrivals: readonly { readonly afterMs: number; readonly bytes: Uint8Array }[]
  readonly end: 'fin' | 'rst' | 'stay'
}

const rightBytes = fc.constantFrom(...examples.flatMap(({ links }) => links)).map(({ chunks }) => Buffer.concat(chunks.map(({ bytes }) => bytes)))

/** Answers for sockets. A third is invented, the rest was right before it was damaged. */
export const noisyAnswers: fc.Arbitrary<NoisyAnswer> = fc.record({
  arrivals: fc.tuple(
    fc.oneof(invented, fc.tuple(rightBytes, fc.array(fault, { maxLength: 3 })).map(([all, faults]) =>
      Buffer.concat(damaged([{ at: 0, bytes: all }], faults).map(({ bytes }) => bytes))), rightBytes),
    fc.array(fc.nat({ max: 60 }), { minLength: 9, maxLength: 9 }),
  ).chain(([all, waits]) => cuts(all.length).map((offsets) =>
    cutAt(all, offsets).map((piece, i) => ({ afterMs: waits[i] ?? 0, bytes: new Uint8Array(piece) })))),
  end: fc.constantFrom('fin', 'rst', 'stay'),
})

const everyPart = new Set(['play', 'channel', 'publish', 'finish', 'stats', 'tune', 'secure', 'tokens', 'limited'])
const allRules = rooms.flatMap(({ rules }) => rules)
const allNotes = rooms.flatMap(({ notes = [] }) => notes)

/** What the rules made of a transcript, as that of an observed target and of a driven one. */
export interface Judgement {
  /** of the kit: rules that broke, notes that threw */
  readonly faults: readonly string[]
  /** rules that failed */
  readonly fell: readonly RuleId[]
}

/** Shows a transcript to every rule and note. */
export function judged(transcript: Transcript): Judgement {
  const exchange = readExchange(transcript)
  const verdicts = (['observed', 'driven'] as const).flatMap((kind) => {
    const scene: Scene<Exchange> = {
      kind, method: 'GET', parts: kind === 'driven' ? everyPart : new Set(), declares: transcript.declares ?? {}, exchanges: [exchange],
    }
    return allRules.map((rule) => judge(rule, { scene }))
  })
  return {
    faults: [
      ...verdicts.filter(({ outcome }) => outcome === 'broken').map(({ rule, note }) => `${rule}: ${note}`),
      ...allNotes.flatMap((note) => {
        try {
          note.record(exchange)
          return []
        } catch (error) {
          return [`${note.id}: ${String(error)}`]
        }
      }),
    ],
    fell: verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule),
  }
}
