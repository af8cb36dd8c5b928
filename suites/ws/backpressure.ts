/**
 * How the backpressure room is provoked: clients that do not read.
 *
 * A system holds 4 to 6 MB for a client that does not read before its server feels anything, so all that is sent is larger.
 */
import { join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client } from '../../spec/ws/frame.ts'
import { endsOf, leave, send } from './steps.ts'
import { ping, start } from './socket.ts'
import type { Address, Event, Step, Stimulus, Suite } from './stimulus.ts'

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/backpressure/${slug}` as RuleId)

const kibibyte = 1024
const mebibyte = 1024 * kibibyte
/** bytes that the target may hold for a client */
const bufferBytes = mebibyte
/** ms of the pause: a target that makes all at once has made it by then */
const pauseMs = 500
const patienceMs = 4000
// what is kept to be resumed counts as well, so it is kept for a moment only
const calm = { bufferBytes, stallMs: 60_000, replayMs: 300 }

const open = (link: string, role: string, to: Address = 'socket'): Step => ({ do: 'open', link, role, to })
const until = (link: string, event: Event, withinMs = patienceMs): Step => ({ do: 'await', link, for: event, withinMs })
// who does not answer pings is dropped for that
const answer = (link: string): Step => ({ do: 'answer', link })
const pause = (link: string): Step => ({ do: 'pause', link })
const resume = (link: string): Step => ({ do: 'resume', link })
const done = (link: string): Step => until(link, { text: '"type":"done"' })
const tune = (values: Readonly<Record<string, number>>): Step => ({ do: 'tune', values })

/** 16 MiB: what the kit keeps of a connection is 20. */
const flood = (stream: string): Uint8Array => start(stream, { count: 64, bytes: 256 * kibibyte, everyMs: 0 })

/** Nothing is read, and a stream comes. */
const stalls = (role: string): Step[] => [open(role, `slow/${role}`), answer(role), pause(role), send(role, flood(role))]

const publishes = 40
const events = (): Step[] => Array.from({ length: publishes }, (_, n): Step => ({ do: 'publish', events: [{ data: `event ${n} `.padEnd(400 * kibibyte, 'x') }] }))

/** Its steps are made when they are asked for: they are long, and most runs of the kit never perform them. */
const one = (
  id: string, says: string, feeds: readonly RuleId[], needs: NonNullable<Stimulus['needs']>, steps: () => readonly Step[],
  { loud = true, deadlineMs = 20_000 }: Partial<Pick<Stimulus, 'loud' | 'deadlineMs'>> = {},
): Stimulus => ({
  id: `backpressure/${id}`, says, feeds, profile: 'full', loud, needs, deadlineMs,
  get steps() {
    return steps()
  },
})

/** 40 MiB, in messages of half a mebibyte. */
function inbound(link: string): Step {
  const messages = Array<Uint8Array>(80).fill(client.binary(new Uint8Array(512 * kibibyte)))
  return { do: 'send', link, bytes: join(...messages), chop: endsOf(messages), withinMs: 1000 }
}

export const backpressure: Suite = {
  id: 'ws/backpressure',
  properties: [],
  stimuli: [
    one('stream', 'a stream of 16 MiB that is not read for a while, beside another one', fed('bounded', 'producer-paused', 'isolated', 'resume-reading'),
      ['socket', 'stats', 'tune'], () => [
        tune(calm), ...stalls('stream'), open('beside', 'beside'), until('beside', { ms: pauseMs }),
        { do: 'stats', of: 'plays', is: 1, withinMs: 0 },
        send('beside', start('beside', { count: 20, bytes: 64, everyMs: 5 })), done('beside'), leave('beside'),
        resume('stream'), done('stream'), leave('stream'),
      ], { loud: 'alone' }),
    one('events', `${publishes} events of 400 KiB that are not read`, fed('policy', 'drop-signalled'), ['socket', 'publish', 'tune'], () => [
      tune(calm), open('events', 'slow/events'), answer('events'), send('events', ping('here')), until('events', { messages: 1 }), pause('events'),
      ...events(), resume('events'),
      until('events', { text: `event ${publishes - 1} ` }, 2500),
      { do: 'publish', events: [{ data: 'event last' }] }, until('events', { text: 'event last' }, 2500), leave('events'),
    ]),
    one('large', 'a stream that is not read, and an event that is larger than what may wait', fed('cap-includes-next'), ['socket', 'publish', 'tune'], () => [
      tune(calm), ...stalls('large'), open('clock', 'clock'), answer('clock'), until('clock', { ms: pauseMs }),
      { do: 'publish', events: [{ data: 'x'.repeat(bufferBytes + 64 * kibibyte) }] },
      resume('large'), done('large'), leave('large'), leave('clock'),
    ]),
    one('stall', 'a client that never reads, where that is waited for no longer than 300 ms', fed('stall-timeout'), ['socket', 'stats', 'tune'], () => [
      tune({ ...calm, stallMs: 300 }), ...stalls('stalled'),
      { do: 'stats', of: 'sockets', is: 0, withinMs: 3500 }, leave('stalled', 'rst'),
    ]),
    one('gone', 'a client that leaves in the middle without having read', fed('freed-on-close'), ['socket', 'stats', 'tune'], () => [
      tune(calm), ...stalls('gone'), open('clock', 'clock'), answer('clock'), until('clock', { ms: pauseMs }), leave('gone', 'rst'), until('clock', { ms: pauseMs }), leave('clock'),
      { do: 'stats', of: 'bufferedBytes', is: 0, withinMs: 4000 },
    ]),
    one('inbound', 'messages of 40 MiB in all to an echo that is not read', fed('inbound'), ['echo'], () => [
      open('inbound', 'inbound', 'echo'), pause('inbound'),
      inbound('inbound'),
      resume('inbound'), until('inbound', { close: true }, 1000), leave('inbound', 'rst'),
    ], { deadlineMs: 6000 }),
  ],
}
