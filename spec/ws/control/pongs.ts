/** That pings are answered, by what, and how often. */
import type { Finding, Rule } from '../../model.ts'
import { changed, says, silenced, socket } from '../bytes.ts'
import { isRefused } from '../echoes.ts'
import type { WsExchange } from '../exchange.ts'
import { client, server } from '../frame.ts'
import type { Control } from '../machine.ts'
import { mustRead, reachOf } from '../pongs.ts'
import { endedFirst } from '../reaction.ts'
import { answersOf, type Answers } from './answers.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const octets = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff)

export const links = [
  socket('ping', { sent: [client.ping('nonce')], received: [server.pong('nonce')] }),
  socket('octets', { sent: [client.ping(octets)], received: [server.pong(octets)] }),
  socket('pings', {
    sent: [client.ping('one'), client.ping('two'), client.ping('three')],
    received: [server.pong('one'), server.pong('two'), server.pong('three')],
  }),
  socket('unasked', { sent: [client.pong('unasked'), client.ping('behind')], received: [server.pong('behind')] }, 'unasked-pong'),
  socket('unasked-twin', { sent: [client.ping('behind')], received: [server.pong('behind')] }, 'unasked-pong/twin'),
]

const hex = (payload: Uint8Array): string => (payload.length === 0 ? 'an empty payload' : `the payload ${short(Buffer.from(payload).toString('hex'))}`)
const short = (text: string): string => (text.length > 32 ? `${text.slice(0, 32)}…` : text)

const all = ({ connections }: WsExchange): Answers[] => connections.flatMap((connection) => answersOf(connection) ?? [])

/** One finding for each subject; `found` is what is wrong with it, at the pong that shows it. */
const judged = (subjects: readonly Answers[], expected: string, found: (subject: Answers) => { readonly actual: string; readonly pong?: Control } | undefined): Finding[] =>
  subjects.map((subject) => {
    const wrong = found(subject)
    const { connection } = subject
    return {
      where: wrong?.pong ? connection.place(wrong.pong.frame) : connection.endPlace,
      ok: wrong === undefined,
      expected,
      actual: wrong?.actual ?? 'that',
    }
  })

/** Some pong came for it, or the target had the time to send one. */
const isDecided = ({ own, foreign, reach, connection }: Answers): boolean =>
  own.some(Boolean) || foreign.length > 0 || reach === 'silent' || (reach === 'ended' && connection.close?.code === 1002)

const pingPong: Rule<WsExchange> = {
  id: 'ws/control/ping-pong',
  level: 'must',
  clause: `${rfc}#section-5.5.2`,
  says: 'a ping is answered by a pong',
  harm: 'clients and proxies that check by ping take the connection for dead, and close it',
  fix: 'leave the automatic pong on (autoPong in ws), and do not block the loop that reads',
  check: (exchange) => judged(all(exchange).filter(isDecided), 'a pong', ({ own, foreign, connection }) => (
    own.some(Boolean) || foreign.length > 0 ? undefined : { actual: connection.close ? 'a Close with 1002' : 'none' })),
  mutants: {
    'no pong': { edit: silenced('ping'), fault: 'pongMissing' },
    'a Close instead': { edit: says('ping', [server.close(1002)], { at: 13, by: 'target', how: 'fin' }) },
  },
}

/** Every ping has its pong, or a pong came that repeats none. */
const isRepeated = ({ own, foreign }: Answers): boolean => own.every(Boolean) || foreign.length > 0

const pongIdentical: Rule<WsExchange> = {
  id: 'ws/control/pong-identical',
  level: 'must',
  clause: `${rfc}#section-5.5.3`,
  says: 'a pong has the payload of its ping, whatever bytes it is made of',
  harm: 'a client that tells its pings apart by payload, to measure or to find dead connections, takes this one for dead',
  fix: 'send the bytes of the ping back as they are: not as a string, not cut, not left out',
  check: (exchange) => judged(all(exchange).filter(isRepeated), 'the payload of the ping', ({ pings, own, foreign: [pong] }) => {
    const ping = pings.find((_, i) => own[i] === undefined)
    return ping && pong && { pong, actual: `${hex(pong.payload)} for ${hex(ping.payload)}` }
  }),
  mutants: {
    'read as text': { edit: says('octets', [server.pong(Buffer.from(octets).toString('utf8'))]), fault: 'pongAsText' },
    'left out': { edit: says('ping', [server.pong('')]), fault: 'pongEmpty' },
  },
}

/** Several pings, and each pong that came belongs to one of them. */
const isSeries = ({ pings, order, foreign, reach }: Answers): boolean =>
  pings.length > 1 && order.length > 0 && foreign.length === 0 && reach !== 'open'

const isLastAnswered = ({ pings, order }: Answers): boolean => {
  const last = pings.at(-1)
  const answered = pings[order.at(-1) ?? 0]
  return last !== undefined && answered !== undefined && same(last.payload, answered.payload)
}

