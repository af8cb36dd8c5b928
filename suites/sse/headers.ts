/** How the headers room is provoked: other types, and compressors. */
import type { Stimulus, Suite } from '../stimulus.ts'

const pauseMs = 150
const played = ['one', 'two', 'three', 'four', 'five', 'last'].map((data) => ({ data }))

/** the base stream showed enough events to tell a burst from none */
const manyEvents = 4

const compressed = (coding: string): Stimulus => ({
  id: `headers/compressed-${coding}`,
  says: `six played events with pauses, with Accept-Encoding: ${coding}`,
  feeds: ['sse/headers/compression-flush', 'sse/headers/content-encoding-declared'],
  profile: 'full',
  needs: ['play'],
  steps: [{
    do: 'open', link: coding, role: 'play', to: 'play',
    asked: {
      headers: { 'Accept-Encoding': coding },
      body: JSON.stringify({ events: played, pauseMs, end: 'close' }),
    },
    until: { end: true, thenMs: 0 },
  }],
  deadlineMs: 4000,
})

export const headers: Suite = {
  id: 'sse/headers',
  properties: [],
  stimuli: [
    {
      id: 'headers/json',
      says: 'a GET with Accept: application/json, to see whether the URL has another answer too',
      feeds: ['sse/headers/vary-negotiated', 'sse/status/406'],
      profile: 'full',
      getOnly: true,
      steps: [{
        do: 'open', link: 'json', role: 'json', to: 'stream',
        asked: { headers: { Accept: 'application/json' } }, until: { head: true, thenMs: 0 },
      }],
      deadlineMs: 3000,
    },
    {
      id: 'headers/coded',
      says: 'a GET that accepts gzip, deflate, br and zstd',
      feeds: ['sse/headers/vary-negotiated', 'sse/headers/content-encoding-declared'],
      profile: 'full',
      getOnly: true,
      steps: [{
        do: 'open', link: 'coded', role: 'coded', to: 'stream',
        asked: { headers: { 'Accept-Encoding': 'gzip, deflate, br, zstd' } }, until: { events: 1 },
      }],
      deadlineMs: 2000,
    },
    {
      id: 'headers/coded-beside-ordinary',
      says: 'two GETs at once, one of them accepting compression, to see whether a compressor holds events back',
      feeds: ['sse/headers/compression-flush'],
      profile: 'full',
      getOnly: true,
      when: ({ events }) => events >= manyEvents,
      steps: [
        { do: 'open', link: 'ordinary', role: 'ordinary', to: 'stream' },
        {
          do: 'open', link: 'coded', role: 'coded', to: 'stream',
          asked: { headers: { 'Accept-Encoding': 'gzip, deflate, br, zstd' } }, until: { window: true },
        },
        { do: 'leave', link: 'ordinary' },
      ],
      deadlineMs: 3000,
    },
    compressed('gzip'),
    compressed('br'),
  ],
}
