/**
 * One run against one target: what is known of it so far, everything seen, and what comes of it. Longer than other
 * files, because its parts share one state and would only hand it to each other.
 */
import { randomBytes } from 'node:crypto'
import type { Descriptor } from '../spec/contract/contract.ts'
import type { Declares, Link, Rule, RuleId, SentRequest, Transcript } from '../spec/model.ts'
import { tokenIn } from '../spec/sse/auth/tokens.ts'
import { readExchange, type Answer, type Exchange } from '../spec/sse/exchange.ts'
import { withThresholds, type Thresholds } from '../spec/thresholds.ts'
import { suites } from '../suites/sse/index.ts'
import { leastMs, type Address, type BaseFacts, type Stimulus } from '../suites/stimulus.ts'
import { addressed, controlRequest } from './addresses.ts'
import { drive, fruitless, Patience, type Drive } from './drive.ts'
import type { Evidence, Measure } from './evidence.ts'
import { absence, factsOf, planned, type Absence, type Plan, type Situation } from './plan.ts'
import { drivePool, loudPool, pooled, strangerPool, type Pool } from './pool.ts'
import type { Probe } from './probe.ts'
import type { Incomplete } from './report.ts'
import { hasJsonBody, isLoopback, ordinaryRequest, usualBudget, type RunOptions } from './request.ts'
import type { RunHooks } from './run.ts'
import { secretsOf } from './secrets.ts'
import { matches, selected, streamRules } from './selection.ts'
import { perform, type StageOptions } from './stage.ts'
import { askedAgain, contact, type FirstContact } from './target.ts'
import type { Part, Termination } from './termination.ts'
import { quoted, unusable } from './unusable.ts'

/** a fixed seed: the same target gets the same cases, and so the same verdicts, from run to run */
export const defaultSeed = 20260316

/** ms without a head after which a request is given up; the rule about it fails far below */
const headMs = 5000
/** ms for the rest of an answer that is no event stream */
const bodyMs = 1500
/** a driver has asked to be tried */
const driverBudget = 1000
const localPool = { atOnce: 8, spacingMs: 0 }

/** Call `contact`, then, when it told a `kind`, `examine`; `evidence` is what was seen at any time. */
export class Session {
  readonly #options: RunOptions
  readonly #hooks: RunHooks
  readonly #probe: Probe
  readonly #rules: readonly Rule<Exchange>[]
  readonly #exchanges: Exchange[] = []
  readonly #drives: Drive[] = []
  /** rules whose stimulus never got a sync event through */
  readonly #blocked = new Set<RuleId>()
  /** the ordinary one, as redirects have left it */
  request: SentRequest
  #plan: Plan | undefined
  kind: 'stream' | 'driver' | undefined
  descriptor: Descriptor | undefined
  incomplete: Incomplete | undefined
  /** the target took the request and sent no head */
  #silent = false
  /** of the options, and every token that the target has issued */
  readonly #secrets: string[]
  readonly #thresholds: Thresholds
  readonly seed: number

  constructor(options: RunOptions, hooks: RunHooks, probe: Probe) {
    this.#options = options
    this.#hooks = hooks
    this.#probe = probe
    this.request = ordinaryRequest(options)
    this.#secrets = secretsOf(options)
    this.#thresholds = withThresholds(options.thresholds)
    const replayed = options.replay?.split(':')
    this.seed = replayed?.[1] === undefined ? (options.seed ?? defaultSeed) : Number(replayed[1])
    this.#rules = selected(streamRules, replayed?.[0] === undefined ? options : { only: [replayed[0]], skip: [] })
  }

  /** Some of its rules are judged. */
  get isWanted(): boolean {
    return this.#rules.length > 0
  }

  get cases(): number {
    return this.#drives.reduce((sum, { cases }) => sum + cases, 0)
  }

