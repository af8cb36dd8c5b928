/** Literal responses, right and wrong, and links that carry them. */
import { Buffer } from 'node:buffer'
import { readResponse } from '../../spec/http.ts'
import type { FaultKind, Message } from '../../spec/http.ts'
import type { Chunk, Ended, Link } from '../../spec/model.ts'

export const OK = 'HTTP/1.1 200 OK\r\n'
export const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`
export const FIN: Ended = { at: 99, by: 'target', how: 'fin' }
export const OPEN: Ended = { at: 99, by: 'kit', how: 'window' }

export const octets = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('latin1')

export function link(parts: readonly (string | Uint8Array)[], ended: Ended = OPEN, method = 'GET'): Link {
  const chunks = parts.map((part, at): Chunk => ({ at, bytes: typeof part === 'string' ? octets(part) : part }))
  const request = { method, url: 'http://a.test/', version: '1.1' as const, headers: [] }
  return { id: 'a', role: 'base', request, openedAt: 0, chunks, ended }
}

export const read = (whole: string, ended?: Ended, method?: string): Message =>
  readResponse(link([whole], ended, method))

export interface Case {
  /** the bytes; ⟦ and ⟧ stand around those the fault is about */
  readonly bytes: string
  readonly method?: string
  readonly fin?: true
}

/** Each kind once, in a response that has no other fault. */
export const WRONG: Record<FaultKind, Case> = {
  'junk-before-head': { bytes: `⟦\r\nwarning: x\n⟧${OK}Content-Length: 0\r\n\r\n` },
  'not-http': { bytes: '⟦SSH-2.0-OpenSSH_9.6\r\n⟧', fin: true },
  'status-line': { bytes: '⟦HTTP/1.1 200⟧\r\nContent-Length: 0\r\n\r\n' },
  'status-code': { bytes: '⟦HTTP/1.1 999 Denied⟧\r\nContent-Length: 0\r\n\r\n' },
  'bare-lf': { bytes: `${OK}Content-Length: 0⟦\n⟧\r\n` },
  'bare-cr': { bytes: `${OK}A: b⟦\r⟧c\r\nContent-Length: 0\r\n\r\n` },
  'obs-fold': { bytes: `${OK}A: b\r\n⟦ c⟧\r\nContent-Length: 0\r\n\r\n` },
  'space-before-colon': { bytes: `${OK}A⟦ \t⟧: b\r\nContent-Length: 0\r\n\r\n` },
  'field-name': { bytes: `${OK}⟦A(b)⟧: c\r\nContent-Length: 0\r\n\r\n` },
  'no-colon': { bytes: `${OK}⟦A b c⟧\r\nContent-Length: 0\r\n\r\n` },
  'field-value': { bytes: `${OK}A: b⟦\0⟧c\r\nContent-Length: 0\r\n\r\n` },
  'head-too-large': { bytes: `⟦${OK}A: ${'b'.repeat(65_536 - 20)}⟧bcd\r\nContent-Length: 0\r\n\r\n` },
  'incomplete-head': { bytes: `${OK}A: b\r\n⟦⟧`, fin: true },
  'content-length-malformed': { bytes: `${OK}⟦Content-Length: 1a⟧\r\n\r\nb` },
  'content-length-differs': { bytes: `${OK}Content-Length: 1\r\n⟦Content-Length: 2⟧\r\n\r\nb` },
  'content-length-repeated': { bytes: `${OK}⟦Content-Length: 1, 01⟧\r\n\r\nb` },
  'content-length-forbidden': { bytes: 'HTTP/1.1 204 No Content\r\n⟦Content-Length: 0⟧\r\n\r\n' },
  'content-length-with-transfer-encoding': {
    bytes: `${OK}⟦Content-Length: 3⟧\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  'transfer-encoding-forbidden': { bytes: 'HTTP/1.1 204 No Content\r\n⟦Transfer-Encoding: chunked⟧\r\n\r\n' },
  'transfer-encoding-http10': { bytes: 'HTTP/1.0 200 OK\r\n⟦Transfer-Encoding: chunked⟧\r\n\r\n0\r\n\r\n' },
  'transfer-coding': { bytes: `${OK}⟦Transfer-Encoding: identity, chunked⟧\r\n\r\n0\r\n\r\n` },
  'chunked-twice': { bytes: `${OK}Transfer-Encoding: chunked\r\n⟦Transfer-Encoding: Chunked⟧\r\n\r\n0\r\n\r\n` },
  'chunked-not-last': { bytes: `${OK}⟦Transfer-Encoding: chunked, gzip⟧\r\n\r\nx` },
  'chunk-size': { bytes: `${CHUNKED}1\r\na\r\n⟦5g⟧\r\nhello\r\n` },
  'chunk-size-empty': { bytes: `${CHUNKED}1\r\na\r\n⟦;⟧x\r\n` },
  'chunk-size-too-large': { bytes: `${CHUNKED}⟦20000000000000⟧\r\n` },
  'chunk-size-space': { bytes: `${CHUNKED}1⟦  ⟧\r\na\r\n0\r\n\r\n` },
  'chunk-line-bare-lf': { bytes: `${CHUNKED}1⟦\n⟧a\r\n0\r\n\r\n` },
  'chunk-line-bare-cr': { bytes: `${CHUNKED}1⟦\r⟧a\r\n` },
  'chunk-extension': { bytes: `${CHUNKED}1⟦;a="b⟧\r\na\r\n0\r\n\r\n` },
  'chunk-data-end': { bytes: `${CHUNKED}3\r\nabc⟦d⟧\r\n0\r\n\r\n` },
  trailer: { bytes: `${CHUNKED}0\r\n⟦A b⟧\r\n\r\n` },
  'trailer-forbidden': { bytes: `${CHUNKED}0\r\n⟦Content-Type: text/plain⟧\r\n\r\n` },
  'incomplete-body': { bytes: `${CHUNKED}5\r\nab⟦⟧`, fin: true },
  'forbidden-body': { bytes: `${OK}Content-Length: 5\r\n\r\n⟦hello⟧`, method: 'HEAD' },
  excess: { bytes: `${OK}Content-Length: 1\r\n\r\na⟦bc⟧` },
}

export const RIGHT: readonly Case[] = [
  { bytes: `${OK}Content-Type: text/event-stream\r\n\r\ndata: a\n\n`, fin: true },
  { bytes: `${OK}A: b\r\nContent-Length: 5\r\n\r\nhello` },
  { bytes: `${CHUNKED}5;a=b;c="d\\"e";f\r\nhello\r\n00A\r\n0123456789\r\n000\r\nX-Sum: 1\r\nY:\r\n\r\n` },
  { bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${CHUNKED}0\r\n\r\n` },
  { bytes: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n' },
  { bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01a' },
  { bytes: `${OK}Transfer-Encoding: gzip\r\n\r\nx`, fin: true },
  { bytes: 'HTTP/1.1 204 \r\nA:\xa0b \t\r\n\r\n', method: 'OPTIONS' },
]

export const bytesOf = ({ bytes }: Case): string => bytes.replace(/[⟦⟧]/g, '')
export const endOf = ({ fin }: Case): Ended => (fin ? FIN : OPEN)
