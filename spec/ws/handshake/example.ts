/** Handshakes of all kinds, and the answers of a right server. */
import { sent, session } from '../../bytes.ts'
import type { Edit, Link, SentRequest } from '../../model.ts'
import { changed, closed, refused, socket, switching } from '../bytes.ts'
import { client, server } from '../frame.ts'
import { keyOf, upgradeFields } from '../upgrade.ts'
import { foreign } from './request.ts'

type Fields = SentRequest['headers']
type Edits = Readonly<Record<string, string | null>>

/** The usual fields of a link with some replaced, left out (`null`), or added. */
function fields(link: string, edits: Edits): Fields {
  const usual: Fields = [['Host', 'target.test'], ...upgradeFields(keyOf(link))]
  const kept = usual.flatMap(([name, value]) => {
    const edit = edits[name]
    return edit === null ? [] : [[name, edit ?? value] as const]
  })
  const others = Object.entries(edits).filter(([name]) => !usual.some(([one]) => one === name))
  return [...kept, ...others.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))]
}

/** A handshake that is taken. */
const taken = (id: string, edits: Edits = {}, ...answer: readonly string[]): Link =>
  socket(id, { asked: { headers: fields(id, edits) }, fields: answer })

/** A handshake that is not. */
const not = (id: string, edits: Edits, status = '400 Bad Request', ...answer: readonly string[]): Link =>
  refused(id, { headers: fields(id, edits) }, status, ...answer)

const upgradeRequired = '426 Upgrade Required'
const listed = ['Sec-WebSocket-Version: 13', 'Upgrade: websocket'] as const

const turned: Fields = upgradeFields(keyOf('order')).toReversed()

/** A request that stops within its head, and is given up by the target. */
const unfinished: Link = {
  ...refused('unfinished-request', {}, '408 Request Timeout'),
  chunks: [sent(10_000, 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')],
  ended: { at: 10_001, by: 'target', how: 'fin' },
}

/** A Close in the same write as the end of the request. */
const early = closed('early', { sent: [sent(0, client.close(1000))], received: [sent(2, server.close(1000))] })

const bodied = refused('get-with-body', {
  headers: [...fields('get-with-body', {}), ['Content-Length', '3']], body: 'abc',
}, '400 Bad Request')

/** Without the fields of a handshake. */
const plain = { 'Upgrade': null, 'Connection': null, 'Sec-WebSocket-Key': null, 'Sec-WebSocket-Version': null }

export const example = session(
  taken('base'),
  taken('deflate', { 'Sec-WebSocket-Extensions': 'permessage-deflate' }, 'Sec-WebSocket-Extensions: permessage-deflate'),
  taken('offer', { 'Sec-WebSocket-Protocol': `${foreign}-a, ${foreign}-b` }, `Sec-WebSocket-Protocol: ${foreign}-a`),
  taken('declined', { 'Sec-WebSocket-Protocol': foreign }),
  taken('extension', { 'Sec-WebSocket-Extensions': `${foreign}; level=1` }),
  taken('upgrade-case', { Upgrade: 'WebSocket' }),
  taken('upgrade-list', { Upgrade: 'h2c, websocket' }),
  taken('connection-list', { Connection: 'keep-alive, Upgrade' }),
  socket('names', { asked: { headers: fields('names', {}).map(([name, value]) => [name.toLowerCase(), value]) } }),
  socket('order', { asked: { headers: [['Host', 'target.test'], ...turned] } }),
  taken('unknown-field', { 'X-Streamproof-Unknown': '1' }),
  taken('absolute-target'),
  { ...taken('chopped'), role: 'chopped-request' },
  early,
  refused('method', { method: 'POST' }, '405 Method Not Allowed', 'Allow: GET'),
  refused('http-version', { version: '1.0' }, '505 HTTP Version Not Supported'),
  refused('host', { headers: upgradeFields(keyOf('host')) }, '400 Bad Request'),
  not('upgrade', { Upgrade: 'h2c' }, upgradeRequired, 'Upgrade: websocket'),
  not('connection', { Connection: 'keep-alive' }, upgradeRequired, 'Upgrade: websocket'),
  not('key-missing', { 'Sec-WebSocket-Key': null }),
  not('key-length', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }),
  refused('key-twice', { headers: [...fields('key-twice', {}), ['Sec-WebSocket-Key', keyOf('other')]] }, '400 Bad Request'),
  not('version-missing', { 'Sec-WebSocket-Version': null }, upgradeRequired, ...listed),
  not('version-unsupported', { 'Sec-WebSocket-Version': '14' }, upgradeRequired, ...listed),
  not('version-syntax', { 'Sec-WebSocket-Version': '013' }),
  socket('version-13', { sent: [client.ping('v13')], received: [server.pong('v13')] }, 'version'),
  { ...not('version-8', { 'Sec-WebSocket-Version': '8' }, upgradeRequired, ...listed), role: 'version' },
  refused('unknown-path', {}, '404 Not Found'),
  not('subprotocols', { 'Sec-WebSocket-Protocol': `${foreign}, ${foreign}` }),
  not('extensions', { 'Sec-WebSocket-Extensions': 'permessage-deflate; =1' }),
  bodied,
  not('plain-get', plain, upgradeRequired, 'Upgrade: websocket'),
  unfinished,
)

/** A handshake that was refused is taken. */
export const switched = (id: string): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, chunks: [sent(1, switching(id))], ended: { at: 500, by: 'kit', how: 'window' },
}))

/** A handshake that was taken is refused. */
export const turnedAway = (id: string): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, chunks: refused(id, {}, '400 Bad Request').chunks, sent: [], ended: { at: 2, by: 'target', how: 'fin' },
}))

/** The target ends TCP, or keeps it for a while, instead of an answer. */
export const unanswered = (id: string, by: 'target' | 'kit'): Edit => (transcript) => changed(transcript, id, (link) => ({
  ...link, chunks: [], sent: [],
  ended: by === 'target' ? { at: 2, by, how: 'fin' } : { at: 4000, by, how: 'window' },
}))
