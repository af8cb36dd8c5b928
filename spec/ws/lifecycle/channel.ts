/**
 * What is published on a channel, and who hears it; what is left of connections; and a server that stops.
 *
 * Roles: `subscriber` listens from before the first publish, `joiner` from somewhere between, `unsubscribed` has closed
 * before; `elsewhere/subscriber` listens on another instance. `going-away` was open when the server was told to stop,
 * `afterwards` came later.
 */
import { onAct } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { changed, heldOpen, socket } from '../bytes.ts'
import { followed, retold, unsaid } from '../conversation.ts'
import { withRole, type Connection, type WsExchange } from '../exchange.ts'
import { endedFirst } from '../reaction.ts'
import { isDecided, numberIn, patienceMs, promised, saidPlace } from '../streams.ts'
import { replies } from '../talk.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

interface Published {
  readonly data: string
  /** ms; asked, and answered */
  readonly at: number
  readonly doneAt: number
}

/** What one publisher, the kit, has had published, in its order. */
function published({ acts }: WsExchange): Published[] {
  return acts.filter(({ kind, status }) => kind === 'publish' && status < 300).flatMap(({ request, at, doneAt }) => {
    const events: unknown = JSON.parse(typeof request.body === 'string' ? request.body : '[]')
    return Array.isArray(events) ? events.flatMap((event: { readonly data?: unknown }) => (typeof event.data === 'string' ? [{ data: event.data, at, doneAt }] : [])) : []
  })
}

const heard = (connection: Connection): string[] => replies(connection, 'event').map(({ members }) => String(members['data']))

/** ms from which on a connection hears; it was open to the client then */
const openAt = ({ head, link }: Connection): number => head?.at ?? link.openedAt

/** What a connection had to hear: published after it was open, and before something that it heard, or long ago. */
function dueTo(connection: Connection, exchange: WsExchange): Published[] {
  const all = published(exchange).filter(({ at }) => at > openAt(connection))
  const got = new Set(heard(connection))
  const last = all.findLastIndex(({ data }) => got.has(data))
  return all.filter(({ doneAt }, i) => i <= last || isDecided(connection, doneAt))
}

const listeners = (exchange: WsExchange, role: string): Connection[] => withRole(exchange, role).filter(({ isOpen }) => isOpen)

/** One finding for each: it has heard all that it had to, unless it was told by a Close that it does not. */
const mustHear = (exchange: WsExchange, connections: readonly Connection[]): Finding[] => connections.flatMap((connection): Finding[] => {
  const got = new Set(heard(connection))
  const due = dueTo(connection, exchange)
  const missing = due.filter(({ data }) => !got.has(data))
  if (due.length === 0 || endedFirst(connection)) return []
  return [{
    where: connection.endPlace, ok: missing.length === 0, expected: `all of ${due.length} events`,
    actual: missing.length === 0 ? 'that' : `${due.length - missing.length} of them`,
  }]
})

const isEvent = (n: number) => (said: Readonly<Record<string, unknown>>): boolean => said['data'] === `event ${n}`

const complete = promised({
  id: 'ws/lifecycle/fanout-complete',
  clause: `${rfc}#section-1.5`,
  says: 'what is published on a channel reaches every connection of it',
  harm: 'some users miss messages, and which depends on where they are connected',
  fix: 'publish through what all instances listen to (Redis, NATS), never to the connections of this process alone',
  check: (exchange) => mustHear(exchange, listeners(exchange, 'subscriber')),
  mutants: { 'one is missing': { edit: unsaid('one', isEvent(3), 0), fault: 'eventsLost', alsoBreaks: ['ws/lifecycle/fanout-join-gap'] } },
})

