/** Performs stimuli: opens, reads and leaves links as their steps say, and asks a driver to act. */
import { Agent } from 'undici'
import type { Act, Declares, Event, SentRequest, Transcript } from '../spec/model.ts'
import { startedBy } from '../spec/sse/delivery/works.ts'
import type { Answer } from '../spec/sse/exchange.ts'
import { changed, type Address, type Asked, type Step, type Stimulus } from '../suites/stimulus.ts'
import { cancellation, siblingOf, withToken } from './addresses.ts'
import { Control, type ActKind } from './control.ts'
import type { OpenLink } from './link.ts'
import type { Probe } from './probe.ts'
import { Tokens } from './tokens.ts'
import { linkLimit, type Limit } from './wire.ts'

/** sync events of which one must arrive, and ms for each before the next is published */
const mostSyncs = 10
const syncEachMs = 200

export interface StageOptions {
  readonly probe: Probe
  /** the target is a driver */
  readonly driven: boolean
  readonly declares: Declares
  /** origin of the pages that ask; undefined where CORS is none of the target's business */
  readonly page: string | undefined
  /** ms of the observation window */
  readonly observeMs: number
  readonly insecure: boolean
  readonly signal?: AbortSignal
  /** SIGTERM to the target, where the kit has started it */
  readonly terminate?: () => Promise<void>
  /** the ordinary request to an address; undefined when the target has none */
  address(address: Address, channel: string): SentRequest | undefined
  /** the request of a control act; undefined when the target does not offer it */
  control(act: Exclude<ActKind, 'cancel'>, channel: string): SentRequest | undefined
}

/** Links besides the base look at one thing each; of a driver they carry what the kit published. */
const observedLimit: Limit = { bytes: 512 * 1024, lines: 2000 }
const drivenLimit: Limit = { bytes: linkLimit.bytes, lines: 12_000 }

/** What a stimulus showed; `blocked` when its sync events never arrived and the rest was left out. */
export interface Performance {
  readonly transcript: Transcript
  readonly blocked: boolean
}

class NotSynced extends Error {}

