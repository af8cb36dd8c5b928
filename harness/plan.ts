/** Which provocations a run makes, and why not the others. Pure. */
import type { Declares, RuleId, SentRequest, Why } from '../spec/model.ts'
import type { Answer } from '../spec/sse/exchange.ts'
import { pageOf } from './page.ts'
import { opens, type BaseFacts, type Property, type Stimulus, type Suite } from '../suites/stimulus.ts'

/** What is known of the target before anything but the first request was sent. */
export interface Situation {
  readonly kind: 'observed' | 'driven'
  readonly method: string
  readonly hasBody: boolean
  /** the body is JSON, and says so */
  readonly hasJson?: boolean
  readonly hasCredentials: boolean
  readonly profile: 'safe' | 'full'
  /** connections that may still be opened */
  readonly budget: number
  /** the target is asked by more than a GET, and the user has named no budget */
  readonly unasked?: boolean
  readonly parts: ReadonlySet<string>
  readonly declares: Declares
  /** the kit has started the target and can stop it */
  readonly started: boolean
  readonly base: BaseFacts
  /** rules that the run judges */
  readonly selected: ReadonlySet<RuleId>
}

/** Why nothing was seen of a rule; `not-applicable` when the target is not of the kind that could show it. */
export interface Absence {
  readonly why: Why | 'not-applicable'
  readonly note?: string
}

export interface Skipped extends Required<Absence> {
  readonly id: string
  readonly feeds: readonly RuleId[]
}

export interface Plan {
  readonly stimuli: readonly Stimulus[]
  readonly properties: readonly Property[]
  readonly skipped: readonly Skipped[]
}

/** Stimuli in the order of the suites, as far as profile, contract and budget allow; the reasons for the rest. */
export function planned(suites: readonly Suite[], situation: Situation): Plan {
  const skipped: Skipped[] = []
  const wanted = ({ feeds }: { readonly feeds: readonly RuleId[] }): boolean => feeds.some((id) => situation.selected.has(id))
  let budget = situation.budget
  const stimuli = suites.flatMap((suite) => suite.stimuli).filter(wanted).filter((stimulus) => {
    const links = cost(stimulus, situation)
    const reason = hindrance(stimulus, situation) ?? (links > budget ? budgetSpent(situation) : undefined)
    if (reason) skipped.push({ id: stimulus.id, feeds: stimulus.feeds, ...reason })
    else budget -= links
    return reason === undefined
  })
  const properties = suites.flatMap((suite) => suite.properties).filter(wanted).filter((property) => {
    if (situation.parts.has('play')) return property.applies?.(situation.declares) ?? true
    skipped.push({ id: property.id, feeds: property.feeds, ...lacks(['play'], situation) })
    return false
  })
  return { stimuli, properties, skipped }
}

/** Connections that count. A preflight does nothing: it is sent also where one POST is all that may be sent unasked. */
const cost = ({ steps }: Stimulus, { unasked }: Situation): number =>
  opens(steps).filter(({ asked }) => !(unasked && asked?.preflight)).length

type Reason = Pick<Skipped, 'why' | 'note'>

function hindrance(stimulus: Stimulus, situation: Situation): Reason | undefined {
  const missing = (stimulus.needs ?? []).filter((part) => !situation.parts.has(part))
  if (missing.length > 0) return lacks(missing, situation)
  const opensStream = opens(stimulus.steps).some(({ to }) => to === 'stream')
  if (situation.kind === 'driven' && opensStream && !situation.parts.has('channel')) return lacks(['channel'], situation)
  if (stimulus.profile === 'full' && situation.profile === 'safe') {
    return { why: 'profile', note: 'not sent to strangers: --profile full sends it' }
  }
  if (stimulus.final && !situation.started) {
    return { why: 'not-applicable', note: 'only a server that the kit has started is told to stop (--start)' }
  }
  if (stimulus.getOnly && (situation.method !== 'GET' || situation.hasBody)) {
    return { why: 'not-applicable', note: 'only a GET target can show it' }
  }
  if (stimulus.postOnly && (situation.method !== 'POST' || !situation.hasJson)) {
    return { why: 'not-applicable', note: 'only a target that is asked by POST with JSON can show it' }
  }
  if (stimulus.authorized && !situation.hasCredentials) {
    return { why: 'not-applicable', note: 'only a target that wants credentials can show it (--token or --header)' }
  }
  if (stimulus.when && !stimulus.when(situation.base)) {
    return { why: 'no-subject', note: 'the first answer gave no reason to look' }
  }
  return undefined
}

const lacks = (missing: readonly string[], { kind }: Situation): Reason => ({
  why: 'not-applicable',
  note: kind === 'driven'
    ? `the target does not offer ${missing.join(', ')}`
    : `nothing that came shows it; a driver with ${missing.join(', ')} would`,
})

const budgetSpent = ({ method, hasBody }: Situation): Reason => ({
  why: 'budget',
  note: method === 'GET' && !hasBody
    ? 'the connection budget is spent: --budget N raises it'
    : `one ${method} was sent, and no more without --budget N`,
})

interface Feeding {
  readonly feeds: readonly RuleId[]
}

/** What a plan sends, and what it does not, as far as rules are fed. */
export interface Fed {
  readonly stimuli: readonly Feeding[]
  readonly properties: readonly Feeding[]
  readonly skipped: readonly (Absence & Feeding)[]
}

/** Why a rule had nothing to look at: the reasons of the stimuli that feed it, when none of them was sent. */
export function absence(rule: RuleId, plan: Fed): Absence {
  const sent = [...plan.stimuli, ...plan.properties].some(({ feeds }) => feeds.includes(rule))
  const skipped = plan.skipped.filter(({ feeds }) => feeds.includes(rule))
  const reason = skipped.find(({ why }) => why !== 'not-applicable') ?? skipped[0]
  if (sent || !reason) return { why: 'no-subject' }
  return { why: reason.why, ...(reason.note === undefined ? {} : { note: reason.note }) }
}

/** What the first exchange with a target showed, and what the ordinary request and the declarations add to that. */
export function factsOf(answer: Answer | undefined, request: SentRequest, declares: Declares): BaseFacts {
  const page = pageOf(request, declares, answer)
  const authorized = request.headers.some(([name]) => /^authorization$/i.test(name))
  const asked = { ...(page ? { page } : {}), ...(authorized ? { authorization: true as const } : {}) }
  if (!answer) return { status: 0, isEventStream: false, events: 0, ids: 0, ...asked }
  const { head, message, link } = answer
  const end = message.body?.complete ? message.body.completeAt : link.ended.by === 'target' ? link.ended.at : undefined
  return {
    ...asked,
    status: answer.status,
    isEventStream: answer.isEventStream,
    events: answer.isEventStream ? answer.stream.events.length : 0,
    ids: answer.isEventStream ? answer.stream.blocks.filter((block) => block.lines.some((line) => line.name === 'id' && line.value !== '')).length : 0,
    ...(head && end !== undefined ? { endedAfterMs: end - head.at } : {}),
  }
}
