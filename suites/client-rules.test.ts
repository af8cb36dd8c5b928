/** The rules about clients: every vector in its place, a right decoder passes, and each wrong one fails its rule. */
import { expect, describe, test } from 'vitest'
import { decodeAfter, type Decoder, type Hearing } from '../clients/source.ts'
import { orphans } from '../harness/client/scenarios.ts'
import { clientRules } from '../spec/client/index.ts'
import { deliveriesOf, judgeClient, readingsFound, type Delivery } from '../spec/client/judge.ts'
import { bytesOf, vectors, type Fired, type Reading } from '../spec/client/vectors.ts'
import { wrongDecoders } from './client/decoders.ts'
import { Interpreter } from './client/interpreter.ts'

const byVectors = clientRules.filter((rule) => rule.vectors)
const deliveries = deliveriesOf(byVectors)

function read(make: (hearing: Hearing) => Decoder, { pieces, contentType }: Delivery): Reading {
  const events: Fired[] = []
  let retry: number | null = null
  const decoder = make({
    onEvent: ({ type, data, lastEventId }) => events.push({ type, data, lastEventId }),
    onRetry: (ms) => (retry = ms),
    carried: '',
    contentType,
  })
  try {
    for (const piece of pieces) decoder.push(piece)
    decoder.end?.()
  } catch (error) {
    return { events, died: String(error) }
  }
  return { events, lastEventId: decoder.lastEventId, retry }
}

/** Slugs of the rules that a decoder fails. */
function failures(make: (hearing: Hearing) => Decoder): string[] {
  const readings = new Map(deliveries.map((delivery) => [delivery.id, read(make, delivery)]))
  const verdicts = byVectors.map((rule) => judgeClient(rule, readingsFound(rule, readings)))
  expect(verdicts.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'fail')).toEqual([])
  return verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule.slice('client/parser/'.length)).sort()
}

test('every rule is shown by vectors or a scenario, and every vector belongs to exactly one rule about meaning', () => {
  expect(orphans()).toEqual([])
  expect(new Set(clientRules.map(({ id }) => id)).size).toBe(clientRules.length)
  const named = byVectors.filter(({ compares }) => compares === undefined || compares === 'pieces').flatMap((rule) => rule.vectors ?? [])
  expect(named.toSorted()).toEqual(vectors.map(({ name }) => name).toSorted())
})

test('rules are phrases in the indicative, with a clause', () => {
  for (const { id, clause, says, harm, fix } of clientRules) {
    expect(id).toMatch(/^client\/parser\/[a-z0-9-]+$/)
    expect(clause).toMatch(/^https:\/\/[^ ]+#[^ ]+$/)
    expect(says).not.toMatch(/\b(?:should|must|shall)\b/i)
    for (const text of [says, harm, fix]) expect(text).toMatch(/^.{10,}[^.]$/)
  }
})

test('cuts are the offsets between CR and LF, and inside a character', () => {
  for (const vector of vectors) {
    const bytes = bytesOf(vector)
    const cuts = [...bytes.keys()].filter((at) =>
      at > 0 && ((bytes[at - 1] === 0x0d && bytes[at] === 0x0a) || ((bytes[at] ?? 0) & 0xc0) === 0x80))
    expect(vector.cuts ?? [], vector.name).toEqual(cuts)
  }
})

test('a delivery is the bytes of its vector', () => {
  for (const { pieces, vector } of deliveries) expect(Buffer.concat(pieces)).toEqual(bytesOf(vector))
  expect(new Set(deliveries.map(({ id }) => id)).size).toBe(deliveries.length)
})

describe('right decoders', () => {
  test('the kit\'s own', () => expect(failures(decodeAfter)).toEqual([]))
  test('the one that the wrong ones are made of', () => expect(failures((hearing) => new Interpreter(hearing))).toEqual([]))
})

describe('a decoder that', () => {
  test.each(Object.entries(wrongDecoders))('%s', (_, { rule, also = [], make }) => {
    expect(failures((hearing) => new make(hearing))).toEqual([rule, ...also].toSorted())
  })

  test('each rule that vectors show has a wrong one', () => {
    const killed = Object.values(wrongDecoders).map(({ rule }) => `client/parser/${rule}`)
    expect(byVectors.map(({ id }) => id).filter((id) => !killed.includes(id))).toEqual([])
  })
})
