/** Generated handshakes: right ones that are unusual in any way, which are taken, and wrong ones, which are not. */
import fc from 'fast-check'
import { client } from '../../../spec/ws/frame.ts'
import { foreign } from '../../../spec/ws/handshake/request.ts'
import type { Handshake, Property, Talk } from '../stimulus.ts'

/** A handshake, and a ping that tells whether the connection works. */
const talk = (asked: Handshake): Talk => ({ asked, frames: [client.ping('works')], until: { pong: 'works' } })

const withHeader = (name: string) => (value: string): Talk => talk({ headers: { [name]: value } })

const inAnyCase = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((flags) => [...text].map((letter, i) => (flags[i] ? letter.toUpperCase() : letter)).join(''))

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

const padding = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 })

const keys = fc.tuple(padding, fc.uint8Array({ minLength: 16, maxLength: 16 }), padding)
  .map(([before, bytes, after]) => `${before}${base64(bytes)}${after}`)

const connections = fc.tuple(fc.subarray(['keep-alive', 'x-streamproof']), inAnyCase('upgrade'), fc.boolean(), fc.constantFrom(', ', ',', ' ,\t'))
  .map(([options, upgrade, isFirst, comma]) => (isFirst ? [upgrade, ...options] : [...options, upgrade]).join(comma))

const values = fc.string({ unit: 'grapheme-ascii', maxLength: 40 }).map((text) => text.trim())

const names = fc.constantFrom('a', 'b', 'Upgrade', 'Key').map((name) => `X-Streamproof-${name}`)
const unknown = fc.dictionary(names, values, { minKeys: 1, maxKeys: 3 })

/** Every way in which a right handshake may be other than usual. */
const unusual: fc.Arbitrary<Handshake> = fc.record({
  upgrade: inAnyCase('websocket'),
  connection: connections,
  key: keys,
  unknown,
  names: fc.constantFrom('lower' as const, 'upper' as const),
  reversed: fc.constant(true as const),
}, { requiredKeys: [] }).map(({ upgrade, connection, key, unknown: others, ...asked }) => ({
  ...asked,
  headers: {
    ...(upgrade === undefined ? {} : { Upgrade: upgrade }),
    ...(connection === undefined ? {} : { Connection: connection }),
    ...(key === undefined ? {} : { 'Sec-WebSocket-Key': key }),
    ...others,
  },
}))

const wrongKeys = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).filter(({ length }) => length !== 16).map(base64),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => base64(bytes).replace(/=+$/, '')),
  fc.tuple(fc.nat(21), fc.constantFrom('-', '_', '*', '%', '.', '='), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map(([at, sign, bytes]) => `${base64(bytes).slice(0, at)}${sign}${base64(bytes).slice(at + 1)}`),
)

const wrongVersions = fc.oneof(
  fc.integer({ min: 1, max: 3 }).map((zeros) => `${'0'.repeat(zeros)}13`),
  fc.constantFrom('13.0', '13.', '0xd', '0xD', '0b1101', '+13', '-13', '1e1', '13a', 'v13', '1 3', '13 13', '13;', '"13"'),
  fc.integer({ min: 256, max: 100_000 }).map(String),
)

const noExtensions = fc.tuple(
  fc.constantFrom('', 'permessage-deflate, ', `${foreign}, `),
  fc.constantFrom(
    ';a', 'a;', 'a;;b', 'a b', 'a; b=', 'a; b=c d', 'a; =b', 'a=b', 'a@b', 'a; b="c"d', 'a; b="c d"', 'a; b=""', 'a; b="c',
  ),
).map(([before, fault]) => `${before}${fault.replace('a', `${foreign}-a`)}`)

