/** Which rules a run judges: globs over rule ids. Pure. */
import type { Rule } from '../spec/model.ts'
import type { Exchange } from '../spec/sse/exchange.ts'
import { rooms as streamRooms } from '../spec/sse/index.ts'
import type { WsExchange } from '../spec/ws/exchange.ts'
import { rooms as socketRooms } from '../spec/ws/index.ts'

/** What can be told of a rule whatever it looks at. */
export type AnyRule = Omit<Rule<unknown>, 'check' | 'applies' | 'inconclusive'>

export const streamRules: readonly Rule<Exchange>[] = streamRooms.flatMap((room) => room.rules)
export const socketRules: readonly Rule<WsExchange>[] = socketRooms.flatMap((room) => room.rules)
export const allRules: readonly AnyRule[] = [...streamRules, ...socketRules]

/** A glob over rule ids: `*` stands for any characters; a bare prefix such as `sse/framing` means the whole room. */
export function matches(glob: string, id: string): boolean {
  const pattern = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')
  return new RegExp(`^${pattern}(?:/.*)?$`).test(id)
}

/** What `--only` and `--skip` leave of rules, in reading order. */
export function selected<R extends AnyRule>(
  rules: readonly R[],
  { only, skip }: { readonly only: readonly string[]; readonly skip: readonly string[] },
): R[] {
  return rules.filter(
    ({ id }) => (only.length === 0 || only.some((glob) => matches(glob, id))) && !skip.some((glob) => matches(glob, id)),
  )
}
