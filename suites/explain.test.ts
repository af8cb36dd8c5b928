/** Explanations: every rule has one, what they name exists, and the code of the recipes runs and conforms. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientRules } from '../spec/client/index.ts'
import { catalogue, catalogueJson } from '../harness/catalogue.ts'
import { explanation, pageText } from '../harness/explanation.ts'
import { areasOf, pageIds, readListing, readSubject } from '../harness/options/subject.ts'
import { examples, packageFile, partsOf, partsOfRecipe, type ExampleFile } from '../harness/recipes.ts'
import { fails } from '../harness/report.ts'
import type { RunOptions } from '../harness/request.ts'
import { run } from '../harness/run.ts'
import { allRules, matches, streamRules } from '../harness/selection.ts'
import { Mistake } from '../harness/values.ts'
import { decodeEventStream, type Dispatched } from '../spec/sse/decode.ts'
import { explanations } from '../spec/sse/explain/index.ts'
import { inWords, recipes, type RecipeId } from '../spec/sse/explain/recipes.ts'

const rules = streamRules.map(({ id }) => id)
const ids = new Set<string>(rules)
const everyId = [...allRules.map(({ id }) => id), ...clientRules.map(({ id }) => id)]
const recipeIds = Object.keys(recipes) as readonly RecipeId[]

describe('explanations', () => {
  test('there is one for every rule about event streams', () => {
    expect(rules.filter((id) => !explanations.has(id))).toEqual([])
  })

  test('and none for a rule that does not exist', () => {
    expect([...explanations.keys()].filter((id) => !ids.has(id))).toEqual([])
  })

  test('related rules exist and are others', () => {
    const wrong = [...explanations].flatMap(([id, { related = [] }]) =>
      related.filter((slug, i) => !ids.has(`sse/${slug}`) || `sse/${slug}` === id || related.indexOf(slug) !== i).map((slug) => `${id}: ${slug}`))
    expect(wrong).toEqual([])
  })

  test('each shows wrong code, what is wrong with it, and a recipe', () => {
    const bare = [...explanations].filter(([, { bug, flaw, recipes: named }]) => bug.length === 0 || flaw === '' || named.length === 0)
    expect(bare.map(([id]) => id)).toEqual([])
  })

  test.each(everyId)('%s: the text is whole', (id) => {
    const text = explanation({ kind: 'rule', id })
    const rule = [...allRules, ...clientRules].find((one) => one.id === id)
    for (const part of [rule?.says, rule?.level, rule?.clause, rule?.harm, rule?.fix, `--only ${id}`]) expect(text).toContain(part)
    expect(text).not.toMatch(/^ +[\w ]+ {2}undefined$|\[object/m)
    expect(text.endsWith('\n') && !text.endsWith('\n\n')).toBe(true)
  })
})

describe('recipes', () => {
  test('each is named by a rule', () => {
    const used = new Set([...explanations.values()].flatMap((one) => one.recipes))
    expect(recipeIds.filter((id) => !used.has(id))).toEqual([])
  })

  test('each that is not in words alone has code: for Node and FastAPI, but for what a proxy or a parser does', () => {
    const lacking = recipeIds.filter((id) => {
      const files = partsOfRecipe(id).map(({ file }) => file)
      if (inWords.has(id)) return files.length > 0
      if (id === 'proxy') return !files.includes('nginx.conf')
      return !files.some((file) => file.endsWith('.js')) || (id !== 'parser' && !files.includes('fastapi_streams.py'))
    })
    expect(lacking).toEqual([])
  })

  test('each mark in an example is a recipe, and each file is an example', () => {
    const marks = (Object.keys(examples) as ExampleFile[]).flatMap((file) => [...partsOf(readFileSync(packageFile(`examples/${file}`), 'utf8')).keys()])
    expect(marks.filter((id) => !(recipeIds as readonly string[]).includes(id))).toEqual([])
    expect(readdirSync(packageFile('examples')).filter((file) => !(file in examples))).toEqual([])
  })

  test('parts may lie in one another and come in pieces; margins go', () => {
    const text = ['// recipe: a', 'one', '  # recipe: b', '  two', '', '    three', '  # end', '// end', 'no', '// recipe: a', 'four', '// end'].join('\n')
    expect(partsOf(text)).toEqual(new Map([['a', ['one', '  two', '', '    three', '', 'four']], ['b', ['two', '', '  three']]]))
  })

  test.each([['// recipe: a', 'has no end'], ['// end', 'without "recipe"']])('%j is a mistake of the file', (text, message) => {
    expect(() => partsOf(text)).toThrow(message)
  })
})

describe('subjects', () => {
  test('no subject lists areas and pages', () => {
    const text = explanation(readSubject(undefined, everyId))
    for (const name of [...areasOf(everyId), ...pageIds]) expect(text).toContain(name)
  })

  test.each(areasOf(everyId))('area %s lists its rules', (area) => {
    const text = explanation(readSubject(`${area}/*`, everyId))
    for (const id of everyId.filter((one) => one.startsWith(`${area}/`))) expect(text).toContain(id.slice(area.length + 1))
  })

  test('the area of servers can do without its protocol', () => {
    expect(readSubject('framing', everyId)).toEqual({ kind: 'area', id: 'sse/framing' })
  })

  test.each([
    ['bufering', 'streamproof explain buffering'],
    ['sse/framing/cr-in-dat', 'streamproof explain sse/framing/cr-in-data'],
    ['cr-in-data', 'streamproof explain sse/framing/cr-in-data'],
    ['sse/famring', 'streamproof explain sse/framing'],
    ['quite something else', 'streamproof explain'],
  ])('%s gets the nearest', (text, type) => {
    expect(() => readSubject(text, everyId)).toThrow(expect.objectContaining({ usage: expect.objectContaining({ type }) }) as Error)
  })
})

describe('the list of rules', () => {
  test('all, an area, a level', () => {
    expect(catalogue({ globs: [] }).trim().split('\n')).toHaveLength(everyId.length)
    expect(catalogue(readListing(['retry'], undefined, everyId)).split('\n')[0]).toMatch(/^sse\/retry\/digits-only +interop +a retry value/)
    expect(catalogue(readListing([], 'should', everyId)).trim().split('\n').every((line) => / {2}should {2}/.test(line))).toBe(true)
  })

  test('as JSON with bug, fix and page', () => {
    const [one] = JSON.parse(catalogueJson(readListing(['sse/heartbeat/flushed'], undefined, everyId))) as Record<string, unknown>[]
    expect(Object.keys(one ?? {})).toEqual(expect.arrayContaining(['id', 'level', 'clause', 'says', 'harm', 'fix', 'bug', 'flaw', 'recipes', 'related', 'page']))
  })

  test('what matches nothing, and what is no level', () => {
    expect(() => readListing(['sse/framin'], undefined, everyId)).toThrow(Mistake)
    expect(() => readListing([], 'musst', everyId)).toThrow(Mistake)
  })
})

describe('pages', () => {
  test.each(pageIds)('%s names rules and pages that exist', (id) => {
    const text = pageText(id)
    expect(text).toMatch(/^# /)
    const globs = [...text.matchAll(/\b(?:sse|client)\/[a-z0-9]+\/[a-z0-9*-]+/g)].map(([glob]) => glob)
    expect(globs.length).toBeGreaterThan(1)
    expect(globs.filter((glob) => !everyId.some((rule) => matches(glob, rule)))).toEqual([])
    for (const [, subject] of text.matchAll(/streamproof explain ([a-z0-9/-]+)/g)) expect(() => readSubject(subject, everyId)).not.toThrow()
    for (const [path] of text.matchAll(/examples\/[\w.-]+/g)) expect(existsSync(packageFile(path)), path).toBe(true)
  })
})

/** examples/stream.js has no types: users read it, and it runs as it stands. */
const stream = await import(packageFile('examples/stream.js').href) as {
  block(event: { id?: string; event?: string; data?: string; retry?: unknown }): string
  Channel: new () => { publish(event: object): void; after(id?: string): string; finish(): void; isOver(id?: string): boolean }
}
const read = (text: string): readonly Dispatched[] => decodeEventStream(Buffer.from(text)).events

