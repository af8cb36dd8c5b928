/** Which provocations a run on a WebSocket target makes, and why not the others. Pure. */
import type { RuleId } from '../../spec/model.ts'
import { opens, type BaseFacts, type Property, type Stimulus, type Suite } from '../../suites/ws/stimulus.ts'
import type { Absence } from '../plan.ts'

export interface Situation {
  readonly profile: 'safe' | 'full'
  /** connections that may still be opened */
  readonly budget: number
  /** what the target offers, and what the command line gives */
  readonly offers: ReadonlySet<string>
  /** the kit has started the target and can stop it */
  readonly started: boolean
  readonly base: BaseFacts
  /** rules that the run judges */
  readonly selected: ReadonlySet<RuleId>
}

interface Skipped extends Absence {
  readonly feeds: readonly RuleId[]
}

export interface Plan {
  readonly stimuli: readonly Stimulus[]
  readonly properties: readonly Property[]
  readonly skipped: readonly Skipped[]
}

/** What a user types to offer it, by the name of the need. */
const offering: Readonly<Record<string, string>> = {
  echo: 'an endpoint that sends every message back shows it: --echo, or a driver with echo',
  socket: 'only a driver with socket can show it',
  socketAuth: 'only a driver with socketAuth can show it',
  token: 'only a target that wants credentials can show it (--token)',
  tokens: 'only a driver with tokens can show it',
  tickets: 'only a driver whose tokens can be for one use can show it (declares.tickets)',
  origin: 'only a target that looks at the origin can show it (--origin)',
  cookie: 'only a target that knows its clients by a cookie can show it (--header \'Cookie: …\')',
  stats: 'only a driver with stats can show it',
  publish: 'only a driver with publish can show it',
  tune: 'only a driver with tune can show it',
  instances: 'only a target with a second instance can show it (declares.instances)',
}

/** Stimuli in the order of the suites, as far as profile, offers and budget allow; the reasons for the rest. */
export function planned(suites: readonly Suite[], situation: Situation): Plan {
  const skipped: Skipped[] = []
  let { budget } = situation
  const wanted = ({ feeds }: { readonly feeds: readonly RuleId[] }): boolean => feeds.some((id) => situation.selected.has(id))
  const stimuli = suites.flatMap((suite) => [...suite.stimuli, ...(suite.measured?.(situation.base) ?? [])]).filter(wanted).filter((stimulus) => {
    const links = opens(stimulus.steps).length
    const reason = hindrance(stimulus, situation)
      ?? (links > budget ? { why: 'budget' as const, note: 'the connection budget is spent: --budget N raises it' } : undefined)
    if (reason) skipped.push({ feeds: stimulus.feeds, ...reason })
    else budget -= links
    return reason === undefined
  })
  const properties = suites.flatMap((suite) => suite.properties).filter(wanted).filter((property) => {
    const reason = property.needs && !situation.offers.has(property.needs) ? lacks(property.needs)
      : situation.profile === 'safe' ? beyondSafe
        : property.when?.(situation.base) === false ? noReason : undefined
    if (reason) skipped.push({ feeds: property.feeds, ...reason })
    return reason === undefined
  })
  return { stimuli, properties, skipped }
}

const beyondSafe: Absence = { why: 'profile', note: 'not sent to strangers: --profile full sends it' }
const noReason: Absence = { why: 'no-subject', note: 'the first handshake gave no reason to look' }
const lacks = (need: string): Absence => ({ why: 'not-applicable', note: offering[need] ?? `the target does not offer ${need}` })

function hindrance(stimulus: Stimulus, { offers, profile, started, base }: Situation): Absence | undefined {
  const missing = stimulus.needs?.find((need) => !offers.has(need))
  if (missing !== undefined) return lacks(missing)
  if (stimulus.profile === 'full' && profile === 'safe') return beyondSafe
  if (stimulus.final && !started) {
    return { why: 'not-applicable', note: 'only a server that the kit has started is told to stop (--start)' }
  }
  return stimulus.when?.(base) === false ? noReason : undefined
}
