/** Clients that say who they are in their first message, or do not. https://www.rfc-editor.org/rfc/rfc6455#section-10.5 */
import { issuedBy } from '../../contract/tokens.ts'
import type { Act, Finding, Rule } from '../../model.ts'
import { says, silenced } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { opcodes, server } from '../frame.ts'
import { commands } from '../talk.ts'
import { credentials, inRoles, isBusy, isSecure, mustServe, outcomeOf } from './access.ts'
import { letIn, says as tells } from './example.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** ms that a client has to say who it is (contract: socketAuth), and that a busy machine may be late */
const firstMessageMs = 1000
const graceMs = 1000

/** Connections to the socket that needs a token, which came without one in the handshake. */
const strangers = (exchange: WsExchange): Connection[] =>
  exchange.connections.filter((one) => isSecure(one) && one.isOpen && credentials(one, exchange).length === 0)

/** ms; when a valid token came as a message, Infinity when none did */
function knownAt(connection: Connection, { acts }: WsExchange): number {
  const auth = commands(connection, 'auth').find(({ members, at }) => issuedBy(acts).some(({ token, overAt }) => token === members['token'] && at < overAt))
  return auth?.at ?? Infinity
}

const end = (connection: Connection): number => connection.close?.frame.at ?? connection.link.ended.at

const firstMessageTimeout: Rule<WsExchange> = {
  id: 'ws/auth/first-message-timeout',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: `a connection that has not said within ${firstMessageMs} ms who it is gets closed`,
  harm: 'anybody can fill the server with connections that cost it memory and prove nothing',
  fix: 'start a timer when the connection opens, close with 4401 or 1008 when it fires, and clear it on authentication',
  check: (exchange) => strangers(exchange).flatMap((connection): Finding[] => {
    const { sent, link, endPlace } = connection
    // a pong says nothing
    if (sent.frames.some(({ opcode }) => opcode !== opcodes.pong)) return []
    const openedAt = connection.head?.at ?? link.openedAt
    const ms = Math.round(end(connection) - openedAt)
    const ended = outcomeOf(connection) === 'ended'
    if (!ended && ms < firstMessageMs + graceMs) return []
    return [{
      where: endPlace, ok: ended && ms <= firstMessageMs + graceMs, expected: `the end within ${firstMessageMs} ms, ${graceMs} ms late at most`,
      actual: ended ? `after ${ms} ms` : `open after ${ms} ms`,
    }]
  }),
  mutants: {
    'kept': { edit: letIn('anonymous', { ended: { at: 2500, by: 'kit', how: 'window' } }), fault: 'silentKept' },
  },
}

const noDataBefore: Rule<WsExchange> = {
  id: 'ws/auth/no-data-before',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: 'nothing is said to a client before it has said who it is',
  harm: 'a greeting, a snapshot or an event tells strangers what only users may know',
  fix: 'subscribe and greet in the handler of the authentication, not in that of the connection',
  check: (exchange) => strangers(exchange).map((connection): Finding => {
    const known = knownAt(connection, exchange)
    const early = connection.messages.find(({ frames }) => (frames[0]?.at ?? Infinity) < known)
    const [frame] = early?.frames ?? []
    return {
      where: frame ? connection.place(frame) : connection.endPlace, ok: early === undefined,
      expected: 'no message before the token', actual: early ? `a message of ${early.payload.length} bytes` : 'none',
    }
  }),
  mutants: {
    'an event': { edit: says('anonymous', [tells({ type: 'event', data: 'for users' }), { at: 1010, bytes: server.close(4401) }], { at: 1011, by: 'target', how: 'fin' }), fault: 'heardByAnybody' },
  },
}

/** 1008, what IANA registers for it (3000, 3003), and what applications take after HTTP: 4400 to 4499. */
const isAboutAccess = (code: number): boolean => code === 1008 || code === 3000 || code === 3003 || (code >= 4400 && code <= 4499)

/** What says nothing about the client: the server goes, or is busy. */
const elsewhere: ReadonlySet<number> = new Set([1001, 1012, 1013])

