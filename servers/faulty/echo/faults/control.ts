/** What a server can get wrong about pings and pongs. */
import { opcodes, server } from '../../../../spec/ws/frame.ts'
import type { Control, Message } from '../../../../spec/ws/machine.ts'
import { right, type Hooks, type Terms } from '../hooks.ts'

/** Pings are answered in another way than by one pong. */
const toPing = (answer: (ping: Control, terms: Terms) => readonly Uint8Array[]): Partial<Hooks> => ({
  answer: (one, terms) => (one.kind === 'ping' ? answer(one, terms) : right.answer(one, terms)),
})

/** Of the pings of a connection only some are answered, by their number from 1. */
function onlyPings(isAnswered: (number: number) => boolean): Partial<Hooks> {
  const counts = new WeakMap<Terms, number>()
  return toPing(({ payload }, terms) => {
    const number = (counts.get(terms) ?? 0) + 1
    counts.set(terms, number)
    return isAnswered(number) ? [server.pong(payload)] : []
  })
}

/** Pongs wait until a message is complete. */
function behindMessages(): Partial<Hooks> {
  const waiting = new WeakMap<Terms, Uint8Array[]>()
  const answer: Hooks['answer'] = (one, terms, open = []) => {
    const frames = right.answer(one, terms)
    if (one.kind === 'message') {
      const pongs = waiting.get(terms) ?? []
      waiting.delete(terms)
      return [...frames, ...pongs]
    }
    if (open.length === 0) return frames
    waiting.set(terms, [...(waiting.get(terms) ?? []), ...frames])
    return []
  }
  return { answer }
}

/** Once messages go out, pongs wait for a gap between them that does not come. */
function behindStream(): Partial<Hooks> {
  const streaming = new WeakSet<Terms>()
  return {
    answer: (one, terms) => {
      if (one.kind === 'message') streaming.add(terms)
      return one.kind === 'ping' && streaming.has(terms) ? [] : right.answer(one, terms)
    },
  }
}

/** Something stood between its frames. */
const isDivided = ({ frames }: Message): boolean => frames.some(({ span }, i) => i > 0 && span.start !== frames[i - 1]?.span.end)

export const control = {
  pongMissing: () => toPing(() => []),
  pongAsText: () => toPing(({ payload }) => [server.pong(Buffer.from(Buffer.from(payload).toString('utf8')).subarray(0, 125))]),
  pongEmpty: () => toPing(() => [server.pong()]),
  pongOnlyFirst: () => onlyPings((number) => number === 1),
  pongOnlyLast: () => onlyPings((number) => number % 10 === 0),
  pongTwice: () => toPing(({ payload }) => [server.pong(payload), server.pong(payload)]),
  pongAnswered: () => ({
    answer: (one, terms) => (one.kind === 'pong' ? [server.pong(one.payload)] : right.answer(one, terms)),
  }),
  pongRefused: () => ({
    incoming: (frame) => (frame.opcode === opcodes.pong ? { ...frame, rsv: 7 } : frame),
    react: (fault) => (fault.kind === 'reserved-bit' ? 1011 : right.react(fault)),
  }),
  pongCut: () => toPing(({ payload }) => [server.pong(payload, { fin: false })]),
  longControlAnswered: () => ({
    react: (fault) => (fault.kind === 'control-too-long' ? 'ignore' : right.react(fault)),
    incoming: (frame) => (frame.opcode === opcodes.ping && frame.complete && frame.payload.length > 125
      ? { ...frame, announced: 125n, lengthForm: 7, payload: frame.payload.slice(0, 125) } : frame),
  }),
  wideControlTaken: () => ({ incoming: (frame) => (frame.opcode >= 8 && frame.announced < 126n ? { ...frame, lengthForm: 7 } : frame) }),
  cutControlTaken: () => ({ incoming: (frame) => (frame.opcode >= 8 ? { ...frame, fin: true } : frame) }),
  messageForgotten: () => ({
    answer: (one, terms) => (one.kind === 'message' && isDivided(one) ? [] : right.answer(one, terms)),
  }),
  pongBehindMessage: behindMessages,
  pongBehindStream: behindStream,
} as const satisfies Record<string, () => Partial<Hooks>>
