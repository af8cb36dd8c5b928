/** Runs the Autobahn cases on a WebSocket target: each on a connection of its own, several at once. */
import type { Link, SentRequest } from '../spec/model.ts'
import type { Case } from '../spec/ws/autobahn/case.ts'
import type { Load } from '../spec/ws/autobahn/limits.ts'
import { loadVerdict } from '../spec/ws/autobahn/load-verdict.ts'
import { verdictOf, type Verdict } from '../spec/ws/autobahn/verdict.ts'
import { Connection } from '../spec/ws/exchange.ts'
import { client } from '../spec/ws/frame.ts'
import { carry } from './autobahn/load.ts'
import { loudPool, pooled, strangerPool, type Pool } from './pool.ts'
import { Probe } from './probe.ts'
import type { Incomplete } from './report.ts'
import { isLoopback, type RunOptions } from './request.ts'
import { secretsOf } from './secrets.ts'
import { unswitched } from './unusable.ts'
import { socketRequest } from './ws/endpoint.ts'
import type { OpenSocket } from './ws/socket.ts'
import { upgrade } from './ws/upgrade.ts'

const headMs = 5000
/** ms that a target has to end TCP when both Closes are through; Autobahn gives it as much */
const closeMs = 1000
/** ms that a target without echo gets before the kit closes */
const quietMs = 300
/** ms at least for a reaction: Autobahn waits 0.5 to 10 s, and has nothing else to do meanwhile */
const patienceMs = 2000
const localPool: Pool = { atOnce: 24, spacingMs: 0 }

export interface AutobahnOptions {
  readonly run: RunOptions
  readonly cases: readonly Case[]
  readonly loads: readonly Load[]
  /** messages of each case of 12.* and 13.*; without it as many as fit into 1 MiB */
  readonly messages?: number
  /** ms for a reaction; without it 2000, and more where Autobahn waits longer */
  readonly patienceMs?: number
}

export interface AutobahnHooks {
  readonly signal?: AbortSignal
  readonly progress?: (line: string) => void
}

/** A case as it came out. */
export interface Outcome extends Verdict {
  readonly id: string
  readonly says: string
  /** ms from the end of the opening handshake to the end of the connection */
  readonly durationMs: number
}

export interface AutobahnRun {
  readonly outcomes: readonly Outcome[]
  /** a message came back, or the user says so */
  readonly isEcho: boolean
  /** why not all cases were run */
  readonly incomplete?: Incomplete
}

/** Never throws for what a target does. */
export async function autobahn(options: AutobahnOptions, { signal, progress }: AutobahnHooks = {}): Promise<AutobahnRun> {
  const { run, cases, loads } = options
  const request = socketRequest(run)
  const probe = new Probe({ insecure: run.insecure, ...(signal ? { signal } : {}) })
  const first = await greeted(probe, request)
  if (!new Connection(first).isAccepted) {
    const incomplete = unswitched(first, secretsOf(run)) ?? { reason: 'the target does not accept the opening handshake: streamproof URL says why' }
    return { outcomes: [], isEcho: false, incomplete }
  }
  const isEcho = run.echo === true || new Connection(first).messages.some(({ payload }) => Buffer.from(payload).equals(Buffer.from(nonce)))
  const outcomes = new Map<string, Outcome>()
  const pool = isLoopback(request.url) ? localPool : strangerPool
  progress?.(`${cases.length + loads.length} connections to ${isEcho ? 'an echo' : 'a target that sends nothing back'}`)
  const keep = (one: Case | Load, link: Link, verdict: Verdict): void => {
    // what an interruption cut short says nothing
    if (signal?.aborted) return
    outcomes.set(one.id, { id: one.id, says: one.says, ...verdict, durationMs: durationOf(link) })
  }
  await pooled(slowFirst(cases), pool, async (one) => {
    if (signal?.aborted) return
    const link = await held(one, probe, request, {
      isEcho, withinMs: options.patienceMs ?? Math.max(one.withinMs, patienceMs),
    })
    keep(one, link, verdictOf(one, link, isEcho))
  })
  await pooled(loads, { ...loudPool, spacingMs: pool.spacingMs }, async (load) => {
    if (signal?.aborted) return
    progress?.(`${load.id}: ${load.says}`)
    const { link, sent } = await carry(load, probe, request, { isEcho, ...(options.messages === undefined ? {} : { messages: options.messages }) })
    keep(load, link, loadVerdict(load, link, { sent, isEcho }))
  })
  return {
    outcomes: [...cases, ...loads].flatMap(({ id }) => outcomes.get(id) ?? []),
    isEcho,
    ...(signal?.aborted ? { incomplete: { reason: `interrupted: ${outcomes.size} of ${cases.length + loads.length} cases were run` } } : {}),
  }
}

/** Cases with pauses begin first: the others run beside them. */
const slowFirst = (cases: readonly Case[]): Case[] => cases.toSorted((a, b) => b.parts.length - a.parts.length)

const nonce = 'streamproof'

/** One message, to see whether it comes back. */
async function greeted(probe: Probe, request: SentRequest): Promise<Link> {
  const socket = probe.socket({ id: 'greeting', role: 'greeting', ...upgrade(request, 'greeting') })
  await socket.open(headMs)
  if (new Connection(socket.link()).isOpen) {
    await socket.send(client.text(nonce))
    await socket.await({ text: nonce }, closeMs)
  }
  await socket.close(closeMs)
  return socket.link()
}

/** Sends a case, waits for what it is about, and closes. */
async function held(one: Case, probe: Probe, request: SentRequest, { isEcho, withinMs }: { readonly isEcho: boolean; readonly withinMs: number }): Promise<Link> {
  const id = `case-${one.id}`
  const socket = probe.socket({ id, role: 'case', appetite: 'loud', ...upgrade(request, id) })
  await socket.open(headMs)
  if (!new Connection(socket.link()).isAccepted) {
    socket.leave('window')
    return socket.link()
  }
  for (const { bytes, chop, pauseMs } of one.parts) {
    if (pauseMs !== undefined) await socket.await({ close: true }, pauseMs)
    if (hasClosed(socket)) break
    await socket.send(bytes, chop)
  }
  if (one.closesItself) {
    // the Close is the target's, then the end of TCP
    await socket.await({ close: true }, withinMs)
    await socket.await({ end: true }, closeMs)
    socket.leave('window')
    return socket.link()
  }
  await answered(one, socket, one.closes === 'kit' && !isEcho && one.ok.some(({ kind }) => kind !== 'pong') ? quietMs : withinMs)
  await socket.close(closeMs)
  return socket.link()
}

const hasClosed = (socket: OpenSocket): boolean =>
  socket.isOver || new Connection(socket.link()).received.frames.some(({ opcode }) => opcode === 8)

/** Waits for the last thing that a target has to say, for its Close, or for the end of TCP. */
async function answered({ closes, ok }: Case, socket: OpenSocket, withinMs: number): Promise<void> {
  const last = ok.at(-1)
  if (closes === 'target' || last === undefined) return socket.await({ close: true }, withinMs)
  const wanted = last.kind === 'pong' ? { pong: last.payload } : { messages: 1 }
  await Promise.race([socket.await(wanted, withinMs), socket.await({ close: true }, withinMs)])
}

function durationOf(link: Link): number {
  const { head } = new Connection(link)
  return Math.max(0, Math.round(link.ended.at - (head?.at ?? link.openedAt)))
}
