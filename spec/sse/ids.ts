/**
 * What names an event, and what a client sends back to resume.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header
 */
import { driven, later, live, played, published, refused, resumed, sent } from '../bytes.ts'
import type { Event, Note, Room } from '../model.ts'
import { quote, streams, type Exchange } from './exchange.ts'
import { nonAscii } from './ids/beyond-ascii.ts'
import { idOf } from './ids/given.ts'
import { onEveryEvent, ordered, stable, unique } from './ids/sequence.ts'
import { corsSafeBytes, headerSafe, lengthBounded, lengthShort, noAccidentalReset } from './ids/values.ts'
import { noNewline, noNul } from './ids/values.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'

const events: readonly Event[] = [
  { id: '1', data: 'one' }, { id: '2', data: 'two' }, { id: '3', event: 'note', data: 'three' }, { data: 'four' },
]
const wire = [
  'id: 1\ndata: one\n\n', 'id: 2\ndata: two\n\n', 'id: 3\nevent: note\ndata: three\n\n', 'data: four\n\n',
] as const
const all = (at: number) => wire.map((block) => sent(at, block))
const replayed = 'id: z\ndata: after\n\n'

const returning = (id: string, lastEventId: string, ...blocks: readonly string[]) =>
  ({ ...later(resumed(id, lastEventId, sent(5, blocks.join(''))), id, 6000), role: 'non-ascii' })

const example = driven(
  { ids: 'client', replayEvents: 100 },
  [
    published(10, events),
    refused(20, [{ id: 'a\nb', data: 'five' }]),
    refused(22, [{ id: 'a\0b', data: 'six' }]),
    refused(24, [{ id: ' a', data: 'seven' }]),
    published(5000, [{ id: 'y', data: 'before' }]),
    published(5010, [{ id: 'é', data: 'accent' }]),
    refused(5020, [{ id: '💥', data: 'astral' }]),
    published(5030, [{ id: 'z', data: 'after' }]),
  ],
  live(
    'base',
    sent(5, 'data: welcome\n\n'),
    sent(20, 'id: 7\ndata: a\n\n'),
    sent(30, 'event: tick\ndata: 0\n\n'),
    // an id line alone clears the id on purpose
    sent(40, 'id: 8\ndata: b\n\nid\n\n'),
  ),
  { ...live('channel', sent(5, ': connected\n\n'), ...all(12)), id: 'first' },
  { ...live('channel', sent(5, ': connected\n\n'), ...all(12)), id: 'second' },
  later(resumed('back', '1', sent(5, wire[1]), sent(5, wire[2]), sent(5, wire[3])), 'back', 2500),
  returning('plain', 'y', 'id: é\ndata: accent\n\n', replayed),
  returning('utf8', 'é', replayed),
  played('line end', [{ data: 'x', id: 'a\nb' }], 'id: a\\nb\ndata: x\n\n'),
  // what no header can carry may be played: nobody resumes a play
  played('spaces', [{ data: 'y', id: ' a ' }], 'id:  a \ndata: y\n\n'),
  played('cleared', [{ data: 'p', id: 'c' }, { data: 'q', id: '' }], 'id: c\ndata: p\n\nid\ndata: q\n\n'),
)

const checkpointBlock: Note<Exchange> = {
  id: 'sse/ids/checkpoint-block',
  clause: `${html}#event-stream-interpretation`,
  says: 'a block with an id and no data fires nothing and moves the place to resume from; some clients do not know it',
  record: (exchange) => streams(exchange).flatMap((answer) => {
    const moved = answer.stream.blocks.filter((block) => block.terminated && !block.event && idOf(block))
    const [first] = moved
    return first ? [`blocks with an id and no data were seen, such as ${quote(idOf(first) ?? '', 40)}`] : []
  }),
}

export const ids: Room<Exchange> = {
  id: 'sse/ids',
  clause: `${html}#the-last-event-id-header`,
  example,
  rules: [
    noNul, noNewline, headerSafe, corsSafeBytes, lengthBounded, lengthShort, onEveryEvent, unique, ordered, stable,
    noAccidentalReset, nonAscii,
  ],
  notes: [checkpointBlock],
}
