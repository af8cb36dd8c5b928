/**
 * Heartbeats on their way through buffers and compressors.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { onBody } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import { awake, beats, bursts, promisedMs, quietUntil, withSlack } from '../beats.ts'
import { withRole, type Answer, type Exchange } from '../exchange.ts'
import { acceptsCoding, authoringNotes, heldBack, idle, isBeat, leftEarly, openEnded, shown, silent } from './idle.ts'

export const flushed: Rule<Exchange> = {
  id: 'sse/heartbeat/flushed',
  level: 'advice',
  clause: authoringNotes,
  says: 'heartbeats are on the wire when they are due, also for a client that accepts compression',
  harm: 'a heartbeat that waits in a buffer keeps nothing alive: proxies cut the stream all the same',
  fix: 'flush after each heartbeat (res.flush() with Express compression), or do not compress event streams',
  applies: openEnded,
  inconclusive: leftEarly,
  needs: ['times'],
  check: (exchange) => [...besidePlain(exchange), ...untilNext(exchange)],
  mutants: {
    'held by the compressor': { edit: onBody('coded', silent) },
    'held until something else is sent': {
      edit: onBody('quiet', heldBack), fault: 'heartbeatHeld', alsoBreaks: ['sse/heartbeat/interval'],
    },
  },
}

/** What a client reads of a link that accepts compression, beside a link without it on which the heartbeats come. */
function besidePlain(exchange: Exchange): Finding[] {
  const coded = ['channel', 'coded'].flatMap((role) => withRole(exchange, role))
    .filter((answer) => answer.isEventStream && acceptsCoding(answer) && answer.content.fault === undefined)
  return coded.flatMap((answer): Finding[] => {
    const plain = idle(exchange).find((one) => areTogether(one, answer) &&
      beats(one, quietUntil(exchange, one)).some((burst) => isBeat(exchange, burst)))
    if (!plain) return []
    const usual = silenceOf(exchange, plain)
    const bound = withSlack(exchange, promisedMs(exchange, answer) ?? usual)
    const longest = silenceOf(exchange, answer)
    const ok = longest <= bound
    if (usual > bound || (ok && beats(answer, quietUntil(exchange, answer)).length === 0)) return []
    return [{
      where: answer.where,
      ok,
      expected: 'heartbeats that can be read when they are due, as without compression',
      actual: ok ? 'that' : `none for more than ${shown(bound)}`,
    }]
  })
}

const areTogether = ({ link: a }: Answer, { link: b }: Answer): boolean =>
  a.openedAt < b.ended.at && b.openedAt < a.ended.at

/** The longest time in which nothing became readable, ms. */
function silenceOf(exchange: Exchange, answer: Answer): number {
  const until = quietUntil(exchange, answer)
  const times = [answer.head?.at ?? answer.link.openedAt, ...bursts(answer, until).map(({ at }) => at), until]
  const between = awake(exchange)
  return Math.max(...times.slice(1).map((at, i) => between(times[i] ?? at, at)))
}

/** Several heartbeats that came with the event behind them, after a silence in which they had been due. */
const untilNext = (exchange: Exchange): Finding[] => idle(exchange).flatMap((answer) => {
  const promised = promisedMs(exchange, answer)
  if (promised === undefined) return []
  return bursts(answer, answer.link.ended.at).flatMap(({ silence, lines, events, at }): Finding[] => {
    const first = lines.findIndex(({ kind }) => kind === 'field')
    const held = lines.slice(0, Math.max(0, first)).filter(({ kind }) => kind === 'comment')
    const isLate = awake(exchange)(at - silence, at) > withSlack(exchange, promised)
    if (!isLate || held.length < 2 || events.length === 0) return []
    return [{
      where: { ...answer.where, at },
      ok: false,
      expected: `a heartbeat within ${shown(promised)}`,
      actual: `${held.length} of them together with the next event, ${shown(silence)} later`,
    }]
  })
})
