/** How the framing room is provoked: payloads that an encoder can get wrong. */
import fc from 'fast-check'
import type { Event } from '../../spec/model.ts'
import type { Property, Script, Suite } from '../stimulus.ts'
import { anchored, anyText, controlled, hostile, word } from './payloads.ts'

const property = (
  slug: string,
  says: string,
  data: fc.Arbitrary<string>,
  examples: readonly string[],
  runs = 50,
): Property => ({
  id: `framing/${slug}`,
  says,
  feeds: [`sse/framing/${slug}`, 'sse/framing/data-roundtrip'],
  scripts: data.map((text) => controlled({ data: text })),
  examples: examples.map((text) => controlled({ data: text })),
  runs,
})

const lines = fc.array(fc.oneof({ arbitrary: word, weight: 5 }, { arbitrary: fc.constant(''), weight: 1 }), { minLength: 1, maxLength: 4 })
const breaks = fc.constantFrom('\r', '\r\n', '\r\r', '\r\n\r\n')
const spaces = fc.constantFrom(' ', '  ', '\t', ' \t', '    ')

/** An event with a line break where only some fields may carry one. */
const injections: fc.Arbitrary<Event> = fc.oneof(
  hostile.map((data) => ({ data })),
  fc.record({ data: word, event: hostile }),
  fc.record({ data: word, id: hostile }),
  fc.record({ data: word, comment: hostile }),
  hostile.map((comment) => ({ comment })),
)

const forged = 'x\nid: 9\nevent: e\nretry: 1\n\ndata: y'
const injectionExamples: readonly Event[] = [
  { data: forged },
  { data: forged.replaceAll('\n', '\r') },
  { data: forged.replaceAll('\n', '\r\n') },
  { data: 'x', event: 'a\ndata: z' },
  { data: 'x', event: 'a\rdata: z' },
  { data: 'x', event: '\n\n' },
  { data: 'x', id: 'a\nb' },
  { data: 'x', id: 'a\r\rdata: z' },
  { data: 'x', retry: '1\n\ndata: z' },
  { data: 'x', retry: '1\rid: 9' },
  { data: 'x', comment: 'a\ndata: z' },
  { data: 'x', comment: 'a\rdata: z' },
  { comment: 'a\n\ndata: z\n' },
]

const play = (data: string): Script => ({ events: [{ data }], end: 'hold' })

