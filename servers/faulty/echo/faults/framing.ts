/** What a server can get wrong about frames. */
import { frame as framed, opcodes, server } from '../../../../spec/ws/frame.ts'
import { read } from '../../../../spec/ws/machine.ts'
import { readFrames, type Frame } from '../../../../spec/ws/reader.ts'
import { right, type Hooks } from '../hooks.ts'

const fewestBits = (length: number): Frame['lengthForm'] => (length < 126 ? 7 : length < 65_536 ? 16 : 64)

const isData = ({ opcode }: Frame): boolean => opcode <= 2

/** Frames on their way out, each written anew. */
const rewritten = (rewrite: (frame: Frame) => Uint8Array | undefined): Partial<Hooks> => ({
  outgoing: (all) => all.map((bytes) => {
    const [one] = readFrames([{ at: 0, bytes }]).frames
    return (one && rewrite(one)) ?? bytes
  }),
})

/** The data frames that come, changed where the condition holds. */
const incoming = (wrong: (frame: Frame) => boolean, change: (frame: Frame) => Frame | undefined): Partial<Hooks> => ({
  incoming: (frame) => (frame.complete && wrong(frame) ? change(frame) : frame),
})

export const framing = {
  edgeLost: () => incoming((frame) => isData(frame) && frame.announced === 126n, () => undefined),
  longLengthDropped: () => ({
    incoming: (frame) => (isData(frame) && frame.announced > 65_535n ? { ...frame, rsv: 7 } : frame),
    react: () => 'drop',
  }),
  emptyLost: () => ({ answer: (one, terms) => (one.kind === 'message' && one.payload.length === 0 ? [] : right.answer(one, terms)) }),
  textAsBinary: () => ({
    answer: (one, terms) => (one.kind === 'message' ? [server.binary(one.payload)] : right.answer(one, terms)),
  }),
  bufferReused: () => ({
    answer: (one, terms) => (one.kind === 'message' && one.type === 'binary' && one.payload.length > 1000
      ? [server.binary(Uint8Array.from(one.payload, (byte, i) => (i < 1000 ? byte : 0)))] : right.answer(one, terms)),
  }),
  longLengths: () => rewritten(({ opcode, payload }) => (opcode <= 2 ? server.frame(opcode, payload, { lengthForm: 64 }) : undefined)),
  signedLengths: () => rewritten(({ opcode, payload }) =>
    (opcode <= 2 && payload.length > 65_535 ? server.frame(opcode, payload, { announced: BigInt(payload.length) | 2n ** 63n }) : undefined)),
  longFormTaken: () => ({
    incoming: (frame) => (isData(frame) && frame.announced < 2n ** 63n ? { ...frame, lengthForm: fewestBits(Number(frame.announced)) } : frame),
  }),
  hugeLengthTaken: () => ({ react: (fault) => (fault.kind === 'length-too-large' ? 'ignore' : right.react(fault)) }),
  rsvTaken: () => incoming(isData, (frame) => ({ ...frame, rsv: 0 })),
  rsvControlTaken: () => incoming((frame) => !isData(frame), (frame) => ({ ...frame, rsv: 0 })),
  rsvSent: () => rewritten(({ opcode, payload }) => (opcode <= 2 ? server.frame(opcode, payload, { rsv: 4 }) : undefined)),
  opcodeTaken: () => incoming(({ opcode }) => opcode > 2 && opcode < 8, (frame) => ({ ...frame, opcode: opcodes.binary })),
  controlOpcodeIgnored: () => incoming(({ opcode }) => opcode > 10, () => undefined),
  opcodeSent: () => rewritten(({ opcode, payload }) => (opcode === opcodes.pong ? server.frame(3, payload) : undefined)),
  // a header is read from whatever is there: a byte alone is no header
  lonelyOctetLost: () => ({ arriving: (bytes, pending) => (pending === 0 && bytes.length === 1 ? new Uint8Array() : bytes) }),
  onlyFirstOfRead: () => ({
    arriving: (bytes, pending) => (pending === 0 ? bytes.subarray(0, readFrames([{ at: 0, bytes }]).frames[0]?.span.end) : bytes),
  }),
  halfOpen: () => ({ endsToo: false }),
  partDelivered: () => ({ cut: ({ opcode, payload }) => (opcode <= 2 && payload.length > 0 ? [server.frame(opcode, payload)] : []) }),
  faultGoneOver: () => ({ react: () => 'ignore' }),
  // what a read gave is handed on when all of it is right
  outputDropped: () => ({
    arriving: (bytes) => {
      const { frames, partial } = readFrames([{ at: 0, bytes }])
      return read(frames, { from: 'client' }, partial).fault ? framed({ opcode: 3, mask: new Uint8Array(4) }) : bytes
    },
  }),
  faultSpreads: () => {
    let spoiled = false
    return {
      react: () => {
        spoiled = true
        return 'drop'
      },
      incoming: (frame) => (spoiled ? { ...frame, rsv: 7 } : frame),
    }
  },
} as const satisfies Record<string, () => Partial<Hooks>>
