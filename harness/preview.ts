/** What a run would send, for `--plan`. Sends nothing, so it says what follows from each kind of first answer. Pure. */
import { suites } from '../suites/sse/index.ts'
import { opens, type Stimulus } from '../suites/stimulus.ts'
import { planned, type Situation } from './plan.ts'
import { hasJsonBody, isLoopback, ordinaryRequest, usualBudget, type RunOptions } from './request.ts'
import { redactText, redactUrl, secretsOf } from './secrets.ts'
import { selected, streamRules } from './selection.ts'

/** Lines for a reader, secrets hidden. */
export function plan(options: RunOptions): string[] {
  const secrets = secretsOf(options)
  const request = ordinaryRequest(options)
  const profile = options.profile ?? (isLoopback(options.target) ? 'full' : 'safe')
  const observed: Situation = {
    kind: 'observed',
    method: request.method,
    hasBody: request.body !== undefined,
    hasJson: hasJsonBody(request),
    hasCredentials: request.headers.some(([name]) => /^(?:authorization|cookie)$/i.test(name)),
    profile,
    budget: (options.budget ?? usualBudget(request)) - 1,
    parts: new Set(),
    declares: {},
    started: false,
    base: {
      status: 200, isEventStream: true, events: 1, ids: 1,
      ...(options.origin === undefined ? {} : { page: { origin: options.origin, meant: true } }),
    },
    selected: new Set(selected(streamRules, options).map(({ id }) => id)),
  }
  const offered = new Set(suites.flatMap(({ stimuli }) => stimuli.flatMap(({ needs }) => needs ?? [])))
  const driven: Situation = {
    ...observed,
    kind: 'driven',
    method: 'GET',
    hasBody: false,
    profile: options.profile ?? 'full',
    budget: options.budget ?? Infinity,
    parts: new Set([...offered, 'play', 'channel', 'publish', 'finish', 'stats', 'tune', 'limited']),
  }
  const stranger = planned(suites, observed)
  const driver = planned(suites, driven)
  const runs = (own: number): number => options.runs ?? own
  return [
    `first: ${request.method} ${redactUrl(request.url, secrets)}`,
    ...request.headers.map(([name, value]) => `  ${name}: ${redactText(value, secrets)}`),
    ...(request.body === undefined ? [] : [`  a body of ${Buffer.byteLength(request.body)} bytes`]),
    '',
    `when an event stream comes back (profile ${profile}, ${observed.budget + 1} connections at most), also:`,
    ...stranger.stimuli.map(described),
    ...stranger.skipped.filter(({ why }) => why !== 'no-subject').map(({ id, note }) => `  not ${id}: ${note}`),
    '',
    'when a driver answers, as far as it offers the parts:',
    ...driver.stimuli.map(described),
    ...driver.properties.map(({ id, says, examples, runs: own }) => `  ${id}: ${says} (${examples.length} fixed and ${runs(own)} generated plays)`),
  ]
}

function described({ id, says, steps }: Stimulus): string {
  const opened = opens(steps).length
  return `  ${id}: ${says} (${opened} ${opened === 1 ? 'connection' : 'connections'})`
}
