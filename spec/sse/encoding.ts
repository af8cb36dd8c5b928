/** That the stream is UTF-8 and every character arrives. https://encoding.spec.whatwg.org/#utf-8-decode */
import { append, finite, hex, live, onBody, onLink, played, sent, session, swap } from '../bytes.ts'
import type { Finding, Room, Rule } from '../model.ts'
import { illFormed, type IllFormed } from '../utf8.ts'
import { forEvery, quote, streams, type Answer, type Exchange } from './exchange.ts'
import { withoutKind } from './lines.ts'
import {
  arrived, largeBytes, peculiar, plainControls, textIntact, traits, wideControl, type Delivery, type Member,
} from './play.ts'

const html = 'https://html.spec.whatwg.org/multipage'
const grammar = `${html}/server-sent-events.html#parsing-an-event-stream`
const interpretation = `${html}/server-sent-events.html#event-stream-interpretation`
const registration = `${html}/iana.html#text/event-stream`
const utf8Decode = 'https://encoding.spec.whatwg.org/#utf-8-decode'

/** Where these are changed too, the names, the ids or the encoding are wrong for all texts. */
const controls = [...plainControls, wideControl]

/** bytes: from here a payload crosses the buffers of a server */
const longBytes = 4000

const long = `${'a'.repeat(4095)}😀z`

const example = onLink('short', swap('text/event-stream', 'text/event-stream; charset="UTF-8"'))(session(
  live(
    'base',
    sent(5, hex('ef bb bf'), ': café\n\n'),
    sent(20, 'data: naïve 😀\n\n'),
    // a character that is cut by a chunk, and one by the end of what was read
    sent(40, 'data: ', hex('e2 82')),
    sent(45, hex('ac'), '\n\n', 'data: ', hex('f0 9f')),
  ),
  finite('short', sent(5, 'data: year\n\n'), sent(20, ': end\n\n')),
  played('long', [{ data: long }], `data: ${long}\n\n`),
  played('surrogate', [{ data: '\ud800x' }], 'data: \ufffdx\n\n'),
  played('nul', [{ data: 'a\0b' }], 'data: a\0b\n\n'),
  played(
    'separator', [{ data: 'c\u2028d', event: 'e\u2029f', id: 'g\u0085h' }],
    'event: e\u2029f\nid: g\u0085h\ndata: c\u2028d\n\n',
  ),
  played('mark', [{ data: '\ufeffi' }], 'data: \ufeffi\n\n'),
  played('accent', [{ data: 'e\u0301', event: 'Aa', id: 'Bb' }], 'event: Aa\nid: Bb\ndata: e\u0301\n\n'),
))

/** gzip (RFC 1952 2.3.1) and zstd (RFC 8878 3.1.1): compressed without saying so, which another rule reports */
const magic = [hex('1f 8b 08'), hex('28 b5 2f fd')]

/** The streams whose content codings, if any, could be removed: of others nothing can be said. */
function decodedStreams(exchange: Exchange): Answer[] {
  return streams(exchange).filter(({ content: { body, fault } }) =>
    body !== undefined && body.bytes.length > 0 && fault === undefined &&
    !magic.some((start) => start.every((byte, i) => body.bytes[i] === byte)))
}

const bytesOf = (answer: Answer): Uint8Array => answer.content.body?.bytes ?? new Uint8Array()

/** ED A0..BF 80..BF, half of a pair as three bytes: `no-surrogates`. Two bytes of it may be Latin-1 as well. */
const isSurrogate = ({ kind, length }: IllFormed): boolean => kind === 'surrogate' && length === 3

/** What the end of what was read cuts off may have been right, where the target had not ended the stream. */
const mayGoOn = (answer: Answer, { start, length, kind }: IllFormed): boolean =>
  !answer.endedCleanly && start + length === bytesOf(answer).length && (kind === 'truncated' || kind === 'surrogate')

/** Some places suffice for a report. */
const mostPlaces = 5

