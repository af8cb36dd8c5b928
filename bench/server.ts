/** What the benches have in common: servers in processes of their own, and how figures are put together. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Server {
  /** the first line of its standard output */
  readonly line: string
  stop(): Promise<void>
}

/** Starts a command that prints a line once it listens; undefined where it ends before, as without a binary. */
export async function serve([file = '', ...args]: readonly string[]): Promise<Server | undefined> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const exit = once(child, 'exit')
  const line = await Promise.race([once(child.stdout, 'data'), exit.then(() => undefined)])
  if (line === undefined) return undefined
  return {
    line: String(line[0]).trim(),
    stop: async () => {
      child.kill()
      await exit
    },
  }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
