/** The command `autobahn`: runs the cases, prints what came of them, writes the index. */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { autobahn as run } from '../autobahn.ts'
import type { AutobahnInvocation } from '../options/autobahn.ts'
import { interruptible, progress } from '../terminal.ts'
import { Mistake } from '../values.ts'
import { chosenCases } from './chosen.ts'
import { autobahnText, caseFiles, exitCodeOf, indexJson } from './report.ts'

/**
 * Reports, and gives the exit code.
 * @throws Mistake for a pattern that matches no case, and for an index that cannot be written
 */
export async function autobahn({ autobahn: options, patterns, withLoad, agent, out }: AutobahnInvocation): Promise<number> {
  const chosen = chosenCases(patterns, withLoad)
  if (out !== undefined) write(out, '{}\n')
  const seen = await run({ ...options, ...chosen }, { signal: interruptible(), progress })
  if (out !== undefined) {
    write(out, indexJson(agent, seen))
    for (const [name, text] of caseFiles(agent, seen)) writeFileSync(join(dirname(out), name), text)
  }
  process.stdout.write(autobahnText(agent, seen))
  return exitCodeOf(seen)
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new Mistake(`--out ${file}: the file cannot be written${code}`, 'a file in a directory that exists', '--out index.json')
  }
}
