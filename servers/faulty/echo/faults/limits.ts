/** What a server can get wrong about how much it takes. */
import { opcodes } from '../../../../spec/ws/frame.ts'
import { refusal, type Refusal, type Request } from '../handshake.ts'
import { right, type Hooks } from '../hooks.ts'

/** bytes; the limit of a server that tells it */
const told = 64 * 1024

/** A server that tells its limit, and keeps to it. */
export const limited: Partial<Hooks> = { maxMessage: told, declares: { maxMessageBytes: told } }

/** From the first handshake that is so on, none is taken any more. */
function broken(isFatal: (request: Request, count: number) => boolean): (request: Request) => Refusal | undefined {
  let count = 0
  let isBroken = false
  return (request) => {
    isBroken ||= isFatal(request, count++)
    return isBroken ? { status: '500 Internal Server Error' } : refusal(request)
  }
}

export const limits = {
  unlimited: () => ({ maxMessage: Number.MAX_SAFE_INTEGER }),
  limitRefused: () => ({ maxMessage: told - 1 }),
  fragmentsUncounted: () => ({ sizeOf: (frames) => frames.at(-1)?.announced ?? 0n }),
  headerTrusted: () => ({ sizeOf: (frames) => frames.reduce((sum, { payload }) => sum + BigInt(payload.length), 0n) }),
  lengthTruncated: () => ({ incoming: (frame) => ({ ...frame, announced: BigInt.asUintN(32, frame.announced) }), maxMessage: 2 ** 32 }),
  piecesUncounted: () => ({
    incoming: (frame) => (frame.opcode === opcodes.continuation && !frame.fin && frame.payload.length < 2 ? undefined : frame),
  }),
  octetsLost: () => ({ arriving: (bytes, pending) => (bytes.length === 1 && pending > 0 ? new Uint8Array(0) : bytes) }),
  pongsQueued: () => ({ maxQueued: Infinity }),
  manyHeadersFatal: () => ({ refusal: broken(({ headers }) => headers.length > 1000) }),
  longFieldSlow: () => ({ thinkMs: ({ headers }) => (headers.some(([, value]) => value.length > 4000) ? 1300 : 0) }),
  crowdDropped: () => ({ refusal: broken((_, count) => count > 60), rejects: false }),
  largeNeverAnswered: () => ({
    answer: (happening, terms) => (happening.kind === 'message' && happening.payload.length > 100_000 ? [] : right.answer(happening, terms)),
  }),
} as const satisfies Record<string, () => Partial<Hooks>>
