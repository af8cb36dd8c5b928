/** Processes that the kit starts, and always ends: by their own id, never by name. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** ms between asking a process to end and ending it */
const graceMs = 3000
/** ms between two looks at a port that is not open yet; there is no event to wait for */
const lookMs = 50
/** characters of stderr that are kept for the message of a failed start */
const keptStderr = 2000

/** A process that did not become ready. */
export class NotReady extends Error {
  /** exit code, null when it still ran or was ended by a signal */
  readonly code: number | null

  constructor(message: string, code: number | null) {
    super(message)
    this.code = code
  }
}

/** A started process: what came of it, and how to end it. */
export interface Child {
  /** the first line of its standard output; rejects with NotReady when it ends or says nothing in time */
  firstLine(withinMs: number): Promise<string>
  /** resolves when the URL accepts connections or, with `answers`, answers below 500; rejects with NotReady */
  reachable(url: string, options: { readonly answers: boolean; readonly withinMs: number; readonly signal?: AbortSignal }): Promise<void>
  /** tells the process and those it started to stop (SIGTERM), and does not wait */
  terminate(): void
  /** ends the process and those it started; resolves when it is gone */
  end(): Promise<void>
}

/** Runs a program with arguments, or a shell command line. */
export function start(command: readonly [file: string, ...args: string[]] | string): Child {
  // a group of its own, so that what a shell started ends with it
  const options = { stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'], detached: true }
  const [file, ...args] = typeof command === 'string' ? [command] : command
  const child = spawn(file, args, { ...options, shell: typeof command === 'string' })
  let stderr = ''
  let failure: Error | undefined
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  // also when the kit itself has to leave at once
  const last = (): void => signalGroup(child, 'SIGKILL')
  process.once('exit', last)
  void gone.then(() => process.off('exit', last))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-keptStderr)))
  child.stdin.on('error', () => {})
  const first = once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line))

  const ended = async (): Promise<never> => {
    await gone
    // what it said last may still be in the pipe
    if (!failure && !child.stderr.readableEnded) await Promise.race([once(child.stderr, 'end'), pause(200)])
    const lines = stderr.trim().split('\n')
    // the last line of a Node crash is the version of Node
    const said = lines.find((line) => /^\S*error\b/i.test(line)) ?? lines.at(-1) ?? ''
    throw new NotReady(failure?.message ?? (said || `it ended with ${child.exitCode ?? child.signalCode}`), child.exitCode)
  }
  const late = async (ms: number, signal: AbortSignal): Promise<never> => {
    await pause(ms, undefined, { signal })
    throw new NotReady(`it was not ready within ${ms / 1000} s`, null)
  }
  /** Whatever comes first: ready, gone, or the time is up. */
  const inTime = async <T>(ready: Promise<T>, ms: number): Promise<T> => {
    const timer = new AbortController()
    try {
      return await Promise.race([ready, ended(), late(ms, timer.signal)])
    } finally {
      timer.abort()
    }
  }

  return {
    firstLine: (withinMs) => inTime(first, withinMs),
    reachable: (url, { answers, withinMs, signal }) => {
      const over = AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])])
      return inTime(untilReachable(url, answers, over), withinMs)
    },
    terminate: () => signalGroup(child, 'SIGTERM'),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null || failure) return
      signalGroup(child, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
      await gone
      clearTimeout(timer)
    },
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // it went in the meantime, or there are no process groups here
    child.kill(signal)
  }
}

async function untilReachable(url: string, answers: boolean, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    if (await (answers ? hasAnswer(url) : acceptsConnection(url))) return
    await pause(lookMs, undefined, { signal: over }).catch(() => {})
  }
}

async function hasAnswer(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(2000) })
    await response.body?.cancel()
    return response.status < 500
  } catch {
    return false
  }
}

function acceptsConnection(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port || (protocol === 'https:' ? 443 : 80)) })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
