/** What a server can get wrong about the end of a connection. */
import { closeBody, mostControlBytes, opcodes, server } from '../../../../spec/ws/frame.ts'
import type { Frame } from '../../../../spec/ws/reader.ts'
import { isText } from '../../../../spec/ws/text.ts'
import type { Hooks } from '../hooks.ts'

const codeOf = ({ payload: [high = 0, low = 0] }: Frame): number => high * 256 + low

/** Closes of this kind are read as if they carried something else. */
const closesRead = (isMeant: (frame: Frame) => boolean, payload: Uint8Array) => (): Partial<Hooks> => ({
  incoming: (frame) => (frame.opcode === opcodes.close && frame.complete && isMeant(frame)
    ? { ...frame, payload, announced: BigInt(payload.length), lengthForm: 7 } : frame),
})

/** A Close with such a code is taken for a right one. */
const taken = (isMeant: (code: number) => boolean) =>
  closesRead((frame) => frame.payload.length >= 2 && isMeant(codeOf(frame)), closeBody(1000))

/** A Close with this code is taken for a wrong one. */
const refused = (code: number) => closesRead((frame) => codeOf(frame) === code, closeBody(1004))

const reserved: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015])

export const close = {
  closeUnanswered: () => ({ closed: () => [] }),
  closeCodeChanged: () => ({ closed: ({ code }) => [server.close(code === undefined ? code : 1001)] }),
  emptyCloseRefused: () => ({ closed: ({ code }) => [server.close(code ?? 1002)] }),
  tcpKeptOpen: () => ({ ends: () => false }),
  closeInMessageRefused: () => ({ closed: ({ code }, open) => [server.close(open.length > 0 ? 1002 : code)] }),
  definedCodeRefused: refused(1010),
  ianaCodeRefused: refused(1013),
  applicationCodeRefused: refused(3000),
  unusedCodeTaken: taken((code) => code < 1000),
  reservedCodeTaken: taken((code) => reserved.has(code)),
  unassignedCodeTaken: taken((code) => code >= 1016 && code <= 2999),
  oneByteCloseTaken: closesRead(({ payload }) => payload.length === 1, closeBody(1000)),
  longReasonRefused: closesRead(({ payload }) => payload.length === mostControlBytes, closeBody(1004)),
  longCloseTaken: closesRead(({ payload }) => payload.length > mostControlBytes, closeBody(1000)),
  badReasonTaken: closesRead(({ payload }) => !isText(payload.subarray(2)), closeBody(1000)),
  readsBehindClose: () => ({ readsOn: () => true }),
  closedTwice: () => ({ closed: ({ code }) => [server.close(code), server.close(code)] }),
  reservedCodeSent: () => ({ closed: ({ code }) => [server.close(code ?? 1005)] }),
  faultClosed1000: () => ({ react: () => 1000 }),
} as const satisfies Record<string, () => Partial<Hooks>>