describe('the encoder of the recipes', () => {
  test('whatever is published arrives, or is refused', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\r', ':', '\0', '\u2028', 'é', '\ud83d\ude00', '\ud800', '\ufeff', '\t') })
    fc.assert(fc.property(text, text, text, (data, event, id) => {
      let bytes: string
      try {
        bytes = stream.block({ data, event, id })
      } catch {
        return /[\r\n]/.test(event) || /\p{Cc}|^ | $/u.test(id)
      }
      const [one, ...more] = read(bytes)
      expect(more).toEqual([])
      expect(one).toMatchObject({ data: data.replace(/\r\n|\r/g, '\n').toWellFormed(), type: event.toWellFormed() || 'message', lastEventId: id.toWellFormed() })
      return true
    }), { seed: 1 })
  })

  test.each([3.5, -1, '3s', ''])('a retry of %j is refused', (retry) => expect(() => stream.block({ retry })).toThrow('retry'))
})

describe('the history of the recipes', () => {
  const published = (): { channel: InstanceType<typeof stream.Channel>; ids: string[] } => {
    const channel = new stream.Channel()
    for (let n = 1; n <= 1002; n++) channel.publish({ data: String(n) })
    return { channel, ids: read(channel.after('none')).slice(1).map(({ lastEventId }) => lastEventId) }
  }
  const dataAfter = (channel: InstanceType<typeof stream.Channel>, id?: string): string[] => read(channel.after(id)).map(({ data }) => data)

  test('a first request gets nothing, a known id what came after it', () => {
    const { channel, ids: kept } = published()
    expect(dataAfter(channel)).toEqual([])
    expect(dataAfter(channel, kept.at(-3))).toEqual(['1001', '1002'])
    expect(dataAfter(channel, kept.at(-1))).toEqual([])
  })

  test('an id that is gone gets a reset, and then what is kept', () => {
    const { channel, ids: kept } = published()
    expect(kept).toHaveLength(1000)
    expect(read(channel.after('gone')).slice(0, 2)).toMatchObject([{ type: 'reset' }, { data: '3' }])
  })

  test('a finished channel is over for who has seen its last event, and for nobody else', () => {
    const { channel, ids: kept } = published()
    expect(channel.isOver(kept.at(-1))).toBe(false)
    channel.finish()
    const [last] = read(channel.after(kept.at(-1)))
    expect(last).toMatchObject({ type: 'end' })
    expect([channel.isOver(last?.lastEventId), channel.isOver(kept.at(-1)), channel.isOver()]).toEqual([true, false, false])
  })
})

