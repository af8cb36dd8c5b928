/** How the handshake room is provoked: right requests of unusual kinds, and wrong ones. */
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { foreign } from '../../spec/ws/handshake/request.ts'
import { properties } from './handshake/properties.ts'
import type { Handshake, Step, Stimulus, Suite } from './stimulus.ts'

type Slug = `ws/handshake/${string}`

/** One handshake of a stimulus, by the name of its link. */
interface Try {
  readonly asked?: Handshake
  /** the name of the link when absent */
  readonly role?: string
}

interface Tries extends Pick<Stimulus, 'profile'> {
  readonly id: string
  readonly says: string
  readonly feeds: RuleId | readonly RuleId[]
  readonly tries: Readonly<Record<string, Try>>
}

const deadlineMs = 6000

/** ms that a target has to end TCP behind a refusal */
const endMs = 500

function stimulus({ id, says, feeds, profile, tries }: Tries, then: (link: string) => readonly Step[]): Stimulus {
  const branches = Object.entries(tries).map(([link, { asked, role = link }]): readonly Step[] =>
    [{ do: 'open', link, role, to: 'target', ...(asked ? { asked } : {}) }, ...then(link)])
  return { id: `handshake/${id}`, says, feeds: [feeds].flat(), profile, steps: [{ do: 'together', branches }], deadlineMs }
}

/** Handshakes that a right target takes. */
const taken = (tries: Tries): Stimulus => stimulus(tries, (link) => [{ do: 'leave', link, by: 'close' }])

/** Handshakes that a right target refuses, and then ends TCP. */
const refused = (tries: Tries): Stimulus =>
  stimulus(tries, (link) => [{ do: 'await', link, for: { end: true }, withinMs: endMs }])

/** Requests that an HTTP server answers, and may keep the connection. */
const answered = (tries: Tries): Stimulus => stimulus(tries, () => [])

const headers = (fields: NonNullable<Handshake['headers']>): Try => ({ asked: { headers: fields } })

const rejects: Slug = 'ws/handshake/reject-is-http'
const key = 'AAECAwQFBgcICQoLDA0ODw=='

