/** Processes that the kit starts, and always ends: by their own id, never by name. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/** ms between asking a process to end and ending it */
const graceMs = 3000
/** ms between two looks at a port that is not open yet; there is no event to wait for */
const lookMs = 50
/** ms for what a command leaves behind when it has ended itself */
const leftoverMs = 1000
/** characters of the output that are kept for whoever asks why */
const keptOutput = 4000
/** lines of it that are shown */
const shownLines = 20

/** A process that did not become ready. */
export class NotReady extends Error {
  /** exit code, null when it still ran or was ended by a signal */
  readonly code: number | null
  /** the last lines that it wrote, as they came */
  readonly output: readonly string[]

  constructor(message: string, code: number | null, output: readonly string[] = []) {
    super(message)
    this.code = code
    this.output = output
  }
}

/** A started process: what came of it, and how to end it. */
export interface Child {
  /** the first line of its standard output; rejects with NotReady when it ends or says nothing in time */
  firstLine(withinMs: number): Promise<string>
  /** resolves when the URL accepts connections or, with `answers`, answers below 500; rejects with NotReady */
  reachable(url: string, options: { readonly answers: boolean; readonly withinMs: number; readonly signal?: AbortSignal }): Promise<void>
  /** resolves when the process has ended, whoever ended it, with how: `exit code 1`, `SIGSEGV` */
  readonly gone: Promise<string>
  /** the last lines that it wrote to standard output and standard error, as they came */
  output(): readonly string[]
  /** tells the process and those it started to stop (SIGTERM), and does not wait */
  terminate(): void
  /** what is done with each line of its standard output, from now on */
  onLine(heard: (line: string) => void): void
  /** resolves when its standard output has ended, which may be after it is gone */
  readonly silent: Promise<void>
  /** a text for its standard input; lost when it is gone */
  write(text: string): void
  /** ends the process and those it started; resolves when it is gone */
  end(): Promise<void>
}

/**
 * Runs a program with arguments, or a shell command line; in the working directory unless another is given.
 * @param env variables besides those of the kit
 */
export function start(command: readonly [file: string, ...args: string[]] | string, cwd?: string, env: Readonly<Record<string, string>> = {}): Child {
  // a group of its own, so that what a shell started ends with it
  const options = { stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env }, ...(cwd === undefined ? {} : { cwd }) }
  const [file, ...args] = typeof command === 'string' ? [command] : command
  const child = spawn(file, args, { ...options, shell: typeof command === 'string' })
  let stderr = ''
  let output = ''
  let failure: Error | undefined
  const gone = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      // what it started in the background has nobody left to end it
      signalGroup(child, 'SIGTERM')
      resolve(signal ?? `exit code ${code}`)
    })
    child.once('error', (error) => {
      failure = error
      resolve(error.message)
    })
  })
  // also when the kit itself has to leave at once
  const last = (): void => signalGroup(child, 'SIGKILL')
  process.once('exit', last)
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptOutput)
    output = (output + text).slice(-keptOutput)
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-keptOutput)))
  child.stdin.on('error', () => {})
  const reader = createInterface({ input: child.stdout })
  const silent = once(reader, 'close').then(() => {})
  const first = once(reader, 'line').then(([line]) => String(line))

  const lastLines = (): string[] => output.trimEnd().split('\n').filter((line) => line !== '').slice(-shownLines)
  const ended = async (): Promise<never> => {
    const how = await gone
    // what it said last may still be in the pipe
    if (!failure && !child.stderr.readableEnded) await Promise.race([once(child.stderr, 'end'), pause(200)])
    const lines = stderr.trim().split('\n')
    // the last line of a Node crash is the version of Node
    const said = lines.find((line) => /^\S*error\b/i.test(line)) ?? lines.at(-1) ?? ''
    throw new NotReady(failure?.message ?? (said || `it ended with ${how}`), child.exitCode, lastLines())
  }
  const late = async (ms: number, signal: AbortSignal): Promise<never> => {
    await pause(ms, undefined, { signal })
    throw new NotReady(`it was not ready within ${ms / 1000} s`, null, lastLines())
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
    reachable: async (url, { answers, withinMs, signal }) => {
      const found = new AbortController()
      try {
        await inTime(untilReachable(url, answers, AbortSignal.any([found.signal, ...(signal ? [signal] : [])])), withinMs)
      } finally {
        found.abort()
      }
    },
    gone,
    output: lastLines,
    silent,
    onLine: (heard) => void reader.on('line', heard),
    write: (text) => void (child.stdin.writable && child.stdin.write(text)),
    terminate: () => signalGroup(child, 'SIGTERM'),
    end: async () => {
      signalGroup(child, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
      await gone
      clearTimeout(timer)
      // there is no event for the processes of a process
      for (const until = performance.now() + leftoverMs; isGroupAlive(child) && performance.now() < until;) await pause(lookMs)
      signalGroup(child, 'SIGKILL')
      process.off('exit', last)
    },
  }
}

/** Whether a process is left of those that were started together. */
function isGroupAlive({ pid }: ChildProcess): boolean {
  if (pid === undefined) return false
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
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
    if (await isReachable(url, answers)) return
    await pause(lookMs, undefined, { signal: over }).catch(() => {})
  }
}

/** Whether a URL accepts connections or, with `answers`, answers below 500. */
export async function isReachable(url: string, answers: boolean): Promise<boolean> {
  return answers ? (await statusOf(url) ?? 500) < 500 : acceptsConnection(url)
}

/**
 * The status of a GET, whatever it is; undefined without an answer in 2 s. Says more than an accepted connection: the
 * system accepts in the name of a process as long as its port is open, which a dying one closes late.
 */
export function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const answered = (response: http.IncomingMessage): void => {
      response.destroy()
      resolve(response.statusCode)
    }
    const options = { agent: false, timeout: 2000 } as const
    const page = url.replace(/^ws/, 'http')
    // whether the certificate is good is for the run to find out
    const request = page.startsWith('https:') ? https.get(page, { ...options, rejectUnauthorized: false }, answered) : http.get(page, options, answered)
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}

function acceptsConnection(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port || (/^(?:https|wss):$/.test(protocol) ? 443 : 80)) })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