/** A finding for each of the first bad sequences, or one good finding about the stream. */
function withoutSequences(answer: Answer, bad: readonly IllFormed[], expected: string): Finding[] {
  if (bad.length === 0) return [{ where: answer.where, ok: true, expected, actual: 'that' }]
  return bad.slice(0, mostPlaces).map(({ start, length, kind }) => ({
    where: answer.place(start, start + length),
    ok: false,
    expected,
    actual: `${hexOf(bytesOf(answer).subarray(start, start + length))} (${kind}) at byte ${start} of the stream`,
  }))
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** UTF-16 without a byte order mark is well-formed UTF-8: it shows in a NUL beside each letter of the field names. */
const utf16Name = /^\0?(?:d\0a\0t\0a|e\0v\0e\0n\0t|i\0d|r\0e\0t\0r\0y)\0?$/

const utf8: Rule<Exchange> = {
  id: 'sse/encoding/utf8',
  level: 'must',
  clause: grammar,
  says: 'the stream is UTF-8',
  harm: 'a client reads UTF-8 whatever the charset says and shows U+FFFD for what is none',
  fix:
    'encode as UTF-8 where the stream is written: res.write(text) in Node, text.encode() in Python; do not cut bytes',
  needs: ['octets'],
  check: (exchange) => decodedStreams(exchange).flatMap((answer): Finding[] => {
    const expected = 'well-formed UTF-8'
    const bad = illFormed(bytesOf(answer)).filter((sequence) => !isSurrogate(sequence) && !mayGoOn(answer, sequence))
    const wide = answer.stream.lines.find((line) => utf16Name.test(line.name))
    if (bad.length > 0 || !wide) return withoutSequences(answer, bad, expected)
    return [{ where: answer.linePlace(wide), ok: false, expected, actual: 'UTF-16' }]
  }),
  mutants: {
    'Latin-1': { edit: onBody('base', swap('naïve', Buffer.from('naïve', 'latin1'))) },
    'an overlong form': { edit: onBody('base', swap('ï', hex('c0 af'))) },
    'half a character at the close': {
      edit: onBody('short', append(0, hex('c3'))), alsoBreaks: ['sse/framing/no-tail-at-close'],
    },
    'UTF-16': {
      edit: onBody('short', swap('data: year\n\n', Buffer.from('data: year\n\n', 'utf16le'))),
      alsoBreaks: ['sse/framing/no-foreign-text'],
    },
  },
}

const wellformedAcrossWrites: Rule<Exchange> = {
  id: 'sse/encoding/wellformed-across-writes',
  level: 'must',
  clause: utf8Decode,
  says: 'a character of several bytes arrives wherever writes, buffers and chunks are cut',
  harm: 'long answers have U+FFFD in them at places that change from run to run',
  fix: 'encode whole events; cut text neither by bytes nor by UTF-16 code units; decode pieces with a ' +
    'TextDecoder and stream: true',
  check: (exchange) => textIntact(exchange, 'data', crossesWrites, { ignore: isTruncated }),
  mutants: {
    'each half of a pair encoded alone': {
      edit: onBody('long', swap('😀', '\ufffd\ufffd')),
      fault: 'halfCharacterWrites',
      // live, names are halved too
      alsoBreaks: ['sse/fields/event-name-roundtrip'],
    },
    'the character lost': { edit: onBody('long', swap('😀', '')) },
    'a byte lost': { edit: onBody('long', swap('😀', hex('f0 9f 98'))), alsoBreaks: ['sse/encoding/utf8'] },
  },
}

function crossesWrites(text: string): boolean {
  const peculiarities = traits(text)
  peculiarities.delete('large')
  const astral = /[\u{10000}-\u{10ffff}]/u.test(text)
  const isLong = peculiarities.has('non-ascii') && Buffer.byteLength(text) >= longBytes
  return (astral || isLong) && [...peculiarities].every((trait) => trait === 'non-ascii')
}

/** A large payload of which the end is missing is `framing/large-event`'s, even if the cut went through a character. */
function isTruncated(delivery: Delivery): boolean {
  const { data = '' } = delivery.published
  const got = delivery.received.map((event) => event.data).join('').replace(/\ufffd+$/, '')
  return Buffer.byteLength(data) >= largeBytes && data.startsWith(got) && !arrived(delivery, 'data')
}

const noSurrogates: Rule<Exchange> = {
  id: 'sse/encoding/no-surrogates',
  level: 'must',
  clause: grammar,
  says: 'lone surrogates are refused or sent as U+FFFD, and no surrogate is encoded as bytes',
  harm: 'the bytes ED A0..BF xx are not UTF-8: a client reads three U+FFFD for each, or gives the stream up',
  fix: 'call toWellFormed() or encode with errors="replace" before the text is written; encode pairs as one ' +
    'character, not as CESU-8',
  needs: ['octets'],
  check: (exchange) => [
    ...decodedStreams(exchange).flatMap((answer) =>
      withoutSequences(answer, illFormed(bytesOf(answer)).filter(isSurrogate), 'no surrogate as bytes (ED A0..BF xx)')),
    ...textIntact(exchange, 'data', (text) => peculiar(text, 'surrogate', 'non-ascii'), { controls }),
  ],
  mutants: {
    'a pair as six bytes': { edit: onBody('base', swap('😀', hex('ed a0 bd ed b8 80'))) },
    'a lone surrogate as three bytes': {
      edit: onBody('surrogate', swap('\ufffd', hex('ed a0 80'))), fault: 'surrogateBytes',
    },
    'a lone surrogate left out': { edit: onBody('surrogate', swap('\ufffd', '')) },
  },
}

const bomOnlyAtStart: Rule<Exchange> = {
  id: 'sse/encoding/bom-only-at-start',
  level: 'interop',
  clause: utf8Decode,
  says: 'a byte order mark comes first in the stream and once, or not at all',
  harm: 'a later mark is part of the field name: the line is ignored and its event is lost',
  fix: 'write no byte order mark; strip it from files (utf-8-sig) before their text goes into the stream',
  needs: ['octets'],
  check: (exchange) => decodedStreams(exchange)
    .flatMap((answer) => withoutKind(answer, 'bom', 'no byte order mark before a line, but one at the start')),
  mutants: {
    'a mark before a later comment': { edit: onBody('short', swap(': end', '\ufeff: end')) },
    'two marks at the start': { edit: onBody('base', swap(': café', '\ufeff: café')) },
  },
}

const charsetParam: Rule<Exchange> = {
  id: 'sse/encoding/charset-param',
  level: 'must',
  clause: registration,
  says: 'a charset in the Content-Type, if there is one, is utf-8',
  harm: 'clients decode as UTF-8 all the same, but proxies and tools that believe the charset change the text',
  fix: 'send "Content-Type: text/event-stream" without a charset, or with charset=utf-8; look for a default of ' +
    'the framework',
  // The registration: "The parameter's value must be "utf-8"". `utf8` is a label of the Encoding standard for the same
  // encoding, but the text asks for this value, not for this encoding. Charset names have no case (RFC 9110 8.3.2).
  needs: ['head'],
  check: (exchange) => forEvery(streams(exchange), 'no charset, or utf-8', (answer) => {
    const charset = answer.mimeType?.parameters.get('charset')
    return {
      where: answer.fieldPlace('content-type'),
      ok: charset === undefined || charset.toLowerCase() === 'utf-8',
      actual: charset === undefined ? 'no charset' : `charset ${quote(charset)}`,
    }
  }),
  mutants: {
    'another charset': { edit: onLink('base', swap('text/event-stream', 'text/event-stream;charset=ISO-8859-1')) },
    'a label that is not the registered value': { edit: onLink('short', swap('"UTF-8"', 'utf8')) },
  },
}

const nulInData: Rule<Exchange> = {
  id: 'sse/encoding/nul-in-data',
  level: 'interop',
  clause: grammar,
  says: 'U+0000 in a payload arrives',
  harm: 'the payload ends where the reader does not expect it',
  fix: 'do not pass payloads through C strings or through a database that cannot hold U+0000',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'nul')),
  mutants: { 'cut at the NUL': { edit: onBody('nul', swap('a\0b', 'a')), fault: 'nulTruncates' } },
}

