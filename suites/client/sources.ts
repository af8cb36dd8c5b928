/** Wrong sources over real connections, each with the rule that finds it. `node suites/client/sources.ts NAME` is one. */
import { eachUrl, say, types, watch } from '../../clients/adapter.ts'
import { Source, standardHabits, type Habits, type Hearing } from '../../clients/source.ts'
import { wrongDecoders } from './decoders.ts'
import { Interpreter } from './interpreter.ts'

export interface WrongSource {
  readonly rule: string
  readonly habits: Partial<Habits>
  /** what it does when it is asked to let go */
  readonly forget?: () => void
  /** it ends its own process: it can only be a command */
  readonly ends?: true
}

const wrongDecoder = (name: keyof typeof wrongDecoders): Partial<Habits> => {
  const wrong = wrongDecoders[name]
  if (!wrong) throw new Error(`${name} is no wrong decoder`)
  return { decode: (hearing) => new wrong.make(hearing) }
}

/** Waits for the byte after a CR, which may be a LF. */
class Waiting extends Interpreter {
  override lines(text: string): string[] {
    const all = this.held + text
    const end = all.endsWith('\r') ? all.length - 1 : all.length
    const lines = all.slice(0, end).split(this.ends)
    this.held = (lines.pop() ?? '') + all.slice(end)
    return lines
  }
}

/** Has room for a MiB, and dies of more. */
class Brittle extends Interpreter {
  #bytes = 0
  override push(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    if (this.#bytes > 2 ** 20) process.exit(70)
    super.push(bytes)
  }
}

let stale: string | undefined

export const wrongSources: Readonly<Record<string, WrongSource>> = {
  // takes the longest of all, and so goes first
  'stops at the end of the body': { rule: 'eof-reconnects', habits: { returns: (after) => after !== 'end' } },
  'trims values': { rule: 'one-space', habits: wrongDecoder('trims values') },
  'counts CRLF twice across reads': { rule: 'crlf-across-chunks', habits: wrongDecoder('counts CRLF twice across reads') },
  'decodes each read by itself': { rule: 'chunk-invariance', habits: wrongDecoder('decodes each read by itself') },
  'commits the id at its line': { rule: 'id-commit', habits: wrongDecoder('commits the id at its line') },
  'follows the charset parameter': { rule: 'utf8-always', habits: wrongDecoder('follows the charset parameter') },
  'waits for the byte after CR': { rule: 'cr-no-stall', habits: { decode: (hearing) => new Waiting(hearing) } },
  'reads retry with parseInt': { rule: 'retry-digits', habits: wrongDecoder('reads retry with parseInt') },
  'takes retry at the blank line': { rule: 'retry-immediate', habits: wrongDecoder('takes retry at the blank line') },
  'dies of a long line': { rule: 'bounded-memory', habits: { decode: (hearing) => new Brittle(hearing) }, ends: true },
  'fires events after close()': { rule: 'order', habits: { closes: { request: true, wait: true, events: false } } },
  'fires events backwards': {
    rule: 'order',
    habits: {
      decode: (hearing: Hearing) => {
        const events: Parameters<Hearing['onEvent']>[0][] = []
        const inner = new Interpreter({ ...hearing, onEvent: (event) => events.push(event) })
        return {
          push: (bytes) => {
            inner.push(bytes)
            for (const event of events.splice(0).toReversed()) hearing.onEvent(event)
          },
          get lastEventId() {
            return inner.lastEventId
          },
        }
      },
    },
  },
  'reads any status': { rule: 'status-not-200', habits: { accepts: (_, type) => type === 'text/event-stream' } },
  'comes back after a 503': {
    rule: 'status-not-200',
    habits: {
      accepts: (status, type) => {
        if (status === 503) throw new Error('try again')
        return standardHabits.accepts(status, type)
      },
    },
  },
  'compares the type as a string': { rule: 'mime', habits: { accepts: (status, type) => status === 200 && type === 'text/event-stream' } },
  'reads every type': { rule: 'mime', habits: { accepts: (status) => status === 200 } },
  'follows no redirect': { rule: 'redirects', habits: { redirect: 'manual' } },
  'fires two errors': { rule: 'eof-reconnects', habits: { errors: 2 } },
  'gives up when the connection breaks': { rule: 'network-error', habits: { returns: (after) => after !== 'break' } },
  'does not wait': { rule: 'reconnect-delay', habits: { waits: () => 0 } },
  'takes ms for less': { rule: 'reconnect-delay', habits: { waits: (ms) => ms / 2 } },
  'sends the id as latin1': { rule: 'last-event-id-sent', habits: { lastEventId: (id) => (id === '' ? undefined : Buffer.from(id, 'latin1').toString('latin1')) } },
  'sends no id': { rule: 'last-event-id-sent', habits: { lastEventId: () => undefined } },
  'sends an empty id': { rule: 'last-event-id-omitted', habits: { lastEventId: (id) => Buffer.from(id).toString('latin1') } },
  'keeps the header of the request before': { rule: 'last-event-id-omitted', habits: { lastEventId: (id) => (stale = id === '' ? stale : id) } },
  'keeps the connection after close()': { rule: 'close-aborts', habits: { closes: { request: false, wait: true, events: true } } },
  'comes back after close()': { rule: 'close-aborts', habits: { closes: { request: true, wait: false, events: true } } },
  'reads what is not meant for its origin': { rule: 'cors-mode', habits: { headers: { Origin: 'http://127.0.0.1:1' } } },
  'keeps the connection of a source that was let go': { rule: 'gc-abort', habits: {}, forget: () => {} },
  'forgets the id when it comes back': { rule: 'last-id-over-reconnect', habits: { decode: (hearing) => standardHabits.decode({ ...hearing, carried: '' }) } },
}

const [, script = '', name = ''] = process.argv
if (script.endsWith('/suites/client/sources.ts')) {
  const wrong = wrongSources[name]
  if (!wrong) throw new Error(`${name} is no wrong source: ${Object.keys(wrongSources).join(', ')}`)
  process.argv.splice(2, 1)
  let current: Source | undefined
  eachUrl((url) => {
    current?.close()
    current = url === '' ? undefined : new Source(url, { ...standardHabits, ...wrong.habits })
    if (current) watch(current, types, (line) => say({ url, ...line }), wrong.forget)
  })
}
