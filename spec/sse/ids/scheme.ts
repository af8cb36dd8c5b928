/** Ids that look ordered, and how two of them compare. Only what a scheme really orders counts. */

type Key = readonly bigint[]

interface Scheme {
  readonly says: string
  readonly pattern: RegExp
  readonly key: (id: string) => Key
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

const schemes: readonly Scheme[] = [
  { says: 'integers', pattern: /^\d{1,40}$/, key: (id) => [BigInt(id)] },
  // as Redis writes them: milliseconds, and a number within the millisecond
  { says: 'pairs of integers', pattern: /^\d{1,20}-\d{1,20}$/, key: (id) => id.split('-').map(BigInt) },
  // Of a ULID and a UUIDv7 the time alone is ordered: within a millisecond the rest is random for most generators.
  {
    says: 'ULIDs', pattern: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i,
    key: (id) => [[...id.slice(0, 10).toUpperCase()].reduce((sum, c) => sum * 32n + BigInt(crockford.indexOf(c)), 0n)],
  },
  {
    says: 'UUIDs of version 7', pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i,
    key: (id) => [BigInt(`0x${id.slice(0, 8)}${id.slice(9, 13)}`)],
  },
  {
    says: 'times', pattern: /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/,
    key: (id) => [BigInt(Date.parse(id.replace(' ', 'T').toUpperCase()) || 0)],
  },
]

const isLess = (a: Key, b: Key): boolean => {
  const at = a.findIndex((part, i) => part !== b[i])
  return at >= 0 && (a[at] ?? 0n) < (b[at] ?? 0n)
}

/**
 * What the ids have in common and the index of the first that is less than the one before it, -1 when none is;
 * undefined when they follow no scheme that orders them, or when there is nothing to compare.
 */
export function orderOf(ids: readonly string[]): { readonly says: string; readonly backwards: number } | undefined {
  const scheme = ids.length > 1 ? schemes.find(({ pattern }) => ids.every((id) => pattern.test(id))) : undefined
  if (!scheme) return undefined
  const keys = ids.map(scheme.key)
  return { says: scheme.says, backwards: keys.findIndex((key, i) => i > 0 && isLess(key, keys[i - 1] ?? [])) }
}
