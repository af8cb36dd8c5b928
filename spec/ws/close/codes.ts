/** Which codes and reasons a Close may carry. https://www.rfc-editor.org/rfc/rfc6455#section-7.4 */
import type { Level, Note, Rule } from '../../model.ts'
import { says } from '../bytes.ts'
import type { WsExchange } from '../exchange.ts'
import { server } from '../frame.ts'
import { closePlace, codeOf, goodbyes, isRefused, mustRefuse, spoken, type Goodbye } from './goodbye.ts'
import { provoked, reactionOf } from '../reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'
const fin = { at: 60, by: 'target', how: 'fin' } as const

interface Codes {
  readonly slug: string
  readonly level: Level
  readonly clause: string
  readonly has: (code: number) => boolean
  readonly says: string
  readonly harm: string
  readonly fix: string
  /** the link of the example */
  readonly link: string
  readonly fault: string
}

/** payload bytes from which on a Close is about the length of its reason */
const long = 100

/** The Close that no server refuses. */
const isPlain = ({ close: { code, frame } }: Goodbye): boolean => code === 1000 && frame.payload.length === 2

/** Some refuse by a Close without a code, and answer what they take with the code that came. */
function isTaken(goodbye: Goodbye, all: readonly Goodbye[]): boolean {
  if (isRefused(goodbye)) return false
  const repliesWithCode = all.some((one) => isPlain(one) && one.connection.close?.code !== undefined)
  return isPlain(goodbye) || !repliesWithCode || goodbye.connection.close?.code !== undefined
}

const accepted = (isMeant: (goodbye: Goodbye) => boolean): Rule<WsExchange>['check'] => (exchange) => {
  const all = goodbyes(exchange)
  return all.filter((one) => one.connection.close && isMeant(one)).map((goodbye) => ({
    where: closePlace(goodbye.connection),
    ok: isTaken(goodbye, all),
    expected: 'a reply as to a Close with 1000',
    actual: `${spoken(goodbye.connection.close?.code)} to ${spoken(goodbye.close.code)}`,
  }))
}

/** Codes that are to be taken. */
const takes = ({ slug, has, link, fault, ...told }: Codes): Rule<WsExchange> => ({
  id: `ws/close/${slug}`,
  ...told,
  check: accepted(({ close: { code, frame } }) => code !== undefined && has(code) && frame.payload.length < long),
  mutants: { 'refused': { edit: says(link, [server.close(1002)], fin), fault } },
})

/** Codes that are to be refused. */
const refuses = ({ slug, has, link, fault, ...told }: Codes): Rule<WsExchange> => ({
  id: `ws/close/${slug}`,
  ...told,
  check: (exchange) => mustRefuse(exchange, 'close-code', ({ frame }) => has(codeOf(frame) ?? 0)),
  mutants: {
    'taken': { edit: says(link, [server.close(1000)], fin), fault },
    'no reaction': { edit: says(link, [], { at: 3000, by: 'kit', how: 'window' }) },
  },
})

const allowlist = 'ask for the ranges 1000-1003, 1007-1014 and 3000-4999, and refuse the rest'
const reserved: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015])

