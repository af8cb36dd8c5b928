/**
 * The wrong twins over real sockets: observed rules meet a server that plays back the edited link, driven ones a
 * reference server with a named fault. The engine judges both as it would judge anybody's server, by all rules,
 * on what the stimuli of the twin's own rule show.
 */
import { start as startChild } from '../harness/child.ts'
import { run } from '../harness/run.ts'
import { ordinaryRequest, type RunOptions } from '../harness/request.ts'
import { wire } from '../harness/probe.ts'
import { finite } from '../spec/bytes.ts'
import type { Link, RuleId, Transcript, Verdict } from '../spec/model.ts'
import { rooms } from '../spec/sse/index.ts'
import { playBack, signature, type Part } from '../servers/faulty/player.ts'
import { command, type Ready } from '../servers/index.ts'
import { start } from '../servers/node-http.ts'
import type { Fault } from '../servers/stream/faults.ts'
import { faultsOfKill, type Twin } from './mutation.ts'
import { suites } from './sse/index.ts'
import { changed, opens, type Step } from './stimulus.ts'

type Open = Extract<Step, { do: 'open' }>

/** ms by which the last byte may come late, from a server that shares its process with the kit and other runs */
const lateMs = 1000

const options = (target: string, provoked: readonly string[] = [], origin?: string): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 1400, profile: 'full', only: ['sse/*'], skip: [], provoked, failOn: 'advice',
  allowOriginChange: false, token: 'player', ...(origin === undefined ? {} : { origin }),
})

/** Requests of an observed run, by the role of the link they open. */
const asked: ReadonlyMap<string, readonly Open[]> = Map.groupBy(
  suites.flatMap(({ stimuli }) => stimuli)
    .filter(({ needs, postOnly }) => needs === undefined && !postOnly)
    .flatMap(({ steps }) => opens(steps).filter(({ to }) => to === 'stream' || to === 'target')),
  ({ role }) => role,
)

/** Roles that only a driver or a target of POST is asked for: what comes there cannot be played back to a GET. */
const driverRoles: ReadonlySet<string> = new Set(
  suites.flatMap(({ stimuli }) => stimuli).filter(({ needs, postOnly }) => needs !== undefined || postOnly)
    .flatMap(({ steps }) => opens(steps).map(({ role }) => role)),
)

/** How a twin is met live: played back, by a fault of a driver, or not at all (its rule has another twin that is). */
export function livePath({ room, mutant }: Twin): 'played' | 'fault' | 'memory only' {
  if (mutant.fault !== undefined) return 'fault'
  const link = changedLink(room.example, mutant.edit(room.example))
  return link && !driverRoles.has(link.role) ? 'played' : 'memory only'
}

const loudRules: ReadonlySet<RuleId> = new Set(
  suites.flatMap(({ stimuli }) => stimuli).filter(({ loud }) => loud).flatMap(({ feeds }) => feeds),
)

/** A twin whose rule needs a flood or a crowd: beside it, others would be late. */
export const isLoud = ({ rule, mutant }: Twin): boolean => mutant.fault !== undefined && loudRules.has(rule.id)

function changedLink(before: Transcript, after: Transcript): Link | undefined {
  return after.links.find((link) => !before.links.includes(link))
}

/** What is wrong with the death of a twin live; empty when its rule killed it and no other rule fell. */
export async function faultsOfLive(twin: Twin): Promise<string[]> {
  return livePath(twin) === 'fault' ? driven(twin) : played(twin)
}

const finalRules: ReadonlySet<RuleId> = new Set(
  suites.flatMap(({ stimuli }) => stimuli).filter(({ final }) => final).flatMap(({ feeds }) => feeds),
)

/** A server that is told to stop has a process of its own. */
async function stopped({ rule, mutant }: Twin): Promise<string[]> {
  const child = startChild(command('node-http', ['--fault', String(mutant.fault)]))
  try {
    const { descriptor } = JSON.parse(await child.firstLine(10_000)) as Ready
    const { verdicts } = await run({ ...options(descriptor, [rule.id]), runs: 1 }, { terminate: () => child.terminate() })
    return faultsOfKill(rule, mutant, outcomesOf(verdicts))
  } finally {
    await child.end()
  }
}

async function driven(twin: Twin): Promise<string[]> {
  const { rule, mutant } = twin
  if (finalRules.has(rule.id)) return stopped(twin)
  const server = await start({ fault: mutant.fault as Fault })
  try {
    const { verdicts } = await run({ ...options(new URL('/streamproof', server.url).href, [rule.id]), runs: 10 })
    return faultsOfKill(rule, mutant, outcomesOf(verdicts))
  } finally {
    await server.close()
  }
}

