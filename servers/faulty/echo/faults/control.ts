/** What a server can get wrong about pings and pongs. */
import { right, type Hooks } from '../hooks.ts'

export const control = {
  pongMissing: () => ({ answer: (happening, terms) => (happening.kind === 'ping' ? [] : right.answer(happening, terms)) }),
  longControlAnswered: () => ({
    react: (fault) => (fault.kind === 'control-too-long' ? 'ignore' : right.react(fault)),
    incoming: (frame) => (frame.opcode === 9 && frame.complete && frame.payload.length > 125
      ? { ...frame, announced: 125n, lengthForm: 7, payload: frame.payload.slice(0, 125) } : frame),
  }),
} as const satisfies Record<string, () => Partial<Hooks>>