const members: readonly Member[] = ['data', 'event', 'id']

const unicodeBreaks: Rule<Exchange> = {
  id: 'sse/encoding/unicode-breaks',
  level: 'interop',
  clause: grammar,
  says: 'U+0085, U+2028, U+2029, VT and FF are ordinary characters in payloads, names and ids',
  harm: 'only CR and LF end a line for a client: text that was split at others arrives changed, or as unknown fields',
  fix:
    'split payloads with /\\r\\n|\\r|\\n/; Python\'s splitlines() and str.split() know more line ends than the format',
  check: (exchange) => members.flatMap((member) =>
    textIntact(exchange, member, (text) => peculiar(text, 'unicode-break', 'non-ascii'), { controls })),
  mutants: {
    'split like a line': { edit: onBody('separator', swap('c\u2028d', 'c\ndata: d')), fault: 'unicodeBreaks' },
    'a name that ends there': {
      edit: onBody('separator', swap('e\u2029f', 'e')), alsoBreaks: ['sse/fields/event-name-roundtrip'],
    },
    'an id with a space instead': { edit: onBody('separator', swap('g\u0085h', 'g h')) },
  },
}

const bomInPayload: Rule<Exchange> = {
  id: 'sse/encoding/bom-in-payload',
  level: 'interop',
  clause: utf8Decode,
  says: 'U+FEFF in a payload arrives, also as its first or only character',
  harm: 'files and keys that are compared or hashed differ by a character that nobody sees',
  fix: 'do not decode payloads as files; in Node new TextDecoder("utf-8", { ignoreBOM: true }), in Python ' +
    '"utf-8", not "utf-8-sig"',
  check: (exchange) => textIntact(exchange, 'data', (text) => peculiar(text, 'bom', 'non-ascii'), { controls }),
  mutants: { 'stripped': { edit: onBody('mark', swap('\ufeff', '')), fault: 'bomStripped' } },
}