/** Connections that the target closed for who is there. */
function unwelcome(exchange: WsExchange): Connection[] {
  const all = issuedBy(exchange.acts)
  const isOver = (connection: Connection): boolean => credentials(connection, exchange).some(({ text }) =>
    all.some(({ token, validUntil }) => token === text && validUntil <= end(connection)))
  const welcome = inRoles(exchange, 'authorized')
  const others = welcome.length > 0 && welcome.every((one) => outcomeOf(one) === 'taken') ? inRoles(exchange, 'unauthorized', 'forged') : []
  return [...others, ...exchange.connections.filter((one) => isSecure(one) && (isOver(one) || (strangers(exchange).includes(one) && knownAt(one, exchange) === Infinity)))]
    .filter((one) => one.isOpen && outcomeOf(one) === 'ended')
}

const closeCode: Rule<WsExchange> = {
  id: 'ws/auth/close-code',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-7.4.1`,
  says: 'who is turned away behind the 101, or whose token is over, gets a Close that says so: 1008, or 4401 and its like',
  harm: 'clients that get 1000, or no Close, connect again with the same token, for ever',
  fix: 'close with 1008 or with a code of your own from 4400 on, and tell clients that it means to authenticate anew',
  check: (exchange) => unwelcome(exchange).flatMap((connection): Finding[] => {
    const code = connection.close?.code
    if (code !== undefined && elsewhere.has(code)) return []
    const ok = code !== undefined && isAboutAccess(code)
    const { close } = connection
    return [{
      where: close ? connection.place(close.frame) : connection.endPlace, ok, expected: '1008, 3000, 3003, or 4400 to 4499',
      actual: code === undefined ? (close ? 'a Close without a code' : 'the end of TCP without a Close') : String(code),
    }]
  }),
  mutants: {
    '1000': { edit: says('impatient', [server.close(1000)], { at: 13, by: 'target', how: 'fin' }), fault: 'closeCode1000' },
    'the end of TCP': { edit: says('revoked', [], { at: 203, by: 'target', how: 'fin' }) },
  },
}

/** Open sockets of a channel, by an act that asked for those of one. */
function socketsIn({ kind, status, body, request }: Act): number | undefined {
  if (kind !== 'stats' || status !== 200 || !new URL(request.url).searchParams.has('c')) return undefined
  try {
    const { sockets } = JSON.parse(body) as { readonly sockets?: unknown }
    return typeof sockets === 'number' ? sockets : undefined
  } catch {
    return undefined
  }
}

const asyncRace: Rule<WsExchange> = {
  id: 'ws/auth/async-race',
  level: 'advice',
  promisedBy: 'socketAuth',
  clause: `${rfc}#section-10.5`,
  says: 'what a client says while its token is checked is not lost, and one that leaves meanwhile leaves nothing behind',
  harm: 'the first message of fast clients gets no answer, or sessions of clients that are gone stay for ever',
  fix: 'listen for messages and for the end before the first await, keep what comes, and look whether the socket is still open behind it',
  check: (exchange) => {
    const left = inRoles(exchange, 'secure/hasty').at(-1)
    const counted = exchange.acts.map(socketsIn).findLast((count) => count !== undefined)
    const orphans: Finding[] = left === undefined || counted === undefined || isBusy(left) ? [] : [{
      where: left.endPlace, ok: counted === 0, expected: 'no socket once all have left', actual: `${counted} in stats`,
    }]
    return [...mustServe(inRoles(exchange, 'secure/first'), 'an answer to what came with the token'), ...orphans]
  },
  mutants: {
    'lost': { edit: silenced('first'), fault: 'lookupSlow' },
    'a session of nobody': {
      edit: (transcript) => ({ ...transcript, acts: transcript.acts.map((act) => (act.kind === 'stats' ? { ...act, body: '{"sockets":1}' } : act)) }),
    },
  },
}

export const firstMessage: readonly Rule<WsExchange>[] = [firstMessageTimeout, noDataBefore, closeCode, asyncRace]
