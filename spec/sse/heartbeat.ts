/**
 * What keeps an idle stream open through proxies, and tells a dead connection from a quiet one.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
import { both, delay, driven, later, live, onBody, published, sent, tuned } from '../bytes.ts'
import type { Edit, Link, Room, Rule } from '../model.ts'
import { cited, valueOf } from '../thresholds.ts'
import { beats, isDriver, isPing, isSilent, longestSilence, promisedMs, quietUntil, withSlack } from './beats.ts'
import type { Burst } from './beats.ts'
import type { Dispatched } from './decode.ts'
import { quote, type Exchange } from './exchange.ts'
import { flushed } from './heartbeat/flushed.ts'
import { authoringNotes, comment, idle, isBeat, leftEarly, openEnded, shown } from './heartbeat/idle.ts'
import { beating, silent } from './heartbeat/idle.ts'
import { beatLines, completeLine, notInsideBlock } from './heartbeat/place.ts'

/** HTML asks for a comment "every 15 seconds or so" */
const orSo = 1 + 1 / 6

const lines = beatLines('a', 3)
const busy = `event: beat\n${lines.split('\n').map((line) => `data: ${line}\n`).join('')}\n`
const beaten = [545, 1085, 1625, 2165].map((at) => sent(at, comment))
const quiet = live('channel', sent(5, ': open\n\n'), ...beaten, sent(2605, 'data: after\n\n'))

const example = driven(
  { heartbeatMs: 1500 },
  [
    tuned(3900, { heartbeatMs: 600 }),
    ...Array.from({ length: 24 }, (_, n) =>
      ({ ...published(4000 + 100 * n, [{ data: 'tick' }]), to: 'sibling' as const })),
    published(6600, [{ data: 'after' }]),
    published(10_000, [{ event: 'beat', data: lines }]),
  ],
  live('base', sent(5, ': open\n\n'), sent(300, comment), sent(600, comment), sent(900, comment)),
  later(quiet, 'quiet', 4000),
  coded(later(quiet, 'coded', 4000)),
  later(live('channel', sent(5, ': open\n\n'), sent(20, busy), sent(40, comment)), 'busy', 9990),
)

/** The same link of a client that accepts compression. */
function coded(link: Link): Link {
  const headers = link.request.headers
    .map(([name, value]) => [name, name === 'Accept-Encoding' ? 'gzip' : value] as const)
  return { ...link, request: { ...link.request, headers } }
}

/** Nobody's driver: no promises, and nothing that the kit did. */
const strange: Edit = ({ stimulus, links }) => ({ stimulus, links, acts: [] })

const interval: Rule<Exchange> = {
  id: 'sse/heartbeat/interval',
  level: 'advice',
  promisedBy: 'heartbeatMs',
  clause: authoringNotes,
  says: 'an idle stream carries some bytes every 15 s or so, or as often as the target declares',
  harm: 'proxies and load balancers cut a connection that is silent for long; the client learns of it late, or never',
  fix: 'write ": ping" and a blank line when nothing was sent for 15 s (setInterval in Node, ping= in sse-starlette)',
  applies: openEnded,
  inconclusive: leftEarly,
  needs: ['times'],
  check: (exchange) => idle(exchange).flatMap((answer) => {
    const until = quietUntil(exchange, answer)
    const promised = promisedMs(exchange, answer)
    const advised = exchange.thresholds.heartbeat
    const bound = promised === undefined ? advised * orSo : withSlack(exchange, promised)
    const longest = longestSilence(exchange, answer, until)
    const ok = longest.ms <= bound
    if (ok && longest.span <= bound && !beats(answer, until).some((burst) => isBeat(exchange, burst))) return []
    const often = promised === undefined
      ? `${cited('heartbeat', exchange.thresholds)} or so`
      : shown(promised)
    return [{
      where: { ...answer.where, at: longest.from },
      ok,
      expected: `some bytes every ${often}`,
      actual: ok ? 'that' : `none for more than ${shown(bound)}`,
    }]
  }),
  mutants: {
    'none': { edit: onBody('quiet', silent), fault: 'heartbeatMissing' },
    'late': { edit: onBody('quiet', delay(comment, 900)) },
    'none for 20 s on a stream that promises nothing': { edit: both(strange, onBody('quiet', delay(comment, 20_000))) },
  },
}

