/** How the resume room is provoked: connections that break, and clients that come back. */
import fc from 'fast-check'
import type { RuleId } from '../../spec/model.ts'
import { leave, send, together } from './steps.ts'
import { start } from './socket.ts'
import type { Event, Handshake, Step, Stimulus, Suite } from './stimulus.ts'

const fed = (...slugs: readonly string[]): RuleId[] => slugs.map((slug) => `ws/resume/${slug}` as RuleId)

/** ms; a right target does all of it at once */
const patienceMs = 1500
/** ms that streams are kept which are to be forgotten, and a target that forgets has behind that */
const briefMs = 300
const forgetMs = 4000
/** ms that a token outlasts its stimulus */
const lastingMs = 60_000
/** chunks of a stream that goes on for as long as anybody wants */
const endless = 100_000

const open = (link: string, asked: Handshake = {}, role = link): Step => ({ do: 'open', link, role, to: 'socket', asked })

const until = (link: string, event: Event, withinMs = patienceMs): Step => ({ do: 'await', link, for: event, withinMs })

/** Comes back for a stream behind the last chunk that another connection got. */
const back = (link: string, stream: string, behind: string): Step => open(link, { query: { stream }, behind })

const done = (link: string): Step => until(link, { text: '"type":"done"' })

const one = (id: string, says: string, feeds: readonly RuleId[], steps: readonly Step[], needs: Stimulus['needs'] = ['socket'], deadlineMs = 8000): Stimulus =>
  ({ id: `resume/${id}`, says, feeds, profile: 'full', alive: true, needs, steps, deadlineMs })

// ---- cuts ------------------------------------------------------------------------------------------------------

interface Cuts {
  /** chunks that each connection gets before it breaks */
  readonly after: readonly number[]
  readonly by: readonly ('fin' | 'rst' | 'close')[]
  readonly everyMs: number
}

/** chunks of each stream that is cut */
const length = 24

const cuts: fc.Arbitrary<Cuts> = fc.record({
  after: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  by: fc.array(fc.constantFrom('fin', 'rst', 'close'), { minLength: 4, maxLength: 4 }),
  everyMs: fc.constantFrom(0, 1, 5),
})

/** One stream on several connections, each of which goes on where the one before broke. */
function journey({ after, by, everyMs }: Cuts, i: number): Step[] {
  const stream = `cut-${i}`
  const link = (n: number): string => `${stream}-${n}`
  return [
    open(link(0)), send(link(0), start(stream, { count: length, bytes: 32, everyMs })),
    ...after.flatMap((messages, n): Step[] => [until(link(n), { messages }), leave(link(n), by[n]), back(link(n + 1), stream, link(n))]),
    done(link(after.length)), leave(link(after.length)),
  ]
}

// always the same, so that two runs ask the same
const sampled = fc.sample(cuts, { seed: 1, numRuns: 10 }).map(journey)

