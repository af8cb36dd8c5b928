/**
 * What a file has lost must not be judged: no rule passes on a file that fails on the exchange it was made of, and
 * none fails that passes there. A rule that breaks this lacks an aspect in its `needs` (spec/model.ts, Aspect).
 */
import { describe, expect, test } from 'vitest'
import { unknownRequest } from '../harness/offline/capture.ts'
import { bodyTranscript, curlTranscript } from '../harness/offline/curl.ts'
import { harEntries } from '../harness/offline/har.ts'
import { judge } from '../spec/judge.ts'
import type { Link, Outcome, RuleId, Scene, Transcript } from '../spec/model.ts'
import { Answer, readExchange, type Exchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'
import { twins } from './mutation.ts'

const rules = rooms.flatMap((room) => room.rules)

/** The answer as the only one of an observed target: all that a file can hold, and nothing of what was asked if it cannot. */
function alone(link: Link, lacksRequest: boolean): Transcript {
  const request = lacksRequest ? unknownRequest : link.request
  return { stimulus: 'alone', acts: [], links: [{ ...link, id: 'base', role: 'base', request }] }
}

/** The outcomes of rules, of all of them unless some are named. */
function outcomes(transcript: Transcript, some = rules): Map<RuleId, Outcome> {
  const method = transcript.links[0]?.request.method ?? 'GET'
  const scene: Scene<Exchange> = { kind: 'observed', method, parts: new Set(), declares: {}, exchanges: [readExchange(transcript)] }
  return new Map(some.map((rule) => [rule.id, judge(rule, { scene }).outcome]))
}

const seen = new Map<Link, Map<boolean, Map<RuleId, Outcome>>>()

/** The outcomes on the whole exchange, worked out once for all formats. */
function whole(link: Link, file: Transcript): Map<RuleId, Outcome> {
  const lacksRequest = file.lacks?.includes('request') === true
  const known = seen.get(link) ?? new Map<boolean, Map<RuleId, Outcome>>()
  const found = known.get(lacksRequest) ?? outcomes(alone(link, lacksRequest))
  seen.set(link, known.set(lacksRequest, found))
  return found
}

const received = ({ chunks }: Link): Uint8Array => new Uint8Array(Buffer.concat(chunks.map(({ bytes }) => bytes)))

/** What `curl -i` prints of it: the head as it came, the chunk sizes removed. */
function printed(link: Link, compressed = false): Uint8Array {
  const { head, message, content } = new Answer(link)
  const body = (compressed ? content.body : message.body)?.bytes ?? new Uint8Array()
  return new Uint8Array(Buffer.concat([received(link).subarray(head?.span.start, head?.span.end), body]))
}

/** What a browser exports of it. */
function archived(link: Link, version = 'http/1.1'): unknown {
  const { head, content } = new Answer(link)
  const pairs = (list: readonly (readonly [string, string])[]) => list.map(([name, value]) => ({ name, value }))
  const { method, url, headers } = link.request
  return {
    log: {
      version: '1.2',
      entries: [{
        request: { method, url, headers: pairs(headers) },
        response: {
          status: head?.status, statusText: head?.reason, httpVersion: version,
          headers: pairs((head?.fields ?? []).map(({ name, value }) => [name, value] as const)),
          content: { mimeType: 'text/event-stream', text: Buffer.from(content.body?.bytes ?? []).toString('utf8') },
        },
      }],
    },
  }
}

/** What curl can decode it prints; bodies that it cannot, and those coded twice, it does not. */
const decodable = (link: Link): boolean => {
  const { content } = new Answer(link)
  return content.fault === undefined && !(content.body?.bytes ?? new Uint8Array()).subarray(0, 4).includes(0x1f)
}

/** What is wrong is not in a file, or looks right there: what the rest of it says is judged. */
const partly: Readonly<Record<string, string>> = {
  'sse/framing/block-terminated: one line end, then silence': 'nobody knows whether the last block of a file has ended',
  'sse/framing/no-foreign-text: a JSON error without a line end': 'nobody knows whether the last line of a file has ended',
  'sse/encoding/utf8: half a character at the close': 'nobody knows whether the file holds the end',
  'sse/headers/content-encoding-declared: the field without gzip': 'text under a Content-Encoding looks like --compressed',
  'sse/http1/single-chunking: chunk sizes in the events': 'without the chunk sizes it looks like --raw; the user is told',
}

const files: Readonly<Record<string, (link: Link) => Transcript | undefined>> = {
  'curl -i': (link) => curlTranscript(printed(link)),
  'curl -i --compressed': (link) => (decodable(link) ? curlTranscript(printed(link, true)) : undefined),
  // the end of the message is the end of what it prints, also with --raw
  'curl -i --raw': (link) => curlTranscript(new Answer(link).message.body?.framing === 'chunked' ? received(link) : printed(link)),
  'curl': (link) => (new Answer(link).isEventStream && decodable(link) ? bodyTranscript(new Answer(link).content.body?.bytes ?? new Uint8Array()) : undefined),
  'HAR': (link) => harEntries(archived(link), 'test.har', 1)[0]?.transcript,
}

/** Rules that have a verdict on the file and another one, or none, on the exchange. */
function wrong(link: Link, file: Transcript): string[] {
  return [...outcomes(file)]
    .filter(([id, outcome]) => outcome === 'broken' || ((outcome === 'pass' || outcome === 'fail') && whole(link, file).get(id) !== outcome))
    .map(([id, outcome]) => `${id}: ${outcome} on the file, ${whole(link, file).get(id)} on the exchange`)
}

/** Rules that fail on the exchange and pass on the file. */
function missed(link: Link, file: Transcript): RuleId[] {
  const failing = rules.filter(({ id }) => whole(link, file).get(id) === 'fail')
  return [...outcomes(file, failing)].filter(([, outcome]) => outcome === 'pass').map(([id]) => id)
}

const isAnswer = (link: Link): boolean => {
  const { head } = new Answer(link)
  return head !== undefined && head.status >= 200
}

/** The answers that an edit has changed, by the name of the twin. */
const edited = new Map(rooms.map((room) => [room, twins.filter((twin) => twin.room === room).flatMap(({ rule, name, mutant }) => (
  mutant.edit(room.example).links.filter((link) => !room.example.links.includes(link) && isAnswer(link))
    .map((link) => ({ name: `${rule.id}: ${name}`, link })))).filter(({ name }) => !(name in partly))]))

describe.each(Object.entries(files))('%s', (_, fileOf) => {
  test.each(rooms.map((room) => [room.id, room] as const))('the example of %s', (__, room) => {
    for (const link of room.example.links.filter(isAnswer)) {
      const file = fileOf(link)
      expect.soft(file ? wrong(link, file) : [], link.id).toEqual([])
    }
  })

  test.each(rooms.map((room) => [room.id, room] as const))('the wrong twins of %s', (__, room) => {
    for (const { name, link } of edited.get(room) ?? []) {
      const file = fileOf(link)
      expect.soft(file ? missed(link, file) : [], name).toEqual([])
    }
  })
})
