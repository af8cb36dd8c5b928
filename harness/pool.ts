export interface Pool {
  /** how many are worked on at the same time */
  readonly atOnce: number
  /** ms between two beginnings */
  readonly spacingMs: number
}

/** For a server of others, away from this machine. */
export const strangerPool: Pool = { atOnce: 4, spacingMs: 200 }
/** For generated cases. */
export const drivePool: Pool = { atOnce: 4, spacingMs: 0 }
/** For what keeps target and kit busy. */
export const loudPool: Pool = { atOnce: 2, spacingMs: 0 }
/** For what would be late beside another one. */
export const alonePool: Pool = { atOnce: 1, spacingMs: 0 }

/** Works through a list, so many at once and no faster than the spacing. */
export async function pooled<T>(
  items: readonly T[],
  { atOnce, spacingMs }: Pool,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  let free = Promise.resolve()
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      if (spacingMs > 0 && i > 0) await (free = free.then(() => new Promise((resolve) => setTimeout(resolve, spacingMs))))
      await work(items[i] as T, i)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
}
