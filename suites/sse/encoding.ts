/** How the encoding room is provoked: characters that encoders, buffers and string functions get wrong. */
import fc from 'fast-check'
import type { Event } from '../../spec/model.ts'
import type { Property, Script, Suite } from '../stimulus.ts'
import { controlled, word } from './payloads.ts'

const property = (
  slug: string,
  says: string,
  events: fc.Arbitrary<Event>,
  examples: readonly Event[],
  { runs = 30 }: { readonly runs?: number } = {},
): Property => ({
  id: `encoding/${slug}`,
  says,
  feeds: [`sse/encoding/${slug}`, 'sse/encoding/utf8'],
  scripts: events.map((event) => controlled(event)),
  examples: examples.map((event) => controlled(event)),
  runs,
})

/** The event before its controls, as the first thing of the stream. */
const first = (event: Event): Script => ({ events: [event, ...controlled().events] })

const payload = (data: string): Event => ({ data })
const named = (event: string): Event => ({ data: 'x', event })
const identified = (id: string): Event => ({ data: 'x', id })
const commented = (comment: string): Event => ({ data: 'x', comment })
const everywhere = (text: string): Event[] => [payload(text), named(text), identified(text)]

/** A text with the piece in it, and plain ones around it. */
const around = (piece: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(word, piece, word).map((parts) => parts.join(''))
const anywhere = (text: fc.Arbitrary<string>): fc.Arbitrary<Event> =>
  text.chain((it) => fc.constantFrom(...everywhere(it)))

/** bytes: what servers, proxies and runtimes commonly allocate */
const bufferBytes = [4096, 8192, 16_384, 65_536]
/** A character on the edge of each buffer, and runs that put an edge of any buffer inside a character. */
const longTexts = [
  ...bufferBytes.flatMap((size) => [1, 2, 3].map((less) => `${'a'.repeat(size - less)}😀z`)),
  ...[0, 1, 2, 3].map((shift) => `${'a'.repeat(shift)}${'😀'.repeat(20_000)}z`),
  `a${'例'.repeat(20_000)}z`,
]
const longText = fc.record({ before: fc.integer({ min: 3900, max: 70_000 }), run: fc.integer({ min: 1, max: 300 }) })
  .map(({ before, run }) => `${'a'.repeat(before)}${'😀'.repeat(run)}z`)

const beyondAscii = fc.string({
  unit: fc.constantFrom('ÿ', '¡', 'ж', '€', '例', '\ud7ff', '\ue000', '😀'), minLength: 1, maxLength: 8,
})
const loneSurrogate = fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit))
const unicodeBreak = fc.constantFrom('\u0085', '\u2028', '\u2029', '\u000b', '\u000c')
const unnormalised = fc.constantFrom(
  'e\u0301', '\u00e9', 'A\u030a', '\u00c5', '\u212b', '\u1112\u1161\u11ab', '\uac01', '\ufb01\u0301', 'q\u0307\u0323',
)

export const encoding: Suite = {
  id: 'sse/encoding',
  stimuli: [],
  properties: [
    {
      ...property(
        'utf8', 'text beyond ASCII in payloads, names and comments',
        beyondAscii.chain((text) => fc.constantFrom(payload(text), named(text), commented(text))),
        [...['ÿ', '¿', '€', '例', '😀', '\u{10ffff}', '\ufffe\uffff'].map(payload), named('ж'), commented('ÿ')],
      ),
      feeds: ['sse/encoding/utf8', 'sse/encoding/no-surrogates'],
    },
    property(
      'wellformed-across-writes', 'long payloads with characters of several bytes', longText.map(payload),
      longTexts.map(payload), { runs: 8 },
    ),
    property(
      'no-surrogates', 'payloads with lone surrogates', around(loneSurrogate).map(payload),
      ['\ud800', '\udc00x', '\udc00\ud800', 'a\ud83d', '\ude00b', 'a\ud800b'].map(payload),
    ),
    property(
      'nul-in-data', 'payloads with U+0000', around(fc.constantFrom('\0', '\0\0')).map(payload),
      ['\0', 'a\0b', '\0a', 'a\0'].map(payload),
    ),
    property(
      'unicode-breaks', 'U+0085, U+2028, U+2029, VT and FF in payloads, names and ids', anywhere(around(unicodeBreak)),
      ['\u0085', '\u2028', '\u2029', '\u000b', '\u000c'].flatMap((text) => everywhere(`a${text}b`))
        .concat(payload('a\u0085b\u2028c\u2029d\u000be\u000cf'), payload('\u2028')),
      { runs: 60 },
    ),
    {
      id: 'encoding/bom-in-payload',
      says: 'payloads with U+FEFF, also as the first thing on a connection',
      feeds: ['sse/encoding/bom-in-payload', 'sse/encoding/bom-only-at-start', 'sse/encoding/utf8'],
      scripts: around(fc.constant('\ufeff')).map((text) => first(payload(`\ufeff${text}`))),
      examples: [
        ...['\ufeffx', '\ufeff'].map((text) => first(payload(text))),
        ...['\ufeffx', 'a\ufeffb', 'x\ufeff', '\ufeff', '\ufeff\ufeffx'].map((text) => controlled(payload(text))),
      ],
      runs: 5,
      fresh: true,
    },
    property(
      'no-normalisation', 'payloads, names and ids with accents composed and decomposed, and with capitals',
      anywhere(fc.oneof(around(unnormalised), fc.tuple(word, word).map(([a, b]) => `a${a.toUpperCase()}B${b}`))),
      ['e\u0301', '\u00e9', '\u212b', 'A\u030a', '\u1112\u1161\u11ab', 'q\u0307\u0323', 'AbC'].flatMap(everywhere),
      { runs: 60 },
    ),
  ],
}
