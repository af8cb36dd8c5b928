/**
 * The engine: plan, probe, drive, judge, report. Works without vitest; the command line and the vitest front both
 * call it. Results are values; nothing is printed here.
 */
import { notesOf, reportOf, reportOn, verdictsOf, type Evidence, type Measure } from './evidence.ts'
import { latenessOf } from './lateness.ts'
import { Probe } from './probe.ts'
import type { Report } from './report.ts'
import type { RunOptions } from './request.ts'
import { Session } from './session.ts'
import { Termination } from './termination.ts'
import { isWebSocket, socketOf, socketOfDriver } from './ws/endpoint.ts'
import type { WsSession } from './ws/session.ts'

export { specRevision } from './evidence.ts'
export { defaultSeed } from './session.ts'
export type { RunOptions } from './request.ts'

/** Everything that a run has seen, and what it is judged by. */
export interface Seen {
  readonly evidence: Evidence
  readonly measure: Measure
  readonly run: Report['run']
  readonly interrupted: boolean
}

export interface RunHooks {
  /** tells the target's process to stop (SIGTERM); only for a target that the kit has started */
  readonly terminate?: () => void
  readonly signal?: AbortSignal
  /** what is going on, for a terminal */
  readonly progress?: (line: string) => void
  /** what the user is told before it is done */
  readonly announce?: (line: string) => void
  /** is given everything that was seen, before it is judged */
  readonly record?: (seen: Seen) => void
}

/** Judges one target. Rejects for nothing that a target does; a fault of the kit shows as `broken`. */
export async function run(options: RunOptions, hooks: RunHooks = {}): Promise<Report> {
  const probe = new Probe({ insecure: options.insecure, ...(hooks.signal ? { signal: hooks.signal } : {}) })
  const began = performance.now()
  const facts = (cases: number, seed: number): Report['run'] =>
    ({ links: probe.links, cases, ms: Math.round(performance.now() - began), seed, ...latenessOf(probe.lateness) })
  const termination = new Termination(() => hooks.terminate?.())
  if (isWebSocket(options.target)) {
    const socket = socketOf(options, hooks, probe)
    try {
      await socket.contact()
      if (socket.isOpen && !hooks.signal?.aborted) {
        await socket.examine()
        await socket.conclude(termination)
      }
    } finally {
      probe.abort()
    }
    return reportOn(socket.judged, { failOn: options.failOn, secrets: socket.secrets }, facts(socket.cases, socket.seed), hooks.signal?.aborted)
  }
  const session = new Session(options, hooks, probe)
  let socket: WsSession | undefined
  try {
    await session.contact()
    if (session.isWanted && session.kind !== undefined && !hooks.signal?.aborted) await session.examine()
    socket = session.descriptor && socketOfDriver(options, hooks, probe, { descriptor: session.descriptor, request: session.request })
    if (socket?.isWanted && !hooks.signal?.aborted) {
      await socket.contact()
      if (socket.isOpen) await socket.examine()
    }
    if (!hooks.signal?.aborted) await Promise.all([session.conclude(termination), socket?.conclude(termination)])
  } finally {
    probe.abort()
  }
  const { evidence, measure } = session
  const run = facts(session.cases + (socket?.cases ?? 0), session.seed)
  const interrupted = hooks.signal?.aborted === true
  hooks.record?.({ evidence, measure, run, interrupted })
  if (!socket?.isWanted) return reportOf(evidence, measure, run, interrupted)
  const beside = socket.judged
  const verdicts = [...verdictsOf(evidence, measure), ...beside.verdicts]
  return reportOn({ ...evidence, verdicts, notes: [...notesOf(evidence), ...beside.notes] }, { ...measure, secrets: [...measure.secrets, ...socket.secrets] }, run, interrupted)
}
