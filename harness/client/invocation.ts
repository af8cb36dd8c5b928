/** The command `client`: judges, reports. */
import { clientRules } from '../../spec/client/index.ts'
import { judgedClient } from '../client.ts'
import { rendered } from '../judged.ts'
import type { ClientInvocation } from '../options.ts'
import { deliver, interruptible, progress, unwritable } from '../terminal.ts'
import { Mistake } from '../values.ts'

/**
 * Reports, and gives the exit code.
 * @throws Mistake for a report that cannot be written
 */
export async function client({ client: options, reports, again }: ClientInvocation): Promise<number> {
  const blocked = unwritable(reports)
  if (blocked) throw new Mistake(blocked.given, blocked.accepted, blocked.type)
  const report = await judgedClient(options, { signal: interruptible(), progress })
  const rendering = { failOn: options.failOn, command: `npx streamproof ${again}` }
  deliver(reports, (format, color) => rendered(report, format, { ...rendering, color }, clientRules))
  return report.exitCode
}
