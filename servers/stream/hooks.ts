/**
 * The decisions that a server can get wrong, each as one function. `right` is what the reference servers do; a fault
 * replaces one of them (faults.ts).
 */
import { encodeEvent, refusal } from '../../spec/sse/encode.ts'
import type { Event } from '../../spec/model.ts'
import type { Refusal } from '../../spec/sse/encode.ts'
import type { Answer, Block, Request, Whole } from './answer.ts'

/** An event that was published, ready to be sent again. */
export interface Entry {
  readonly id: string | undefined
  readonly block: Block
}

export interface Hooks {
  /** an encoder for one play or one channel; each has its own so that a wrong one may remember */
  readonly encoder: () => (event: Event) => Block
  /** why an event is not taken */
  readonly refusal: (event: unknown) => Refusal | undefined
  /** the last block before a clean end */
  readonly tail: (block: Block) => Block
  /** writes the blocks of one publish to all subscribers */
  readonly deliver: (blocks: readonly Block[], write: (part: Block) => void) => void
  /** what a resumed subscriber gets first; `at` is the index of its last event in the log, -1 when it is not there */
  readonly replay: (log: readonly Entry[], at: number) => readonly Entry[]
  /** what HEAD gets, from what GET would get */
  readonly head: (answer: Answer) => Answer
  /** every answer, complete, on its way to the transport */
  readonly answer: (answer: Answer, request: Request) => Answer
}

export const right: Hooks = {
  encoder: () => encodeEvent,
  refusal,
  tail: (block) => block,
  deliver: (blocks, write) => blocks.forEach(write),
  replay: (log, at) => (at < 0 ? [] : log.slice(at + 1)),
  head: ({ status, fields }): Whole => ({ status, fields }),
  answer: (answer) => answer,
}
