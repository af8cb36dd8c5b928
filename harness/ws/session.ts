/**
 * One run against one WebSocket target: what is known of it so far, everything seen, and what comes of it. Longer than
 * other files, because its parts share one state and would only hand it to each other.
 */
import { randomBytes } from 'node:crypto'
import type { Descriptor } from '../../spec/contract/contract.ts'
import { tokenIn } from '../../spec/contract/tokens.ts'
import { judge } from '../../spec/judge.ts'
import type { Declares, Rule, RuleId, Scene, SentRequest, Verdict } from '../../spec/model.ts'
import { readWsExchange, type Connection, type WsExchange } from '../../spec/ws/exchange.ts'
import { rooms } from '../../spec/ws/index.ts'
import type { Address, BaseFacts, Stimulus } from '../../suites/ws/stimulus.ts'
import { suites } from '../../suites/ws/index.ts'
import { controlRequest } from '../addresses.ts'
import type { Judged } from '../evidence.ts'
import { absence, type Absence } from '../plan.ts'
import { alonePool, drivePool, loudPool, pooled, strangerPool, type Pool } from '../pool.ts'
import { together } from '../tally.ts'
import type { Part, Termination } from '../termination.ts'
import type { Probe } from '../probe.ts'
import type { Incomplete, Report } from '../report.ts'
import { isLoopback, type RunOptions } from '../request.ts'
import type { RunHooks } from '../run.ts'
import { maskBytes } from '../secrets.ts'
import { matches, selected, socketRules } from '../selection.ts'
import { partUrl } from '../target.ts'
import { unswitched } from '../unusable.ts'
import { forgeries, isCredentialed } from './credentials.ts'
import { drive, type Drive } from './drive.ts'
import { Overruns } from './overruns.ts'
import { planned, type Plan, type Situation } from './plan.ts'
import { perform, type StageOptions } from './stage.ts'
import { upgrade } from './upgrade.ts'

const headMs = 5000
/** ms for which an idle connection is watched, unless `--observe` says otherwise */
const observeMs = 1500
const localPool: Pool = { atOnce: 12, spacingMs: 0 }
/** for a target that sends without end: each connection fills memory */
const endlessPool = alonePool
/** connections to a stranger, and to a server on this machine, unless `--budget` says otherwise */
const budgets = { safe: 60, full: 5000 } as const

/** rules that an answer which is no 101 speaks of */
const firstAnswerRules: ReadonlySet<RuleId> = new Set(['ws/handshake/accept-101'])

/** A WebSocket target, and what there is beside it. */
export interface Endpoint {
  /** the ordinary request without the fields of the handshake; its URL is http or https */
  readonly request: SentRequest
  /** it sends every message back */
  readonly echo: boolean
  /** the driver that it belongs to, and the request that its parts are resolved against */
  readonly driver?: { readonly descriptor: Descriptor; readonly request: SentRequest }
}

/** Call `contact`, then, when the target `isOpen`, `examine`; `verdicts` and `notes` say what was seen at any time. */
export class WsSession {
  readonly #options: RunOptions
  readonly #hooks: RunHooks
  readonly #probe: Probe
  readonly #endpoint: Endpoint
  readonly #rules: readonly Rule<WsExchange>[]
  readonly #exchanges: WsExchange[] = []
  /** a flood is shown to the rules that it feeds: to others it tells of nothing but floods, and takes them long */
  readonly #floods: { readonly feeds: readonly RuleId[]; readonly exchange: WsExchange }[] = []
  readonly #drives: Drive[] = []
  readonly #overruns = new Overruns()
  readonly #secrets: readonly string[]
  readonly seed: number
  #plan: Plan | undefined
  #base: BaseFacts = { status: 0, deflates: false, isLocal: false }
  incomplete: Incomplete | undefined

  constructor(options: RunOptions, hooks: RunHooks, probe: Probe, endpoint: Endpoint, { secrets, seed }: { readonly secrets: readonly string[]; readonly seed: number }) {
    this.#options = options
    this.#hooks = hooks
    this.#probe = probe
    this.#endpoint = endpoint
    this.#secrets = secrets
    this.seed = seed
    const [only] = options.replay?.split(':') ?? []
    this.#rules = selected(socketRules, only === undefined ? options : { only: [only], skip: [] })
  }

  get cases(): number {
    return this.#drives.reduce((sum, { cases }) => sum + cases, 0)
  }

  /** Some of its rules are judged. */
  get isWanted(): boolean {
    return this.#rules.length > 0
  }

  get isOpen(): boolean {
    return this.#base.status === 101
  }

