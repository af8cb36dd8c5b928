/** How the lifecycle room is provoked: a stream on which nothing happens. */
import type { Suite } from '../stimulus.ts'

export const lifecycle: Suite = {
  id: 'sse/lifecycle',
  properties: [],
  stimuli: [
    {
      id: 'lifecycle/idle-head',
      says: 'a subscription to a channel without any event, to see when its head comes',
      feeds: ['sse/lifecycle/headers-promptly'],
      profile: 'safe',
      needs: ['channel'],
      steps: [{ do: 'open', link: 'idle', role: 'channel', to: 'stream', until: { head: true, thenMs: 0 } }],
      deadlineMs: 3000,
    },
  ],
}