const codes: readonly Rule<WsExchange>[] = [
  takes({
    slug: 'code-defined', level: 'must', clause: `${rfc}#section-7.4.1`,
    has: (code) => code <= 1003 || (code >= 1007 && code <= 1011),
    says: 'the codes 1000 to 1003 and 1007 to 1011 are taken',
    harm: 'a client that says rightly why it leaves is told that it broke the protocol',
    fix: allowlist, link: 'defined', fault: 'definedCodeRefused',
  }),
  takes({
    slug: 'code-iana', level: 'should', clause: `${rfc}#section-11.7`, has: (code) => code >= 1012 && code <= 1014,
    says: 'the codes 1012, 1013 and 1014, which IANA has added, are taken',
    harm: 'proxies and clients that say service restart, try again later or bad gateway are told that they broke the protocol',
    fix: allowlist, link: 'iana', fault: 'ianaCodeRefused',
  }),
  takes({
    slug: 'code-app-range', level: 'must', clause: `${rfc}#section-7.4.2`, has: (code) => code >= 3000 && code <= 4999,
    says: 'the codes 3000 to 4999 are taken',
    harm: 'libraries and applications cannot say why they leave',
    fix: allowlist, link: 'application', fault: 'applicationCodeRefused',
  }),
  refuses({
    slug: 'code-unused', level: 'must', clause: `${rfc}#section-7.4.2`, has: (code) => code < 1000,
    says: 'a Close with a code below 1000 is refused',
    harm: 'what the code means is decided by chance, and whoever it is passed on to closes for a fault',
    fix: allowlist, link: 'unused', fault: 'unusedCodeTaken',
  }),
  refuses({
    slug: 'code-reserved', level: 'must', clause: `${rfc}#section-7.4.1`, has: (code) => reserved.has(code),
    says: 'a Close with 1004, 1005, 1006 or 1015 is refused',
    harm: 'the application takes a code that a library makes up for what the peer has said',
    fix: allowlist, link: 'reserved', fault: 'reservedCodeTaken',
  }),
  refuses({
    slug: 'code-unassigned', level: 'should', clause: `${rfc}#section-7.4.2`, has: (code) => code >= 1016 && code <= 2999,
    says: 'a Close with a code from 1016 to 2999 is refused',
    harm: 'the day the code gets a meaning it has two',
    fix: allowlist, link: 'unassigned', fault: 'unassignedCodeTaken',
  }),
]

const lengthOne: Rule<WsExchange> = {
  id: 'ws/close/length-1',
  level: 'must',
  clause: `${rfc}#section-5.5.1`,
  says: 'a Close with one byte of payload is refused',
  harm: 'the second byte of the code is read from where nothing is',
  fix: 'ask whether the length of the payload is 0 or at least 2 before you read the code',
  check: (exchange) => mustRefuse(exchange, 'close-length'),
  mutants: { 'taken': { edit: says('one-byte', [server.close(1000)], fin), fault: 'oneByteCloseTaken' } },
}

const reasonMax: Rule<WsExchange> = {
  id: 'ws/close/reason-max',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'a reason of up to 123 bytes is taken',
  harm: 'a client that says in full why it leaves is told that it broke the protocol',
  fix: 'count bytes, not characters, and take 125 of payload',
  check: accepted(({ close: { frame } }) => frame.payload.length >= long),
  mutants: { 'refused': { edit: says('long-reason', [server.close(1002)], fin), fault: 'longReasonRefused' } },
}

const reasonTooLong: Rule<WsExchange> = {
  id: 'ws/close/reason-too-long',
  level: 'must',
  clause: `${rfc}#section-5.5`,
  says: 'a Close of more than 125 bytes is refused',
  harm: 'whoever relies on small control frames loses the place in the stream',
  fix: 'check the length of frames with an opcode of 8 and more before their payload is read',
  check: (exchange) => mustRefuse(exchange, 'control-too-long', ({ frame }) => frame.opcode === 8),
  mutants: { 'taken': { edit: says('too-long', [server.close(1000)], fin), fault: 'longCloseTaken' } },
}

const reasonUtf8: Rule<WsExchange> = {
  id: 'ws/close/reason-utf8',
  level: 'must',
  clause: `${rfc}#section-5.5.1`,
  says: 'a Close with a reason that is not UTF-8 is refused',
  harm: 'what is logged and shown is no text, or is not what was sent',
  fix: 'check the bytes behind the code as you check text messages',
  check: (exchange) => mustRefuse(exchange, 'close-reason'),
  mutants: { 'taken': { edit: says('bad-reason', [server.close(1000)], fin), fault: 'badReasonTaken' } },
}

export const contents: readonly Rule<WsExchange>[] = [...codes, lengthOne, reasonMax, reasonTooLong, reasonUtf8]

export const beyond: Note<WsExchange> = {
  id: 'ws/close/code-beyond',
  clause: `${rfc}#section-7.4.2`,
  says: 'what becomes of codes from 5000 on is open',
  record: (exchange) => provoked(exchange, 'close-code', ({ frame }) => (codeOf(frame) ?? 0) >= 5000).map((connection) => {
    const reaction = reactionOf(connection)
    const answer = 'code' in reaction ? spoken(reaction.code) : reaction.kind === 'dropped' ? 'the end of TCP' : 'nothing'
    return `a Close with ${connection.provocation ? codeOf(connection.provocation.frame) : ''} is answered by ${answer}`
  }),
}
