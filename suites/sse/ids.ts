/** How the ids room is provoked: ids that cannot be carried, and the same events for several readers. */
import fc from 'fast-check'
import type { Event } from '../../spec/model.ts'
import type { Property, Script, Suite } from '../stimulus.ts'
import { controlled, word } from './payloads.ts'

const played = (id: string): Script => controlled({ data: 'x', id })

const property = (
  slug: string,
  says: string,
  ids: fc.Arbitrary<string>,
  examples: readonly string[],
  runs: number,
): Property => ({
  id: `ids/${slug}`,
  says,
  feeds: [`sse/ids/${slug}`, 'sse/ids/no-accidental-reset'],
  scripts: ids.map(played),
  examples: examples.map(played),
  runs,
})

const around = (...pieces: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(word, ...pieces, word).map((parts) => parts.join(''))

const breaks = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r')
const tails = fc.constantFrom('', 'b', 'data: forged', 'event: forged', 'id: forged', 'retry: 1', '\n\ndata: forged')

/** On a channel an id has to come back, so what no header can carry is refused there. */
const hostile: readonly Event[] = [
  'a\0z', 'b\nz', 'c\rdata: z', '\n\n', ' d', 'e ', '\tf', 'g\u001fz', 'h\u007fz',
].map((id, i) => ({ data: `hostile-${i + 1}`, id }))

const numbered = (n: number): Event => ({ data: `ids-${n}`, id: String(n) })

/** Each alone: a batch is refused as a whole. */
const beyondAscii = ['é', '…', '💥'] as const

export const ids: Suite = {
  id: 'sse/ids',
  properties: [
    property(
      'no-newline', 'ids with CR and LF', around(breaks, tails),
      ['a\nb', 'a\rb', 'a\r\nb', 'a\r\rdata: z', 'a\n\ndata: z', 'a\nid: 9', 'a\n', '\na', '\n\n'], 30,
    ),
    property('no-nul', 'ids with U+0000', around(fc.constantFrom('\0', '\0\0')), ['a\0b', '\0', 'a\0', '\0a'], 10),
    property(
      'header-safe', 'ids with inner spaces, colons and tabs',
      around(fc.constantFrom(' ', ':', ': ', '  ', '"', '{', ',')),
      ['1', '0', '00', 'a-b_c.9', 'a b', 'a:b', ':', '{"n":1}', 'urn:a:b', ' a', 'a ', '\ta', 'a\tb', 'a\u001fb'], 20,
    ),
  ],
  stimuli: [
    {
      id: 'ids/hostile',
      says: 'events with ids that cannot be written, or do not come back as a header value',
      feeds: ['sse/ids/no-nul', 'sse/ids/no-newline', 'sse/ids/header-safe'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'reader', role: 'channel', to: 'stream' },
        { do: 'sync', link: 'reader' },
        { do: 'publish', batches: hostile.map((event) => [event]) },
        { do: 'publish', batches: [[{ data: 'ids-end', id: 'end' }]] },
        { do: 'read', link: 'reader', until: { sentinel: 'ids-end' } },
        { do: 'leave', link: 'reader' },
      ],
      deadlineMs: 4000,
    },
    {
      id: 'ids/readers',
      says: 'two readers of one channel and one that comes back, for events with ids and one without',
      feeds: [
        'sse/ids/on-every-event', 'sse/ids/unique', 'sse/ids/ordered', 'sse/ids/stable', 'sse/ids/no-accidental-reset',
        'sse/ids/cors-safe-bytes', 'sse/ids/length-bounded', 'sse/ids/length-short',
      ],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'first', role: 'channel', to: 'stream' },
        { do: 'open', link: 'second', role: 'channel', to: 'stream' },
        { do: 'open', link: 'early', role: 'channel', to: 'stream' },
        {
          do: 'together',
          branches: ['first', 'second', 'early'].map((link) => [{ do: 'sync', link }]),
        },
        { do: 'publish', batches: [[numbered(1)]] },
        { do: 'read', link: 'early', until: { sentinel: 'ids-1' } },
        { do: 'leave', link: 'early' },
        { do: 'publish', batches: [[numbered(2), numbered(3), { data: 'ids-plain' }, numbered(4)]] },
        { do: 'publish', batches: [[numbered(5)]] },
        { do: 'read', link: 'first', until: { sentinel: 'ids-5' } },
        { do: 'read', link: 'second', until: { sentinel: 'ids-5' } },
        {
          do: 'open', link: 'back', role: 'resume', to: 'stream', asked: { lastEventId: { of: 'early' } },
          until: { sentinel: 'ids-5' },
        },
        { do: 'leave', link: 'first' },
        { do: 'leave', link: 'second' },
      ],
      deadlineMs: 5000,
    },
    {
      id: 'ids/beyond-ascii',
      says: 'readers that come back with ids beyond ASCII, as UTF-8 in the header',
      feeds: ['sse/ids/non-ascii'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        {
          do: 'publish', everyMs: 0,
          batches: ['control', ...beyondAscii, 'after'].map((id, i, { length }) =>
            [{ data: i === length - 1 ? 'ids-after' : `ids-wide-${i}`, id }]),
        },
        {
          do: 'together',
          branches: ['control', ...beyondAscii].map((id, i) => [{
            do: 'open', link: `back-${i}`, role: 'non-ascii', to: 'stream', asked: { lastEventId: { text: id } },
            until: { sentinel: 'ids-after' },
          }]),
        },
      ],
      deadlineMs: 4000,
    },
  ],
}