const stimuli: readonly Stimulus[] = [
  one('once', 'a stream whose client breaks off, comes back, and comes back again when all is over',
    fed('suffix-exact', 'concat-equal', 'after-complete', 'no-rerun'), [
      open('first'), send('first', start('cut', { count: 20, bytes: 32, everyMs: 10 })), until('first', { messages: 4 }), leave('first', 'fin'),
      back('second', 'cut', 'first'), done('second'), leave('second'),
      back('again', 'cut', 'first'), done('again'), leave('again'),
    ]),
  one('cuts', `${sampled.length} streams whose connections break in many places`, fed('suffix-exact', 'concat-equal'),
    [together(...sampled)], ['socket'], 15_000),
  one('unknown', 'clients that come back with an id that nobody gave, and with that of another stream', fed('unknown-id'), [
    open('first'), send('first', start('open', { count: endless, bytes: 8, everyMs: 20 })), until('first', { messages: 3 }), leave('first'),
    open('other'), send('other', start('other', { count: 3, bytes: 8, everyMs: 0 })), done('other'), leave('other'),
    together(
      [open('made-up', { query: { stream: 'open', lastEventId: 'streamproof-made-up' } }), until('made-up', { text: '"reset"' }), leave('made-up')],
      [back('foreign', 'nobody', 'other'), until('foreign', { text: '"reset"' }), leave('foreign')],
    ),
    back('mixed', 'open', 'other'), until('mixed', { text: '"reset"' }), until('mixed', { messages: 2 }), leave('mixed'),
  ]),
  one('expired', `a client that comes back long after its stream is kept (${briefMs} ms)`, fed('expired'), [
    { do: 'tune', values: { replayMs: briefMs } },
    open('first'), send('first', start('old', { count: endless, bytes: 8, everyMs: 20 })), until('first', { messages: 3 }),
    open('clock'), leave('first'),
    until('clock', { ms: briefMs + 1200 }, briefMs + 1200), leave('clock'),
    back('late', 'old', 'first'), until('late', { messages: 1 }), leave('late'),
  ], ['socket', 'tune'], briefMs + forgetMs),
  one('users', 'a user who comes back for the stream of another', fed('auth-recheck'), [
    { do: 'token', name: 'own', ttlMs: lastingMs }, { do: 'token', name: 'other', ttlMs: lastingMs, to: 'sibling' },
    { do: 'open', link: 'owner', role: 'owner', to: 'socketAuth', asked: { token: { of: 'own', by: 'header' } } },
    send('owner', start('mine', { count: 30, bytes: 8, everyMs: 20 })), until('owner', { messages: 3 }), leave('owner'),
    {
      do: 'open', link: 'stranger', role: 'stranger', to: 'socketAuth',
      asked: { token: { of: 'other', by: 'header' }, query: { stream: 'mine' }, behind: 'owner' },
    },
    until('stranger', { messages: 1 }), leave('stranger'),
  ], ['socketAuth', 'tokens']),
  one('takeover', 'a second connection that goes on with a stream while the first is open', fed('takeover'), [
    open('taken'), send('taken', start('both', { count: endless, bytes: 8, everyMs: 20 })), until('taken', { messages: 3 }),
    back('taker', 'both', 'taken'), until('taker', { messages: 3 }), until('taken', { close: true }),
    leave('taker'), leave('taken'),
  ]),
  one('twice', 'a start that is sent twice: on the same connection, and on another one', fed('client-dedupe'), [
    open('first'), open('other'),
    send('first', start('twice', { count: 10, bytes: 8, everyMs: 20 })), until('first', { messages: 2 }),
    together(...['first', 'other'].map((link) => [
      send(link, start('twice', { count: 10, bytes: 8, everyMs: 20 })), until(link, { text: '"error"' }),
    ])),
    done('first'), leave('first'), leave('other'),
  ]),
  one('ids', 'two streams of two clients', fed('ids-monotonic', 'id-unguessable'), [
    open('one'), open('two'),
    together(...['one', 'two'].map((link): Step[] => [send(link, start(`guess-${link}`, { count: 5, bytes: 8, everyMs: 5 })), done(link), leave(link)])),
  ]),
  one('elsewhere', 'a client that comes back to another instance', fed('other-instance'), [
    open('near'), send('near', start('far', { count: endless, bytes: 8, everyMs: 20 })), until('near', { messages: 3 }), leave('near'),
    open('elsewhere', { query: { stream: 'far' }, behind: 'near', elsewhere: true }), until('elsewhere', { messages: 1 }), leave('elsewhere'),
  ], ['socket', 'instances']),
  {
    ...one('after-stop', 'a client that was sent away by a server that stops, and comes back to another instance', fed('after-restart'), [
      open('stopped'), send('stopped', start('kept', { count: endless, bytes: 8, everyMs: 20 })), until('stopped', { messages: 3 }),
      { do: 'signal' }, until('stopped', { end: true }, 5000),
      open('after-stop', { query: { stream: 'kept' }, behind: 'stopped', elsewhere: true }, 'elsewhere'), until('after-stop', { messages: 1 }), leave('after-stop'),
    ], ['socket', 'instances'], 12_000),
    final: true,
  },
]

export const resume: Suite = { id: 'ws/resume', properties: [], stimuli }
