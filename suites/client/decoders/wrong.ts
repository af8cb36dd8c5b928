import type { Hearing } from '../../../clients/source.ts'
import type { Interpreter } from '../interpreter.ts'

export interface WrongDecoder {
  readonly rule: string
  readonly make: new (hearing: Hearing) => Interpreter
  /** other rules that fail too: slugs of client/parser */
  readonly also?: readonly string[]
}