/** Performs the steps up to the deadline. Never rejects for what a target does. */
export async function perform(stimulus: Stimulus, channel: string, stage: StageOptions): Promise<Performance> {
  const { probe } = stage
  const links = new Map<string, OpenLink>()
  const acts: Act[] = []
  const limit = stage.driven ? drivenLimit : observedLimit
  const deadline = probe.now() + stimulus.deadlineMs
  const agent = new Agent({ connect: { rejectUnauthorized: !stage.insecure }, pipelining: 1, connections: 64 })
  const control = new Control(agent, () => probe.now(), () => left())
  const tokens = new Tokens(control, stage.control('token', channel), channel)
  let blocked = false
  let syncs = 0
  try {
    await all(stimulus.steps)
  } catch (error) {
    if (!(error instanceof NotSynced)) throw error
    blocked = true
  } finally {
    for (const link of links.values()) link.leave('window')
    await agent.destroy()
  }
  const seen = [...links.values()].map((link) => link.link())
  return { transcript: { stimulus: stimulus.id, declares: stage.declares, links: seen, acts }, blocked }

  async function all(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (stage.signal?.aborted) return
      await take(step)
    }
  }

  async function take(step: Step): Promise<void> {
    switch (step.do) {
      case 'open': return open(step)
      case 'read': return read(step.link, step.until, true)
      case 'leave': return step.by === 'rst' ? links.get(step.link)?.reset() : links.get(step.link)?.leave('window')
      case 'publish': return publish(step)
      case 'sync': return sync(step.link)
      case 'finish': return act('finish')
      case 'tune': return act('tune', JSON.stringify(step.values))
      case 'stats': return poll(step)
      case 'token': return void acts.push(...await tokens.issue(step))
      case 'revoke': return void acts.push(...await tokens.revoke(step.token))
      case 'work': return act('work', JSON.stringify({ events: written(step.events), pauseMs: step.pauseMs }))
      case 'cancel': return cancel(step.unknown === true)
      case 'signal': return terminate()
      case 'together': return void await Promise.all(step.branches.map(all))
    }
  }

  async function open(step: Extract<Step, { do: 'open' }>): Promise<void> {
    const ordinary = step.to === 'work' ? workStream() : stage.address(step.to, channel)
    if (!ordinary) return
    const admitted = credentialed(changed(ordinary, encoded(step), stage.page), step.asked)
    const id = step.asked?.lastEventId
    if (!admitted || (id && 'thirdOf' in id && third(id.thirdOf) === undefined)) return
    const request = asked(admitted, step.asked)
    const link = probe.open({
      id: `${stimulus.id}/${step.link}`,
      role: step.role,
      request,
      ...(step.asked?.host ? { host: step.asked.host } : {}),
      ...(step.stalled ? { stalled: true } : {}),
      limit: step.limitBytes === undefined ? limit : { bytes: step.limitBytes, lines: linkLimit.lines },
    })
    links.set(step.link, link)
    if (step.stalled) return
    if (step.until) await read(step.link, step.until, step.stay === true)
    else await link.head(left())
  }

  async function read(name: string, until: Extract<Step, { do: 'read' }>['until'], stay: boolean): Promise<void> {
    const ms = 'window' in until ? stage.observeMs : 'ms' in until ? Math.min(until.ms, left()) : left()
    await links.get(name)?.read('sentinel' in until ? { sentinel: payload(until.sentinel) } : until, ms, stay)
  }

  /** A payload as this target takes it. */
  function payload(text: string): string {
    return stage.declares.data === 'json' ? JSON.stringify(text) : text
  }

  function written(events: readonly Event[]): Event[] {
    return events.map((event) => (event.data === undefined ? event : { ...event, data: payload(event.data) }))
  }

  /** Events to publish: a target that does not take ids is given none. */
  function batch(events: readonly Event[]): string {
    const { ids } = stage.declares
    const takes = ids !== 'server' && ids !== 'none'
    return JSON.stringify(takes ? written(events) : written(events).map((event) => ({ ...event, id: undefined })))
  }

  /** A play with its payloads as the target takes them; a body that is wrong on purpose stays as it is. */
  function encoded({ to, asked: edit }: Extract<Step, { do: 'open' }>): Asked | undefined {
    if (to !== 'play' || edit?.body === undefined || stage.declares.data !== 'json') return edit
    const script = scriptOf(edit.body)
    return script ? { ...edit, body: JSON.stringify({ ...script, events: written(script.events) }) } : edit
  }

  /** The request with the token that it asks for; undefined without that. */
  function credentialed(request: SentRequest, { token }: Asked = {}): SentRequest | undefined {
    if (!token) return request
    const text = tokens.textOf(token)
    return text === undefined ? undefined : withToken(request, text, token.by, stage.declares)
  }

  /** The third id that a link committed, where at least two more came behind it: a return to it shows what comes again. */
  function third(link: string): string | undefined {
    const ids = [...new Set(links.get(link)?.answer().stream.events.map(({ lastEventId }) => lastEventId).filter((id) => id !== ''))]
    return ids.length >= 5 ? ids[2] : undefined
  }

  /** The request with the last event ID that another link committed, or a given one, and with query fields. */
  function asked(request: SentRequest, { lastEventId, query }: Asked = {}): SentRequest {
    const committed = (link: string): string => links.get(link)?.answer().stream.lastEventId ?? ''
    const id = lastEventId && ('text' in lastEventId ? lastEventId.text : 'of' in lastEventId ? committed(lastEventId.of) : third(lastEventId.thirdOf))
    const url = new URL(request.url)
    for (const [name, value] of Object.entries(query ?? {})) {
      url.searchParams.append(name, typeof value === 'string' ? value : committed(value.of))
    }
    // HTML 9.2.3: the header carries the id as UTF-8 bytes, and is left out when the id is empty
    const header = id ? [['Last-Event-ID', Buffer.from(id, 'utf8').toString('latin1')] as const] : []
    return { ...request, url: url.href, headers: [...request.headers, ...header] }
  }

  async function publish({ batches, everyMs, to }: Extract<Step, { do: 'publish' }>): Promise<void> {
    if (everyMs === undefined) {
      await Promise.all(batches.map((events) => act('publish', batch(events), to)))
      return
    }
    for (const [i, events] of batches.entries()) {
      if (i > 0 && everyMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(everyMs, left())))
      await act('publish', batch(events), to)
    }
  }

  async function sync(name: string): Promise<void> {
    const link = links.get(name)
    // counted, not timed: a slow machine gets the time that its publishes take
    for (let i = 0; link && !link.isOver && i < mostSyncs && left() > 0; i += 1) {
      syncs += 1
      const text = `sync-${syncs}`
      await act('publish', batch([{ id: text, data: text }]))
      await link.arrival(synced, syncEachMs)
      if (synced(link.answer())) return
    }
    throw new NotSynced()
  }

  /** The request that started work last. */
  function lastWork(): Act | undefined {
    return acts.findLast(({ kind }) => kind === 'work')
  }

  function workStream(): SentRequest | undefined {
    const work = lastWork()
    const started = work && startedBy(work)
    const ordinary = stage.address('target', channel)
    return started && ordinary && { ...ordinary, url: started.stream }
  }

  async function cancel(unknown: boolean): Promise<void> {
    const work = lastWork()
    const started = work && startedBy(work)
    if (!work || !started) return
    const request = cancellation(work.request, started, unknown)
    if (!unknown || request.url !== started.cancel) acts.push(await control.ask('cancel', request))
  }

  async function terminate(): Promise<void> {
    const request = stage.address('target', channel)
    if (!stage.terminate || !request) return
    await stage.terminate()
    const at = probe.now()
    acts.push({ at, doneAt: at, kind: 'signal', request, status: 0, body: '' })
  }

  async function poll({ of, is, withinMs }: Extract<Step, { do: 'stats' }>): Promise<void> {
    const request = stage.control('stats', channel)
    if (request) acts.push(await control.poll(request, of, is, withinMs, stage.signal))
  }

  async function act(kind: Exclude<ActKind, 'cancel'>, body?: string, to?: 'sibling'): Promise<void> {
    const done = await ask(kind, body, to)
    if (done) acts.push(done)
  }

  async function ask(kind: Exclude<ActKind, 'cancel'>, body?: string, to?: 'sibling'): Promise<Act | undefined> {
    const request = stage.control(kind, to === 'sibling' ? siblingOf(channel) : channel)
    if (!request) return undefined
    return control.ask(kind, body === undefined ? request : { ...request, body }, to)
  }

  function left(): number {
    return Math.max(0, deadline - probe.now())
  }
}

const synced = (answer: Answer): boolean => answer.stream.events.some(({ data }) => /^"?\\?"?sync-/.test(data))

function scriptOf(body: string): { readonly events: readonly Event[] } | undefined {
  try {
    const script = JSON.parse(body) as { readonly events?: unknown }
    return Array.isArray(script.events) ? (script as { readonly events: readonly Event[] }) : undefined
  } catch {
    return undefined
  }
}
