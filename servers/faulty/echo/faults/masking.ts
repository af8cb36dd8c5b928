/** What a server can get wrong about masks. */
import { client } from '../../../../spec/ws/frame.ts'
import { readFrames, type Frame } from '../../../../spec/ws/reader.ts'
import type { Hooks } from '../hooks.ts'

const zero = new Uint8Array(4)

/** Frames without mask, of these opcodes, pass as if they had one. */
const unmaskedTaken = (...opcodes: readonly number[]): Partial<Hooks> => ({
  incoming: (frame) => (!frame.mask && opcodes.includes(frame.opcode) ? { ...frame, mask: zero } : frame),
})

const isData = ({ opcode }: Frame): boolean => opcode <= 2

export const masking = {
  unmaskedDataTaken: () => unmaskedTaken(1, 2),
  unmaskedControlTaken: () => unmaskedTaken(8, 9, 10),
  unmaskedContinuationTaken: () => unmaskedTaken(0),
  serverMasks: () => ({
    outgoing: (all) => all.map((bytes) => {
      const [one] = readFrames([{ at: 0, bytes }]).frames
      return one ? client.frame(one.opcode, one.payload, { fin: one.fin, rsv: one.rsv }) : bytes
    }),
  }),
  zeroKeyMangled: () => ({
    incoming: (frame) => (isData(frame) && frame.complete && frame.mask?.every((byte) => byte === 0)
      ? { ...frame, payload: frame.payload.toReversed() } : frame),
  }),
  // words are unmasked right, what is left behind the last one is not
  tailMisaligned: () => ({
    incoming: (frame) => {
      const tail = frame.payload.length & 3
      if (!isData(frame) || !frame.complete || frame.payload.length < 4 || tail === 0) return frame
      return { ...frame, payload: frame.payload.map((byte, i) => (i < frame.payload.length - tail ? byte : byte ^ 1)) }
    },
  }),
} as const satisfies Record<string, () => Partial<Hooks>>
