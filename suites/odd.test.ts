/** Servers that are odd and right: no rule fails on them, not even advice, unless a test says which and why. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { constants, createGzip } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import type { RunOptions } from '../harness/request.ts'
import type { Report } from '../harness/report.ts'
import { run } from '../harness/run.ts'
import { otherwiseRight, streamFields } from '../servers/faulty/otherwise.ts'
import { drip, serveRaw, type Behaviour, type Raw, type RawOptions } from '../servers/faulty/raw.ts'
import { chunked, head, join, lastChunk, streamHead } from '../spec/bytes.ts'
import type { RuleId } from '../spec/model.ts'

vi.setConfig({ maxConcurrency: 24, testTimeout: 30_000 })

const asked = (target: string, rest: Partial<RunOptions> = {}): RunOptions => ({
  target, method: 'GET', headers: [], insecure: false, observeMs: 1200, only: [], skip: [], failOn: 'must',
  allowOriginChange: false, ...rest,
})

/** What failed, with the reason: it has to be read in the log of a test that fails once in a hundred runs. */
const failing = ({ verdicts }: Report): string[] =>
  verdicts.filter(({ outcome }) => outcome === 'fail' || outcome === 'broken')
    .map(({ rule, note, deviations }) => [rule, note, ...deviations.map(({ actual }) => actual)].filter(Boolean).join(': '))

interface Odd {
  readonly server?: RawOptions
  readonly options?: Partial<RunOptions>
  readonly method?: 'GET' | 'POST'
  /** what is behind the path of the server's URL */
  readonly query?: string
  /** advice that fails rightly: convention asks for more than the standard */
  readonly advice?: readonly RuleId[]
  /** rules that must have looked at the stream */
  readonly passes?: readonly RuleId[]
}

/** One odd server, judged; the report and what the server was asked are there for more. */
async function judged(stream: Behaviour, odd: Odd = {}): Promise<{ report: Report; server: Raw }> {
  const server = await serveRaw(otherwiseRight(stream, odd.method), odd.server)
  try {
    const report = await run(asked(`${server.url}${odd.query ?? ''}`, odd.options))
    expect(failing(report).filter((shown) => !odd.advice?.includes(shown.split(':')[0] as RuleId))).toEqual([])
    expect(report.incomplete).toBeUndefined()
    expect(report.exitCode).toBe(0)
    const passed = report.verdicts.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule)
    expect(passed).toEqual(expect.arrayContaining(['sse/headers/content-type', ...(odd.passes ?? [])]))
    return { report, server }
  } finally {
    await server.close()
  }
}

/** Head and chunks at once; the stream stays open. */
const open = (...parts: readonly (string | Uint8Array)[]): Behaviour => (_, socket) =>
  socket.write(join(streamHead, ...parts.filter((part) => part.length > 0).map(chunked)))

const decoded: readonly RuleId[] = ['sse/framing/block-terminated', 'sse/framing/no-foreign-text', 'sse/encoding/utf8']
const events = 'event: greeting\nid: 1\ndata: hello\ndata: again\n\n: comment\n\ndata: second\n\n'

