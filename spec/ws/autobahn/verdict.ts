/**
 * What came of a case, in the words of Autobahn: one verdict for what the target said, one for how it closed. Pure.
 * A fault or a Close that the target does not react to is FAILED here; Autobahn tells it from the close column alone.
 */
import type { Link } from '../../model.ts'
import { Connection } from '../exchange.ts'
import { readFrames, type Frame } from '../reader.ts'
import type { Case, Heard } from './case.ts'

/** INCONCLUSIVE is ours: the target is no echo, or its application refused the message. */
export type Behavior = 'OK' | 'NON-STRICT' | 'INFORMATIONAL' | 'UNIMPLEMENTED' | 'INCONCLUSIVE' | 'FAILED'
export type BehaviorClose = 'OK' | 'FAILED' | 'WRONG CODE' | 'UNCLEAN' | 'FAILED BY CLIENT' | 'INFORMATIONAL' | 'INCONCLUSIVE'

export interface Verdict {
  readonly behavior: Behavior
  readonly behaviorClose: BehaviorClose
  /** the code of the Close that came; null when none came, or one without code */
  readonly remoteCloseCode: number | null
  /** why, in the indicative; nothing of it is the target's own text */
  readonly result: string
  readonly resultClose: string
}

const failing: ReadonlySet<Behavior | BehaviorClose> = new Set(['FAILED', 'WRONG CODE', 'UNCLEAN', 'FAILED BY CLIENT'])

/** In one of the two columns. */
export const isFailure = ({ behavior, behaviorClose }: Pick<Verdict, 'behavior' | 'behaviorClose'>): boolean =>
  failing.has(behavior) || failing.has(behaviorClose)

type Said = Pick<Verdict, 'behavior' | 'result'>
type Ended = Pick<Verdict, 'behaviorClose' | 'resultClose'>

const neverOpen = 'the opening handshake was not completed'
export const unopened: Verdict = { behavior: 'FAILED', behaviorClose: 'FAILED', remoteCloseCode: null, result: neverOpen, resultClose: neverOpen }

/** How a connection ended, as far as a case looks at it. */
export interface End {
  /** the kit's Close went out before one of the target came */
  readonly byKit: boolean
  /** the target sent a Close */
  readonly answered: boolean
  readonly code: number | undefined
  /** the target ended TCP */
  readonly dropped: boolean
}

/** One case as it went. */
interface Course {
  readonly one: Case
  readonly connection: Connection
  /** what the kit sent, its goodbye too */
  readonly told: readonly Frame[]
  readonly end: End
}

/** `isEcho`: the target has sent some message back. */
export function verdictOf(one: Case, link: Link, isEcho: boolean): Verdict {
  const connection = new Connection(link)
  if (!connection.isAccepted) return unopened
  const end = endOf(one, connection)
  const course: Course = { one, connection, told: toldOn(link), end }
  const closed = { ...closeVerdict(one, end), remoteCloseCode: end.code ?? null }
  if (one.informational) {
    return { ...closed, behavior: 'INFORMATIONAL', behaviorClose: 'INFORMATIONAL', result: seen(course) }
  }
  const said = saidVerdict(course, isEcho)
  if (isRefused(one, said, end)) {
    const result = `the application refused the message: Close ${end.code}`
    return { ...closed, behavior: 'INCONCLUSIVE', behaviorClose: 'INCONCLUSIVE', result, resultClose: result }
  }
  if (one.codeDecides && closed.behaviorClose === 'WRONG CODE') return { ...closed, behavior: 'FAILED', result: closed.resultClose }
  return { ...closed, ...said }
}

/** The frames that the kit sent, whatever they mean. */
const toldOn = ({ sent = [] }: Link): readonly Frame[] => readFrames(sent).frames

/** Bytes that were written, the goodbye among them. */
const writtenOn = ({ sent = [] }: Link): number => sent.reduce((sum, { bytes }) => sum + bytes.length, 0)

export function endOf({ parts, closesItself }: Pick<Case, 'parts' | 'closesItself'>, { received, link, isDropped }: Connection): End {
  const close = received.frames.find(({ opcode }) => opcode === 8)
  // a Close among the parts is a goodbye where it is meant as one
  const scripted = closesItself ? 0 : parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const goodbye = toldOn(link).find(({ opcode, span }) => opcode === 8 && span.start >= Math.min(scripted, writtenOn(link)))
  const byKit = goodbye !== undefined && (close === undefined || goodbye.at <= close.at)
  const [high, low] = close?.payload ?? []
  const code = high === undefined || low === undefined ? undefined : high * 256 + low
  return { byKit, answered: close !== undefined, code, dropped: isDropped }
}

export function closeVerdict({ closes, codes, clean }: Pick<Case, 'closes' | 'codes' | 'clean'>, { byKit, answered, code, dropped }: End): Ended {
  if (byKit !== (closes === 'kit')) {
    const who = byKit ? 'the target did not close, so the kit did' : answered ? 'the target closed first' : 'the target ended TCP without a Close'
    return { behaviorClose: 'FAILED', resultClose: who }
  }
  if (clean && !(answered && dropped)) {
    return { behaviorClose: 'UNCLEAN', resultClose: answered ? 'the target left TCP open behind both Closes' : 'the target did not answer the Close' }
  }
  if (code !== undefined && !codes.includes(code)) return { behaviorClose: 'WRONG CODE', resultClose: `Close ${code} in place of ${codes.join(' or ')}` }
  if (!dropped) return { behaviorClose: 'FAILED BY CLIENT', resultClose: 'the target left TCP open' }
  return { behaviorClose: 'OK', resultClose: answered ? `Close${code === undefined ? '' : ` ${code}`}, and the end of TCP` : 'the end of TCP without a Close' }
}