const tolerated: readonly Stimulus[] = [
  taken({
    id: 'key',
    says: 'three keys, one of them between white space',
    feeds: 'ws/handshake/accept-digest',
    profile: 'safe',
    tries: {
      zero: headers({ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }),
      ones: headers({ 'Sec-WebSocket-Key': '/////////////////////w==' }),
      spaced: headers({ 'Sec-WebSocket-Key': ` \t${key}\t ` }),
    },
  }),
  taken({
    id: 'upgrade-case', says: 'Upgrade in other letter cases', feeds: 'ws/handshake/upgrade-case', profile: 'safe',
    tries: { mixed: headers({ Upgrade: 'WebSocket' }), upper: headers({ Upgrade: 'WEBSOCKET' }) },
  }),
  taken({
    id: 'upgrade-list', says: 'websocket in a list of protocols', feeds: 'ws/handshake/upgrade-list', profile: 'full',
    tries: { second: headers({ Upgrade: 'h2c, websocket' }), lines: headers({ Upgrade: ['h2c', 'websocket'] }) },
  }),
  taken({
    id: 'connection-list', says: 'Upgrade in a list of options', feeds: 'ws/handshake/connection-list', profile: 'safe',
    tries: {
      firefox: headers({ Connection: 'keep-alive, Upgrade' }),
      lower: headers({ Connection: 'upgrade' }),
      lines: headers({ Connection: ['keep-alive', 'Upgrade'] }),
    },
  }),
  taken({
    id: 'absolute-target',
    says: 'the request target in absolute form',
    feeds: 'ws/handshake/absolute-target',
    profile: 'full',
    tries: { absolute: { asked: { absolute: true }, role: 'absolute-target' } },
  }),
  taken({
    id: 'names',
    says: 'field names in other letter cases, fields in reverse order',
    feeds: 'ws/handshake/header-name-case',
    profile: 'safe',
    tries: {
      lower: { asked: { names: 'lower' } },
      upper: { asked: { names: 'upper' } },
      reversed: { asked: { reversed: true } },
    },
  }),
  taken({
    id: 'unknown-fields', says: 'fields that nobody knows', feeds: 'ws/handshake/unknown-headers', profile: 'safe',
    tries: { unknown: headers({ 'X-Streamproof-Unknown': '1', 'Sec-WebSocket-X-Streamproof': 'a="b", c' }) },
  }),
  taken({
    id: 'chopped',
    says: 'a request in pieces, once the first line byte by byte',
    feeds: 'ws/handshake/chopped-request',
    profile: 'full',
    tries: {
      octets: { asked: { chop: Array.from({ length: 60 }, (_, i) => i + 1) }, role: 'chopped-request' },
      line: { asked: { chop: [16] }, role: 'chopped-request' },
      fields: { asked: { chop: [60, 61, 120] }, role: 'chopped-request' },
    },
  }),
  {
    // a Close, because no other room minds that it is lost: the Close behind it is answered all the same
    id: 'handshake/early',
    says: 'a Close in the same write as the end of the request',
    feeds: ['ws/handshake/early-frames'],
    profile: 'full',
    steps: [
      { do: 'open', link: 'early', role: 'early', to: 'target', asked: { early: client.close(1000) } },
      { do: 'await', link: 'early', for: { close: true }, withinMs: endMs },
      { do: 'leave', link: 'early', by: 'close' },
    ],
    deadlineMs,
  },
  taken({
    id: 'subprotocols', says: 'an offer of two subprotocols that nobody speaks, and none',
    feeds: ['ws/handshake/subprotocol-from-offer', 'ws/handshake/subprotocol-absent'], profile: 'safe',
    tries: {
      two: headers({ 'Sec-WebSocket-Protocol': `${foreign}-a, ${foreign}-b` }),
      none: headers({ 'Sec-WebSocket-Protocol': null }),
    },
  }),
  taken({
    id: 'unknown-extension', says: 'an offer of an extension that nobody knows',
    feeds: ['ws/handshake/extension-unknown', 'ws/handshake/extension-from-offer'], profile: 'safe',
    tries: { unknown: headers({ 'Sec-WebSocket-Extensions': `${foreign}; level=1` }) },
  }),
]

