/** What a server can get wrong about text. */
import { opcodes, server } from '../../../../spec/ws/frame.ts'
import type { Frame } from '../../../../spec/ws/reader.ts'
import { isText, textFlaw, type TextFlaw } from '../../../../spec/ws/text.ts'
import { right, type Hooks } from '../hooks.ts'

/** The frame with the flaw is left out, and what follows is answered. */
const ignored = (flaw: TextFlaw) => (): Partial<Hooks> => ({
  react: (fault) => (textFlaw(fault) === flaw ? 'ignore' : right.react(fault)),
})

const isBad = ({ opcode, payload }: Frame, wanted: number): boolean => opcode === wanted && !isText(payload)

/** The frame as text: the check of text then refuses it. */
const asText = (frame: Frame): Frame => ({ ...frame, opcode: opcodes.text })

/** Fails as text by itself, whatever follows. */
const spoiled = (frame: Frame): Frame => ({ ...frame, payload: Uint8Array.of(0xff) })

const refusedIf = (isOdd: (frame: Frame) => boolean) => (): Partial<Hooks> => ({
  incoming: (frame) => (frame.opcode <= opcodes.text && isOdd(frame) ? spoiled(frame) : frame),
})

export const utf8 = {
  invalidTextIgnored: ignored('invalid'),
  overlongIgnored: ignored('overlong'),
  surrogateIgnored: ignored('surrogate'),
  rangeIgnored: ignored('range'),
  truncatedIgnored: ignored('truncated'),
  splitInvalidIgnored: ignored('split'),
  textCheckedAtFin: () => ({
    incoming: (frame) =>
      (!frame.fin && isBad(frame, opcodes.text) ? { ...frame, payload: frame.payload.map(() => 0x3f) } : frame),
  }),
  textCheckedByFrame: () => ({ incoming: (frame) => (frame.complete ? frame : undefined) }),
  noncharacterRefused: refusedIf(({ payload }) => Buffer.from(payload).includes('\ufffe')),
  byteOrderMarkStripped: () => ({
    answer: (happening, ...rest) => {
      const { payload } = happening
      const isMarked = happening.kind === 'message' && happening.type === 'text' && Buffer.from(payload).indexOf('\ufeff') === 0
      return isMarked ? [server.text(payload.subarray(3))] : right.answer(happening, ...rest)
    },
  }),
  splitTextRefused: refusedIf(({ fin, payload }) => !fin && !isText(payload)),
  binaryChecked: () => ({ incoming: (frame) => (isBad(frame, opcodes.binary) ? asText(frame) : frame) }),
  pingChecked: () => ({ incoming: (frame) => (isBad(frame, opcodes.ping) ? asText(frame) : frame) }),
  textRepaired: () => ({
    incoming: (frame) => (frame.complete && isBad(frame, opcodes.text)
      ? { ...frame, payload: Buffer.from(Buffer.from(frame.payload).toString('utf8')) } : frame),
  }),
  characterCut: () => ({ greeting: () => [server.text(Uint8Array.of(0xe2, 0x82)), server.text(Uint8Array.of(0xac))] }),
} as const satisfies Record<string, () => Partial<Hooks>>
