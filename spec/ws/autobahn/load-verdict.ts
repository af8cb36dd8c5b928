/** What came of a case of load: every message back, whole and in time, then a clean close. Pure. */
import type { Link } from '../../model.ts'
import { Connection } from '../exchange.ts'
import type { Load } from './limits.ts'
import { closeVerdict, endOf, unopened, type Verdict } from './verdict.ts'

/** `sent`: how many messages went out; `isEcho`: the target has sent some message back. */
export function loadVerdict(load: Load, link: Link, { sent, isEcho }: { readonly sent: number; readonly isEcho: boolean }): Verdict {
  const connection = new Connection(link)
  if (!connection.isAccepted) return unopened
  const end = endOf({ parts: [] }, connection)
  const closed = { ...closeVerdict({ closes: 'kit', codes: [1000], clean: true }, end), remoteCloseCode: end.code ?? null }
  if (load.offer !== undefined && !connection.deflate) return { ...closed, behavior: 'UNIMPLEMENTED', result: 'permessage-deflate was not agreed on' }
  const { messages, received } = connection
  if (received.fault) return { ...closed, behavior: 'FAILED', result: `the target itself sent ${received.fault.says}` }
  if (messages.length === 0 && !isEcho && end.byKit) return { ...closed, behavior: 'INCONCLUSIVE', result: 'the target is no echo' }
  if (end.code !== undefined && !end.byKit && isLimit(end.code)) {
    const result = `the target sets a limit: Close ${end.code}`
    return { ...closed, behavior: 'INCONCLUSIVE', behaviorClose: 'INCONCLUSIVE', result, resultClose: result }
  }
  const other = messages.slice(0, sent).findIndex(({ type, payload }, i) => type !== load.kind || Buffer.compare(payload, load.payload(i)) !== 0)
  if (other >= 0) return { ...closed, behavior: 'FAILED', result: `message ${other + 1} came back as another` }
  if (messages.length !== sent) return { ...closed, behavior: 'FAILED', result: `${messages.length} messages came back, ${sent} had been sent` }
  return { ...closed, behavior: 'OK', result: `${sent} of ${sent} came back` }
}

/** Policy, too big, or the application's own: what a server may say to much that is right. */
const isLimit = (code: number): boolean => code === 1003 || code === 1008 || code === 1009 || code >= 3000
