/** What the answer to an opening handshake says: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2 */
import { onLink, swap } from '../../bytes.ts'
import { readResponse } from '../../http.ts'
import type { Rule } from '../../model.ts'
import { forEvery, type Connection, type WsExchange } from '../exchange.ts'
import { acceptOf, asked, keyOf } from '../upgrade.ts'
import { switched, turnedAway, unanswered } from './example.ts'
import { answerOf, isAnswered, isGarbled, isUpgrade, unusuals, wrongs, type Unusual } from './request.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

/** What need not be taken, and what has to do with the way a request comes, not with the handshake: rules of their own. */
const apart: ReadonlySet<Unusual> = new Set(['upgrade-list', 'early', 'foreign-subprotocol', 'absolute-target', 'chopped', 'many-fields'])

/**
 * Right handshakes that a server has no reason to refuse: it does not stop, it is not so full that it answers nothing,
 * and no extension is offered, which rules of its own are about.
 */
const ordinary = ({ connections, acts }: WsExchange): Connection[] =>
  (acts.some(({ kind }) => kind === 'signal') ? [] : connections.filter((one) => isAnswered(one)
    && one.link.chunks.length > 0 && one.status !== 404
    && asked(one.link.request, 'sec-websocket-extensions') === undefined
    && wrongs(one).length === 0 && !unusuals(one).some((way) => apart.has(way))))

const accept101: Rule<WsExchange> = {
  id: 'ws/handshake/accept-101',
  level: 'must',
  clause: `${rfc}#section-4.2.2`,
  says: 'a right handshake is answered by 101 with Upgrade: websocket and Connection: Upgrade',
  harm: 'browsers report "Error during WebSocket handshake", and the connection never opens',
  fix: 'let the library answer the upgrade; behind a proxy pass Upgrade and Connection on in both directions',
  umbrella: true,
  check: (exchange) => forEvery(ordinary(exchange), '101 with Upgrade: websocket and Connection: Upgrade', (one) => {
    const upgrade = one.values('upgrade').join(', ')
    const connection = one.values('connection').join(', ')
    const ok = one.isOpen && upgrade.toLowerCase() === 'websocket' && /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(connection)
    const fields = `101 with Upgrade: ${JSON.stringify(upgrade)} and Connection: ${JSON.stringify(connection)}`
    return { ok, actual: one.isOpen ? fields : answerOf(one) }
  }),
  mutants: {
    'no Connection': { edit: onLink('base', swap('Connection: Upgrade\r\n', '')), fault: 'connectionFieldMissing' },
    'no Upgrade': { edit: onLink('base', swap('Upgrade: websocket\r\n', '')), fault: 'upgradeFieldMissing' },
    'another protocol': { edit: onLink('base', swap('Upgrade: websocket', 'Upgrade: h2c')) },
    'refused': { edit: turnedAway('base') },
  },
}

/** Connections whose key is one of 16 bytes. */
const keyed = ({ connections }: WsExchange): Connection[] =>
  connections.filter((one) => one.isOpen && !wrongs(one).some((what) => what.startsWith('key-')))

const acceptDigest: Rule<WsExchange> = {
  id: 'ws/handshake/accept-digest',
  level: 'must',
  clause: `${rfc}#section-4.2.2`,
  says: 'Sec-WebSocket-Accept is the base64 of the SHA-1 of the key as it was written and the GUID of RFC 6455',
  harm: 'every client checks it, and fails the connection',
  fix: 'hash the text of the key, white space around it removed, not the bytes that it encodes',
  check: (exchange) => keyed(exchange).map((one) => {
    const values = one.values('sec-websocket-accept')
    const expected = acceptOf(asked(one.link.request, 'sec-websocket-key') ?? '')
    const shown = values.map((value) => JSON.stringify(value)).join(', ')
    return {
      where: one.fieldPlace('sec-websocket-accept'),
      ok: values.length > 0 && values.every((value) => value === expected),
      expected: `Sec-WebSocket-Accept: ${expected}`,
      actual: values.length === 0 ? 'no Sec-WebSocket-Accept' : `Sec-WebSocket-Accept: ${shown}`,
    }
  }),
  mutants: {
    'the digest of other bytes': {
      edit: onLink('base', swap('Sec-WebSocket-Accept: ', 'Sec-WebSocket-Accept: x')), fault: 'digestOfBytes',
    },
    'none': { edit: onLink('base', swap('Sec-WebSocket-Accept', 'X-Accept')) },
  },
}

const deflateLine = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'

const once = ['sec-websocket-accept', 'sec-websocket-extensions'] as const

const acceptSingle: Rule<WsExchange> = {
  id: 'ws/handshake/accept-single',
  level: 'must',
  clause: `${rfc}#section-11.3.3`,
  says: 'Sec-WebSocket-Accept and Sec-WebSocket-Extensions occur once at most in the answer',
  harm: 'clients take both lines together for one value that is wrong, and fail the connection',
  fix: 'let either the framework or the library write the 101, not both; join extensions to one line',
  check: ({ connections }) => connections.filter(({ isOpen }) => isOpen).map((one) => {
    const many = once.filter((name) => one.values(name).length > 1)
    return {
      where: many[0] ? one.fieldPlace(many[0]) : one.where,
      ok: many.length === 0,
      expected: 'one line of each at most',
      actual: many.length === 0 ? 'that' : many.map((name) => `${one.values(name).length} lines of ${name}`).join(', '),
    }
  }),
  mutants: {
    'two digests': {
      edit: onLink('base', swap('Upgrade\r\n', `Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(keyOf('base'))}\r\n`)),
      fault: 'digestTwice',
    },
    'two lines of extensions': {
      edit: onLink('deflate', swap(deflateLine, deflateLine.repeat(2))),
    },
  },
}

