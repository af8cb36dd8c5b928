/** What a server can get wrong about signs of life. */
import { server } from '../../../../spec/ws/frame.ts'
import { right, type Hooks } from '../hooks.ts'

/** bytes; from messages of this size on a server is at work */
const large = 60_000

export const heartbeat = {
  /** longer than what proxies wait */
  slowBeatsDeclared: () => ({ declares: { heartbeatMs: 120_000 } }),
  /** the timer is cleared where TCP ends, and fires once more before */
  pingBehindClose: () => ({ closed: (close, open) => [...right.closed(close, open), server.ping('still here')] }),
  /** what has to be done first is done first */
  pongsBehindWork: () => {
    let works = false
    return {
      lateMs: (happening) => {
        works ||= happening.kind === 'message' && happening.payload.length >= large
        return works && happening.kind === 'ping' ? 1100 : 0
      },
    }
  },
} as const satisfies Record<string, () => Partial<Hooks>>
