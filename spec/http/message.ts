/** What the reader of HTTP/1.x responses returns. All offsets are bytes in what the link received, all times ms. */

/** A half-open range of bytes; empty (`start === end`) where something is missing. */
export interface Span {
  readonly start: number
  readonly end: number
}

export type FaultKind =
  // ---- the head ----
  /** Bytes come before the status line. RFC 9112 2.1 */
  | 'junk-before-head'
  /** No status line at all: not HTTP/1.x. RFC 9112 2.1 */
  | 'not-http'
  /** The status line is not `HTTP/d.d SP ddd SP [reason]`. RFC 9112 4 */
  | 'status-line'
  /** The status code is not in 100 to 599. RFC 9110 15 */
  | 'status-code'
  /** A line of the head ends with LF alone. RFC 9112 2.1, 2.2 */
  | 'bare-lf'
  /** A CR that no LF follows stands in the head. RFC 9112 2.2 */
  | 'bare-cr'
  /** A line begins with a space or tab: folded, or before the first field. RFC 9112 5.2, 2.2 */
  | 'obs-fold'
  /** Whitespace stands between a field name and its colon. RFC 9112 5.1 */
  | 'space-before-colon'
  /** A field name is empty or no token. RFC 9110 5.1, 5.6.2 */
  | 'field-name'
  /** A field line has no colon. RFC 9112 5 */
  | 'no-colon'
  /** NUL or another control character stands in a field value. RFC 9110 5.5 */
  | 'field-value'
  /** The head is over 64 KiB: no RFC sets a limit, clients do (RFC 9110 5.4). */
  | 'head-too-large'
  /** The target closed before the empty line that ends the head. RFC 9112 8 */
  | 'incomplete-head'
  // ---- what frames the body ----
  /** Content-Length is not `1*DIGIT`. RFC 9110 8.6 */
  | 'content-length-malformed'
  /** Content-Length is given several times with different values. RFC 9112 6.3 item 5 */
  | 'content-length-differs'
  /** Content-Length is given several times with the same value. RFC 9110 5.3, 8.6 */
  | 'content-length-repeated'
  /** Content-Length in a 1xx or 204 response. RFC 9110 8.6 */
  | 'content-length-forbidden'
  /** Content-Length together with Transfer-Encoding. RFC 9112 6.2 */
  | 'content-length-with-transfer-encoding'
  /** Transfer-Encoding in a 1xx or 204 response. RFC 9112 6.1 */
  | 'transfer-encoding-forbidden'
  /** Transfer-Encoding in a response whose version is below 1.1. RFC 9112 6.1 */
  | 'transfer-encoding-http10'
  /** A transfer coding is missing, not registered, or `chunked` with parameters. RFC 9112 7, 7.1 */
  | 'transfer-coding'
  /** Chunked is applied more than once. RFC 9112 6.1 */
  | 'chunked-twice'
  /** Chunked is applied but not last. RFC 9112 6.1, 6.3 item 4 */
  | 'chunked-not-last'
  // ---- the body ----
  /** A chunk size is not hexadecimal. RFC 9112 7.1 */
  | 'chunk-size'
  /** A chunk-size line has no size. RFC 9112 7.1 */
  | 'chunk-size-empty'
  /** A chunk size is over 2^53 - 1. RFC 9112 7.1 */
  | 'chunk-size-too-large'
  /** Whitespace before a chunk size, or after it without an extension. RFC 9112 7.1 */
  | 'chunk-size-space'
  /** A chunk-size line ends with LF alone. RFC 9112 7.1, 2.2 */
  | 'chunk-line-bare-lf'
  /** A CR that no LF follows stands in a chunk-size line. RFC 9112 7.1, 2.2 */
  | 'chunk-line-bare-cr'
  /** A chunk extension is not `;name[=value]`, has whitespace in it, or is over 16 KiB. RFC 9112 7.1.1 */
  | 'chunk-extension'
  /** Chunk data is not followed by CRLF: the size does not match the data. RFC 9112 7.1 */
  | 'chunk-data-end'
  /** The trailer section is malformed or over 64 KiB. RFC 9112 7.1.2 */
  | 'trailer'
  /** A field for framing, routing or content format stands in the trailer section. RFC 9110 6.5.1 */
  | 'trailer-forbidden'
  /** The target closed before the body was complete. RFC 9112 8 */
  | 'incomplete-body'
  /** Bytes follow the head of a response to HEAD, a 204 or a 304. RFC 9112 6.3 item 1 */
  | 'forbidden-body'
  /** Bytes follow a complete message. RFC 9112 6.3 */
  | 'excess'

