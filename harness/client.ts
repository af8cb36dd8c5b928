/**
 * Judges a client: the kit is the server, the client is a command that prints what it sees (`clients/README.md`).
 * Results are values; nothing is printed here.
 */
import { judgeClient, deliveriesOf, readingsFound, type Seen, type Unseen } from '../spec/client/judge.ts'
import { clientRules, requestHeaders, type ClientRule } from '../spec/client/index.ts'
import type { Reading } from '../spec/client/vectors.ts'
import type { Verdict } from '../spec/model.ts'
import type { Client } from './client/client.ts'
import { commandClient } from './client/command.ts'
import { scenarioOf } from './client/scenarios.ts'
import { ClientServer } from './client/server.ts'
import { Mute, Stand, text } from './client/stand.ts'
import { latenessOf, Lateness } from './lateness.ts'
import { countOutcomes, exitCodeOf, type FailOn, type Report } from './report.ts'
import { kitVersion } from './request.ts'
import { specRevision } from './evidence.ts'
import { commandSecrets, redactReport } from './secrets.ts'
import { matches } from './selection.ts'

export interface ClientOptions {
  /** a shell command line; it gets the URL as last argument, or with `keep` on standard input */
  readonly command: string
  readonly keep: boolean
  /** sources that are open at the same time */
  readonly atOnce: number
  /** globs over rule ids, as of a run */
  readonly only: readonly string[]
  readonly skip: readonly string[]
  readonly failOn: FailOn
}

export interface ClientHooks {
  readonly signal?: AbortSignal
  readonly progress?: (line: string) => void
}

/** The rules that `only` and `skip` leave, in reading order. */
export function selectedClientRules({ only, skip }: Pick<ClientOptions, 'only' | 'skip'>): ClientRule[] {
  return clientRules.filter(
    ({ id }) => (only.length === 0 || only.some((glob) => matches(glob, id))) && !skip.some((glob) => matches(glob, id)),
  )
}

/** Judges the client that a command is. Rejects for nothing that the client does. */
export async function judgedClient(options: ClientOptions, hooks: ClientHooks = {}): Promise<Report> {
  return redactReport(await judgedBy(({ page }) => commandClient({ ...options, page }), options, hooks), commandSecrets(options.command))
}

/** Judges any client, also one of this process. The server listens already when the client is made. */
export async function judgedBy(make: (server: ClientServer) => Client, options: ClientOptions, hooks: ClientHooks = {}): Promise<Report> {
  const { signal, progress } = hooks
  const began = performance.now()
  const server = new ClientServer()
  await server.listen()
  const client = make(server)
  const stand = new Stand(server, client, options.atOnce)
  const lateness = new Lateness()
  const rules = selectedClientRules(options)
  const aborted = new Promise<'aborted'>((resolve) => signal?.addEventListener('abort', () => resolve('aborted')))
  const found: Found = new Map()
  let incomplete: { readonly reason: string } | undefined
  try {
    progress?.('meeting the client')
    const work = stand.meet().then(() => examine(stand, rules, found, lateness, progress))
    work.catch(() => {})
    await Promise.race([work, aborted])
  } catch (error) {
    if (!(error instanceof Mute)) throw error
    incomplete = { reason: error.message }
  } finally {
    lateness.stop()
    await client.end()
    await server.close()
  }
  const interrupted = signal?.aborted === true
  const unreached: Unseen = { why: 'inconclusive', note: incomplete?.reason ?? 'the run ended before' }
  const verdicts: Verdict[] = rules.map((rule) => judgeClient(rule, found.get(rule) ?? unreached))
  return {
    schema: 'streamproof-report/1',
    kit: { name: 'streamproof', version: kitVersion, node: process.version },
    target: { url: options.command, kind: 'client' },
    spec: specRevision,
    verdicts,
    notes: incomplete || interrupted ? [] : [requestNote(stand)],
    counts: countOutcomes(verdicts),
    run: { links: stand.opened, cases: 0, ms: Math.round(performance.now() - began), seed: 0, ...latenessOf(lateness) },
    ...(incomplete ? { incomplete } : {}),
    ...(interrupted ? { interrupted: true as const } : {}),
    exitCode: exitCodeOf(verdicts, options.failOn, { incomplete: incomplete !== undefined, interrupted }),
  }
}

/** ms by which the kit may be late in a scenario: the shortest time that one of them tells from none is 400 */
const lateMs = 300

type Found = Map<ClientRule, readonly Seen[] | Unseen>

/** Plays every vector and scenario; the stand lets so many run at once. */
async function examine(
  stand: Stand,
  rules: readonly ClientRule[],
  found: Found,
  lateness: Lateness,
  progress: ClientHooks['progress'],
): Promise<void> {
  const byVectors = rules.filter((rule) => !scenarioOf(rule))
  const readings = new Map<string, Reading>()
  const scenes = rules.map(async (rule) => {
    const scenario = scenarioOf(rule)
    if (scenario) found.set(rule, await lateness.punctually(() => scenario(stand), () => true, lateMs))
  })
  const deliveries = deliveriesOf(byVectors)
  progress?.(`${deliveries.length} deliveries of vectors, ${rules.length - byVectors.length} scenarios`)
  await Promise.all([...scenes, ...deliveries.map(async (delivery) => readings.set(delivery.id, await stand.read(delivery)))])
  for (const rule of byVectors) found.set(rule, readingsFound(rule, readings))
}

function requestNote(stand: Stand): Report['notes'][number] {
  const headers = ['accept', 'cache-control', 'pragma'].map((name) => {
    const value = stand.pace.first.header(name)
    return value === undefined ? `no ${name}` : `${name}: ${text(value)}`
  })
  return { rule: requestHeaders.id, text: `first request with ${headers.join(', ')}` }
}