const token = 'open-sesame'

describe.concurrent.each(['node-http.js', 'express.js'])('examples/%s', (file) => {
  let server: ChildProcess
  let url = ''
  beforeAll(async () => {
    server = spawn(process.execPath, [`examples/${file}`], {
      cwd: packageFile('.'), env: { ...process.env, PORT: '0', TOKEN: token }, stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(server.stdout ?? server, 'data') as [Buffer]
    url = line.toString().trim()
  })
  afterAll(async () => {
    const gone = once(server, 'exit')
    server.kill('SIGTERM')
    expect(await gone).toEqual([0, null])
  })

  const options = (extra: Partial<RunOptions>): RunOptions => ({
    target: url, method: 'GET', headers: [], token, insecure: false, observeMs: 1500, only: [], skip: [], failOn: 'advice',
    allowOriginChange: false, ...extra,
  })

  test('fails no rule, advice included', { timeout: 60_000 }, async () => {
    const report = await run(options({ origin: 'https://app.example.com', budget: 60 }), {})
    expect(report.verdicts.filter((verdict) => fails(verdict, 'advice') || verdict.outcome === 'broken')).toEqual([])
    const passed = new Set<string>(report.verdicts.filter(({ outcome }) => outcome === 'pass').map(({ rule }) => rule))
    const shown = ['framing/block-terminated', 'ids/on-every-event', 'resume/honours-last-event-id', 'headers/x-accel-buffering', 'status/head',
      'status/405-or-501', 'lifecycle/first-bytes', 'headers/date-on-refusals', 'cors/allow-origin',
      'caching/not-stored', 'http1/http10-client', 'auth/401-challenge', 'auth/401-status']
    expect(shown.filter((slug) => !passed.has(`sse/${slug}`))).toEqual([])
  })

  test('answers a POST with a stream that fails no rule either', { timeout: 30_000 }, async () => {
    const report = await run(options({ target: new URL('/answer', url).href, method: 'POST', body: '{}' }), {})
    expect(report.verdicts.filter((verdict) => fails(verdict, 'advice') || verdict.outcome === 'broken')).toEqual([])
    expect(report.verdicts.find(({ rule }) => rule === 'sse/lifecycle/post-stream')?.outcome).toBe('pass')
  })
})
