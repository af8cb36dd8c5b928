/** What `curl -i` prints: heads as they came, then the body, of which curl has removed the chunk sizes unless `--raw`. Pure. */
import { codings } from '../../spec/fields.ts'
import { field, ResponseReader } from '../../spec/http.ts'
import type { Head } from '../../spec/http.ts'
import type { Aspect, Link, Transcript } from '../../spec/model.ts'
import { captured, capturedLink } from './capture.ts'

/**
 * The answer behind the last head. Redirects before it (`-L`) are kept as hops, other answers that were followed by
 * another one (of a proxy, or a challenge) are left out. Except with `--raw` nothing of the framing is left: curl
 * removes the chunk sizes, and reads no further than the message goes. Offsets are those of the file where it holds one
 * answer.
 */
export function curlTranscript(output: Uint8Array): Transcript {
  const answers = separated(output)
  const hops = answers.slice(0, -1).filter((bytes) => isRedirect(headOf(bytes)))
  const last = answers.at(-1) ?? output
  const links: Link[] = [
    ...hops.map((bytes, i) => capturedLink(`hop-${i + 1}`, 'base/hop', bytes)),
    capturedLink('base', 'base', last),
  ]
  return captured('curl', links, ['request', ...lackingOf(last)])
}

/** The bytes of a body without any head, taken for those of an event stream. */
export function bodyTranscript(body: Uint8Array): Transcript {
  const link = capturedLink('body', 'base', body)
  return captured('body', [link], ['head', 'wire-head', 'framing', 'coding', 'request'])
}

/** Heads that another head follows at once belong to answers of their own; 1xx belong to the answer they announce. */
function separated(output: Uint8Array): Uint8Array[] {
  const answers: Uint8Array[] = []
  let start = 0
  for (;;) {
    const rest = output.subarray(start)
    const end = headOf(rest)?.span.end ?? rest.length
    if (!isStatusLine(rest.subarray(end))) return [...answers, rest]
    answers.push(rest.subarray(0, end))
    start += end
  }
}

const isStatusLine = (bytes: Uint8Array): boolean => /^HTTP\/\d/.test(Buffer.from(bytes.subarray(0, 8)).toString('latin1'))

/** The final head at the beginning of some bytes. */
function headOf(bytes: Uint8Array): Head | undefined {
  const reader = new ResponseReader('GET', true)
  reader.push({ at: 0, bytes })
  return reader.message().head
}

const isRedirect = (head: Head | undefined): boolean => head !== undefined && head.status >= 300 && head.status < 400

function lackingOf(answer: Uint8Array): Aspect[] {
  const head = headOf(answer)
  if (!head) return []
  const body = answer.subarray(head.span.end)
  const isHttp1 = head.version.startsWith('1.')
  // a head without any CR has been through an editor or a terminal, and so has the body
  const retyped = !answer.subarray(0, head.span.end).includes(0x0d)
  const framed = keepsChunkSizes(answer)
  const uncoded = !framed && codings(field(head, 'content-encoding') ?? '').length > 0 && isText(body)
  return [
    ...(isHttp1 && !retyped ? [] : ['wire-head' as const]),
    ...(retyped ? ['octets' as const] : []),
    ...(framed ? [] : ['framing' as const]),
    ...(uncoded ? ['coding' as const] : []),
    ...(body.length === 0 ? ['body' as const] : []),
  ]
}

/**
 * The body of a chunked answer begins with a chunk size, right or wrong: `--raw` has kept it, for no line of an event
 * stream is a hexadecimal number. Without `--raw` only a server that chunks twice looks the same.
 */
function keepsChunkSizes(answer: Uint8Array): boolean {
  const head = headOf(answer)
  if (!head?.version.startsWith('1.') || !/\bchunked\b/i.test(field(head, 'transfer-encoding') ?? '')) return false
  const body = Buffer.from(answer.subarray(head.span.end, head.span.end + 256)).toString('latin1')
  return /^[ \t]*(?:0x|[+-])?[\da-f]+[ \t]*(?:;[^\r\n]*)?\r?\n/i.test(body)
}

/** What no coding gives: text, as `--compressed` leaves it. */
function isText(body: Uint8Array): boolean {
  const start = body.subarray(0, 256)
  return start.every((byte) => byte >= 0x20 || (byte >= 9 && byte <= 13))
}