/** forty events in one write */
const burst = join(...Array.from({ length: 40 }, (_, n) => chunked(`data: fast ${n}\n\n`)))
const closing = head('200 OK', ...streamFields, 'Connection: close')
const openai = ['Hel', 'lo'].map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content }, index: 0 }] })}\n\n`)
const anthropic = [
  ['message_start', { type: 'message_start', message: { id: 'msg_1', content: [] } }],
  ['ping', { type: 'ping' }],
  ['content_block_delta', { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel\nlo: x' } }],
  ['message_stop', { type: 'message_stop' }],
].map(([type, data]) => `event: ${String(type)}\ndata: ${JSON.stringify(data)}\n\n`)

const streams: Readonly<Record<string, readonly [Behaviour, Odd?]>> = {
  'CR as line end': [open(events.replaceAll('\n', '\r')), { passes: decoded }],
  'CRLF as line end': [open(events.replaceAll('\n', '\r\n')), { passes: decoded }],
  'CRLF cut between CR and LF': [(_, socket) => {
    socket.write(streamHead)
    drip(socket, events.replaceAll('\n', '\r\n').split(/(?=\n)/).map(chunked), 15)
  }, { passes: decoded }],
  'mixed line ends': [open('data: a\r\n\rdata: b\n\r\nid: 2\rdata: c\n\n'), { passes: decoded }],
  'a byte order mark first': [open(join('\ufeff', events)), { passes: ['sse/encoding/bom-only-at-start', ...decoded] }],
  'no space after the colon': [open('event:x\nid:1\ndata:a\n\ndata\n\n'), { passes: decoded }],
  'chunks of one byte': [open(...events), { passes: decoded }],
  'writes of one byte': [(_, socket) => byteByByte(socket, join(streamHead, chunked('data: grüß dich\n\n'))), { passes: decoded }],
  'chunk extensions': [(_, socket) => {
    socket.write(streamHead)
    socket.write('9;a=b;c="d;\\"e"\r\ndata: x\n\n\r\n00009;f\r\ndata: y\n\n\r\n')
  }, { passes: ['sse/http1/chunked-valid', ...decoded] }],
  'trailers': [(_, socket) => socket.write(join(
    streamHead.replace('Cache', 'Trailer: X-Sum\r\nCache'), chunked(events), '0\r\nX-Sum: 12\r\nX-More: yes\r\n\r\n',
  )), { passes: ['sse/http1/last-chunk', ...decoded] }],
  'HTTP/1.0 and the close as the end': [(_, socket) => socket.end(closing.replace('HTTP/1.1', 'HTTP/1.0') + events), { passes: decoded }],
  'HTTP/1.1 and the close as the end': [(_, socket) => socket.end(closing + events), { passes: decoded }],
  'HTTP/1.1, no framing, and no end': [(_, socket) => socket.write(closing + events), { passes: decoded }],
  'Content-Length and a finite stream': [(_, socket) =>
    socket.write(head('200 OK', ...streamFields, `Content-Length: ${events.length}`) + events), { passes: ['sse/headers/no-content-length', ...decoded] }],
  'a finite stream': [(_, socket) => socket.write(join(streamHead, chunked(events), lastChunk)), { passes: ['sse/http1/last-chunk', ...decoded] }],
  'a finite stream that is closed': [(_, socket) => socket.end(join(streamHead, chunked(events), lastChunk)), { passes: decoded }],
  'no ids': [open('data: a\n\n', 'data: b\n\n'), { passes: decoded }],
  'OpenAI': [(_, socket) => socket.end(join(streamHead, ...openai.map(chunked), chunked('data: [DONE]\n\n'), lastChunk)), { passes: decoded }],
  'an answer word by word, a word each 60 ms': [(_, socket) => {
    socket.write(streamHead)
    drip(socket, [...Array.from({ length: 12 }, (__, n) => chunked(`data: {"choices":[{"delta":{"content":"w${n}"}}]}\n\n`)), chunked('data: [DONE]\n\n'), lastChunk], 60)
  }, { passes: ['sse/delivery/terminator-last', 'sse/delivery/slow-reader', ...decoded] }],
  'the example of the standard that clears the id': [
    open(': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n'),
    { advice: ['sse/ids/on-every-event'], passes: ['sse/ids/no-accidental-reset', ...decoded] },
  ],
  'a state that is told again and again': [
    open(...['1', '1', '1', '2', '2', '2', '2', '3', '3', '4', '4'].map((id) => `id: ${id}\ndata: state ${id}\n\n`)),
    { passes: ['sse/ids/unique', ...decoded] },
  ],
  'Anthropic': [(_, socket) => socket.end(join(streamHead, ...anthropic.map(chunked), lastChunk)), { passes: decoded }],
  'events of 1 MiB': [(_, socket) => socket.end(join(streamHead, ...['x', 'é'].map((letter) => chunked(`data: ${letter.repeat(1 << 20)}\n\n`)), lastChunk)), {
    // right by the standard, and too long for clients in use
    advice: ['sse/delivery/line-length'], passes: decoded,
  }],
  'comments only': [open(': a\n\n', ':\n\n', ': b\n')],
  'retry only': [open('retry: 3000\n\n')],
  'nothing after the head': [open(), { advice: ['sse/lifecycle/first-bytes'] }],
  'ids only': [open('id: 1\n\n', 'id: 2\n\nid\n\n'), { passes: ['sse/framing/block-terminated'] }],
  'odd case in type and names': [(_, socket) => socket.write(join(
    'HTTP/1.1 200 OK\r\ndAtE: Sun, 22 Nov 2026 12:00:00 GMT\r\nCONTENT-TYPE:Text/Event-Stream; charset="UTF-8"\r\n',
    'cache-control:\tNO-STORE ,No-Transform\r\nx-accel-buffering: No  \r\ntransfer-encoding: Chunked\r\n\r\n', chunked(events),
  )), { passes: ['sse/encoding/charset-param', ...decoded] }],
  'a parameter and no reason phrase': [(_, socket) =>
    socket.write(join(streamHead.replace('200 OK', '200 ').replace('stream\r\n', 'stream;charset=utf-8\r\n'), chunked(events))), { passes: decoded }],
  '100 Continue and 103 before the head': [(_, socket) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(join('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n', streamHead, chunked(events)))
  }, { passes: decoded }],
  'cut by the kit in the middle of an event': [(_, socket) => {
    socket.write(streamHead)
    drip(socket, Array.from({ length: 400 }, (__, n) => chunked(n % 2 ? `${n}\n\n` : `data: é${n}`)), 7)
  }, { passes: decoded }],
  'an event each 700 ms': [(_, socket) => {
    socket.write(streamHead)
    drip(socket, Array.from({ length: 20 }, (__, n) => chunked(`data: slow ${n}\n\n`)), 700)
  }, { options: { observeMs: 2500 }, passes: decoded }],
  'thousands of events a second': [(_, socket) => {
    socket.write(streamHead)
    drip(socket, Array.from({ length: 1000 }, () => burst), 5)
  }, { passes: decoded }],
  'JSON with colons and escaped line feeds': [open('data: {"id: 1": "a\\nb: c\\n\\ndata: d", "event:": [":"]}\n\ndata: event: x\n\ndata: :\n\n'), { passes: decoded }],
  'a token in the query': [(request, socket) => socket.write(
    request.startsWith('GET /stream?token=s3cret-query&x=1 ') ? join(streamHead, chunked(events)) : head('401 Unauthorized', 'WWW-Authenticate: Bearer', 'Content-Length: 0'),
  ), { query: '?token=s3cret-query&x=1', passes: decoded }],
  'on ::1': [open(events), { server: { host: '::1' }, passes: decoded }],
  'gzip for those who accept it, flushed': [gzipped, { options: { observeMs: 2500 }, passes: ['sse/headers/content-encoding-declared', 'sse/headers/vary-negotiated', 'sse/headers/compression-flush', ...decoded] }],
}

/** A segment for each byte: the next one is written when the one before is out. */
function byteByByte(socket: net.Socket, text: Uint8Array): void {
  const [first, ...rest] = text
  if (first === undefined || !socket.writable) return
  socket.write(Uint8Array.of(first), () => byteByByte(socket, Uint8Array.from(rest)))
}

/** An event each 100 ms, in gzip when that is accepted. */
function gzipped(request: string, socket: net.Socket): void {
  const coded = /\r\naccept-encoding:[^\r]*gzip/i.test(request)
  const fields = coded ? ['Content-Encoding: gzip', 'Vary: Accept-Encoding'] : ['Vary: Accept-Encoding']
  socket.write(head('200 OK', 'Content-Type: text/event-stream', 'Cache-Control: no-cache, no-transform', 'X-Accel-Buffering: no', ...fields, 'Transfer-Encoding: chunked'))
  const texts = Array.from({ length: 60 }, (_, n) => `data: event ${n}\n\n`)
  if (!coded) return drip(socket, texts.map(chunked), 100)
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
  gzip.on('data', (data: Buffer) => socket.writable && socket.write(chunked(data)))
  const writing = { write: (text: string) => gzip.write(text) }
  const timer = setInterval(() => writing.write(texts.shift() ?? ': over\n\n'), 100)
  socket.once('close', () => {
    clearInterval(timer)
    gzip.destroy()
  })
}

test.concurrent.each(Object.entries(streams))('%s', async (_, [stream, odd]) => {
  await judged(stream, odd)
})

test.concurrent.each([301, 302, 303, 307, 308])('a chain of three redirects with %d', async (status) => {
  const { report } = await judged((request, socket) => {
    const hop = Number(/^GET \/stream\?hop=(\d)/.exec(request)?.[1] ?? 0)
    const host = /\r\nhost: (\S+)/i.exec(request)?.[1] ?? ''
    const next = hop % 2 ? `http://${host}/stream?hop=${hop + 1}` : `?hop=${hop + 1}`
    socket.write(hop < 3 ? head(`${status} Moved`, `Location: ${next}`, 'Content-Length: 0') : join(streamHead, chunked(events)))
  }, {
    // caches keep these two until somebody tells them for how long
    advice: status === 301 || status === 308 ? ['sse/caching/stop-not-cached'] : [],
    passes: ['sse/status/redirect-usable', ...decoded],
  })
  expect(report.verdicts.find(({ rule }) => rule === 'sse/status/redirect-usable')?.examined).toBeGreaterThanOrEqual(3)
})

