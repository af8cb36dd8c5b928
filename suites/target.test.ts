/** One test for each rule of a run that is already judged; `harness/front.ts` hands the cases over. */
import { describe, inject, test } from 'vitest'
import type { RuleCase } from '../harness/cases.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly cases: readonly RuleCase[]
  }
}

describe('target', () => {
  test.for(inject('cases'))('$name', ({ state, text }, context) => {
    if (state === 'skipped') context.skip(text)
    if (state !== 'fails') return
    const failure = new Error(text)
    // the place in this file says nothing about the target
    failure.stack = text
    throw failure
  })
})