const once = promised({
  id: 'ws/lifecycle/fanout-once',
  clause: `${rfc}#section-1.5`,
  says: 'each connection of a channel gets an event once',
  harm: 'messages appear twice in the window of whoever is connected to the instance that sent them',
  fix: 'send an event to local connections when it comes back from the broker, not when it is published as well',
  check: (exchange) => [...listeners(exchange, 'subscriber'), ...listeners(exchange, 'joiner')].map((connection): Finding => {
    const all = heard(connection)
    const twice = all.filter((data, i) => all.indexOf(data) < i)
    return { where: connection.endPlace, ok: twice.length === 0, expected: 'each event once', actual: twice.length === 0 ? 'that' : `${twice.length} that came before` }
  }),
  mutants: { 'twice': { edit: followed('one', isEvent(3), { type: 'event', data: 'event 3' }), fault: 'fanOutTwice', alsoBreaks: ['ws/lifecycle/fanout-order'] } },
})

const ordered = promised({
  id: 'ws/lifecycle/fanout-order',
  clause: `${rfc}#section-5.4`,
  says: 'what one publisher publishes one after the other comes in that order',
  harm: 'an edit arrives before what it edits',
  fix: 'publish and fan out one after the other for each channel: parallel promises overtake each other',
  check: (exchange) => {
    const order = published(exchange).map(({ data }) => data)
    return [...listeners(exchange, 'subscriber'), ...listeners(exchange, 'joiner')].flatMap((connection): Finding[] => {
      const known = replies(connection, 'event').filter(({ members }) => order.includes(String(members['data'])))
      const places = [...new Set(known.map(({ members }) => order.indexOf(String(members['data']))))]
      if (places.length < 2) return []
      const at = places.findIndex((place, i) => place < (places[i - 1] ?? -1))
      const wrong = known[at]
      return [{
        where: wrong ? saidPlace(connection, wrong) : connection.endPlace, ok: at < 0, expected: 'the order in which they were published',
        actual: at < 0 ? 'that' : `event ${places[at]} behind event ${places[at - 1]}`,
      }]
    })
  },
  mutants: {
    'two change places': {
      edit: retold('one', (said) => (isEvent(2)(said) ? [{ ...said, data: 'event 3' }] : isEvent(3)(said) ? [{ ...said, data: 'event 2' }] : [said])),
      fault: 'eventsSwapped',
    },
  },
})

const unsubscribed = promised({
  id: 'ws/lifecycle/fanout-unsubscribed',
  clause: `${rfc}#section-5.5.1`,
  says: 'a connection that was closed hears nothing of what is published afterwards',
  harm: 'each client that has left is written to, and kept, until its connection dies by itself',
  fix: 'take the connection off the list when its Close comes, before anything else is sent',
  check: (exchange) => listeners(exchange, 'unsubscribed').flatMap((connection): Finding[] => {
    const close = connection.sent.happenings.find((one) => one.kind === 'close')
    if (!close || close.kind !== 'close') return []
    const later = new Set(published(exchange).filter(({ at }) => at > close.frame.at).map(({ data }) => data))
    if (later.size === 0) return []
    const got = heard(connection).filter((data) => later.has(data))
    return [{ where: connection.endPlace, ok: got.length === 0, expected: 'nothing behind the Close', actual: got.length === 0 ? 'that' : `${got.length} events` }]
  }),
  mutants: {
    'still there': {
      alsoBreaks: ['ws/close/reply'],
      edit: (transcript) => changed(transcript, 'leaves', (link) => {
        const wrong = socket('leaves', { sent: link.sent ?? [], received: (transcript.links.find(({ id }) => id === 'one')?.chunks ?? []).slice(1) }, link.role)
        return { ...link, chunks: [...link.chunks.slice(0, 1), ...wrong.chunks.slice(1)], ended: { at: 7900, by: 'kit', how: 'window' } }
      }),
    },
  },
})

const joinGap = promised({
  id: 'ws/lifecycle/fanout-join-gap',
  clause: `${rfc}#section-4.2.2`,
  says: 'a client that connects while events are published gets every one from the handshake on',
  harm: 'what is published between the first picture and the first message is lost, and the picture stays wrong',
  fix: 'subscribe first, then take the snapshot, and drop from the live events what it has already',
  check: (exchange) => {
    const from = published(exchange)[0]?.at ?? Infinity
    return mustHear(exchange, listeners(exchange, 'joiner').filter((one) => openAt(one) > from))
  },
  mutants: { 'the first is missing': { edit: unsaid('joins', isEvent(3), 0), fault: 'joinLate', alsoBreaks: ['ws/lifecycle/fanout-complete'] } },
})

