/** How the close room is provoked: Closes of every kind, what may stand around them, and servers that close first. */
import fc from 'fast-check'
import { bytes, hex, join } from '../../spec/bytes.ts'
import type { RuleId } from '../../spec/model.ts'
import { client, opcodes } from '../../spec/ws/frame.ts'
import { controls, ramp, texts } from './frames.ts'
import { anyFlawed } from './odd-texts.ts'
import type { Address, Property, Step, Stimulus, Suite, Talk } from './stimulus.ts'

const fed = (slugs: readonly string[]): RuleId[] => slugs.map((slug): RuleId => `ws/close/${slug}`)

/** ms that a target has to end TCP; longer than the patience of the room */
const endMs = 2000

interface Way {
  readonly says: string
  /** the rule of the same name unless given */
  readonly feeds?: readonly string[]
  readonly profile?: Stimulus['profile']
  readonly to?: Address
}

/** Each of these on a connection of its own, to the end of TCP. */
const each = (slug: string, { says, feeds = [slug], profile = 'full', to = 'target' }: Way, all: readonly Uint8Array[]): Stimulus => ({
  id: `close/${slug}`,
  says,
  feeds: fed(feeds),
  profile,
  ...(to === 'echo' ? { needs: ['echo'] } : {}),
  steps: [{
    do: 'together',
    branches: all.map((sent, i): Step[] => {
      const link = all.length === 1 ? slug : `${slug}-${i}`
      return [
        { do: 'open', link, role: slug, to },
        { do: 'send', link, bytes: sent },
        { do: 'await', link, for: { end: true }, withinMs: endMs },
      ]
    }),
  }],
  deadlineMs: 6000,
})

const codes = (slug: string, says: string, all: readonly number[], feeds = slug): Stimulus =>
  each(slug, { says, feeds: [feeds] }, all.map((code) => client.close(code)))

const longReasons = ['x'.repeat(123), 'é'.repeat(61) + '.', '😀'.repeat(30) + '...']

const observed: readonly Stimulus[] = [
  each('normal', {
    says: 'a Close with 1000, and one with 1001',
    feeds: ['reply', 'echo-code', 'tcp-by-server', 'single', 'no-reserved-send'],
    profile: 'safe',
  }, [client.close(1000), client.close(1001, 'gone')]),
  each('empty', { says: 'a Close without a code', feeds: ['empty', 'no-reserved-send'], profile: 'safe' }, [client.close()]),
  codes('code-defined', 'Closes with the codes of RFC 6455', [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]),
  codes('code-iana', 'Closes with the codes that IANA has added', [1000, 1012, 1013, 1014]),
  codes('code-app-range', 'Closes with codes of libraries and applications', [1000, 3000, 3999, 4000, 4999]),
  codes('code-unused', 'Closes with codes below 1000', [0, 999]),
  codes('code-reserved', 'Closes with codes that are never sent', [1004, 1005, 1006, 1015]),
  codes('code-unassigned', 'Closes with codes that mean nothing', [1016, 1100, 2000, 2999]),
  codes('code-beyond', 'Closes with codes from 5000 on', [5000, 65_535], 'code-unassigned'),
  each('length-1', { says: 'a Close with one byte' }, [client.frame(opcodes.close, hex('03'))]),
  each('reason-max', { says: 'Closes with reasons of 123 bytes' }, ['', ...longReasons].map((reason) => client.close(1000, reason))),
  each('reason-too-long', { says: 'a Close of 126 bytes' }, [client.close(1000, 'x'.repeat(124))]),
  each('reason-utf8', { says: 'a Close with a reason that is not UTF-8' }, [client.close(1000, hex('ce ba ce b5 ed a0 80'))]),
  each('then-data', { says: 'messages and a second Close behind a Close', feeds: ['then-data-ignored'] }, [
    join(client.close(1000), client.text('behind')), join(client.close(1000), client.binary('behind'), client.close(1000)),
  ]),
  each('then-ping', { says: 'a ping behind a Close' }, [join(client.close(1000), client.ping('behind'))]),
  each('mid-fragment', { says: 'a Close between fragments' }, [join(client.text('begun', { fin: false }), client.close(1000))]),
  each('fail-code', { says: 'an opcode that means nothing, and text that is not UTF-8' }, [client.frame(3, ''), client.text(hex('61 ff'))]),
  each('after-large', { says: 'a Close behind 256 KiB of text', feeds: ['single'], to: 'echo' }, [
    join(client.text(ramp(256 * 1024)), client.close(1000)),
  ]),
]

// ---- what a driver is asked for --------------------------------------------------------------------------------

const tell = (command: object): Uint8Array => client.text(JSON.stringify(command))
const leave = { type: 'close', code: 1000, reason: 'bye' }

