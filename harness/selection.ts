/** Which rules a run judges: globs over rule ids. Pure. */
import type { Rule } from '../spec/model.ts'
import type { Exchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'

export const allRules: readonly Rule<Exchange>[] = rooms.flatMap((room) => room.rules)

/** A glob over rule ids: `*` stands for any characters; a bare prefix such as `sse/framing` means the whole room. */
export function matches(glob: string, id: string): boolean {
  const pattern = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')
  return new RegExp(`^${pattern}(?:/.*)?$`).test(id)
}

/** The rules that `--only` and `--skip` leave, in reading order. */
export function selectedRules({ only, skip }: { readonly only: readonly string[]; readonly skip: readonly string[] }): Rule<Exchange>[] {
  return allRules.filter(
    ({ id }) => (only.length === 0 || only.some((glob) => matches(glob, id))) && !skip.some((glob) => matches(glob, id)),
  )
}