/** One deviation from the grammar or the framing rules, and where it is. */
export interface HttpFault {
  readonly kind: FaultKind
  readonly where: Span
  /** ms, when the first byte of `where` came; for an empty span at the end, when the link ended */
  readonly at: number
  /** in the indicative, without bytes of the target but for code points in hexadecimal */
  readonly detail: string
}

/** One field line; folded lines are joined by a space. */
export interface Field {
  /** as written */
  readonly name: string
  /** latin1, outer spaces and tabs removed; a bare CR is shown as a space (RFC 9112 2.2) */
  readonly value: string
  /** without the line end */
  readonly span: Span
}

/** A status line and its fields. */
export interface Head {
  /** as written after `HTTP/`: '1.1' */
  readonly version: string
  /** 0 when the status line has none */
  readonly status: number
  readonly reason: string
  readonly fields: readonly Field[]
  /** from the `H` of the status line to the end of the empty line */
  readonly span: Span
  /** ms, when its last byte came */
  readonly at: number
  /** ms, when its first byte came */
  readonly startedAt: number
}

/** A run of body bytes that came in one arrival and stand together on the wire. */
export interface Piece {
  /** offset in `Body.bytes` */
  readonly body: number
  /** offset in the link */
  readonly wire: number
  /** bytes of the body */
  readonly length: number
  /** bytes on the wire, when a content coding makes that another number: offsets inside do not correspond then */
  readonly wireLength?: number
  /** ms */
  readonly at: number
}

/** One chunk-size line. */
export interface ChunkLine {
  /** bytes of data it announces */
  readonly size: number
  /** as written after the size, `;name=value`; empty when there is none */
  readonly extension: string
  /** offset of the line in the link */
  readonly wire: number
}

export interface Body {
  /** what delimits it: RFC 9112 6.3 */
  readonly framing: 'chunked' | 'length' | 'close' | 'none'
  /** transfer framing removed; transfer and content codings are still on it */
  readonly bytes: Uint8Array
  /** ordered by `body` and by `wire`, without gaps in `body` */
  readonly pieces: readonly Piece[]
  /** false while the delimiter has not come, and for good when the framing broke */
  readonly complete: boolean
  /** ms, when the last byte of the message came, or the FIN that ends it */
  readonly completeAt?: number
  /** Content-Length, when there is exactly one valid value; a response to HEAD may have one without a body */
  readonly length?: number
  /** the chunk-size lines read, the last chunk included; only when chunked */
  readonly sizes?: readonly ChunkLine[]
  readonly trailers: readonly Field[]
  /** transfer codings below the chunked one (`gzip, chunked`), lower case, in the order applied */
  readonly codings?: readonly string[]
  /** bytes left unread after a fault of the chunk framing */
  readonly unread?: Span
}

/** One response, as far as it came. */
export interface Message {
  /** 1xx responses before the final one; 101 is final */
  readonly interim: readonly Head[]
  /** the final head, once its empty line came */
  readonly head?: Head
  /** what could be read of a head that the target cut off by closing */
  readonly cut?: Head
  readonly body?: Body
  /** as found; the one that lasts to the end (excess, not HTTP) comes last */
  readonly faults: readonly HttpFault[]
  /** bytes after the message was complete; not a fault after 101 and CONNECT, where another protocol begins */
  readonly excess?: Span
  /** bytes before a status line; without `head` or `interim`, everything received so far */
  readonly junk?: Span
}

/** Notes a fault; offsets in the link. */
export type Report = (kind: FaultKind, start: number, end: number, detail: string) => void
