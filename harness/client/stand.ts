/** What every scenario works with: the server, the client, and what is known of the client's pace. */
import type { Delivery, Seen, Unseen } from '../../spec/client/judge.ts'
import type { Reading } from '../../spec/client/vectors.ts'
import type { Client, Opened, Told } from './client.ts'
import type { ClientServer, Received, Script, Visit } from './server.ts'

export type Scenario = (stand: Stand) => Promise<readonly Seen[] | Unseen>

/** ms that a client may take to start and fire its first event; a browser on a busy machine is slow */
const startMs = 30_000
/** ms for a client to come back when the reconnection time is short */
const returnMs = 10_000
/** ms after the end of a body in which a client that tells of no errors has told every event */
const quietMs = 300
/** the short reconnection time that scenarios set, ms */
export const shortMs = 50
/** an answer that sets it, and ends */
export const shorten = { pieces: [`retry: ${shortMs}\n\n`] } as const

/** A client that does nothing that could be judged; the message is one line. */
export class Mute extends Error {}

/** A source that a client has opened at a URL of the server. */
export interface Source {
  readonly visit: Visit
  readonly told: Opened['told']
}

/** What a first visit has shown. */
interface Pace {
  /** ms from the end of a body to the next request, after `retry: 50`; undefined when none came */
  readonly back: number | undefined
  /** the client tells of errors */
  readonly tellsErrors: boolean
  readonly first: Received
}

export class Stand {
  readonly server: ClientServer
  readonly #client: Client
  readonly #waiting: (() => void)[] = []
  #free: number
  #pace: Pace | undefined
  #usual: Promise<number | undefined> | undefined
  /** sources opened so far */
  opened = 0

  /** @param atOnce sources that are open at the same time */
  constructor(server: ClientServer, client: Client, atOnce: number) {
    this.server = server
    this.#client = client
    this.#free = atOnce
  }

  /** What is known after `meet`. */
  get pace(): Pace {
    if (!this.#pace) throw new Error('the client was not met')
    return this.#pace
  }

  /** ms in which everything that comes has come */
  get patience(): number {
    return Math.max(10_000, 20 * (this.pace.back ?? 0))
  }

  /** ms after which a request that did not come will not come: many times what the client took when it came back */
  get absence(): number {
    return this.pace.back === undefined ? 500 : Math.max(1000, 5 * this.pace.back)
  }

  /** Opens a source at a new URL, works with it, and closes it. Waits for its turn. */
  async open<T>(script: Script, work: (source: Source) => Promise<T>, place?: { readonly elsewhere?: boolean }): Promise<T> {
    await this.#turn()
    this.opened += 1
    const visit = this.server.visit(script, place)
    const source = this.#client.open(visit.url)
    try {
      return await work({ visit, told: source.told })
    } finally {
      await source.close()
      this.#free += 1
      this.#waiting.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#free -= 1
  }

  /**
   * Learns the pace of the client.
   * @throws Mute when it tells of no event
   */
  async meet(): Promise<void> {
    const hello = { pieces: [`retry: ${shortMs}\n\ndata: hello\n\n`], hold: true } as const
    this.#pace = await this.open((n) => (n === 0 ? hello : { hold: true }), async ({ visit, told }) => {
      const heard = await told.until((items) => items.find(({ kind }) => kind === 'event' || kind === 'gone'), startMs)
      const first = visit.log.items.find((item) => item.kind === 'request')
      if (heard?.kind !== 'event' || !first) throw new Mute(muteness(heard, first !== undefined, told.items))
      const endedAt = performance.now()
      visit.finish('end')
      const again = await visit.request(1, returnMs)
      const error = await told.until((items) => items.find(({ kind }) => kind === 'error'), again ? 500 : 0)
      return { back: again && again.at - endedAt, tellsErrors: error !== undefined, first }
    })
  }

  /** ms after which the client comes back when nobody has set a reconnection time; undefined when it does not in 20 s */
  usualDelay(): Promise<number | undefined> {
    return (this.#usual ??= this.open(() => ({ pieces: ['data: a\n\n'] }), ({ visit }) => delay(visit, 0, 20_000)))
  }

  /** What the client makes of a vector. */
  read({ pieces, contentType, returns }: Delivery): Promise<Reading> {
    const comesBack = returns && this.pace.back !== undefined
    const place = comesBack ? 1 : 0
    const script: Script = (n) => {
      if (n < place) return shorten
      return n === place ? { headers: [['Content-Type', contentType]], pieces } : { status: 204, headers: [] }
    }
    return this.open(script, async ({ visit, told }) => {
      await visit.log.until((items) => items.filter(({ kind }) => kind === 'answered')[place], this.patience)
      const returned = comesBack ? await visit.request(place + 1, this.patience) : undefined
      // every event of the body is told before its end is
      const over = ({ kind }: Told): boolean => kind === 'error' || kind === 'gone'
      const end = await told.until((items) => items.filter(over)[place], this.pace.tellsErrors ? this.patience : quietMs)
      const events = told.items.flatMap((item) => (item.kind === 'event' ? [item.event] : []))
      const gone = told.items.find((item) => item.kind === 'gone')
      const stuck = !end && this.pace.tellsErrors ? `it told of no end of the body in ${this.patience} ms` : undefined
      const died = gone && gone.how !== 'exit code 0' ? gone.how : stuck
      return {
        events,
        ...(returned ? { lastEventId: text(returned.header('last-event-id')) } : {}),
        ...(died === undefined ? {} : { died }),
      }
    })
  }
}

/** One thing that a scenario looked at. */
export function finding(subject: string, ok: boolean, expected: string, actual: string): Seen {
  return { where: { link: subject }, ok, expected, actual }
}

/** The characters of a header whose bytes are UTF-8. */
export function text(header = ''): string {
  return Buffer.from(header, 'latin1').toString()
}

/** ms from the end of the nth answer to the request after it; undefined when that does not come in time. */
export async function delay(visit: Visit, n: number, withinMs: number): Promise<number | undefined> {
  const next = await visit.request(n + 1, withinMs)
  const answered = visit.log.items.filter(({ kind }) => kind === 'answered')[n]
  return next && answered && next.at - answered.at
}

/** Whether an event with this data is told in time. */
export async function fires({ told }: Source, data: string, withinMs: number): Promise<boolean> {
  return await told.until((items) => items.find((item) => item.kind === 'event' && item.event.data === data), withinMs) !== undefined
}

function muteness(heard: Told | undefined, asked: boolean, items: readonly Told[]): string {
  const noise = items.find((item) => item.kind === 'noise')
  if (noise) {
    return `the client printed ${JSON.stringify(noise.text.slice(0, 200))}; expected is one JSON line for each event: `
      + '{"type":"message","data":"hello","lastEventId":""}'
  }
  if (heard?.kind === 'gone') {
    const said = heard.said ? `; it said ${heard.said.slice(0, 300)}` : ''
    return `the client ended before it told of an event: ${heard.how}${said}`
  }
  const seconds = startMs / 1000
  return asked
    ? `the client asked for the stream and told of no event in ${seconds} s; type the command with a URL behind it and see what it prints`
    : `the client did not ask for the URL in ${seconds} s; it is the last argument, and STREAMPROOF_URL; with --keep a line of standard input`
}
