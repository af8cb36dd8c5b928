/** Control frames between the fragments of a message, and beside a stream of messages. */
import { sent as at } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { says, silenced, socket } from '../bytes.ts'
import { echoes, isSame } from '../echoes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, opcodes, server } from '../frame.ts'
import type { Control, Message } from '../machine.ts'
import { mustRead } from '../pongs.ts'
import type { Frame } from '../reader.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const bulk = 'x'.repeat(2000)

export const links = [
  socket('inside', {
    sent: [client.text('str', { fin: false }), client.ping('inside'), at(600, client.more('eam')), at(610, client.ping('behind'))],
    received: [at(21, server.pong('inside')), at(611, server.pong('behind'))],
  }),
  socket('inside-twin', { sent: [client.text('stream'), client.ping('behind')], received: [server.pong('behind')] }, 'inside/twin'),
  socket('echo-inside', {
    sent: [client.text('str', { fin: false }), client.pong('inside'), client.more('eam')],
    received: [at(31, server.text('stream'))],
  }, 'echo/inside'),
  socket('streaming', {
    sent: [client.text(bulk), client.ping('beside')],
    received: [server.text(bulk), server.pong('beside'), server.text('more')],
  }),
]

/** Something stands between its frames. */
const isDivided = ({ frames }: Message): boolean => frames.some(({ span }, i) => i > 0 && span.start !== frames[i - 1]?.span.end)

/** A ping of the kit within a message, and the fragment that ended the message; undefined when none did. */
interface Interlude {
  readonly ping: Frame
  readonly last: Frame | undefined
}

/** In one pass: there may be very many pings. */
function interludes({ sent, provocation }: Connection): Interlude[] {
  if (provocation) return []
  const found: Interlude[] = []
  let pings: Frame[] | undefined
  for (const frame of sent.frames) {
    if (frame.opcode === opcodes.ping) pings?.push(frame)
    if (frame.opcode > opcodes.binary) continue
    if (frame.fin) found.push(...(pings ?? []).map((ping) => ({ ping, last: frame })))
    pings = frame.fin ? undefined : pings ?? []
  }
  return [...found, ...(pings ?? []).map((ping) => ({ ping, last: undefined }))]
}

const insideFragments: Rule<WsExchange> = {
  id: 'ws/control/inside-fragments',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'control frames between the fragments of a message are handled, and the message stays what it is',
  harm: 'a client that pings while it sends something long loses the message, or the connection',
  fix: 'keep the state of the message apart from that of the frame: opcodes of 8 and more do not touch it',
  check: (exchange) => exchange.connections.filter(({ provocation }) => !provocation).flatMap((connection) => {
    const inside = new Set(interludes(connection).map(({ ping }) => ping))
    return [
      ...(inside.size > 0 ? mustRead(exchange, [connection], 'the ping between fragments taken', ({ frame }) => inside.has(frame)) : []),
      ...echoes(connection).filter(({ sent }) => isDivided(sent)).map(({ sent, back }) => ({
        where: connection.endPlace,
        ok: back !== undefined && isSame(sent, back),
        expected: 'the message as it was sent',
        actual: !back ? 'no message' : isSame(sent, back) ? 'it' : `a ${back.type} message of ${back.payload.length} bytes`,
      })),
    ]
  }),
  mutants: {
    'the end': { edit: says('inside', [server.close(1002)], { at: 13, by: 'target', how: 'fin' }) },
    'the message is lost': { edit: silenced('echo-inside'), fault: 'messageForgotten' },
    'the rest alone': { edit: says('echo-inside', [server.text('eam')]) },
  },
}

/** ms; what a pong may take */
const promptMs = 500

const pongPrompt: Rule<WsExchange> = {
  id: 'ws/control/pong-prompt',
  level: 'should',
  clause: `${rfc}#section-5.5.2`,
  says: 'a ping between two fragments is answered before the message ends',
  harm: 'a client that sends something long takes the connection for dead while it sends',
  fix: 'answer a ping when its frame is read, not when the message around it is complete',
  check: ({ connections }) => connections.filter(({ received }) => !received.fault).flatMap((connection) =>
    interludes(connection).flatMap(({ ping, last }): Finding[] => {
      const pong = last && connection.pongs.find(({ payload }) => Buffer.compare(payload, ping.payload) === 0)
      if (!pong) return []
      const isPrompt = pong.frame.at < last.startedAt
      // whoever sends the rest at once leaves no time for it
      if (!isPrompt && last.startedAt - ping.at < promptMs) return []
      return [{
        where: connection.place(pong.frame),
        ok: isPrompt,
        expected: 'a pong before the last fragment was sent',
        actual: isPrompt ? 'that' : `one behind it, ${Math.round(pong.frame.at - ping.at)} ms after the ping`,
      }]
    })),
  mutants: {
    'behind the message': {
      edit: says('inside', [at(605, server.pong('inside')), at(611, server.pong('behind'))]), fault: 'pongBehindMessage',
    },
  },
}

/** ms; what a pong may take while the server streams */
const streamingMs = 1000

const isStreaming = ({ isOpen, link: { role }, messages }: Connection): boolean =>
  isOpen && (role === 'streaming' || role === 'echo/streaming') && messages.length > 0

const pongWhileStreaming: Rule<WsExchange> = {
  id: 'ws/control/pong-while-streaming',
  level: 'should',
  clause: `${rfc}#section-5.5.2`,
  says: `a ping is answered within ${streamingMs} ms while the server streams`,
  harm: 'the longer the answer, the surer the client takes the connection for dead in the middle of it',
  fix: 'keep little in the queue of the socket: go on when it has drained (bufferedAmount, getBufferedAmount), so that a pong is next',
  check: ({ connections }) => connections.filter((one) => isStreaming(one) && !one.provocation && !one.received.fault).flatMap((connection): Finding[] => {
    const ping = connection.sent.happenings.find((one): one is Control => one.kind === 'ping')
    if (!ping) return []
    const pong = connection.pongs.find(({ payload }) => Buffer.compare(payload, ping.payload) === 0)
    const ms = (pong?.frame.at ?? leftAt(connection)) - ping.frame.at
    if (!pong && ms < streamingMs) return []
    return [{
      where: pong ? connection.place(pong.frame) : connection.endPlace,
      ok: ms <= streamingMs,
      expected: `a pong within ${streamingMs} ms`,
      actual: pong ? `one after ${Math.round(ms)} ms` : `none within ${Math.round(ms)} ms`,
    }]
  }),
  mutants: {
    'behind the stream': { edit: says('streaming', [server.text(bulk), at(1021, server.pong('beside'))]) },
    'not while it streams': { edit: says('streaming', [server.text(bulk), at(1100, server.text('more'))]), fault: 'pongBehindStream' },
  },
}

/** ms; the kit said goodbye, or the connection ended */
const leftAt = ({ sent, link }: Connection): number => sent.frames.find(({ opcode }) => opcode === opcodes.close)?.startedAt ?? link.ended.at

export const rules: readonly Rule<WsExchange>[] = [insideFragments, pongPrompt, pongWhileStreaming]
