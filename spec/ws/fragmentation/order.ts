/** In which order fragments may come, and what becomes of a message that does not end. */
import { sent as at } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { closed, heldOpen, says, silenced, socket } from '../bytes.ts'
import type { Connection, WsExchange } from '../exchange.ts'
import { client, opcodes, server } from '../frame.ts'
import type { Fault } from '../machine.ts'
import { hasPong } from '../pongs.ts'
import { mustFail, provoked } from '../reaction.ts'

const rfc = 'https://www.rfc-editor.org/rfc/rfc6455'

const first = { fin: false }
const failed = [server.close(1002)]

/** What the cut-off messages carry, so that it is known wherever it comes out. */
const marker = /cut off by \w+/

const cutOff = (ending: string): Uint8Array =>
  client.text(JSON.stringify({ type: 'publish', ref: ending, events: [{ data: `cut off by ${ending}` }] }), first)

const published = (data: string): Uint8Array => server.text(JSON.stringify({ type: 'event', id: '1', data }))

export const links = [
  closed('orphan', { sent: [client.more('orphan')], received: failed }),
  closed('orphan-open', { sent: [client.more('orphan', first)], received: failed }),
  closed('after', { sent: [client.text('one', first), client.more('two'), client.more('three')], received: [at(31, server.close(1002))] }, 'state-reset'),
  socket('after-twin', { sent: [client.text('one', first), client.more('two'), client.ping('behind')], received: [at(31, server.pong('behind'))] }, 'state-reset/twin'),
  closed('within', { sent: [client.text('one', first), client.text('two')], received: [at(21, server.close(1002))] }),
  socket('pieces', { sent: [client.text('three pieces')], received: [server.text('three ', first), server.ping('beat'), server.more('pieces')] }, 'echo/pieces'),
  closed('cut-by-close', { sent: [client.text('cut off by goodbye', first), client.close(1000)], received: [at(21, server.close(1000))] }, 'echo/cut'),
  socket('cut-by-fin', { sent: [cutOff('fin')] }, 'cut'),
  socket('witness', {
    sent: [at(900, client.text('{"type":"publish","ref":"w","events":[{"data":"the witness hears"}]}'))],
    received: [at(901, published('the witness hears'))],
  }),
  closed('endless', { sent: [client.binary('on ', first), client.more('and on', first), client.ping('all of it')], received: [at(25, server.close(1009))] }),
]

/** Nothing was sent behind it: what is done with that is judged among the frames. */
const isLast = ({ index }: Fault, { sent }: Connection): boolean => index >= sent.frames.length - 1

const isData = ({ opcode }: { readonly opcode: number }): boolean => opcode <= opcodes.binary

/** A message was complete before the fault. */
const isBehind = ({ index }: Fault, { sent }: Connection): boolean => sent.frames.slice(0, index).some(isData)

const orphanContinuation: Rule<WsExchange> = {
  id: 'ws/fragmentation/orphan-continuation',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a continuation of nothing ends the connection',
  harm: 'half a message passes for a whole one, or is dropped and nobody is told',
  fix: 'refuse opcode 0 with Close 1002 while no message is open',
  check: (exchange) => mustFail(provoked(exchange, 'orphan-continuation', (fault, connection) => !isBehind(fault, connection) && isLast(fault, connection))),
  mutants: {
    'delivered': { edit: says('orphan', [server.text('orphan')]), fault: 'orphanIgnored' },
    'no reaction': { edit: silenced('orphan-open') },
  },
}

const stateReset: Rule<WsExchange> = {
  id: 'ws/fragmentation/state-reset',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a continuation behind the end of a message ends the connection',
  harm: 'the tail of one message becomes the head of another',
  fix: 'forget the open message when its last fragment has come, and refuse a continuation then',
  check: (exchange) => mustFail(provoked(exchange, 'orphan-continuation', (fault, connection) => isBehind(fault, connection) && isLast(fault, connection))),
  mutants: {
    'no reaction': { edit: silenced('after'), fault: 'messageNeverOver' },
    'TCP stays open': { edit: heldOpen('after') },
  },
}

const interleave: Rule<WsExchange> = {
  id: 'ws/fragmentation/interleave',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'a new message within one that has not ended ends the connection',
  harm: 'the first message is lost, or the two become one',
  fix: 'refuse opcodes 1 and 2 with Close 1002 while a message is open',
  check: (exchange) => mustFail(provoked(exchange, 'interleaved', isLast)),
  mutants: {
    'the second is delivered': { edit: says('within', [at(21, server.text('two'))]), fault: 'interleavedIgnored' },
    'no reaction': { edit: silenced('within') },
  },
}

