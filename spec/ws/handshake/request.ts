/**
 * What is peculiar about an opening handshake: what a server must not take, and what it must not mind.
 * https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
 */
import { trimmed } from '../../fields.ts'
import type { Finding } from '../../model.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { asked, extensions, isExtensionList, isSubprotocolList, subprotocols, upgradeFields } from '../upgrade.ts'

/** What is wrong with a handshake. */
export type Wrong =
  | 'method' | 'http-version' | 'host' | 'path' | 'content' | 'unfinished'
  | 'upgrade' | 'connection'
  | 'key-missing' | 'key-twice' | 'key-length'
  | 'version-missing' | 'version-syntax' | 'version-old' | 'version-unsupported'
  | 'subprotocols' | 'extensions'

/** How a right handshake is other than usual. */
export type Unusual =
  | 'upgrade-case' | 'upgrade-list' | 'connection-list' | 'names' | 'order' | 'unknown-field'
  | 'absolute-target' | 'chopped' | 'early' | 'foreign-extension' | 'foreign-subprotocol' | 'many-fields'

/** What the record of a request cannot tell, by the role that the link was opened in. */
const byRole: Readonly<Record<string, Wrong | Unusual>> = {
  'unknown-path': 'path',
  'unfinished-request': 'unfinished',
  'absolute-target': 'absolute-target',
  'chopped-request': 'chopped',
}

/** fields that every server takes; of more it may refuse the request with any status */
const mostFields = 50

/** Marks names that no server can know. */
export const foreign = 'x-streamproof'

const isForeign = (name: string): boolean => name.toLowerCase().includes(foreign)

/** Everything that a server must not take. */
export function wrongs({ link }: Connection): Wrong[] {
  const { method, version, headers, body } = link.request
  const role = byRole[link.role]
  const count = (name: string): number => headers.filter(([one]) => one.toLowerCase() === name).length
  const offered = asked(link.request, 'sec-websocket-protocol')
  const extended = asked(link.request, 'sec-websocket-extensions')
  const found: (Wrong | false | undefined)[] = [
    method !== 'GET' && 'method',
    version !== '1.1' && 'http-version',
    count('host') !== 1 && 'host',
    body !== undefined && body.length > 0 && 'content',
    (role === 'path' || role === 'unfinished') && role,
    !tokens(link.request, 'upgrade').includes('websocket') && 'upgrade',
    !tokens(link.request, 'connection').includes('upgrade') && 'connection',
    keyFault(headers.filter(([name]) => name.toLowerCase() === 'sec-websocket-key').map(([, value]) => value)),
    versionFault(asked(link.request, 'sec-websocket-version')),
    offered !== undefined && !isSubprotocolList(offered) && 'subprotocols',
    extended !== undefined && !isExtensionList(extended) && 'extensions',
  ]
  return found.filter((one) => one !== false && one !== undefined)
}

/** The members of a list field, in lower case. */
const tokens = (request: Connection['link']['request'], name: string): string[] =>
  (asked(request, name) ?? '').split(',').map((item) => trimmed(item).toLowerCase())

/** 22 digits and two signs of padding are 16 bytes; whether the last digit may carry bits that count for nothing is open. */
function keyFault(lines: readonly string[]): Wrong | undefined {
  if (lines.length === 0) return 'key-missing'
  if (lines.length > 1) return 'key-twice'
  return /^[A-Za-z0-9+/]{22}==$/.test(trimmed(lines[0] ?? '')) ? undefined : 'key-length'
}

/** `version` of RFC 6455 4.3: 0 to 255, no leading zero. Versions above 13 do not exist; those below are drafts. */
function versionFault(value: string | undefined): Wrong | undefined {
  if (value === undefined) return 'version-missing'
  const version = trimmed(value)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(version) || Number(version) > 255) return 'version-syntax'
  return version === '13' ? undefined : Number(version) > 13 ? 'version-unsupported' : 'version-old'
}

/** Everything that is other than usual, and right. */
export function unusuals({ link, head }: Connection): Unusual[] {
  const { request, sent = [] } = link
  const { headers } = request
  const role = byRole[link.role]
  const value = (name: string): string => (asked(request, name) ?? '').trim()
  const required = upgradeFields('').map(([name]) => name)
  const isRequired = (name: string): boolean => required.some((one) => one.toLowerCase() === name.toLowerCase())
  const names = headers.map(([name]) => name).filter(isRequired)
  const firstSent = sent[0]?.at
  const found: (Unusual | false)[] = [
    (role === 'absolute-target' || role === 'chopped') && role,
    value('upgrade').includes(',') ? 'upgrade-list' : value('upgrade') !== 'websocket' && 'upgrade-case',
    value('connection') !== 'Upgrade' && 'connection-list',
    names.some((name) => !required.includes(name)) && 'names',
    names.join().toLowerCase() === required.toReversed().join().toLowerCase() && 'order',
    headers.some(([name]) => isForeign(name)) && 'unknown-field',
    firstSent !== undefined && (head === undefined || firstSent < head.startedAt) && 'early',
    extensions(asked(request, 'sec-websocket-extensions')).some(({ name }) => isForeign(name)) && 'foreign-extension',
    subprotocols(asked(request, 'sec-websocket-protocol')).some(isForeign) && 'foreign-subprotocol',
    headers.length > mostFields && 'many-fields',
  ]
  return found.filter((one) => one !== false)
}

/** The kit asks to switch to WebSocket, rightly or wrongly. */
export const isUpgrade = (connection: Connection): boolean => {
  const found = wrongs(connection)
  return !found.includes('upgrade') && !found.includes('connection')
}

/** The target turned the client away, or was not there: for who asks, how often, how much, how slowly, not for how. */
const otherReasons: ReadonlySet<number> = new Set([401, 403, 408, 414, 429, 431, 503])

/** The target was there, and had no other reason to refuse. */
export const isAnswered = ({ link, status }: Connection): boolean =>
  link.ended.how !== 'refused' && !otherReasons.has(status)

/** Something came that is no HTTP answer: frames before the head, for one. */
export const isGarbled = ({ head, link }: Connection): boolean => head === undefined && link.chunks.length > 0

/** What came of a handshake. */
export function answerOf(connection: Connection): string {
  const { head, status, isDropped } = connection
  if (head) return `status ${status}`
  if (isGarbled(connection)) return 'bytes that are no HTTP answer'
  return isDropped ? 'the end of TCP without an answer' : 'no answer'
}

/** Handshakes that are right, and unusual in exactly these ways. */
export const unusual = ({ connections }: WsExchange, ...ways: readonly Unusual[]): Connection[] =>
  connections.filter((one) => {
    const found = unusuals(one)
    const isSo = found.length === ways.length && ways.every((way) => found.includes(way))
    return isSo && isAnswered(one) && wrongs(one).length === 0
  })

/** One finding for each: it was taken. */
export const mustTake = (connections: readonly Connection[]): Finding[] => connections.map((connection) => ({
  where: connection.where, ok: connection.isOpen, expected: '101', actual: answerOf(connection),
}))

/** Handshakes with this one thing wrong. */
export const wrong = ({ connections }: WsExchange, what: Wrong): Connection[] =>
  connections.filter((connection) => isAnswered(connection) && wrongs(connection).join() === what)

/** One finding for each: the target did not switch. */
export const mustRefuse = (connections: readonly Connection[], expected = 'a refusal'): Finding[] =>
  connections.map((one) => ({ where: one.where, ok: !one.isOpen, expected, actual: one.isOpen ? '101' : answerOf(one) }))
