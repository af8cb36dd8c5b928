/**
 * What people lose in the field although every byte is an event stream: answers that come all at once, that do not
 * end or go on after their end, and payloads that the clients in use do not take.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { counted, driven, finite, later, live, opened, request, sent } from '../bytes.ts'
import type { Act, Link, Room } from '../model.ts'
import { burst } from './delivery/burst.ts'
import { notes } from './delivery/notes.ts'
import { doublePrefix, lineLength, oneJsonPerEvent } from './delivery/payloads.ts'
import { sevenStreams, slowReader } from './delivery/readers.ts'
import { endsAfterTerminator, terminatorLast } from './delivery/terminators.ts'
import { workCancelled, workShown } from './delivery/work.ts'
import type { Exchange } from './exchange.ts'

const authoringNotes = 'https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes'

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)

/** An answer of a chat, a word each 110 ms. */
const chat = finite(
  'base',
  ...range(10).map((n) => sent(110 * n, `data: {"id":"c1","choices":[{"delta":{"content":"word ${n}"}}]}\n\n`)),
  sent(1200, 'data: [DONE]\n\n'),
)
/** Measurements with the time of day at which they were made, 256 bytes each. */
const measured = live('quiet', ...range(16).map((n) =>
  sent(5 + 75 * n, `data: {"at":${1_790_000_000_000 + 75 * n},"values":"${'v'.repeat(213)}"}\n\n`)))
const numbers = ['data: {"n":1}\n\n', 'data: {"n":2}\n\n', 'data: {"n":3}\n\n', 'data: {"text":"bye"}\n\n']
const read = (role: string): Link =>
  finite(role, ...[...numbers, 'data: [DONE]\n\n'].map((block, n) => sent(10 * n + 5, block)))

// ---- work --------------------------------------------------------------------------------------------------------

const origin = 'http://target.test'
const events = ['one', 'two', 'three'].map((data) => ({ data }))

function asked(at: number, kind: 'work' | 'cancel', path: string, status: number, answered = ''): Act {
  const method = kind === 'work' ? 'POST' : 'DELETE'
  const body = kind === 'work' ? { body: JSON.stringify({ events, pauseMs: 100 }) } : {}
  const sentOut = request({ method, url: `${origin}${path}`, ...body })
  return { at, doneAt: at + 2, kind, request: sentOut, status, body: answered }
}
const started = (at: number, id: string): Act =>
  asked(at, 'work', '/works', 202, JSON.stringify({ id, stream: `/works/${id}`, cancel: `/works/${id}` }))

const done = 'event: done\ndata:\n\n'
const off = 'event: cancelled\ndata:\n\n'
const made = (n: number): string => `id: ${n}\ndata: ${events[n - 1]?.data}\n\n`
const ofWork = (id: string, link: Link): Link =>
  ({ ...link, role: 'work', request: { ...link.request, url: `${origin}/works/${id}` } })
const after = (link: Link, id: string): Link =>
  ({ ...link, request: { ...link.request, headers: [...link.request.headers, ['Last-Event-ID', id]] } })

const example = driven(
  {},
  [
    started(5000, 'w1'),
    counted(19_900, { subscribers: 0, plays: 0, works: 0 }),
    started(20_000, 'w2'),
    asked(20_300, 'cancel', '/works/w2', 204),
    asked(20_400, 'cancel', '/works/w2', 204),
    asked(20_500, 'cancel', '/works/streamproof-never-made', 404),
    counted(20_600, { subscribers: 0, plays: 0, works: 0 }),
  ],
  chat,
  finite('ordinary', ...numbers.map((block, n) => sent(10 * n + 5, block))),
  measured,
  read('prompt'),
  read('slow'),
  ...range(7).map((n) => later(opened('seven'), `seven-${n}`, n)),
  opened('beside-seven'),
  later(ofWork('w1', finite('work', sent(5, made(1)), sent(110, made(2)), sent(210, made(3), done))), 'work', 5010),
  later(ofWork('w1', live('work', sent(5, made(1)), sent(110, made(2)))), 'work-left', 5010),
  later(after(ofWork('w1', finite('work', sent(5, made(3), done))), '2'), 'work-back', 8000),
  later(ofWork('w2', finite('work', sent(5, made(1)), sent(110, made(2)), sent(300, off))), 'work-off', 20_010),
)

export const delivery: Room<Exchange> = {
  id: 'sse/delivery',
  clause: authoringNotes,
  example,
  rules: [
    burst, terminatorLast, endsAfterTerminator, lineLength, doublePrefix, oneJsonPerEvent, slowReader, sevenStreams,
    workShown, workCancelled,
  ],
  notes,
}
