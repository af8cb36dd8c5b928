/** What a server can get wrong about permessage-deflate. */
import { hex, join } from '../../../../spec/bytes.ts'
import { flawOf } from '../../../../spec/ws/deflate/offer.ts'
import { opcodes, server } from '../../../../spec/ws/frame.ts'
import type { Frame } from '../../../../spec/ws/reader.ts'
import { deflating, offered, right as choices } from '../deflating.ts'
import { refusal, type Refusal, type Request } from '../handshake.ts'
import { right, type Hooks, type Terms } from '../hooks.ts'

type Flaws = readonly ReturnType<typeof flawOf>[]

/** 400 where the offers are so. */
const refusing = (isRefused: (flaws: Flaws) => boolean) => (request: Request): Refusal | undefined => {
  const flaws = offered(request).map(flawOf)
  return refusal(request) ?? (flaws.length > 0 && isRefused(flaws) ? { status: '400 Bad Request' } : undefined)
}

const startsData = ({ opcode }: Frame): boolean => opcode === opcodes.text || opcode === opcodes.binary

/** Sends a long message when the next one has gone. */
function shortFirst(): Partial<Hooks> {
  const held = new WeakMap<Terms, Uint8Array>()
  return {
    answer: (happening, terms) => {
      const frames = right.answer(happening, terms)
      const [frame] = frames
      if (happening.kind === 'message' && happening.payload.length > 100 && frame && !held.has(terms)) {
        held.set(terms, frame)
        return []
      }
      const late = held.get(terms)
      held.delete(terms)
      return late ? [...frames, late] : frames
    },
    // of a later message the history of an earlier one is not there yet
    terms: deflating({ compression: () => ({ takeover: false }) }),
  }
}

export const deflate = {
  deflateRefused: () => ({ refusal: refusing(() => true) }),
  firstOfferOnly: () => ({ refusal: refusing(([first, ...others]) => first !== undefined && others.length > 0) }),
  badOfferRefused: () => ({ refusal: refusing((flaws) => flaws.length === 1 && flaws[0] === 'parameter') }),
  badWindowRefused: () => ({ refusal: refusing((flaws) => flaws.length === 1 && flaws[0] === 'window') }),
  parametersUnread: () => ({ terms: deflating({ accepts: (offer) => flawOf(offer) !== 'window', answer: () => [] }) }),
  windowsParsed: () => ({ terms: deflating({ accepts: (offer) => flawOf(offer) !== 'parameter' }) }),
  serverWindowUnanswered: () => ({ terms: deflating({ answer: (offer) => choices.answer(offer).filter((one) => !one.startsWith('server_max')) }) }),
  clientWindowAlways: () => ({
    terms: deflating({ answer: (offer) => [...choices.answer(offer).filter((one) => !one.startsWith('client_max')), 'client_max_window_bits=15'] }),
  }),
  serverWindowIgnored: () => ({ terms: deflating({ compression: (agreed) => ({ ...choices.compression(agreed), windowBits: 15 }) }) }),
  serverContextKept: () => ({ terms: deflating({ compression: (agreed) => ({ ...choices.compression(agreed), takeover: true }) }) }),
  clientResetForgotten: () => ({
    terms: deflating({ read: ({ payload }, count, { clientNoContextTakeover }) => (clientNoContextTakeover && count > 0 ? undefined : payload) }),
  }),
  historyForgotten: () => ({ terms: deflating({ memory: () => ({ windowBits: 15, takeover: false }) }) }),
  finalBlockRefused: () => ({ terms: deflating({ read: ({ payload, blocks }) => (blocks.some(({ final }) => final) ? undefined : payload) }) }),
  emptyRefused: () => ({ terms: deflating({ read: ({ payload }) => (payload.length > 0 ? payload : undefined) }) }),
  bombTaken: () => ({ terms: (request) => deflating()(request, Infinity) }),
  tailLeft: () => ({ terms: deflating({ written: (compressed) => join(compressed, hex('0000ffff')) }) }),
  rsv1Repeated: () => ({
    answer: (happening, terms) => {
      if (happening.kind !== 'message' || !terms.deflate) return right.answer(happening, terms)
      const payload = terms.deflate(happening.payload)
      return [
        server.frame(opcodes[happening.type], payload.slice(0, 3), { rsv: 4, fin: false }),
        server.more(payload.slice(3), { rsv: 4 }),
      ]
    },
  }),
  lastByteLost: () => ({
    answer: (happening, terms) => (happening.kind === 'message' && happening.payload.length > 20_000
      ? right.answer({ ...happening, payload: happening.payload.slice(0, -1) }, terms) : right.answer(happening, terms)),
  }),
  allInflated: () => ({ incoming: (frame) => (startsData(frame) ? { ...frame, rsv: 4 } : frame) }),
  framesInflatedAlone: () => ({ incoming: (frame) => (startsData(frame) && frame.rsv === 4 ? { ...frame, fin: true } : frame) }),
  rsv1Anywhere: () => ({ react: (fault) => (fault.kind === 'reserved-bit' && fault.frame.rsv === 4 ? 'ignore' : right.react(fault)) }),
  rsv23Read: () => ({ incoming: (frame) => ({ ...frame, rsv: frame.rsv & 4 }) }),
  corruptIgnored: () => ({ react: (fault) => (fault.kind === 'deflate' ? 'ignore' : right.react(fault)) }),
  inflatedUnchecked: () => ({ react: (fault) => (fault.kind === 'utf8' ? 'ignore' : right.react(fault)) }),
  shortFirst,
} as const satisfies Record<string, () => Partial<Hooks>>