const outcomesOf = (verdicts: readonly Verdict[]): Map<RuleId, string> =>
  new Map(verdicts.map(({ rule, outcome, note }) => [rule, outcome === 'broken' ? `broken: ${note}` : outcome]))

/** Right links of every room, for what the edited example does not show. */
const rightLinks: readonly Link[] = rooms.flatMap(({ example }) => example.links)

async function played({ room, rule, mutant }: Twin): Promise<string[]> {
  const edited = mutant.edit(room.example)
  const wrong = changedLink(room.example, edited)
  if (!wrong) return ['inert: no link changed']
  // where the example is read by a page of another origin, the run asks as that page
  const origin = edited.links.find(({ role }) => role === 'base')?.request.headers.find(([name]) => name === 'Origin')?.[1]
  // a request is told by all but its Host, so the parts can be made before the port is known
  const ordinary = ordinaryRequest(options('http://127.0.0.1:1/stream', [], origin))
  const roles = new Map<string, Link>([...rightLinks, ...edited.links, wrong].map((link) => [link.role, link]))
  const candidates: Part[] = [...asked].flatMap(([role, steps]) => steps.flatMap(({ asked: edit }) => {
    const link = roles.get(role)
    const request = wire(changed(ordinary, edit), edit?.host)
    // of the roles that ask like the base, only the wrong one has an answer of its own
    return link && (link === wrong || signature(request) !== signature(wire(ordinary))) ? [{ request, link }] : []
  }))
  // what several rooms ask alike is answered as this room has it
  const own = new Set(candidates.filter(({ link }) => edited.links.includes(link)).map(({ request }) => signature(request)))
  const parts = candidates.filter(({ request, link }) => edited.links.includes(link) || !own.has(signature(request)))
  const firsts = firstAnswers(wrong, edited, roles)
  const [base = wrong] = firsts.slice(-1)
  const before = [...firsts, ...besideBefore(wrong, edited, roles)]
  const server = await playBack([...before.map((link) => ({ request: wire(ordinary), link })), ...parts], base)
  try {
    const { verdicts } = await run({ ...options(server.url, [rule.id, ...rulesOf(wrong.role)], origin), observeMs: Math.max(1400, lastAt(wrong) + lateMs) })
    return faultsOfKill(rule, mutant, outcomesOf(verdicts))
  } finally {
    await server.close()
  }
}

/** What requests like the ordinary one meet that the stimulus makes before it comes to the wrong link. */
function besideBefore(wrong: Link, edited: Transcript, roles: ReadonlyMap<string, Link>): Link[] {
  const [own = []] = suites.flatMap(({ stimuli }) => stimuli).filter(({ needs }) => needs === undefined)
    .map(({ steps }) => opens(steps).filter(({ asked: edit }) => edit === undefined))
    .filter((steps) => steps.some(({ role }) => role === wrong.role))
  const ofRole = (role: string): readonly Link[] => edited.links.filter((link) => link.role === role)
  const nth = ofRole(wrong.role).findIndex(({ id }) => id === wrong.id)
  const sameRole = own.map(({ role }, i) => ({ role, n: own.slice(0, i).filter((step) => step.role === role).length }))
  const until = sameRole.findIndex(({ role, n }) => role === wrong.role && n === nth)
  return sameRole.slice(0, Math.max(0, until)).flatMap(({ role, n }) => ofRole(role)[n] ?? roles.get(role) ?? [])
}

/** Rules whose stimuli open a link of that role, so that the wrong one is asked for. */
const rulesOf = (role: string): RuleId[] => suites.flatMap(({ stimuli }) => stimuli)
  .filter(({ needs, steps }) => needs === undefined && opens(steps).some((step) => step.role === role))
  .flatMap(({ feeds }) => feeds)

const lastAt = ({ chunks, openedAt }: Link): number => (chunks.at(-1)?.at ?? openedAt) - openedAt

/** What the ordinary request meets, so that the kit comes to ask for the wrong link. */
function firstAnswers(wrong: Link, edited: Transcript, roles: ReadonlyMap<string, Link>): Link[] {
  // a second look is taken only at a stream that ended at once
  if (wrong.role === 'again') return [finite('base')]
  const hop = edited.links.find(({ role }) => role === 'base/hop')
  if (wrong.role === 'base') return hop ? [hop, wrong] : [wrong]
  if (!asked.has(wrong.role) || wrong.role === 'ordinary') return [wrong]
  return [edited.links.find(({ role }) => role === 'ordinary') ?? roles.get('base') ?? wrong]
}
