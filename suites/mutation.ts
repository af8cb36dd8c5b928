/**
 * The mutation law: every example passes every rule; every mutant fails its own rule and no other, unless it says
 * `alsoBreaks`; umbrella rules may fail with narrower ones. A rule nobody has seen fail is a comment.
 */
import { judge } from '../spec/judge.ts'
import type { Declares, Mutant, Room, Rule, RuleId, Scene, Transcript } from '../spec/model.ts'
import { readExchange, type Exchange } from '../spec/sse/exchange.ts'
import { rooms } from '../spec/sse/index.ts'

export interface Twin {
  readonly room: Room<Exchange>
  readonly rule: Rule<Exchange>
  readonly name: string
  readonly mutant: Mutant
}

/** Every mutant of every rule. */
export const twins: readonly Twin[] = rooms.flatMap((room) =>
  room.rules.flatMap((rule) => Object.entries(rule.mutants).map(([name, mutant]) => ({ room, rule, name, mutant }))))

const allRules = rooms.flatMap((room) => room.rules)

/** Every part of the contract, so that no rule is left out for want of a promise. */
const everyPart = new Set(['play', 'channel', 'publish', 'finish', 'stats', 'tune', 'secure', 'tokens', 'limited', 'work'])

const sceneOf = (transcript: Transcript): Scene<Exchange> => ({
  kind: 'driven',
  method: 'GET',
  parts: everyPart,
  declares: (transcript.declares ?? {}) as Declares,
  exchanges: [readExchange(transcript)],
})

/** Outcome of every rule on a transcript. */
export function outcomes(transcript: Transcript): Map<RuleId, string> {
  const scene = sceneOf(transcript)
  return new Map(allRules.map((rule) => {
    const { outcome, note } = judge(rule, { scene })
    return [rule.id, outcome === 'broken' ? `broken: ${note}` : outcome]
  }))
}

/** What is wrong with a room's example: rules that do not pass on it. Its own rules must all have looked at something. */
export function faultsOfExample(room: Room<Exchange>): string[] {
  const seen = outcomes(room.example)
  const failed = [...seen].filter(([, outcome]) => outcome === 'fail' || outcome.startsWith('broken'))
  const blind = room.rules.filter(({ id }) => seen.get(id) !== 'pass' && seen.get(id) !== 'fail')
  return [
    ...failed.map(([id, outcome]) => `${id} is ${outcome} on the example of ${room.id}`),
    ...blind.map(({ id }) => `${id} is ${seen.get(id)} on the example of its own room`),
  ]
}

/** What is wrong with a mutant in memory; empty when it is killed by its rule and by nothing else. */
export function faultsOfMutant({ room, rule, mutant }: Twin): string[] {
  let edited: Transcript
  try {
    edited = mutant.edit(room.example)
  } catch (error) {
    return [`inert: ${error instanceof Error ? error.message : String(error)}`]
  }
  return faultsOfKill(rule, mutant, outcomes(edited))
}

const umbrellas: ReadonlySet<RuleId> = new Set(allRules.filter((rule) => rule.umbrella).map(({ id }) => id))

/** What is wrong with a set of outcomes as the death of a mutant: survived, or others fell with it. */
export function faultsOfKill(rule: Rule<Exchange>, mutant: Mutant, seen: ReadonlyMap<RuleId, string>): string[] {
  const allowed = new Set<RuleId>([rule.id, ...umbrellas, ...(mutant.alsoBreaks ?? [])])
  const own = seen.get(rule.id)
  return [
    ...(own === 'fail' ? [] : [`survived: ${rule.id} is ${own}`]),
    ...[...seen].filter(([id, outcome]) => (outcome === 'fail' || outcome.startsWith('broken')) && !allowed.has(id))
      .map(([id, outcome]) => `${id} is ${outcome} too`),
  ]
}

/** Faults of the catalogue itself: ids, clauses, wording, and at least one mutant for each rule. */
export function faultsOfCatalogue(): string[] {
  const ids = allRules.map(({ id }) => id)
  return rooms.flatMap((room) => room.rules.flatMap((rule) => [
    ...(rule.id.startsWith(`${room.id}/`) && /^[a-z0-9-]+$/.test(rule.id.slice(room.id.length + 1)) ? [] : [`${rule.id}: not an id of ${room.id}`]),
    ...(ids.filter((id) => id === rule.id).length === 1 ? [] : [`${rule.id}: not unique`]),
    ...(/^https:\/\/[^ ]+#[^ ]+$/.test(rule.clause) ? [] : [`${rule.id}: the clause is no URL with a fragment`]),
    ...(Object.keys(rule.mutants).length > 0 ? [] : [`${rule.id}: no mutant`]),
    ...Object.values(rule.mutants).flatMap(({ alsoBreaks = [] }) => alsoBreaks.filter((id) => !ids.includes(id)).map((id) => `${rule.id}: alsoBreaks names ${id}, which is no rule`)),
    ...(/\b(?:should|must|shall)\b/i.test(rule.says) ? [`${rule.id}: says what should be, not what is`] : []),
    ...([rule.says, rule.harm, rule.fix].every((text) => text.length > 10 && !text.endsWith('.')) ? [] : [`${rule.id}: says, harm and fix are phrases without a full stop`]),
  ]))
}
