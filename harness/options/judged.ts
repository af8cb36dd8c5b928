/** What `judge` was asked for, as a value. */
import { grammar, type Flags } from '../grammar.ts'
import type { JudgeOptions } from '../judge.ts'
import { fileFormats } from '../offline/format.ts'
import { readChoice, readWhole } from '../values.ts'
import { againOf } from './again.ts'
import { runOf, type Surroundings } from './asked.ts'
import { readReports, type Output } from './outputs.ts'

export interface JudgeInvocation {
  readonly command: 'judge'
  readonly judge: JudgeOptions
  readonly reports: readonly Output[]
  /** the arguments that show it again, without reports and rule filters */
  readonly again: string
}

/** @throws Mistake for a value that cannot be read */
export function judgeOf(file: string, flags: Flags, surroundings: Surroundings): JudgeInvocation {
  const { only, skip, failOn, thresholds, replay } = runOf(flags, surroundings)
  const [replayed] = replay?.split(':') ?? []
  return {
    command: 'judge',
    judge: {
      file,
      ...(flags.format === undefined ? {} : { format: readChoice(flags.format, '--format', fileFormats) }),
      ...(flags.entry === undefined ? {} : { entry: readWhole(flags.entry, '--entry', [1, 1_000_000], 1) }),
      only: replayed === undefined ? only : [replayed],
      skip: replayed === undefined ? skip : [],
      failOn,
      ...(thresholds ? { thresholds } : {}),
    },
    reports: readReports(flags.report ?? ['console']),
    again: `judge ${againOf(file, flags, grammar.judge, [])}`,
  }
}