  /** The ordinary handshake, first without an extension and then with the offer of permessage-deflate. */
  async contact(): Promise<void> {
    const plain = await this.#greet('base', {})
    const { maxMessageBytes, heartbeatMs } = this.#declares
    const told = {
      isLocal: isLoopback(this.#endpoint.request.url),
      origins: this.#origins,
      tunes: this.#endpoint.driver?.descriptor.tune !== undefined,
      observeMs: this.#options.observeMs ?? observeMs,
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    }
    this.#base = { status: plain.status, deflates: false, ...told }
    if (!this.isOpen) {
      this.incomplete = unswitched(plain.link, this.#secrets)
      return
    }
    const offering = await this.#greet('offer', { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' })
    this.#base = { status: plain.status, deflates: offering.deflate !== undefined, ...told }
  }

  async #greet(role: string, headers: Readonly<Record<string, string>>): Promise<Connection> {
    const socket = this.#probe.socket({ id: role, role, ...upgrade(this.#endpoint.request, role, { headers }) })
    await socket.open(headMs)
    await socket.close(1000)
    const exchange = readWsExchange({ stimulus: role, declares: this.#declares, links: [socket.link()], acts: [] })
    this.#exchanges.push(exchange)
    const connection = exchange.connections[0] as Connection
    this.#overruns.greeted(connection)
    return connection
  }

  /** First what mostly waits, beside the generated cases; then what is loud, which would make others late; last what measures time. */
  async examine(): Promise<void> {
    const channel = `sp-${randomBytes(4).toString('hex')}`
    const replayPath = this.#options.replay?.split(':').slice(2).join(':')
    this.#plan = planned(suites, this.#situation())
    const { stimuli, properties } = this.#plan
    if (replayPath !== undefined) return this.#driveAll(properties.filter(({ feeds }) => feeds[0] === this.#options.replay?.split(':')[0]), replayPath)
    const pool = !isLoopback(this.#endpoint.request.url) ? strangerPool : this.#overruns.isEndless ? endlessPool : localPool
    this.#hooks.progress?.(`${stimuli.length} WebSocket stimuli`)
    // a stranger is not asked for more at a time than its pool allows, and one that sends without end for as little as can be
    const side = this.#performAll(stimuli.filter(({ loud, final }) => !loud && !final), channel, pool)
    if (pool !== localPool) await side
    await Promise.all([side, this.#driveAll(properties)])
    await this.#performAll(stimuli.filter(({ loud }) => loud === true), `${channel}-loud`, loudPool)
    await this.#performAll(stimuli.filter(({ loud }) => loud === 'alone'), `${channel}-alone`, alonePool)
    if (this.#overruns.isOver) this.incomplete = { reason: this.#overruns.says }
  }

  /** What ends the target: the very last of a run. */
  async conclude(termination: Termination): Promise<void> {
    const final = this.#options.replay === undefined ? this.#plan?.stimuli.filter((stimulus) => stimulus.final) ?? [] : []
    const parts = final.map(() => termination.part())
    await this.#performAll(final, `sp-${randomBytes(4).toString('hex')}`, { atOnce: final.length, spacingMs: 0 }, parts)
  }

  async #driveAll(properties: Plan['properties'], path?: string): Promise<void> {
    await pooled(properties, this.#overruns.isEndless ? endlessPool : drivePool, async (property) => {
      this.#drives.push(await drive(property, this.#rules, {
        probe: this.#probe,
        request: this.#endpoint.request,
        seed: this.seed,
        overruns: this.#overruns,
        ...(this.#options.runs === undefined ? {} : { runs: this.#options.runs }),
        ...(path === undefined ? {} : { path }),
        ...(this.#hooks.signal ? { signal: this.#hooks.signal } : {}),
      }))
    })
  }

  async #performAll(stimuli: readonly Stimulus[], channel: string, pool: Pool, parts: readonly Part[] = []): Promise<void> {
    const stage = this.#stage()
    await pooled(stimuli, pool, async (stimulus, i) => {
      const part = parts[i]
      if (this.#hooks.signal?.aborted || this.#overruns.isOver) return part?.over()
      const act = (round: number): ReturnType<typeof perform> =>
        perform(stimulus, `${channel}-${i}${'-again'.repeat(round)}`, part ? { ...stage, terminate: part.ask } : stage)
      // nobody has counted on the connections that were planned
      const isOurs = this.#endpoint.driver !== undefined || isLoopback(this.#endpoint.request.url)
      const mayRepeat = (): boolean => isOurs && !this.#overruns.isEndless && this.#options.budget === undefined
      const exchange = readWsExchange(await (part ? act(0) : this.#probe.lateness.punctually(act, mayRepeat)))
      part?.over()
      if (stimulus.loud) return void this.#floods.push({ feeds: stimulus.feeds, exchange })
      this.#overruns.saw(exchange.connections)
      if (this.#overruns.admits(exchange.connections)) this.#exchanges.push(exchange)
    })
  }

  /** Whose pages may connect, where not all of them may. */
  get #origins(): readonly string[] {
    const { origin } = this.#options
    const declared = this.#declares.origins ?? []
    if (declared.includes('*')) return []
    return [...new Set([...(origin === undefined ? [] : [origin]), ...declared])]
  }

  /** What is hidden in all that is shown of this session. */
  get secrets(): readonly string[] {
    const issued = this.#exchanges.flatMap(({ acts }) => acts.flatMap((act) => tokenIn(act) ?? []))
    const carried = issued.map((token) => Buffer.from(token).toString('base64url'))
    return [...this.#secrets, ...this.#secrets.flatMap(forgeries), ...issued, ...carried]
  }

  get #declares(): Declares {
    return this.#endpoint.driver?.descriptor.declares ?? {}
  }

  #stage(): StageOptions {
    const { driver } = this.#endpoint
    return {
      probe: this.#probe,
      appetite: (loud) => this.#overruns.appetite(loud),
      declares: this.#declares,
      insecure: this.#options.insecure,
      ...(this.#hooks.signal ? { signal: this.#hooks.signal } : {}),
      address: (address, channel) => this.#address(address, channel),
      control: (act, channel) => driver && controlRequest(act, driver.request, driver.descriptor, channel),
    }
  }

  #address(address: Address, channel: string): SentRequest | undefined {
    const { request, echo, driver } = this.#endpoint
    if (address === 'target') return request
    if (address === 'echo') return echo ? request : undefined
    const url = driver && partUrl(driver.descriptor, address, driver.request.url, { c: channel })
    return url === undefined ? undefined : { ...request, url: url.replace(/^ws/, 'http') }
  }

  #situation(): Situation {
    const { request, echo, driver } = this.#endpoint
    const { provoked, profile, budget } = this.#options
    const stranger = !driver && !isLoopback(request.url)
    const chosen = profile ?? (stranger ? 'safe' : 'full')
    const parts = driver ? Object.keys(driver.descriptor) : []
    const given = {
      echo,
      token: isCredentialed(request),
      cookie: request.headers.some(([name]) => /^cookie$/i.test(name)),
      origin: this.#origins.length > 0,
      tickets: this.#declares.tickets === true,
      instances: (this.#declares.instances?.length ?? 0) > 1,
    }
    const ids = this.#rules.map(({ id }) => id)
    return {
      profile: chosen,
      budget: (budget ?? budgets[chosen]) - this.#probe.links,
      offers: new Set([...parts, ...Object.entries(given).flatMap(([name, has]) => (has ? [name] : []))]),
      started: this.#hooks.terminate !== undefined,
      base: this.#base,
      selected: new Set(provoked ? ids.filter((id) => provoked.some((glob) => matches(glob, id))) : ids),
    }
  }

  verdicts(): Verdict[] {
    const { driver } = this.#endpoint
    const scene: Scene<WsExchange> = {
      kind: driver ? 'driven' : 'observed',
      method: 'GET',
      parts: new Set([...(driver ? Object.keys(driver.descriptor) : []), ...(this.#endpoint.echo ? ['echo'] : [])]),
      declares: this.#declares,
      exchanges: this.#exchanges,
    }
    const { secrets } = this
    return this.#rules.map((rule) => {
      const blocked = !this.isOpen && (this.incomplete !== undefined || !firstAnswerRules.has(rule.id))
      const driven = together(this.#drives, rule.id)
      return judge(rule, {
        scene: blocked ? { ...scene, exchanges: [] } : { ...scene, exchanges: this.#shown(rule.id) },
        absent: blocked ? this.#blockedBy : this.#absence(rule.id),
        mask: (bytes) => maskBytes(bytes, secrets),
        ...(driven ? { driven } : {}),
      })
    })
  }

  #shown(rule: RuleId): WsExchange[] {
    return [...this.#exchanges, ...this.#floods.flatMap(({ feeds, exchange }) => (feeds.includes(rule) ? [exchange] : []))]
  }

  get #blockedBy(): Absence {
    return { why: 'blocked', note: this.incomplete?.reason ?? 'the target did not switch to WebSocket' }
  }

  #absence(rule: RuleId): Absence {
    if (this.#hooks.signal?.aborted) return { why: 'inconclusive', note: 'interrupted' }
    const absent: Absence = this.#plan ? absence(rule, this.#plan) : { why: 'no-subject' }
    return this.#overruns.isOver && absent.why === 'no-subject' ? { why: 'inconclusive', note: 'the target sends without end' } : absent
  }

  /** What was seen until now, judged. */
  get judged(): Judged {
    const { target } = this.#options
    return {
      target: { url: target, kind: this.#endpoint.driver ? 'driven' : 'observed' },
      verdicts: this.verdicts(),
      notes: this.notes(),
      ...(this.incomplete ? { incomplete: this.incomplete } : {}),
    }
  }

  notes(): Report['notes'] {
    if (!this.isOpen) return []
    return rooms.flatMap((room) => room.notes ?? []).flatMap((note) => {
      const texts = new Set(this.#exchanges.flatMap((exchange) => note.record(exchange)))
      return [...texts].map((text) => ({ rule: note.id, text }))
    })
  }
}
