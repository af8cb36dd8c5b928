/** SIGTERM, which a server gets once however many stimuli are about it: all of them watch the same end. */

/** What one stimulus has in it. */
export interface Part {
  /** Resolves once SIGTERM is sent: when nobody with a part has anything to do before it. */
  readonly ask: () => Promise<void>
  /** The stimulus is over, whether it asked or not. */
  readonly over: () => void
}

export class Termination {
  readonly #send: () => void
  #busy = 0
  #sent = false
  readonly #waiting: (() => void)[] = []

  constructor(send: () => void) {
    this.#send = send
  }

  /** To be called for all before the first of them asks. */
  part(): Part {
    this.#busy += 1
    let isBusy = true
    const ready = (): void => {
      if (!isBusy) return
      isBusy = false
      this.#busy -= 1
      this.#look()
    }
    return {
      ask: () => new Promise((resolve) => {
        this.#waiting.push(resolve)
        ready()
      }),
      over: ready,
    }
  }

  #look(): void {
    if (this.#busy > 0 || this.#waiting.length === 0) return
    if (!this.#sent) this.#send()
    this.#sent = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