const silenceBounded: Rule<Exchange> = {
  id: 'sse/heartbeat/silence-bounded',
  level: 'advice',
  clause: authoringNotes,
  says: `no silence is longer than ${valueOf('silence')}, in what is seen or in what the target declares`,
  harm: 'many proxies cut an idle connection after 30 to 60 s, and polyfills reconnect after 45 s of silence',
  fix: 'send heartbeats more often than every 30 s, whatever else is sent',
  applies: openEnded,
  inconclusive: leftEarly,
  needs: ['times'],
  check: (exchange) => idle(exchange).flatMap((answer) => {
    const longest = longestSilence(exchange, answer, quietUntil(exchange, answer))
    const declared = exchange.declares.heartbeatMs
    const most = exchange.thresholds.silence
    const ok = longest.ms <= most && (declared === undefined || declared <= most)
    if (ok && declared === undefined && longest.span <= most) return []
    const actual = longest.ms > most ? `none for ${shown(most)}` : `${shown(declared ?? 0)} declared`
    const where = { ...answer.where, at: longest.from }
    const expected = `some bytes at least every ${cited('silence', exchange.thresholds)}`
    return [{ where, ok, expected, actual: ok ? 'that' : actual }]
  }),
  mutants: {
    'a minute declared': {
      edit: (transcript) => ({ ...transcript, declares: { ...transcript.declares, heartbeatMs: 60_000 } }),
      fault: 'heartbeatRare', alsoBreaks: ['sse/heartbeat/interval'],
    },
    'none for 40 s': {
      edit: both(strange, onBody('quiet', delay(comment, 40_000))), alsoBreaks: ['sse/heartbeat/interval'],
    },
  },
}

const isComment: Rule<Exchange> = {
  id: 'sse/heartbeat/is-comment',
  level: 'advice',
  clause: authoringNotes,
  says: 'heartbeats are comments, or events with a name of their own',
  harm: 'onmessage runs for each of them: the application has to know them, and shows or parses rubbish',
  fix: 'write ": ping\\n\\n" in place of "data: ping\\n\\n", or give the event a name',
  applies: openEnded,
  inconclusive: leftEarly,
  needs: ['times'],
  check: (exchange) => idle(exchange).flatMap((answer) => {
    const all = beats(answer, quietUntil(exchange, answer))
    const messages = all.flatMap(({ events }) =>
      events.filter(({ type, data }) => type === 'message' && (isDriver(exchange) || isPing(data))).slice(0, 1))
    const bad = isRegular(exchange, all, messages) ? messages[0] : undefined
    const isNamed = ({ events }: Burst): boolean => events.some(({ type, data }) => type !== 'message' && isPing(data))
    if (!bad && !all.some((burst) => isSilent(burst) || isNamed(burst))) return []
    return [{
      where: bad ? answer.eventPlace(bad) : answer.where,
      ok: bad === undefined,
      expected: 'nothing that fires "message" while nothing happens',
      actual: bad ? `${messages.length} events with data ${quote(bad.data, 40)}` : 'that',
    }]
  }),
  mutants: {
    'an event': { edit: onBody('base', beating('data: ping\n\n')), fault: 'heartbeatAsData' },
    'an event without data': { edit: onBody('base', beating('data:\n\n')) },
    'an event of a stream that promises nothing': {
      edit: both(strange, onBody('base', beating('data: {"type":"ping"}\n\n'))),
    },
  },
}

/**
 * Heartbeats, and no payloads that look like them. On a driver that nobody publishes on, one that says so or any two;
 * elsewhere two that say so, and empty ones, which may well be payloads, only three in a row at regular distances.
 */
function isRegular(exchange: Exchange, all: readonly Burst[], messages: readonly Dispatched[]): boolean {
  if (isDriver(exchange)) return messages.length >= 2 || messages.some(({ data }) => isPing(data))
  const spoken = messages.map(({ data }) => data).filter((data) => data.trim() !== '')
  if (spoken.length > 0) return new Set(spoken).size < spoken.length
  if (messages.length < 3 || messages.length < all.length) return false
  const distances = all.slice(1).map(({ silence }) => silence)
  return Math.max(...distances) <= 1.3 * Math.min(...distances) + 100
}

export const heartbeat: Room<Exchange> = {
  id: 'sse/heartbeat',
  clause: authoringNotes,
  example,
  rules: [interval, silenceBounded, isComment, completeLine, notInsideBlock, flushed],
}
