/** The scenario of each rule that vectors cannot show, or that time shows better. */
import { clientRules, type ClientRule } from '../../spec/client/index.ts'
import { cors, mime, redirects, status } from './scenarios/answers.ts'
import { closing, collecting, crNoStall, endlessLine, order } from './scenarios/leaving.ts'
import {
  eof, lastEventIdOmitted, lastEventIdSent, lastIdOverReconnect, networkError, reconnectDelay, retryDigits, retryImmediate,
} from './scenarios/returning.ts'
import type { Scenario } from './stand.ts'

const scenarios: Readonly<Record<string, Scenario>> = {
  'cr-no-stall': crNoStall,
  'retry-digits': retryDigits,
  'retry-immediate': retryImmediate,
  'bounded-memory': endlessLine,
  order,
  'status-not-200': status,
  mime,
  redirects,
  'eof-reconnects': eof,
  'network-error': networkError,
  'reconnect-delay': reconnectDelay,
  'last-event-id-sent': lastEventIdSent,
  'last-event-id-omitted': lastEventIdOmitted,
  'close-aborts': closing,
  'cors-mode': cors,
  'gc-abort': collecting,
  'last-id-over-reconnect': lastIdOverReconnect,
}

/** The scenario of a rule; undefined when vectors show it. */
export function scenarioOf({ id }: ClientRule): Scenario | undefined {
  return scenarios[id.slice('client/parser/'.length)]
}

/** Rules that nothing would show, and scenarios of no rule: empty, or the table is wrong. */
export function orphans(): string[] {
  const slugs = clientRules.map(({ id }) => id.slice('client/parser/'.length))
  return [
    ...clientRules.filter((rule) => !scenarioOf(rule) && !rule.vectors).map(({ id }) => id),
    ...Object.keys(scenarios).filter((slug) => !slugs.includes(slug)),
  ]
}
