/** What a rule about clients is. The levels of the model bind the client here: `must` is the standard's must. */
import type { Level, RuleId } from '../model.ts'

export interface ClientRule {
  readonly id: RuleId & `client/${string}/${string}`
  readonly level: Extract<Level, 'must' | 'should' | 'advice'>
  /** URL of the clause */
  readonly clause: string
  /** what is true of a right client, in the indicative */
  readonly says: string
  /** what goes wrong with a client that breaks it */
  readonly harm: string
  /** what to change in the client */
  readonly fix: string
  /** names of the vectors that show it; a rule without vectors is shown by a scenario */
  readonly vectors?: readonly string[]
  /**
   * What is done with the vectors. `meaning` (absent): read in one piece, each means what the file says.
   * `pieces`: the same, and also byte by byte. `cuts` and `crlf`: cut, each means what it means to the same client
   * in one piece; so a client that is wrong about a vector is blamed for that once.
   */
  readonly compares?: 'pieces' | 'cuts' | 'crlf'
  /** the Content-Type that the vectors are sent with; text/event-stream when absent */
  readonly contentType?: string
  /** the reading needs the last event ID that the client sends when it comes back */
  readonly returns?: boolean
}

const html = 'https://html.spec.whatwg.org/multipage'
const sse = `${html}/server-sent-events.html`

export const clauses = {
  interpretation: `${sse}#event-stream-interpretation`,
  parsing: `${sse}#parsing-an-event-stream`,
  processing: `${sse}#sse-processing-model`,
  constructing: `${sse}#dom-eventsource`,
  closing: `${sse}#dom-eventsource-close`,
  lastEventId: `${sse}#the-last-event-id-header`,
  collecting: `${sse}#garbage-collection`,
  type: `${html}/iana.html#text/event-stream`,
  decoding: 'https://encoding.spec.whatwg.org/#utf-8-decode',
  mime: 'https://fetch.spec.whatwg.org/#concept-header-extract-mime-type',
  redirecting: 'https://fetch.spec.whatwg.org/#http-redirect-fetch',
} as const