test.concurrent('a stream for POST with a bearer token is asked for once', async () => {
  const { server } = await judged((request, socket) => socket.end(
    /\r\nauthorization: Bearer s3cret-token\r\n/i.test(request)
      ? join(streamHead, ...openai.map(chunked), chunked('data: [DONE]\n\n'), lastChunk)
      : head('401 Unauthorized', 'WWW-Authenticate: Bearer', 'Content-Length: 0'),
  ), {
    method: 'POST',
    options: { method: 'POST', headers: [['Content-Type', 'application/json']], body: '{"stream":true}', token: 's3cret-token' },
    passes: decoded,
  })
  expect(server.requests).toHaveLength(1)
  expect(server.requests[0]).toMatch(/^POST \/stream HTTP\/1\.1\r\n/)
  expect(server.requests[0]?.endsWith('\r\n\r\n{"stream":true}')).toBe(true)
})

test.concurrent('a certificate that nobody signed, with --insecure; without it the report says what to type', async () => {
  const folder = mkdtempSync(path(tmpdir(), 'streamproof-'))
  try {
    const [keyFile, certFile] = [path(folder, 'key.pem'), path(folder, 'cert.pem')]
    await promisify(execFile)('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-keyout', keyFile, '-out', certFile,
    ])
    const tls = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
    await judged(open(events), { server: { tls }, options: { insecure: true }, passes: decoded })
    const server = await serveRaw(open(events), { tls })
    try {
      const report = await run(asked(server.url))
      expect(report.exitCode).toBe(3)
      expect(report.incomplete?.reason).toMatch(/SELF_SIGNED.*--insecure/)
      const plain = await run(asked(server.url.replace('https', 'http')))
      expect(plain.exitCode).toBe(3)
      expect(plain.incomplete?.reason).toMatch(/speaks TLS, try https/)
    } finally {
      await server.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