const sendGrammar: Rule<WsExchange> = {
  id: 'ws/fragmentation/send-grammar',
  level: 'must',
  clause: `${rfc}#section-5.4`,
  says: 'the messages of the server come one after the other, each with its continuations and no other',
  harm: 'clients end the connection with 1002, in the middle of the stream',
  fix: 'send messages through one queue: two senders that write fragments of their own get between each other',
  check: ({ connections }) => connections.filter(({ received }) => received.frames.some(isData)).map((connection): Finding => {
    const { fault } = connection.received
    const bad = fault?.kind === 'orphan-continuation' || fault?.kind === 'interleaved' ? fault : undefined
    return { where: bad ? connection.place(bad.frame) : connection.endPlace, ok: !bad, expected: 'messages one after the other', actual: bad?.says ?? 'that' }
  }),
  mutants: {
    'two senders': { edit: says('pieces', [server.text('three ', first), server.text('another'), server.more('pieces')]), fault: 'sendersInterleave' },
    'a continuation too many': { edit: says('pieces', [server.text('three pieces'), server.more('')]) },
  },
}

/** The message that the kit began and did not end, before it left; undefined where it ended all, or the target was first. */
function cutText({ sent, provocation, isOpen }: Connection): string | undefined {
  if (!isOpen || provocation || sent.open.length === 0) return undefined
  return marker.exec(Buffer.concat(sent.open.map(({ payload }) => payload)).toString('latin1'))?.[0]
}

const abandoned: Rule<WsExchange> = {
  id: 'ws/fragmentation/abandoned',
  level: 'advice',
  promisedBy: 'socket',
  clause: `${rfc}#section-7.1.5`,
  says: 'a message that a Close or the end of TCP has cut off is not delivered',
  harm: 'half a command is carried out, half a prompt is answered and paid for',
  fix: 'drop what was collected of a message when the connection ends',
  check: ({ connections }) => connections.flatMap((connection): Finding[] => {
    const text = cutText(connection)
    // who would hear it: the connection itself when it was answered, and one that stayed
    const isHeard = connection.close !== undefined || connections.some(({ link: { role }, messages }) => role === 'witness' && messages.length > 0)
    if (text === undefined || !isHeard) return []
    const heard = connections.find(({ messages }) => messages.some(({ payload }) => Buffer.from(payload).includes(text)))
    return [{
      where: (heard ?? connection).endPlace,
      ok: heard === undefined,
      expected: 'nothing of the message',
      actual: heard ? `"${text}" in a message on ${heard === connection ? 'the same connection' : 'another connection'}` : 'nothing',
    }]
  }),
  mutants: {
    'echoed before the Close': {
      edit: says('cut-by-close', [at(21, server.text('cut off by goodbye')), at(22, server.close(1000))], { at: 23, by: 'target', how: 'fin' }),
      fault: 'unfinishedDelivered',
    },
    'published': { edit: says('witness', [at(850, published('cut off by fin')), at(901, published('the witness hears'))]) },
  },
}

const openBound: Rule<WsExchange> = {
  id: 'ws/fragmentation/open-bound',
  level: 'advice',
  clause: `${rfc}#section-10.4`,
  says: 'a message that does not end is cut off before it has 64 MiB',
  harm: 'a single client takes all the memory of the server, in fragments that are each small',
  fix: 'bound the sum of the fragments: maxPayload (100 MiB in ws unless it is set), maxPayloadLength in uWebSockets.js, max_size in Python',
  check: ({ connections }) => connections.filter(({ isOpen, link: { role } }) => isOpen && role === 'endless').flatMap((connection): Finding[] => {
    const { close, isDropped, sent: { open, happenings } } = connection
    const isBounded = close !== undefined || isDropped
    const ping = happenings.findLast(({ kind }) => kind === 'ping')
    // without a pong it is not known how much of it was read
    if (!isBounded && !(ping?.kind === 'ping' && hasPong(connection, ping.payload))) return []
    const size = open.reduce((sum, { payload }) => sum + payload.length, 0)
    return [{
      where: connection.endPlace,
      ok: isBounded,
      expected: 'the end of the connection',
      actual: isBounded ? 'that' : `${size} bytes of one message taken, and no end`,
    }]
  }),
  mutants: {
    'all of it is taken': { edit: says('endless', [at(35, server.pong('all of it'))]), fault: 'endlessTaken' },
  },
}

export const rules: readonly Rule<WsExchange>[] = [orphanContinuation, stateReset, interleave, sendGrammar, abandoned, openBound]
