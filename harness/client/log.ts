/** What happened, in order, and a way to wait for it. */
export class Log<T> {
  readonly items: T[] = []
  readonly #waiting = new Set<() => void>()

  add(item: T): void {
    this.items.push(item)
    for (const look of this.#waiting) look()
  }

  /** The first thing the test finds in the items; undefined when it has found nothing within so many ms. */
  async until<F>(test: (items: readonly T[]) => F | undefined, withinMs: number): Promise<F | undefined> {
    const now = test(this.items)
    if (now !== undefined) return now
    return new Promise((resolve) => {
      const over = (found: F | undefined): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve(found)
      }
      const look = (): void => {
        const found = test(this.items)
        if (found !== undefined) over(found)
      }
      const timer = setTimeout(over, withinMs, undefined)
      this.#waiting.add(look)
    })
  }
}
