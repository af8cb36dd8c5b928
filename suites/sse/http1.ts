/** How the http1 room is provoked: text whose bytes are more than its characters, streams that end, odd requests. */
import fc from 'fast-check'
import type { Asked, Stimulus, Suite } from '../stimulus.ts'

const letters = fc.constantFrom('é', 'ж', '日', '😀', '\u{10ffff}', 'x', ' ')
const wide = fc.string({ unit: letters, minLength: 1, maxLength: 40 })
const large = fc.tuple(wide, fc.integer({ min: 100, max: 1000 })).map(([text, times]) => text.repeat(times))
const text = fc.oneof({ arbitrary: wide, weight: 6 }, { arbitrary: large, weight: 1 })
const texts = fc.array(text, { minLength: 1, maxLength: 6 })
const scripts = texts.map((list) => ({ events: list.map((data) => ({ data })) }))

const host = (slug: string, asked: Asked, says: string): Stimulus => ({
  id: `http1/${slug}`,
  says,
  feeds: [asked.host === 'twice' ? 'sse/http1/host-once' : 'sse/http1/host-required', 'sse/headers/date-on-refusals'],
  profile: 'full',
  getOnly: true,
  steps: [{ do: 'open', link: slug, role: slug, to: 'stream', asked, until: { head: true, thenMs: 0 } }],
  deadlineMs: 2000,
})

export const http1: Suite = {
  id: 'sse/http1',
  properties: [
    {
      id: 'http1/chunked-valid',
      says: 'text of many bytes a character, in small and large events',
      feeds: ['sse/http1/chunked-valid', 'sse/http1/single-chunking', 'sse/http1/no-te-and-cl'],
      scripts,
      // blocks of 0x10 and 0x100 bytes show a size in decimal
      examples: [
        { events: [{ data: 'grüße' }, { data: '😀' }] },
        { events: [{ data: 'x'.repeat(8) }, { data: 'x'.repeat(248) }, { data: 'é'.repeat(70_000) }] },
        { events: Array.from({ length: 200 }, (_, n) => ({ data: `ж${n}` })) },
      ],
      runs: 15,
      fresh: true,
    },
    {
      id: 'http1/last-chunk',
      says: 'streams that the target ends, at once or after a pause',
      feeds: ['sse/http1/last-chunk', 'sse/framing/no-tail-at-close'],
      scripts: fc.tuple(scripts, fc.constantFrom(0, 5))
        .map(([script, pauseMs]) => ({ ...script, pauseMs, end: 'close' as const })),
      examples: [{ events: [{ data: 'last' }] }, { events: [{ data: 'x'.repeat(300_000) }] }],
      runs: 10,
      fresh: true,
    },
  ],
  stimuli: [
    {
      id: 'http1/http10',
      says: 'a request in HTTP/1.0',
      feeds: ['sse/http1/http10-client'],
      profile: 'full',
      getOnly: true,
      steps: [{
        do: 'open', link: 'http10', role: 'http10', to: 'stream',
        asked: { version: '1.0' }, until: { head: true, thenMs: 200 },
      }],
      deadlineMs: 2000,
    },
    host('no-host', { host: 'absent' }, 'a request without Host'),
    host('two-hosts', { host: 'twice' }, 'a request with two Host fields'),
  ],
}
