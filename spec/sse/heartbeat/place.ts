/**
 * Heartbeats between events, and nowhere else.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
import { append, onBody, swap } from '../../bytes.ts'
import type { Finding, Rule } from '../../model.ts'
import type { Block, Line } from '../decode.ts'
import { quote, streams, type Answer, type Exchange } from '../exchange.ts'
import { beating, leftEarly, openEnded } from './idle.ts'

const html = 'https://html.spec.whatwg.org/multipage/server-sent-events.html'

/** ms; a line that nothing was added to for so long is not being written any more */
const staleMs = 300
/** ms; what comes so much later is another write */
const pauseMs = 100
/** bytes of a comment line in which another write is looked for */
const looked = 1024

export const completeLine: Rule<Exchange> = {
  id: 'sse/heartbeat/complete-line',
  level: 'interop',
  clause: `${html}#parsing-an-event-stream`,
  says: 'a comment ends with a line end of its own, in the same write',
  harm: 'the next line, often "data: …", becomes part of the comment: the event is lost, or fires without it',
  fix: 'write ":\\n\\n", not ":" alone',
  applies: openEnded,
  inconclusive: leftEarly,
  // where HTTP itself is broken the lines are anybody's
  needs: ['times'],
  check: (exchange) => streams(exchange).filter(({ message }) => message.faults.length === 0).flatMap(aboutComments),
  mutants: {
    'a colon alone': { edit: onBody('base', append(50, ':')) },
    'a word without a line end': { edit: onBody('base', append(50, ': ping')) },
    'the next field swallowed': {
      edit: onBody('quiet', beating(':')), fault: 'heartbeatNoNewline', alsoBreaks: ['sse/ids/on-every-event'],
    },
  },
}

function aboutComments(answer: Answer): Finding[] {
  const comments = answer.stream.lines.filter(({ kind }) => kind === 'comment')
  const { partialLine: partial } = answer.stream.tail
  const open = partial?.text.startsWith(':') && isStale(answer, partial.start, partial.end) ? partial : undefined
  const swallowing = comments.find((line) => swallowed(answer, line) !== undefined)
  const expected = 'a line end after each comment'
  if (swallowing) {
    const actual = `line ${swallowing.number}: the comment goes on with ${quote(swallowed(answer, swallowing) ?? '')}`
    return [{ where: answer.linePlace(swallowing), ok: false, expected, actual }]
  }
  if (open) {
    const actual = `${quote(open.text)} and nothing more for ${staleMs} ms`
    return [{ where: answer.place(open.start, open.end), ok: false, expected, actual }]
  }
  return comments.length === 0 ? [] : [{ where: answer.where, ok: true, expected, actual: 'that' }]
}

/** What came of a line, write by write. */
function writes(answer: Answer, start: number, end: number): { readonly text: string; readonly at: number }[] {
  const bytes = answer.content.body?.bytes ?? new Uint8Array()
  const most = Math.min(end, start + looked)
  const found: { text: string; at: number }[] = []
  for (let from = start, at = start + 1; at <= most; at++) {
    if (at < most && answer.arrival(at) - answer.arrival(at - 1) < pauseMs) continue
    found.push({ text: Buffer.from(bytes.subarray(from, at < most ? at : end)).toString(), at: answer.arrival(at - 1) })
    from = at
  }
  return found
}

/**
 * Nothing is added to the line any more: its last byte came long ago, measured by how slowly this target writes lines.
 * The same text again and again is no slow line but one heartbeat after the other.
 */
function isStale(answer: Answer, start: number, end: number): boolean {
  const own = writes(answer, start, end)
  const slowest = answer.stream.lines.reduce(
    (most, line) => Math.max(most, answer.arrival(line.next - 1) - answer.arrival(line.start)), 0)
  if (!answer.isOpen) return false
  if (own.length > 1 && slowest < pauseMs && own.every(({ text }) => text === own[0]?.text)) return true
  const pauses = own.slice(1).map(({ at }, i) => at - (own[i]?.at ?? at))
  return answer.link.ended.at - answer.arrival(end - 1) >= Math.max(staleMs, 2 * slowest, ...pauses.map((ms) => 2 * ms))
}

