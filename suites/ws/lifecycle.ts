/** How the lifecycle room is provoked: streams, odd messages, and a channel with members that come and go. */
import { join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { leave, pinged, send, sendApart, together } from './steps.ts'
import { cancel, ping, start, tell } from './socket.ts'
import type { Address, Event, Handshake, Step, Stimulus, Suite } from './stimulus.ts'

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/lifecycle/${slug}` as RuleId)

/** ms; a right target does all of it at once, and a wrong one must have been silent for a second behind its last message */
const patienceMs = 2500
/** ms that streams are kept whose clients have left, and for what has to have ended behind that */
const briefMs = 300
const endMs = 2000
const endless = 100_000

const open = (link: string, role = link, to: Address = 'socket', asked?: Handshake): Step => ({ do: 'open', link, role, to, ...(asked ? { asked } : {}) })
const until = (link: string, event: Event, withinMs = patienceMs): Step => ({ do: 'await', link, for: event, withinMs })
const heard = (link: string, text: string): Step => until(link, { text })

/** A ping of the contract, and the pong to it. */
const asks = (link: string, ref: string): Step[] => [send(link, ping(ref)), heard(link, `"pong","ref":"${ref}"`)]

const ended = (link: string, stream: string, type = 'done'): Step => heard(link, `"type":"${type}","stream":"${stream}"`)

const long = (stream: string, everyMs = 10): Uint8Array => start(stream, { count: endless, bytes: 16, everyMs })
const short = (stream: string, count: number, everyMs = 5): Uint8Array => start(stream, { count, bytes: 16, everyMs })

const counted = (of: 'plays' | 'sockets', withinMs = endMs): Step => ({ do: 'stats', of, is: 0, withinMs })

const one = (id: string, says: string, feeds: readonly RuleId[], steps: readonly Step[], needs: Stimulus['needs'] = ['socket'], deadlineMs = 10_000): Stimulus =>
  ({ id: `lifecycle/${id}`, says, feeds, profile: 'full', alive: true, needs, steps, deadlineMs })

// ---- messages that nobody expects ------------------------------------------------------------------------------

const deep = 20_000

/** No JSON, no object, no type, a type that is none, members of wrong types, members that are none, and much too deep. */
const odd: readonly string[] = [
  '{', '', 'null', '[]', '"text"', '7', '{"type":1}', '{"type":"streamproof-unknown"}', '{"type":"start"}',
  '{"type":"start","stream":["a"],"count":"3","bytes":{},"everyMs":null}', '{"__proto__":{"type":"ping"},"constructor":{"prototype":{}}}',
  `${'['.repeat(deep)}${']'.repeat(deep)}`, `{"type":${'{"a":'.repeat(deep)}1${'}'.repeat(deep + 1)}`,
]

/** Each on a connection of its own, beside one with a message that an application may understand. */
const oddities = (role: string, to: Address): Step => together(
  ...odd.map((text, i): Step[] => [open(`odd-${i}`, role, to), send(`odd-${i}`, client.text(text)), ...pinged(`odd-${i}`, 'odd'), leave(`odd-${i}`)]),
  [open('twin', `${role}/twin`, to), send('twin', ping('twin')), ...pinged('twin', 'twin'), leave('twin')],
)

// ---- a channel -------------------------------------------------------------------------------------------------

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const publish = (n: number): Step => ({ do: 'publish', events: [{ data: `event ${n}` }] })
const last = 24
/** publishes at which clients join */
const joins = [6, 11, 16] as const

const joined = numbers(0, joins.length - 1).map((i) => `joiner-${i}`)

const subscribers = ['one', 'two', 'three']

const stimuli: readonly Stimulus[] = [
  one('cancel', 'a stream that is cancelled, twice and then some, and the next one on the same connection',
    fed('cancel-message', 'cancel-idempotent', 'usable-after-cancel', 'no-late-chunk'), [
      open('cancels'), send('cancels', long('stopped')), until('cancels', { messages: 3 }),
      send('cancels', cancel('stopped')), ended('cancels', 'stopped', 'cancelled'),
      counted('plays', patienceMs),
      send('cancels', cancel('stopped'), cancel('never-was')), ...asks('cancels', 'still'),
      send('cancels', short('fresh', 5)), ended('cancels', 'fresh'), send('cancels', cancel('fresh')), ...asks('cancels', 'late'), leave('cancels'),
    ], ['socket', 'stats']),
  one('scope', 'two streams on a connection, one of which is cancelled', fed('cancel-scope'), [
    open('scope'), send('scope', short('kept', 40), long('ended', 5)), until('scope', { messages: 6 }),
    send('scope', cancel('ended')), ended('scope', 'kept'), leave('scope'),
  ]),
  one('race', 'streams that are cancelled about when they end', fed('cancel-race'), [
    open('race'),
    ...numbers(0, 7).flatMap((i): Step[] => {
      const frames = [short(`race-${i}`, 3, i % 2), cancel(`race-${i}`)]
      return [i < 4 ? send('race', ...frames) : sendApart('race', ...frames)]
    }),
    ...asks('race', 'raced'), leave('race'),
  ]),
  one('ends', 'streams that are empty, short, and raise', fed('terminal-once', 'error-visible'), [
    open('ends'),
    send('ends', short('none', 0)), ended('ends', 'none'),
    send('ends', short('single', 1)), ended('ends', 'single'),
    send('ends', start('broken', { count: 6, bytes: 16, everyMs: 5, failAt: 3 })), heard('ends', '"stream":"broken","message"'),
    ...asks('ends', 'over'), leave('ends'),
  ]),
  one('order', 'four streams at the same time on one connection', fed('order-per-stream'), [
    open('order'), send('order', ...numbers(0, 3).map((i) => short(`order-${i}`, 30, i % 3))),
    ...numbers(0, 3).map((i) => ended('order', `order-${i}`)), leave('order'),
  ]),
  ...(['close', 'fin', 'rst'] as const).map((by) => one(`left-${by}`, `a client that leaves its stream by ${by}`, fed(by === 'close' ? 'cancel-by-close' : 'cancel-by-drop'), [
    { do: 'tune', values: { replayMs: briefMs } },
    open('left'), send('left', long('left')), until('left', { messages: 3 }), leave('left', by),
    counted('plays', briefMs + endMs),
  ], ['socket', 'stats', 'tune'])),
  {
    ...one('odd', 'messages that no application asks for, and a binary one', fed('bad-message', 'binary-unsupported'), [
      oddities('odd-message', 'target'),
      open('binary', 'binary-message', 'target'), send('binary', client.binary(Uint8Array.of(0, 255))), ...pinged('binary', 'binary'), leave('binary'),
    ]),
    needs: [],
  },
  one('odd-channel', 'messages that the contract does not know', fed('bad-message'), [oddities('channel/odd-message', 'socket')]),
  one('throw', 'a handler that raises, beside another connection', fed('handler-exception'), [
    open('bystander'), open('raises'), ...asks('bystander', 'before'),
    send('raises', tell({ type: 'throw' })), until('raises', { end: true }), leave('raises', 'fin'),
    ...asks('bystander', 'after'), leave('bystander'),
  ]),
  one('early', 'a message as soon as the connection is open', fed('early-message'), [
    open('early', 'first-message/channel'), ...asks('early', 'early'), leave('early'),
  ]),
  {
    ...one('early-echo', 'a message as soon as the connection is open', fed('early-message'), [
      open('early', 'first-message/echo', 'echo'), send('early', client.text('early')), until('early', { messages: 1 }), leave('early'),
    ]),
    needs: ['echo'],
  },
  one('registry', 'connections that end in every way', fed('registry-clean'), [
    ...['closes', 'fin', 'rst', 'raises', 'closed', 'wrong', 'streams'].map((link) => open(link)),
    send('streams', short('registry', 5)), ended('streams', 'registry'),
    send('raises', tell({ type: 'throw' })), send('closed', tell({ type: 'close', code: 1000 })), send('wrong', join(Uint8Array.of(0xff, 0x80, 0, 0, 0, 0))),
    together(...['raises', 'closed', 'wrong'].map((link) => [until(link, { close: true }), leave(link)])),
    leave('closes'), leave('streams'), leave('fin', 'fin'), leave('rst', 'rst'),
    counted('sockets'),
  ], ['socket', 'stats']),
  one('channel', `${last} events on a channel, while clients join and leave`,
    fed('fanout-complete', 'fanout-once', 'fanout-order', 'fanout-unsubscribed', 'fanout-join-gap'), [
      ...subscribers.map((link) => open(link, 'subscriber')), open('leaves', 'unsubscribed'),
      // a Close, and the connection is read on
      send('leaves', client.close(1000)),
      ...numbers(0, last).flatMap((n): Step[] => {
        const at = joins.findIndex((join) => join === n)
        return at < 0 ? [publish(n)] : [open(`joiner-${at}`, 'joiner'), publish(n)]
      }),
      together(...[...subscribers, ...joined].map((link) => [heard(link, `"event ${last}"`), ...asks(link, 'over'), leave(link)])),
      leave('leaves', 'fin'),
    ], ['socket', 'publish']),
  one('instances', 'events on one instance, and a client of another', fed('fanout-broker-loss'), [
    open('near', 'subscriber'), open('far', 'elsewhere/subscriber', 'socket', { elsewhere: true }),
    ...numbers(0, 5).map(publish), together(...['near', 'far'].map((link) => [heard(link, '"event 5"'), leave(link)])),
  ], ['socket', 'publish', 'instances']),
]

export const lifecycle: Suite = { id: 'ws/lifecycle', properties: [], stimuli }