const isInOrder = ({ order }: Answers): boolean => order.every((place, i) => i === 0 || place > (order[i - 1] ?? 0))
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const pongLatest: Rule<WsExchange> = {
  id: 'ws/control/pong-latest',
  level: 'must',
  clause: `${rfc}#section-5.5.3`,
  says: 'of several pings at least the last one is answered, and the pongs come in the order of the pings',
  harm: 'the client waits for the pong to its last ping, and closes a connection that works',
  fix: 'answer each ping when it is read; where pongs are put together, keep the newest payload',
  check: (exchange) => judged(all(exchange).filter(isSeries), 'pongs in the order of the pings, the last one for the last ping', (subject) => {
    const { own, order } = subject
    if (!isInOrder(subject)) return { pong: own[order.at(-1) ?? 0] as Control, actual: `pongs for the pings ${numbers(order)}` }
    return isLastAnswered(subject) ? undefined : { actual: `pongs for the pings ${numbers(order)} of ${own.length}` }
  }),
  mutants: {
    'only the first': { edit: says('pings', [server.pong('one')]), fault: 'pongOnlyFirst' },
    'the other way round': { edit: says('pings', [server.pong('three'), server.pong('two'), server.pong('one')]) },
  },
}

const numbers = (order: readonly number[]): string => order.map((place) => place + 1).join(', ')

const pongEach: Rule<WsExchange> = {
  id: 'ws/control/pong-each',
  level: 'should',
  clause: `${rfc}#section-5.5.3`,
  says: 'every ping gets a pong of its own',
  harm: 'a client that counts pongs, or measures by each of them, sees losses where there are none',
  fix: 'answer each ping when it is read, also when several wait',
  check: (exchange) => judged(all(exchange).filter((one) => isSeries(one) && isLastAnswered(one) && isInOrder(one)), 'a pong for each ping', ({ own, order }) =>
    (order.length === own.length ? undefined : { actual: `pongs for the pings ${numbers(order)} of ${own.length}` })),
  mutants: {
    'only the last': { edit: says('pings', [server.pong('three')]), fault: 'pongOnlyLast' },
  },
}

const pongNoExtra: Rule<WsExchange> = {
  id: 'ws/control/pong-no-extra',
  level: 'must',
  clause: `${rfc}#section-5.5.3`,
  says: 'a ping is answered once, and a pong not at all',
  harm: 'two sides that answer pongs with pongs keep each other busy for ever',
  fix: 'answer opcode 9 only, and leave it to the library where that answers already',
  check: (exchange) => judged(all(exchange).filter(({ order }) => order.length > 0), 'a pong for each ping, and no other', ({ surplus: [pong] }) =>
    pong && { pong, actual: `one more with ${hex(pong.payload)}` }),
  mutants: {
    'a pong for a pong': { edit: says('unasked', [server.pong('unasked'), server.pong('behind')]), fault: 'pongAnswered' },
    'two for one': { edit: says('ping', [server.pong('nonce'), server.pong('nonce')]), fault: 'pongTwice' },
  },
}

const ended = says('unasked', [server.close(1011)], { at: 30, by: 'target', how: 'fin' })

/** The target ended a connection for a pong, so soon that no ping went out behind it. */
function endedAtOnce({ connections }: WsExchange): Finding[] {
  const isTwinRead = connections.some((one) => one.link.role === 'unasked-pong/twin' && reachOf(one) === 'read')
  return connections.filter((one) => {
    const told = one.sent.happenings.filter(({ kind }) => kind !== 'close')
    return one.isOpen && told.length > 0 && told.every(({ kind }) => kind === 'pong') && !one.provocation && endedFirst(one)
      && one.link.role === 'unasked-pong' && isTwinRead && !isRefused(one)
  }).map(({ endPlace, close }) => ({
    where: endPlace, ok: false, expected: 'the pong taken, and a pong to the ping behind',
    actual: close ? `a Close${close.code === undefined ? '' : ` with ${close.code}`}` : 'the end of TCP',
  }))
}

const unsolicitedPong: Rule<WsExchange> = {
  id: 'ws/control/unsolicited-pong',
  level: 'must',
  clause: `${rfc}#section-5.5.3`,
  says: 'a pong that nobody asked for changes nothing',
  harm: 'clients that send pongs as their heartbeat, as those of .NET do, lose the connection',
  fix: 'ignore a pong that matches no ping of the server',
  check: (exchange) => [
    ...mustRead(exchange, exchange.connections.filter((connection) => {
      const [first, ...rest] = connection.sent.happenings
      return first?.kind === 'pong' && rest.some(({ kind }) => kind === 'ping') && answersOf(connection) !== undefined
    }), 'the pong taken'),
    ...endedAtOnce(exchange),
  ],
  mutants: {
    'the end': { edit: ended, fault: 'pongRefused' },
    'the end before a ping is sent': {
      edit: (transcript) => changed(ended(transcript), 'unasked', (link) => ({ ...link, sent: link.sent?.slice(0, 1) ?? [] })),
    },
  },
}

export const rules: readonly Rule<WsExchange>[] = [pingPong, pongIdentical, pongLatest, pongEach, pongNoExtra, unsolicitedPong]