const driven: readonly Stimulus[] = [
  {
    id: 'close/peer-silent',
    says: 'a socket that does not answer the Close of the server',
    feeds: fed(['peer-silent']),
    profile: 'full',
    needs: ['socket'],
    steps: [
      { do: 'open', link: 'silent', role: 'peer-silent', to: 'socket' },
      { do: 'send', link: 'silent', bytes: tell(leave) },
      { do: 'await', link: 'silent', for: { close: true }, withinMs: 2000 },
      { do: 'await', link: 'silent', for: { end: true }, withinMs: 10_500 },
    ],
    deadlineMs: 14_000,
  },
  {
    id: 'close/simultaneous',
    says: 'a Close that crosses that of the server',
    feeds: fed(['simultaneous']),
    profile: 'full',
    needs: ['socket'],
    steps: [
      { do: 'open', link: 'crossing', role: 'simultaneous', to: 'socket' },
      { do: 'send', link: 'crossing', bytes: join(tell(leave), client.close(1000)) },
      { do: 'await', link: 'crossing', for: { end: true }, withinMs: endMs },
    ],
    deadlineMs: 6000,
  },
  {
    id: 'close/flush',
    says: 'a Close of the server behind 20 chunks',
    feeds: fed(['flush-pending']),
    profile: 'full',
    needs: ['socket'],
    steps: [
      { do: 'open', link: 'flush', role: 'flush', to: 'socket' },
      { do: 'send', link: 'flush', bytes: tell({ ...leave, after: 20 }) },
      { do: 'send', link: 'flush', bytes: tell({ type: 'start', stream: 's1', count: 40, bytes: 16_384, everyMs: 0 }) },
      { do: 'await', link: 'flush', for: { close: true }, withinMs: 3000 },
      { do: 'leave', link: 'flush', by: 'close' },
    ],
    deadlineMs: 6000,
  },
  {
    id: 'close/lost',
    says: 'sockets that end TCP without a Close, by FIN and by RST',
    feeds: fed(['fin-without-close']),
    profile: 'full',
    needs: ['socket', 'stats'],
    steps: [
      { do: 'open', link: 'fin', role: 'lost', to: 'socket' },
      { do: 'open', link: 'rst', role: 'lost', to: 'socket' },
      { do: 'stats', of: 'sockets', is: 2, withinMs: 2000 },
      { do: 'leave', link: 'fin', by: 'fin' },
      { do: 'leave', link: 'rst', by: 'rst' },
      { do: 'stats', of: 'sockets', is: 0, withinMs: 3000 },
    ],
    deadlineMs: 8000,
  },
  {
    id: 'close/going-away',
    says: 'open connections while the server is told to stop',
    feeds: [...fed(['going-away']), 'ws/lifecycle/graceful-shutdown'],
    profile: 'full',
    final: true,
    alive: true,
    steps: [
      { do: 'open', link: 'first', role: 'going-away', to: 'target' },
      { do: 'open', link: 'second', role: 'going-away', to: 'target' },
      { do: 'open', link: 'channel', role: 'going-away', to: 'socket' },
      { do: 'signal' },
      // no right server takes half a second to refuse what comes
      { do: 'await', link: 'first', for: { ms: 500 }, withinMs: 500 },
      { do: 'open', link: 'afterwards', role: 'afterwards', to: 'target' },
      {
        do: 'together',
        branches: ['first', 'second', 'channel'].map((link): Step[] => [
          { do: 'await', link, for: { close: true }, withinMs: 5000 }, { do: 'leave', link, by: 'close' },
        ]),
      },
    ],
    deadlineMs: 12_000,
  },
]

// ---- generated -------------------------------------------------------------------------------------------------

const legalCodes = fc.oneof(
  fc.constantFrom(undefined, 1000, 1001),
  fc.constantFrom(1002, 1003, 1007, 1008, 1009, 1010, 1011),
  fc.constantFrom(1012, 1013, 1014),
  fc.integer({ min: 3000, max: 4999 }),
)

/** Right Closes, with a reason of up to 123 bytes. */
const closes: fc.Arbitrary<Uint8Array> = fc.tuple(legalCodes, fc.oneof(texts(12), texts(30)))
  .map(([code, reason]) => client.close(code, reason.length > 123 ? bytes('x') : reason))

const none: readonly Uint8Array[] = []
const behind = fc.constantFrom(
  none, [client.text('behind')], [client.ping('behind')], [client.binary('behind'), client.ping('behind'), client.close(1000)],
)
const begun = fc.constantFrom(
  none, none, [client.text('begun', { fin: false })], [client.binary('', { fin: false }), client.more('x', { fin: false })],
)

const untilEnd = (frame: Uint8Array): Talk => ({ frames: [frame], until: { end: true } })

const wrong = (slug: string, says: string, frames: fc.Arbitrary<Uint8Array>): Property =>
  ({ id: `close/${slug}`, says, feeds: fed([slug]), talks: frames.map(untilEnd), examples: [], runs: 15 })

const properties: readonly Property[] = [
  {
    id: 'close/handshake',
    says: 'right Closes behind pings and fragments, and frames behind them',
    feeds: fed([
      'reply', 'echo-code', 'empty', 'tcp-by-server', 'mid-fragment', 'code-defined', 'code-iana', 'code-app-range',
      'reason-max', 'then-data-ignored', 'then-ping', 'single',
    ]),
    talks: fc.tuple(fc.array(controls, { maxLength: 2 }), begun, closes, behind)
      .map(([before, open, close, after]) => ({ frames: [...before, ...open, close, ...after], until: { close: true } })),
    examples: [],
    runs: 40,
  },
  wrong('code-unused', 'Closes with codes below 1000', fc.integer({ min: 0, max: 999 }).map((code) => client.close(code))),
  wrong('code-unassigned', 'Closes with codes that mean nothing',
    fc.integer({ min: 1016, max: 2999 }).map((code) => client.close(code))),
  wrong('reason-utf8', 'Closes with reasons that are not UTF-8',
    anyFlawed.filter(({ bytes: reason }) => reason.length <= 123).map(({ bytes: reason }) => client.close(1000, reason))),
  wrong('reason-too-long', 'Closes of more than 125 bytes',
    fc.integer({ min: 124, max: 700 }).map((length) => client.close(1000, 'x'.repeat(length)))),
]

export const close: Suite = { id: 'ws/close', stimuli: [...observed, ...driven], properties }