const noNormalisation: Rule<Exchange> = {
  id: 'sse/encoding/no-normalisation',
  level: 'advice',
  promisedBy: 'play',
  clause: interpretation,
  says: 'payloads, names and ids are neither normalised nor changed in case',
  harm: 'file names, keys and passwords no longer match, and listeners for a name in another case hear nothing',
  fix: 'pass text through as it is; look at database collations and at normalize(), lower() and casefold()',
  check: (exchange) => members.flatMap((member) => textIntact(exchange, member, isNormalisable, { controls })),
  mutants: {
    'composed': { edit: onBody('accent', swap('e\u0301', '\u00e9')), fault: 'normalised' },
    'a name in lower case': {
      edit: onBody('accent', swap('Aa', 'aa')), alsoBreaks: ['sse/fields/event-name-roundtrip'],
    },
    'an id in lower case': { edit: onBody('accent', swap('Bb', 'bb')) },
  },
}

const isNormalisable = (text: string): boolean =>
  peculiar(text, 'unnormalised', 'non-ascii') || (traits(text).size === 0 && /[a-z]/.test(text) && /[A-Z]/.test(text))

export const encoding: Room<Exchange> = {
  id: 'sse/encoding',
  clause: utf8Decode,
  example,
  rules: [
    utf8, wellformedAcrossWrites, noSurrogates, bomOnlyAtStart, charsetParam, nulInData, unicodeBreaks, bomInPayload,
    noNormalisation,
  ],
}