export const framing: Suite = {
  id: 'sse/framing',
  properties: [
    property(
      'multiline-data', 'payloads of several lines', fc.tuple(word, lines, word).map(([a, inner, z]) => [a, ...inner, z].join('\n')),
      ['a\nb', '\na', 'a\n\nb', 'a\n\n\nb', 'one\ntwo\nthree', `${'x\n'.repeat(10_000)}x`, `${'\n'.repeat(10_000)}x`],
    ),
    property(
      'cr-in-data', 'payloads with CR and CRLF', fc.tuple(word, breaks, word).map((parts) => parts.join('')),
      ['a\rb', 'a\r\nb', '\ra', 'a\r\r\nb', '\r\na'],
    ),
    property(
      'trailing-newlines', 'payloads that end with line feeds', fc.tuple(word, fc.constantFrom('\n', '\n\n', '\n\n\n')).map((parts) => parts.join('')),
      ['a\n', 'a\n\n', '\n', '\n\n', 'a\nb\n'],
    ),
    property(
      'leading-space', 'payload lines that begin with white space', fc.tuple(spaces, word).map((parts) => parts.join('')),
      [' x', '  x', '\tx'],
    ),
    property(
      'trailing-space', 'payload lines that end with white space', fc.tuple(word, spaces).map((parts) => parts.join('')),
      ['x ', 'x  ', 'x\t'],
    ),
    property('empty-payload', 'empty payloads', fc.constant(''), [''], 2),
    property(
      'data-roundtrip', 'any text', anyText,
      [' ', 'a\n b', ' a\n  b', 'a \nb', 'a\n\rb', 'a\r', 'a\r\n', '\r\n', '\u00a0x', 'x\u00a0', ':', ': x', 'a:b:c', 'data: z', ':ping', 'x\n:ping', '\u0001\u001b\u007f', '[DONE]', '{"a":1}', '\u05d0', '\ufffe\uffff', 'retry: 5', '<b>a & b</b>', '&amp;', 'a\\nb', 'C:\\x', '100%', '%0A', 'a+b', '"q"', "'q'", '0', 'null', 'false', '1.0', '${x}', '{{x}}'],
      150,
    ),
    {
      ...property(
        'large-event', 'large payloads', fc.integer({ min: 33_000, max: 140_000 }).map((size) => 'x'.repeat(size)),
        [65_535, 65_536, 65_537, 1_048_576].map((size) => 'x'.repeat(size)), 4,
      ),
      feeds: ['sse/framing/large-event'],
    },
    {
      id: 'framing/no-field-injection',
      says: 'line breaks in every field',
      feeds: ['sse/framing/no-field-injection'],
      scripts: injections.map((event) => anchored(event)),
      examples: injectionExamples.map((event) => anchored(event)),
      runs: 150,
    },
    {
      id: 'framing/no-tail-at-close',
      says: 'streams that the target ends',
      feeds: ['sse/framing/no-tail-at-close', 'sse/http1/last-chunk'],
      scripts: fc.array(word, { minLength: 1, maxLength: 5 }).map((texts) => ({ events: texts.map((data) => ({ data })) })),
      examples: [{ events: [{ data: 'last' }] }],
      runs: 20,
      fresh: true,
    },
  ],
  stimuli: [
    {
      id: 'framing/flush',
      says: 'one played event on a stream that stays open, to see whether it arrives without a next one',
      feeds: ['sse/framing/flush-on-block'],
      profile: 'safe',
      needs: ['play'],
      steps: [{ do: 'open', link: 'held', role: 'play', to: 'play', asked: { body: JSON.stringify(play('held')) }, until: { sentinel: 'held' } }],
      deadlineMs: 2500,
    },
    {
      id: 'framing/pauses',
      says: 'five played events with pauses, to see whether they arrive one by one',
      feeds: ['sse/framing/flush-on-block'],
      profile: 'safe',
      needs: ['play'],
      steps: [{
        do: 'open', link: 'paced', role: 'play', to: 'play',
        asked: { body: JSON.stringify({ events: ['one', 'two', 'three', 'four', 'five'].map((data) => ({ data })), pauseMs: 200, end: 'close' }) },
        until: { end: true, thenMs: 0 },
      }],
      deadlineMs: 5000,
    },
    {
      id: 'framing/throw',
      says: 'a producer that fails in mid-stream, to see what the target writes then',
      feeds: ['sse/framing/no-foreign-text'],
      profile: 'safe',
      needs: ['play'],
      steps: [{
        do: 'open', link: 'thrown', role: 'play', to: 'play',
        asked: { body: JSON.stringify({ events: [{ data: 'before' }], end: 'throw' }) }, until: { end: true, thenMs: 50 },
      }],
      deadlineMs: 3000,
    },
    {
      id: 'framing/concurrent',
      says: 'concurrent publishers of events with several lines',
      feeds: ['sse/framing/block-atomic'],
      profile: 'full',
      needs: ['channel', 'publish'],
      steps: [
        { do: 'open', link: 'reader', role: 'channel', to: 'stream' },
        {
          do: 'publish',
          batches: Array.from({ length: 24 }, (_, b) => Array.from({ length: 4 }, (_, e) => ({
            data: Array.from({ length: 8 }, (_, line) => `block p${b}-${e} ${line + 1}/8`).join('\n'),
          }))),
        },
        { do: 'publish', batches: [[{ data: 'sentinel' }]] },
        { do: 'read', link: 'reader', until: { sentinel: 'sentinel' } },
        { do: 'leave', link: 'reader' },
      ],
      deadlineMs: 4000,
    },
  ],
}
