/** How the control room is provoked: pings of all kinds. */
import { client } from '../../spec/ws/frame.ts'
import type { Suite } from './stimulus.ts'

export const control: Suite = {
  id: 'ws/control',
  properties: [],
  stimuli: [
    {
      id: 'control/ping',
      says: 'a ping',
      feeds: ['ws/control/ping-pong'],
      profile: 'safe',
      steps: [
        { do: 'open', link: 'ping', role: 'ping', to: 'target' },
        { do: 'send', link: 'ping', bytes: client.ping('nonce') },
        { do: 'await', link: 'ping', for: { pong: 'nonce' }, withinMs: 1000 },
        { do: 'leave', link: 'ping', by: 'close' },
      ],
      deadlineMs: 4000,
    },
    {
      id: 'control/long-ping',
      says: 'a ping of 126 bytes',
      feeds: ['ws/control/max-125'],
      profile: 'full',
      steps: [
        { do: 'open', link: 'long', role: 'long-ping', to: 'target' },
        { do: 'send', link: 'long', bytes: client.ping('x'.repeat(126)) },
        { do: 'await', link: 'long', for: { end: true }, withinMs: 1000 },
      ],
      deadlineMs: 4000,
    },
  ],
}