function saidVerdict(course: Course, isEcho: boolean): Said {
  const { one, connection: { received, link }, end } = course
  if (received.fault) return { behavior: 'FAILED', result: `the target itself sent ${received.fault.says}` }
  const isIgnored = one.closes === 'target' ? end.byKit : !end.answered && !end.dropped
  if (isIgnored && (one.isFault || one.closesItself)) return { behavior: 'FAILED', result: one.isFault ? 'the fault was ignored' : 'the Close was ignored' }
  const heard = heardFrom(course, isEcho)
  const reached = one.failsAfter && partsSent(one, link)
  if (same(heard, one.ok) && (reached === undefined || reached === one.failsAfter?.ok)) {
    return isLate(course) ? { behavior: 'NON-STRICT', result: 'a pong only after the pause' } : { behavior: 'OK', result: 'as expected' }
  }
  if (one.nonStrict && same(heard, one.nonStrict)) return { behavior: 'NON-STRICT', result: 'nothing of what came before the fault was answered' }
  if (reached !== undefined && reached === one.failsAfter?.nonStrict && heard.length === 0) {
    return { behavior: 'NON-STRICT', result: 'failed when the whole message was there, not when it became wrong' }
  }
  if (isCoalesced(heard, one.ok)) return { behavior: 'NON-STRICT', result: `${heard.length} pongs for ${one.ok.length} pings, the last one among them` }
  if (!isEcho && end.byKit && heard.every(({ kind }) => kind === 'pong')) {
    return { behavior: 'INCONCLUSIVE', result: 'accepted, and not sent back: the target is no echo' }
  }
  return { behavior: 'FAILED', result: `${spoken(heard)} in place of ${spoken(one.ok)}` }
}

/** What the application may say to a message that the protocol has nothing against. */
function isRefused({ ok }: Case, { behavior }: Said, { byKit, code }: End): boolean {
  const isApplication = code === 1003 || code === 1007 || code === 1008 || (code !== undefined && code >= 3000)
  return behavior === 'FAILED' && !byKit && isApplication && ok.some(({ kind }) => kind !== 'pong')
}

/** What the target said about what was sent: what it says by itself, as a greeting or a ping, is left out. */
function heardFrom({ one: { ok }, told: sent, connection: { received, messages } }: Course, isEcho: boolean): Heard[] {
  const pinged = sent.filter(({ opcode }) => opcode === 9).map(({ payload }) => latin1(payload))
  const told = new Set([...sent.filter(({ opcode }) => opcode < 8).map(({ payload }) => latin1(payload)), ...ok.map(({ payload }) => latin1(payload))])
  // an echo that changes what it sends back is not a talkative target
  const exact = isEcho && messages.length <= ok.filter(({ kind }) => kind !== 'pong').length
  return received.happenings.flatMap((one): Heard[] => {
    if (one.kind === 'message') return exact || told.has(latin1(one.payload)) ? [{ kind: one.type, payload: one.payload }] : []
    return one.kind === 'pong' && pinged.includes(latin1(one.payload)) ? [{ kind: 'pong', payload: one.payload }] : []
  })
}

const latin1 = (payload: Uint8Array): string => Buffer.from(payload).toString('latin1')
const equal = (a: Heard, b: Heard): boolean => a.kind === b.kind && Buffer.compare(a.payload, b.payload) === 0
const same = (heard: readonly Heard[], wanted: readonly Heard[]): boolean =>
  heard.length === wanted.length && heard.every((one, i) => equal(one, wanted[i] as Heard))

/** Some of the pongs, in order, and the last one (RFC 6455 5.5.3 allows it). */
function isCoalesced(heard: readonly Heard[], wanted: readonly Heard[]): boolean {
  const last = wanted.at(-1)
  if (wanted.length < 2 || wanted.some(({ kind }) => kind !== 'pong') || !last) return false
  let from = 0
  const inOrder = heard.every((one) => {
    const at = wanted.findIndex((other, i) => i >= from && equal(one, other))
    from = at + 1
    return at >= 0
  })
  return inOrder && heard.length > 0 && equal(heard.at(-1) as Heard, last)
}

/** How many parts went out whole; what stands in the place of one that did not is the goodbye. */
function partsSent({ parts }: Case, { sent = [] }: Link): number {
  const written = Buffer.concat(sent.map(({ bytes }) => bytes))
  let end = 0
  return parts.filter(({ bytes }) => written.subarray(end, (end += bytes.length)).equals(bytes)).length
}

/** A pong to a ping before a pause came only behind it (RFC 6455 5.5.2: as soon as is practical). */
function isLate({ one: { parts, failsAfter }, told, connection: { pongs } }: Course): boolean {
  if (failsAfter || parts.length < 2) return false
  const resumed = told.find(({ span }) => span.start >= (parts[0]?.bytes.length ?? 0))
  const [first] = pongs
  return resumed !== undefined && first !== undefined && first.frame.at > resumed.startedAt
}

function spoken(heard: readonly Heard[]): string {
  const named = heard.map(({ kind, payload }) => (kind === 'pong' ? 'a pong' : `${kind} of ${payload.length} bytes`))
  return named.length === 0 ? 'nothing' : named.length > 3 ? `${named.length} answers` : named.join(', ')
}

/** What came where anything may. */
function seen({ one: { ok }, connection: { messages }, end: { answered, code } }: Course): string {
  const close = answered ? `a Close${code === undefined ? '' : ` ${code}`}` : 'no Close'
  return ok.length === 0 ? close : `${messages.length} of ${ok.length} messages, then ${close}`
}