const brokerLoss = promised({
  id: 'ws/lifecycle/fanout-broker-loss',
  clause: `${rfc}#section-7.4.1`,
  says: 'an instance that does not hear of what is published elsewhere closes its connections',
  harm: 'users look connected, and get nothing, until somebody looks at a graph',
  fix: 'watch the connection to the broker, and close with 1011 or 1012 when it is lost for longer than a moment',
  applies: ({ declares }) => ((declares.instances ?? []).length > 1 ? undefined : 'the target names no second instance (declares.instances)'),
  check: (exchange) => mustHear(exchange, listeners(exchange, 'elsewhere/subscriber')),
  mutants: { 'silence': { edit: unsaid('far', () => true, 0) } },
})

const registryClean = promised({
  id: 'ws/lifecycle/registry-clean',
  clause: `${rfc}#section-7.1.5`,
  says: 'when all connections are over, however they ended, none is counted any more',
  harm: 'each error path leaks a connection, and some weeks later the process dies',
  fix: 'take a connection off every list in one place: the close event, which comes after every ending',
  check: (exchange) => {
    const { connections, acts } = exchange
    const over = Math.max(...connections.map(({ link }) => link.ended.at))
    const last = acts.findLast(({ kind, at }) => kind === 'stats' && at >= over)
    const sockets = last && numberIn(last, 'sockets')
    const subject = connections.findLast(({ isOpen }) => isOpen)
    if (!last || sockets === undefined || !subject || connections.length < 4) return []
    if (sockets > 0 && last.doneAt - over < patienceMs) return []
    return [{ where: subject.endPlace, ok: sockets === 0, expected: 'sockets: 0', actual: sockets === 0 ? 'that' : `sockets: ${sockets}` }]
  },
  mutants: { 'some are left': { edit: onAct('stats', 20_000, { body: '{"subscribers":0,"plays":0,"sockets":3}' }), fault: 'lostSocketCounted' } },
})

/** ms to stop, where the target does not say it */
const drainMs = 10_000

const gracefulShutdown = promised({
  id: 'ws/lifecycle/graceful-shutdown',
  clause: `${rfc}#section-7.4.1`,
  says: 'a server that stops ends its connections within drainMs, and takes nobody any more',
  harm: 'each deployment waits for the one client that never leaves; and who comes in between is cut off at once',
  fix: 'on SIGTERM refuse upgrades with 503, close all with 1001, and terminate what is left after a few seconds',
  check: (exchange) => {
    const signal = exchange.acts.find(({ kind }) => kind === 'signal')
    if (!signal) return []
    const most = exchange.declares.drainMs ?? drainMs
    return [
      ...withRole(exchange, 'going-away').filter(({ isOpen }) => isOpen).flatMap((one): Finding[] => {
        const ms = Math.round(one.link.ended.at - signal.at)
        const ok = one.isDropped && ms <= most + patienceMs
        if (!one.isDropped && ms <= most) return []
        return [{ where: one.endPlace, ok, expected: `the end of TCP within ${most} ms`, actual: ok ? 'that' : one.isDropped ? `after ${ms} ms` : `TCP open after ${ms} ms` }]
      }),
      ...withRole(exchange, 'afterwards').map((one): Finding =>
        ({ where: one.where, ok: !one.isOpen, expected: 'no 101 behind the signal', actual: one.isOpen ? '101' : 'that' })),
    ]
  },
  mutants: {
    'TCP stays open': { edit: heldOpen('stops', 9000) },
    'others are taken': {
      edit: (transcript) => changed(transcript, 'turned-away', ({ role, openedAt }) => ({ ...socket('turned-away', {}, role), openedAt })), fault: 'shutdownAcceptsNew',
    },
  },
})

export const channel: readonly Rule<WsExchange>[] =
  [registryClean, gracefulShutdown, complete, once, ordered, unsubscribed, joinGap, brokerLoss]