  get #observeMs(): number {
    return this.#options.observeMs ?? (this.descriptor ? 1500 : 5000)
  }

  get #ordinaryGet(): boolean {
    return this.request.method === 'GET' && this.request.body === undefined
  }

  /** A stimulus may be performed once more: nobody has counted on the connections that were planned. */
  get #mayRepeat(): boolean {
    return this.#ordinaryGet && this.#options.budget === undefined && (this.descriptor !== undefined || isLoopback(this.request.url))
  }

  /** connections at most */
  get #budget(): number {
    return this.#options.budget ?? (this.descriptor ? driverBudget : usualBudget(this.request))
  }

  async contact(): Promise<void> {
    const { method, body } = this.request
    if (method !== 'GET' && method !== 'HEAD') this.#hooks.announce?.(`${this.#options.budget ?? 1} ${method} will be sent at most`)
    else if (body !== undefined) this.#hooks.announce?.(`${this.#options.budget ?? 1} ${method} with a body will be sent at most`)
    const ask = (): Promise<FirstContact> => contact(this.#probe, this.request, {
      headMs, bodyMs, allowOriginChange: this.#options.allowOriginChange, budget: this.#budget,
    })
    const first = await this.#probe.lateness.punctually(() => (this.#ordinaryGet ? askedAgain(ask, this.#hooks) : ask()), () => false)
    const hops = first.hops
    if (first.kind === 'driver') {
      this.kind = 'driver'
      this.descriptor = first.descriptor
      this.request = first.request
      if (hops.length > 0) this.#keep('base', hops)
      return
    }
    if (first.kind === 'unusable') {
      this.incomplete = { reason: first.reason, ...quoted(readAnswer(first.base), this.#secrets) }
      return
    }
    this.request = first.request
    if (first.kind === 'stream') {
      this.kind = 'stream'
      this.#hooks.progress?.(`watching the stream for ${this.#observeMs} ms`)
      await this.#probe.lateness.punctually(() => first.base.read({ window: true }, this.#observeMs, true), () => false)
      // with an announced length, what comes behind it shows only if somebody still listens
      if (!first.base.isOver) await first.base.read({ end: true, thenMs: 150 }, 0)
      this.#keep('base', [...hops, first.base.link()])
      return
    }
    this.#keep('base', [...hops, first.base.link()])
    const answer = first.base.answer()
    this.incomplete = unusable(answer, this.#secrets)
    this.#silent = answer.head === undefined && !this.incomplete
  }

  #keep(stimulus: string, links: readonly Link[]): void {
    const transcript: Transcript = { stimulus, links, acts: [], ...(this.descriptor ? { declares: this.descriptor.declares } : {}) }
    this.#exchanges.push(readExchange(transcript, this.#thresholds))
  }

  /**
   * First the base stream, beside the generated cases, whose verdicts do not depend on time; then the stimuli, which
   * mostly wait; last the loud ones, which would make others late.
   */
  async examine(): Promise<void> {
    const channel = `sp-${randomBytes(4).toString('hex')}`
    const replayPath = this.#options.replay?.split(':').slice(2).join(':')
    const { properties } = planned(suites, this.#situation())
    await Promise.all([
      this.descriptor && replayPath === undefined ? this.#openBase(channel) : undefined,
      this.#driveAll(properties, replayPath),
    ])
    this.#plan = planned(suites, this.#situation())
    if (replayPath !== undefined) return
    const { stimuli } = this.#plan
    this.#hooks.progress?.(`${stimuli.length} stimuli`)
    const pool = isLoopback(this.request.url) ? localPool : strangerPool
    // the longest first: a short one fits beside the end of any other
    const quiet = stimuli.filter(({ loud, final }) => !loud && !final)
      .toSorted((a, b) => leastMs(b.steps, this.#observeMs) - leastMs(a.steps, this.#observeMs))
    await this.#performAll(quiet, channel, pool)
    await this.#performAll(stimuli.filter(({ loud }) => loud), `${channel}-loud`, loudPool)
  }

  /** What ends the target: the very last of a run. */
  async conclude(termination: Termination): Promise<void> {
    const final = this.#options.replay === undefined ? this.#plan?.stimuli.filter((stimulus) => stimulus.final) ?? [] : []
    const parts = final.map(() => termination.part())
    await this.#performAll(final, `sp-${randomBytes(4).toString('hex')}`, { atOnce: final.length, spacingMs: 0 }, parts)
  }

  async #performAll(stimuli: readonly Stimulus[], channel: string, pool: Pool, parts: readonly Part[] = []): Promise<void> {
    const stage = this.#stage()
    await pooled(stimuli, pool, async (stimulus, i) => {
      const part = parts[i]
      if (this.#hooks.signal?.aborted) return part?.over()
      const act = (round: number): ReturnType<typeof perform> =>
        perform(stimulus, `${channel}-${i}${'-again'.repeat(round)}`, part ? { ...stage, terminate: part.ask } : stage)
      const { transcript, blocked } = await (part ? act(0) : this.#probe.lateness.punctually(act, () => this.#mayRepeat))
      part?.over()
      this.#secrets.push(...transcript.acts.flatMap((act) => tokenIn(act) ?? []))
      if (blocked) for (const id of stimulus.feeds) this.#blocked.add(id)
      else this.#exchanges.push(readExchange(transcript, this.#thresholds))
    })
  }

  async #openBase(channel: string): Promise<void> {
    const request = this.#address('stream', channel)
    if (!request) return
    const base = this.#probe.open({ id: 'base', role: 'base', request })
    await this.#probe.lateness.punctually(async () => {
      await base.head(headMs)
      await base.read({ window: true }, this.#observeMs)
    }, () => false)
    this.#keep('base', [base.link()])
  }

  async #driveAll(properties: Plan['properties'], path: string | undefined): Promise<void> {
    const request = this.#address('play', '')
    if (!request) return
    const patience = new Patience()
    const own = path === undefined ? properties : properties.filter(({ feeds }) => feeds[0] === this.#options.replay?.split(':')[0])
    await pooled(own, drivePool, async (property) => {
      const connection = this.#probe.keep()
      this.#drives.push(await drive(property, this.#rules, connection, {
        probe: this.#probe,
        patience,
        request,
        declares: this.descriptor?.declares ?? {},
        thresholds: this.#thresholds,
        keep: this.#hooks.record !== undefined,
        seed: this.seed,
        ...(this.#options.runs === undefined ? {} : { runs: this.#options.runs }),
        ...(path === undefined ? {} : { path }),
        ...(this.#hooks.signal ? { signal: this.#hooks.signal } : {}),
      }))
      connection.abort()
    })
  }

  #situation(): Situation {
    const driver = this.descriptor !== undefined
    const base = this.#exchanges.flatMap(({ answers }) => answers).find(({ link }) => link.role === 'base')
    const strangers = !driver && !isLoopback(this.request.url)
    return {
      kind: driver ? 'driven' : 'observed',
      method: driver ? 'GET' : this.request.method,
      hasBody: !driver && this.request.body !== undefined,
      hasJson: !driver && hasJsonBody(this.request),
      hasCredentials: this.request.headers.some(([name]) => /^(?:authorization|cookie)$/i.test(name)),
      profile: this.#options.profile ?? (strangers ? 'safe' : 'full'),
      budget: this.#budget - this.#probe.links,
      unasked: !this.#ordinaryGet && this.#options.budget === undefined,
      parts: this.#parts,
      declares: this.#declares,
      started: this.#hooks.terminate !== undefined,
      base: { ...factsOf(base, this.request, this.#declares), ...this.#fixedHeartbeat },
      selected: new Set(this.#provoked),
    }
  }

  get #fixedHeartbeat(): Pick<BaseFacts, 'fixedHeartbeatMs'> {
    const { heartbeatMs } = this.#declares
    return heartbeatMs === undefined || this.#parts.has('tune') ? {} : { fixedHeartbeatMs: heartbeatMs }
  }

  /** rules whose stimuli and properties are sent */
  get #provoked(): RuleId[] {
    const { provoked } = this.#options
    return this.#rules.map(({ id }) => id).filter((id) => provoked === undefined || provoked.some((glob) => matches(glob, id)))
  }

  get #declares(): Declares {
    return this.descriptor?.declares ?? {}
  }

  get #parts(): ReadonlySet<string> {
    const meta = new Set(['streamproof', 'name', 'version', 'declares'])
    return new Set(Object.keys(this.descriptor ?? {}).filter((key) => !meta.has(key)))
  }

  #address(address: Address, channel: string): SentRequest | undefined {
    return addressed(address, this.request, this.descriptor, channel)
  }

  #stage(): StageOptions {
    return {
      probe: this.#probe,
      driven: this.descriptor !== undefined,
      declares: this.#declares,
      observeMs: this.#observeMs,
      page: this.#situation().base.page?.origin,
      insecure: this.#options.insecure,
      ...(this.#hooks.signal ? { signal: this.#hooks.signal } : {}),
      address: (address, channel) => this.#address(address, channel),
      control: (act, channel) => controlRequest(act, this.request, this.descriptor, channel),
    }
  }

  /** Everything seen until now. */
  get evidence(): Evidence {
    const { descriptor, incomplete } = this
    return {
      target: {
        url: this.#options.target,
        kind: descriptor ? 'driven' : 'observed',
        ...(descriptor ? { name: descriptor.name, version: descriptor.version } : {}),
        method: descriptor ? 'GET' : this.request.method,
        parts: [...this.#parts],
        declares: this.#declares,
      },
      exchanges: this.#exchanges,
      drives: this.#drives,
      absence: (rule) => this.#absence(rule),
      reached: this.kind !== undefined,
      ...(incomplete ? { incomplete } : {}),
      silent: this.#silent,
    }
  }

  /** By what it is judged. */
  get measure(): Measure {
    return { rules: this.#rules, thresholds: this.#thresholds, failOn: this.#options.failOn, secrets: this.#secrets }
  }

  #absence(rule: RuleId): Absence {
    if (this.#hooks.signal?.aborted) return { why: 'inconclusive', note: 'interrupted' }
    if (this.#blocked.has(rule)) {
      return { why: 'blocked', note: 'no event arrived on a channel: see sse/concurrency/subscribe-before-headers' }
    }
    return fruitless(this.#drives, rule) ?? (this.#plan ? absence(rule, this.#plan) : { why: 'no-subject' })
  }
}

const readAnswer = (link: Link): Answer => readExchange({ stimulus: 'base', links: [link], acts: [] }).answers[0] as Answer