const wrong: readonly Stimulus[] = [
  refused({
    id: 'method',
    says: 'a handshake by POST, HEAD and an unknown method',
    feeds: ['ws/handshake/method-get', rejects],
    profile: 'full',
    tries: Object.fromEntries(['POST', 'HEAD', 'STREAMPROOF'].map((method) => [method.toLowerCase(), { asked: { method } }])),
  }),
  refused({
    id: 'http-version', says: 'a handshake of HTTP/1.0', feeds: ['ws/handshake/http-version', rejects], profile: 'full',
    tries: { old: { asked: { version: '1.0' } } },
  }),
  refused({
    id: 'host', says: 'a handshake without Host', feeds: ['ws/handshake/host-required', rejects], profile: 'full',
    tries: { absent: { asked: { host: 'absent' } } },
  }),
  answered({
    id: 'upgrade',
    says: 'a handshake without Upgrade, and for another protocol',
    feeds: 'ws/handshake/upgrade-required',
    profile: 'full',
    tries: {
      none: headers({ Upgrade: null }), other: headers({ Upgrade: 'h2c' }), like: headers({ Upgrade: 'websocketx' }),
    },
  }),
  answered({
    id: 'connection',
    says: 'a handshake whose Connection does not ask to upgrade',
    feeds: 'ws/handshake/connection-required',
    profile: 'full',
    tries: { none: headers({ Connection: null }), other: headers({ Connection: 'keep-alive' }) },
  }),
  answered({
    id: 'plain-get', says: 'an ordinary GET', feeds: 'ws/handshake/plain-get', profile: 'safe',
    tries: {
      plain: headers({ 'Upgrade': null, 'Connection': null, 'Sec-WebSocket-Key': null, 'Sec-WebSocket-Version': null }),
    },
  }),
  refused({
    id: 'keys', says: 'no key, short and long ones, and two', profile: 'safe',
    feeds: ['ws/handshake/key-required', 'ws/handshake/key-16-bytes', 'ws/handshake/key-duplicate', rejects],
    tries: {
      none: headers({ 'Sec-WebSocket-Key': null }),
      short: headers({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }),
      long: headers({ 'Sec-WebSocket-Key': 'AAECAwQFBgcICQoLDA0ODxA=' }),
      other: headers({ 'Sec-WebSocket-Key': '************************' }),
      two: headers({ 'Sec-WebSocket-Key': [key, 'AAAAAAAAAAAAAAAAAAAAAA=='] }),
    },
  }),
  refused({
    id: 'no-version',
    says: 'a handshake without a version',
    feeds: ['ws/handshake/version-required', rejects],
    profile: 'safe',
    tries: { none: headers({ 'Sec-WebSocket-Version': null }) },
  }),
  refused({
    id: 'version-syntax',
    says: 'versions that are 13 as numbers only',
    feeds: ['ws/handshake/version-syntax', rejects],
    profile: 'full',
    tries: Object.fromEntries(['013', '13.0', '0xd', '+13'].map((version) =>
      [version, headers({ 'Sec-WebSocket-Version': version })])),
  }),
  {
    id: 'handshake/versions', says: 'a version that does not exist, and those that servers list',
    feeds: ['ws/handshake/version-unsupported', 'ws/handshake/version-honest', rejects], profile: 'safe',
    steps: [{
      do: 'together',
      branches: ['14', '13', '8', '7'].map((version): readonly Step[] => [
        { do: 'open', link: version, role: 'version', to: 'target', asked: { headers: { 'Sec-WebSocket-Version': version } } },
        { do: 'send', link: version, bytes: client.ping('version') },
        { do: 'await', link: version, for: { pong: 'version' }, withinMs: endMs },
        { do: 'leave', link: version, by: 'close' },
      ]),
    }],
    deadlineMs,
  },
  refused({
    id: 'unknown-path',
    says: 'a path that nobody serves',
    feeds: ['ws/handshake/resource-unknown', rejects],
    profile: 'safe',
    tries: { unknown: { asked: { path: '/streamproof-no-such-path' }, role: 'unknown-path' } },
  }),
  refused({
    id: 'subprotocol-syntax',
    says: 'offers of subprotocols that are none',
    feeds: ['ws/handshake/subprotocol-malformed', rejects],
    profile: 'full',
    tries: {
      empty: headers({ 'Sec-WebSocket-Protocol': '' }),
      separator: headers({ 'Sec-WebSocket-Protocol': `${foreign} a` }),
      twice: headers({ 'Sec-WebSocket-Protocol': `${foreign}, ${foreign}` }),
    },
  }),
  refused({
    id: 'extension-syntax',
    says: 'offers of extensions that break the grammar',
    feeds: ['ws/handshake/extension-malformed', rejects],
    profile: 'full',
    tries: {
      name: headers({ 'Sec-WebSocket-Extensions': 'permessage-deflate; =1' }),
      value: headers({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits=' }),
      quote: headers({ 'Sec-WebSocket-Extensions': `${foreign}; a="b` }),
    },
  }),
  {
    id: 'handshake/content',
    says: 'a handshake with content',
    feeds: ['ws/handshake/get-with-body', rejects],
    profile: 'full',
    steps: [
      { do: 'open', link: 'content', role: 'content', to: 'target', asked: { body: 'abc' } },
      { do: 'await', link: 'content', for: { close: true }, withinMs: endMs },
      { do: 'leave', link: 'content', by: 'close' },
    ],
    deadlineMs,
  },
  {
    id: 'handshake/unfinished',
    says: 'a request without its end',
    feeds: ['ws/handshake/slow-request'],
    profile: 'full',
    steps: [
      { do: 'open', link: 'unfinished', role: 'unfinished-request', to: 'target', asked: { unfinished: true } },
      { do: 'await', link: 'unfinished', for: { end: true }, withinMs: 2000 },
    ],
    deadlineMs: 2000,
  },
]

export const handshake: Suite = { id: 'ws/handshake', stimuli: [...tolerated, ...wrong], properties }