/** The field that a later write added to a comment line: it was meant as a line of its own. */
function swallowed(answer: Answer, { start, end }: Line): string | undefined {
  if (answer.arrival(end - 1) - answer.arrival(start) < pauseMs) return undefined
  return writes(answer, start, end).slice(1).find(({ text }) => /^(?:data|event|id|retry)(?::|$)/.test(text))?.text
}

const marked = /^beat (\S+) (\d+)\/(\d+)$/

/** What the suite publishes while heartbeats are due: the lines of one event, each with its number. */
export const beatLines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `beat ${name} ${i + 1}/${count}`).join('\n')

/** A block with marked lines, or with none; which of them are there. */
interface Part {
  readonly block: Block
  readonly name: string | undefined
  readonly from: number
  readonly to: number
  readonly of: number
}

function partOf(block: Block): Part {
  const lines = block.lines.filter(({ kind, name }) => kind === 'field' && name === 'data')
    .map(({ value }) => marked.exec(value))
  const [first] = lines
  const last = lines.at(-1)
  const isOne = first && last && lines.every((line) => line?.[1] === first[1])
  const [from, to, of] = [first?.[2], last?.[2], first?.[3]].map(Number)
  return { block, name: isOne ? first[1] : undefined, from: from ?? 0, to: to ?? 0, of: of ?? 0 }
}

export const notInsideBlock: Rule<Exchange> = {
  id: 'sse/heartbeat/not-inside-block',
  level: 'interop',
  clause: `${html}#event-stream-interpretation`,
  says: 'a heartbeat never lands between the lines of an event',
  harm: 'its blank line fires half of the event, and the other half as another one without its name and id',
  fix: 'write each event with one call, and heartbeats through the same queue or lock',
  applies: openEnded,
  check: (exchange) => streams(exchange).flatMap((answer): Finding[] => {
    const parts = answer.stream.blocks.filter(({ terminated }) => terminated).map(partOf)
    const own = parts.filter(({ name }) => name !== undefined)
    if (own.length === 0) return []
    const some = own.some(isWhole)
    const bad = parts.find((part, i) => isCut(part, parts[i + 1], some))
    return [{
      where: bad ? answer.place(bad.block.start, bad.block.end) : answer.where,
      ok: bad === undefined,
      expected: 'events whole, with heartbeats between them',
      actual: bad ? `a block that ends after ${quote(lastField(bad.block))}, and the rest in the next one` : 'that',
    }]
  }),
  mutants: {
    'between two lines of data': {
      edit: onBody('busy', swap('data: beat a 2/3', ':\n\ndata: beat a 2/3')), fault: 'heartbeatInsideBlock',
      alsoBreaks: ['sse/fields/no-dataless-event', 'sse/ids/on-every-event'],
    },
    'between the name and the data': {
      edit: onBody('busy', swap('data: beat a 1/3', ': ping\n\ndata: beat a 1/3')),
      alsoBreaks: ['sse/fields/no-dataless-event'],
    },
  },
}

const isWhole = ({ from, to, of }: Part): boolean => from === 1 && to === of

/**
 * The block breaks off and the next one goes on with what is missing. Where no event at all comes whole it is the
 * encoder that ends blocks too soon, unless a comment stands where they end.
 */
function isCut(part: Part, next: Part | undefined, some: boolean): boolean {
  if (next?.name === undefined) return false
  const { lines } = part.block
  const byComment = lines.at(-2)?.kind === 'comment' && lines.some(({ kind }) => kind === 'field')
  if (part.name === undefined) return byComment && !part.block.event && next.from === 1
  return part.name === next.name && part.to < part.of && next.from === part.to + 1 && (some || byComment)
}

const lastField = ({ lines }: Block): string => {
  const line = lines.findLast(({ kind }) => kind === 'field')
  return line ? `${line.name}: ${line.value}` : ''
}