const ofBodies = ['content-length', 'transfer-encoding'] as const

const noBodyHeaders: Rule<WsExchange> = {
  id: 'ws/handshake/101-no-body-headers',
  level: 'must',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-8.6',
  says: 'the 101 carries no Content-Length and no Transfer-Encoding',
  harm: 'proxies wait for a body, or take the first frames for one',
  fix: 'write the 101 to the socket, not by the writer of ordinary answers that adds Content-Length: 0',
  check: ({ connections }) => connections.filter(({ isOpen }) => isOpen).map((one) => {
    const found = ofBodies.filter((name) => one.values(name).length > 0)
    return {
      where: found[0] ? one.fieldPlace(found[0]) : one.where,
      ok: found.length === 0,
      expected: 'neither Content-Length nor Transfer-Encoding',
      actual: found.join(', ') || 'neither',
    }
  }),
  mutants: {
    'Content-Length': {
      edit: onLink('base', swap('websocket\r\n', 'websocket\r\nContent-Length: 0\r\n')), fault: 'lengthOf101',
    },
    'chunked': { edit: onLink('base', swap('websocket\r\n', 'websocket\r\nTransfer-Encoding: chunked\r\n')) },
  },
}

/** ms that a target has to answer, where the kit does not wait longer */
const answerMs = 300

/** The kit has not waited for the answer. */
const isLeft = ({ head, link: { openedAt, ended } }: Connection): boolean =>
  head === undefined && ended.by === 'kit' && ended.at - openedAt < answerMs

const rejectIsHttp: Rule<WsExchange> = {
  id: 'ws/handshake/reject-is-http',
  level: 'should',
  clause: `${rfc}#section-4.2.2`,
  says: 'a handshake that is not taken gets a complete HTTP answer, and the end of TCP where that is announced',
  harm: 'the client sees only that the connection broke (1006), tries again for ever, and nobody finds the reason',
  fix: 'write a status line, Connection: close and a Content-Length before the socket is ended; in ws verifyClient ' +
    'does so, and socket.destroy() does not',
  check: ({ connections, acts }) => (acts.some(({ kind }) => kind === 'signal') ? [] : connections
    .filter((one) => !one.isOpen && one.link.ended.how !== 'refused' && isUpgrade(one))
    .filter((one) => !wrongs(one).includes('unfinished') && !isLeft(one))
    .filter((one) => !(unusuals(one).includes('early') && isGarbled(one)))
    .map((one) => {
      const { body } = readResponse(one.link)
      const isEnded = one.isDropped || !/(?:^|,)\s*close\s*(?:,|$)/i.test(one.values('connection').join(', '))
      const actual = !one.head ? answerOf(one)
        : !body?.complete ? `status ${one.status}, and an answer that does not end`
          : isEnded ? 'that' : `status ${one.status} with Connection: close, and TCP stayed open`
      return { where: one.where, ok: actual === 'that', expected: 'a complete answer', actual }
    })),
  mutants: {
    'only the end of TCP': {
      edit: unanswered('key-missing', 'target'), fault: 'rejectsSilently', alsoBreaks: ['ws/handshake/version-unsupported'],
    },
    'nothing': { edit: unanswered('key-missing', 'kit') },
    'a body cut off': { edit: onLink('key-missing', swap('Content-Length: 4', 'Content-Length: 40')) },
    'no end': {
      edit: (transcript) => ({
        ...transcript,
        links: transcript.links.map((link) =>
          (link.id === 'key-missing' ? { ...link, ended: { at: 500, by: 'kit', how: 'window' } } : link)),
      }),
    },
  },
}

/** Neither of the fields by which a client asks to switch. */
const isPlain = ({ link: { request } }: Connection): boolean => request.method === 'GET'
  && asked(request, 'upgrade') === undefined && asked(request, 'sec-websocket-key') === undefined

const plainGet: Rule<WsExchange> = {
  id: 'ws/handshake/plain-get',
  level: 'advice',
  clause: 'https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22',
  says: 'a GET that does not ask to upgrade is answered at once, and a 426 names websocket in Upgrade',
  harm: 'health checks and people with a browser wait for ever, and who gets the 426 does not learn what is wanted',
  fix: 'answer requests without Upgrade: 426 with Upgrade: websocket and Connection: Upgrade, or a page',
  check: ({ connections }) => connections.filter((one) => isPlain(one) && isAnswered(one)).map((one) => {
    const names = one.values('upgrade').join(', ')
    const ok = one.status > 0 && !one.isOpen && (one.status !== 426 || /(?:^|,)\s*websocket\s*(?:,|$)/i.test(names))
    const named = one.status === 426 ? ` with ${names === '' ? 'no Upgrade' : `Upgrade: ${JSON.stringify(names)}`}` : ''
    return { where: one.where, ok, expected: 'an answer; with 426, Upgrade: websocket', actual: `${answerOf(one)}${named}` }
  }),
  mutants: {
    'no answer': { edit: unanswered('plain-get', 'kit') },
    'a 426 that names nothing': { edit: onLink('plain-get', swap('Upgrade: websocket\r\n', '')), fault: 'upgradeNotNamed' },
    'switched': { edit: switched('plain-get') },
  },
}

export const answers: readonly Rule<WsExchange>[] = [
  accept101, acceptDigest, acceptSingle, noBodyHeaders, rejectIsHttp, plainGet,
]