const noSubprotocols = fc.oneof(
  fc.tuple(fc.constantFrom('', `${foreign}-a, `), fc.constantFrom(...' /;"=()@[]{}?<>:\\é'))
    .map(([before, sign]) => `${before}${foreign}-b${sign}c`),
  fc.constantFrom('', ',', `${foreign}, ${foreign}`, `${foreign}-a, ${foreign}-b,${foreign}-a`),
)

/** One thing wrong that is no question of syntax. */
const wrongs: readonly Handshake[] = [
  { method: 'HEAD' }, { method: 'OPTIONS' }, { method: 'STREAMPROOF' }, { method: 'get' }, { version: '1.0' }, { host: 'absent' },
  ...[null, 'h2c', 'websockets', 'web socket', 'websocket2'].map((value) => ({ headers: { Upgrade: value } })),
  ...[null, 'keep-alive', 'upgrades', 'close'].map((value) => ({ headers: { Connection: value } })),
  { headers: { 'Sec-WebSocket-Key': null } },
  { headers: { 'Sec-WebSocket-Key': ['AAECAwQFBgcICQoLDA0ODw==', 'AAECAwQFBgcICQoLDA0ODw=='] } },
  { headers: { 'Sec-WebSocket-Version': null } },
]

const others = fc.record({ unknown, reversed: fc.constant(true as const) }, { requiredKeys: [] })

const wrong = fc.tuple(fc.constantFrom(...wrongs), others)
  .map(([{ headers = {}, ...fault }, { unknown: added, ...asked }]) => talk({ ...asked, ...fault, headers: { ...added, ...headers } }))

export const properties: readonly Property[] = [
  {
    id: 'handshake/unusual',
    says: 'right handshakes in any spelling and order',
    feeds: [
      'ws/handshake/accept-101', 'ws/handshake/accept-digest', 'ws/handshake/upgrade-case', 'ws/handshake/connection-list',
      'ws/handshake/header-name-case', 'ws/handshake/unknown-headers',
    ],
    talks: unusual.map(talk),
    examples: [talk({})],
    runs: 40,
  },
  {
    id: 'handshake/wrong',
    says: 'handshakes with one thing wrong, among others that are right',
    feeds: [
      'ws/handshake/method-get', 'ws/handshake/http-version', 'ws/handshake/host-required', 'ws/handshake/upgrade-required',
      'ws/handshake/connection-required', 'ws/handshake/key-required', 'ws/handshake/key-duplicate', 'ws/handshake/version-required',
    ],
    talks: wrong,
    examples: wrongs.map(talk),
    runs: 20,
    refused: true,
  },
  {
    id: 'handshake/keys',
    says: 'keys that are not 16 bytes',
    feeds: ['ws/handshake/key-16-bytes'],
    talks: wrongKeys.map(withHeader('Sec-WebSocket-Key')),
    examples: ['', 'undefined', '===='].map(withHeader('Sec-WebSocket-Key')),
    runs: 30,
    refused: true,
  },
  {
    id: 'handshake/versions',
    says: 'versions that are not 13, and such as are only nearly',
    feeds: ['ws/handshake/version-syntax', 'ws/handshake/version-unsupported'],
    talks: fc.oneof(wrongVersions, fc.integer({ min: 14, max: 255 }).map(String)).map(withHeader('Sec-WebSocket-Version')),
    examples: ['14', '255'].map(withHeader('Sec-WebSocket-Version')),
    runs: 30,
    refused: true,
  },
  {
    id: 'handshake/extensions',
    says: 'offers of extensions that break the grammar',
    feeds: ['ws/handshake/extension-malformed'],
    talks: noExtensions.map(withHeader('Sec-WebSocket-Extensions')),
    examples: [],
    runs: 30,
    refused: true,
  },
  {
    id: 'handshake/subprotocols',
    says: 'offers of subprotocols that are none',
    feeds: ['ws/handshake/subprotocol-malformed'],
    talks: noSubprotocols.map(withHeader('Sec-WebSocket-Protocol')),
    examples: [],
    runs: 30,
    refused: true,
  },
]
