/** Traceability: no sentence of the standards without a rule or a reason, no rule without a sentence. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { packageFile } from '../harness/recipes.ts'
import { streamRules } from '../harness/selection.ts'
import { clausesOf, rulesPage, traceabilityPage } from '../harness/trace.ts'
import type { Level } from '../spec/model.ts'
import type { Clause } from '../spec/trace/clause.ts'
import { clauses, standards } from '../spec/trace/index.ts'

const ids = new Set<string>(streamRules.map(({ id }) => id))

describe('sentences', () => {
  test('have ids of their own', () => {
    const all = clauses.map(({ id }) => id)
    expect(all.filter((id, i) => all.indexOf(id) !== i)).toEqual([])
    expect(clauses.length).toBeGreaterThan(150)
  })

  test('stand at a place that can be opened', () => {
    expect(clauses.filter(({ url }) => !/^https:\/\/[^#\s]+#[^#\s]+$/.test(url)).map(({ id }) => id)).toEqual([])
  })

  test('have rules, or a reason why not', () => {
    const bare = clauses.filter((clause) => ('rules' in clause ? clause.rules.length === 0 : clause.excluded.trim() === ''))
    expect(bare.map(({ id }) => id)).toEqual([])
  })

  test('name rules that exist, each once', () => {
    const wrong = clauses.flatMap((clause) => ('rules' in clause
      ? clause.rules.filter((rule, i) => !ids.has(rule) || clause.rules.indexOf(rule) !== i).map((rule) => `${clause.id}: ${rule}`)
      : []))
    expect(wrong).toEqual([])
  })

  test('that bind a server and allow no exception are left out for a reason alone', () => {
    const left = clauses.filter((clause) => !('rules' in clause) && clause.binds === 'server' && clause.keyword === 'MUST')
    // each of them is looked at here: a new one has to be argued for
    expect(left.map(({ id }) => id)).toEqual(['rfc9110-6.6.1-no-clock', 'rfc9110-13-conditions', 'rfc9112-6.3-request-length'])
  })

  test.each(standards.map(({ title, revision }) => [title, revision]))('%s names its revision', (_, revision) => {
    expect(revision).toMatch(/\b20\d\d\b/)
  })
})

describe('rules', () => {
  test('come from a sentence', () => {
    expect(streamRules.filter(({ id }) => clausesOf(id).length === 0).map(({ id }) => id)).toEqual([])
  })

  test('come from the clause that they name', () => {
    const astray = streamRules.filter(({ id, clause }) => !clausesOf(id).some(({ url }) => url === clause))
    expect(astray.map(({ id, clause }) => `${id}: ${clause}`)).toEqual([])
  })

  const grounds: Readonly<Partial<Record<Level, (clause: Clause) => boolean>>> = {
    must: ({ binds, keyword }) => binds === 'server' && keyword === 'MUST',
    should: ({ binds, keyword }) => binds === 'server' && keyword === 'SHOULD',
    interop: ({ binds, keyword }) => binds === 'client' && keyword !== 'MAY',
  }
  test('have the level of a sentence: must and should bind the server, interop the client', () => {
    const unfounded = streamRules.filter(({ id, level }) => {
      const ground = grounds[level]
      return ground !== undefined && !clausesOf(id).some(ground)
    })
    expect(unfounded.map(({ id, level }) => `${id} (${level})`)).toEqual([])
  })
})

describe('generated pages say what the data say; npm run docs writes them', () => {
  test.each([['docs/traceability.md', traceabilityPage], ['docs/rules.md', rulesPage]])('%s', (path, page) => {
    expect(readFileSync(packageFile(path), 'utf8') === page(), `${path} is out of date: npm run docs`).toBe(true)
  })

  test('every link within them leads somewhere', () => {
    const anchors = new Set([...`${traceabilityPage()}${rulesPage()}`.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id))
    const links = [...`${traceabilityPage()}${rulesPage()}`.matchAll(/\]\((?:rules\.md|traceability\.md)?#([^)]+)\)/g)].map(([, id]) => id ?? '')
    expect(links.length).toBeGreaterThan(300)
    expect(links.filter((id) => !anchors.has(id))).toEqual([])
  })
})
