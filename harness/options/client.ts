/** What `client` was asked for, as a value. */
import { clientRules } from '../../spec/client/index.ts'
import type { ClientOptions } from '../client.ts'
import { grammar, type Flags } from '../grammar.ts'
import { commandSecrets } from '../secrets.ts'
import { Mistake, readWhole } from '../values.ts'
import { againOf } from './again.ts'
import { runOf, type Surroundings } from './asked.ts'
import { readReports, type Output } from './outputs.ts'

export interface ClientInvocation {
  readonly command: 'client'
  readonly client: ClientOptions
  readonly reports: readonly Output[]
  /** the arguments that show it again, secrets hidden; without reports and rule filters */
  readonly again: string
}

/** sources at the same time when nobody says another number */
const usuallyAtOnce = 4

/** @throws Mistake for a value that cannot be read */
export function clientOf(flags: Flags, surroundings: Surroundings): ClientInvocation {
  const { only, skip, failOn } = runOf(flags, { ...surroundings, rules: clientRules.map(({ id }) => id) })
  const { cmd: command = '' } = flags
  if (command.trim() === '') {
    throw new Mistake('streamproof client without a command', 'the command of a client', '--cmd \'node client.js\'')
  }
  return {
    command: 'client',
    client: {
      command,
      keep: flags.keep === true,
      atOnce: flags.atOnce === undefined ? usuallyAtOnce : readWhole(flags.atOnce, '--at-once', [1, 64], usuallyAtOnce),
      only,
      skip,
      failOn,
    },
    reports: readReports(flags.report ?? ['console']),
    again: againOf('client', flags, grammar.client, commandSecrets(command)),
  }
}
