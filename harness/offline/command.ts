/** The command `judge`: reads, judges, reports. */
import type { Readable } from 'node:stream'
import { judgeFile } from '../judge.ts'
import { rendered } from '../judged.ts'
import type { JudgeInvocation } from '../options.ts'
import { announce, deliver, interruptible, unwritable } from '../terminal.ts'
import { Mistake } from '../values.ts'

/** bytes that standard input may bring */
export const mostInput = 64 * 1024 * 1024

/**
 * Reports, and gives the exit code.
 * @throws Mistake for a file that cannot be judged, or a report that cannot be written
 */
export async function judge({ judge: options, reports, again }: JudgeInvocation): Promise<number> {
  const blocked = unwritable(reports)
  if (blocked) throw new Mistake(blocked.given, blocked.accepted, blocked.type)
  const input = options.file === '-' ? await standardInput() : undefined
  const report = judgeFile(options, input, announce)
  deliver(reports, (format, color) => rendered(report, format, { failOn: options.failOn, command: `npx streamproof ${again}`, color }))
  return report.exitCode
}

function standardInput(): Promise<Uint8Array> {
  if (process.stdin.isTTY) announce('reading standard input; Ctrl-D ends it')
  return bounded(process.stdin, interruptible())
}

/**
 * Everything a source gives until it ends or the signal aborts: Ctrl-C on a stream that does not end stops the curl
 * before us as well, and what came until then is judged.
 * @throws Mistake when that is more than `most` bytes
 */
export async function bounded(source: Readable, signal: AbortSignal, most = mostInput): Promise<Uint8Array> {
  signal.addEventListener('abort', () => source.destroy(), { once: true })
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > most) throw new Mistake(`more than ${most} bytes on standard input`, 'a part of the stream', 'curl -iN --max-time 10 URL | streamproof judge -')
      chunks.push(chunk)
    }
  } catch (error) {
    // a source that was stopped before its end says so by an error
    if (!signal.aborted) throw error
  }
  return new Uint8Array(Buffer.concat(chunks))
}
