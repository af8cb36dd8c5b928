/** What a server can get wrong about fragments. */
import { opcodes, server } from '../../../../spec/ws/frame.ts'
import type { FaultKind } from '../../../../spec/ws/machine.ts'
import type { Frame } from '../../../../spec/ws/reader.ts'
import { right, type Hooks } from '../hooks.ts'

const isFragment = ({ opcode, fin, complete }: Frame): boolean => complete && (opcode === opcodes.continuation || (opcode <= 2 && !fin))

/** Fragments that are taken for messages of their own. */
const alone = (which: (payload: string) => boolean): Partial<Hooks> => ({
  incoming: (frame) => (isFragment(frame) && which(Buffer.from(frame.payload).toString('latin1'))
    ? { ...frame, fin: true, opcode: frame.opcode || opcodes.text } : frame),
})

/** Frames with this fault are passed over. */
const ignoring = (kind: FaultKind): Partial<Hooks> => ({ react: (fault) => (fault.kind === kind ? 'ignore' : right.react(fault)) })

export const fragmentation = {
  fragmentsAlone: () => alone(() => true),
  numbersAtOnce: () => alone((payload) => /^\d+$/.test(payload)),
  emptyFragmentEnds: () => ({ incoming: (frame) => (isFragment(frame) && frame.announced === 0n ? { ...frame, fin: true } : frame) }),
  fragmentedAsText: () => ({
    answer: (one, terms) => (one.kind === 'message' && one.frames.length > 1
      ? [server.text(one.payload)] : right.answer(one, terms)),
  }),
  orphanIgnored: () => ignoring('orphan-continuation'),
  // the flag of the open message is never taken back
  messageNeverOver: () => {
    let isOpen = false
    return {
      answer: (one, terms) => {
        isOpen ||= one.kind === 'message'
        return right.answer(one, terms)
      },
      react: (fault) => (isOpen && fault.kind === 'orphan-continuation' ? 'ignore' : right.react(fault)),
    }
  },
  interleavedIgnored: () => ignoring('interleaved'),
  sendersInterleave: () => ({
    answer: (one, terms) => (one.kind === 'message'
      ? [server.text('one sender ', { fin: false }), server.text('another'), server.more('goes on')] : right.answer(one, terms)),
  }),
  unfinishedDelivered: () => ({
    closed: (close, open) => [server.text(Buffer.concat(open.map(({ payload }) => payload))), ...right.closed(close, open)],
  }),
  endlessTaken: () => ({ maxMessage: Number.MAX_SAFE_INTEGER }),
} as const satisfies Record<string, () => Partial<Hooks>>
