/** The import law: one direction, and nothing impure in `spec`. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folders = ['spec', 'servers', 'suites', 'harness', 'bench', 'clients']
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).split(sep).join('/')))

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const imports: readonly Import[] = files.flatMap((from) => {
  const text = readFileSync(join(root, from), 'utf8')
  return [...text.matchAll(/^(?:import|export)(\s+type)?\s[^'";]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm)].map((match) => {
    const specifier = match[2] ?? match[3] ?? match[4] ?? ''
    const to = specifier.startsWith('.') ? relative(root, join(root, dirname(from), specifier)).split(sep).join('/') : specifier
    return { from, to, typeOnly: match[1] !== undefined }
  })
})

const breaches = (law: (one: Import) => boolean): string[] => imports.filter((one) => !law(one)).map(({ from, to }) => `${from} -> ${to}`)
const isTest = (file: string): boolean => file.endsWith('.test.ts')
const isRoom = (file: string): boolean => roomFiles.has(file)
const roomFiles = new Set(['sse', 'ws'].flatMap((protocol) =>
  [...readFileSync(join(root, `spec/${protocol}/index.ts`), 'utf8').matchAll(/from '\.\/([a-z0-9]+)\.ts'/g)]
    .map(([, name]) => `spec/${protocol}/${name}.ts`).filter((file) => !file.endsWith('/exchange.ts'))))

test('imports are seen at all', () => {
  expect(imports.length).toBeGreaterThan(100)
  expect(roomFiles.size).toBeGreaterThan(4)
})

test('spec imports nothing outside spec but node:buffer and minizlib', () => {
  expect(breaches(({ from, to }) => !from.startsWith('spec/') || to.startsWith('spec/') || to === 'node:buffer' || to === 'minizlib')).toEqual([])
})

test('spec is pure: no console, process, timers or clock', () => {
  const impure = /\b(?:console|process|setTimeout|setInterval|performance|(?<!#)fetch)\b\s*[.(]|\bDate\.now\b|\bMath\.random\b/
  const found = files.filter((file) => file.startsWith('spec/')).flatMap((file) =>
    readFileSync(join(root, file), 'utf8').split('\n')
      .flatMap((line, i) => (impure.test(line.replace(/^\s*(?:\*|\/\/|\/\*).*|'[^']*'|`[^`]*`/g, '')) ? [`${file}:${i + 1}: ${line.trim()}`] : [])))
  expect(found).toEqual([])
})

test('rooms never import rooms', () => {
  expect(breaches(({ from, to }) => !(isRoom(from) && isRoom(to)))).toEqual([])
})

test('sse and ws never meet', () => {
  expect(breaches(({ from, to }) => !(/\/sse\//.test(from) && /\/ws\//.test(to)) && !(/\/ws\//.test(from) && /\/sse\//.test(to)))).toEqual([])
})

test('suites import spec alone, tests and the proof of the mutants excepted', () => {
  const proof = new Set(['suites/held-up.ts', 'suites/live.ts', 'suites/mutants.ts', 'suites/mutation.ts', 'suites/soak.ts', 'suites/hostile.ts', 'suites/sockets/stand.ts', 'suites/sockets/hostile.ts'])
  expect(breaches(({ from, to }) =>
    !from.startsWith('suites/') || isTest(from) || proof.has(from) || (from.startsWith('suites/client/') && to.startsWith('clients/')) || to.startsWith('spec/') || to.startsWith('suites/') || to === 'fast-check' || to === 'node:buffer')).toEqual([])
})

test('harness imports no server, and of the suites only their index and types', () => {
  expect(breaches(({ from, to }) => !from.startsWith('harness/') || !to.startsWith('servers/') || to === 'servers/index.ts')).toEqual([])
  expect(breaches(({ from, to }) => !from.startsWith('harness/') || !to.startsWith('suites/') || /suites\/(?:stimulus|sse\/index|ws\/stimulus|ws\/index)\.ts$/.test(to))).toEqual([])
})

test('clients import of the kit only the decoder', () => {
  expect(breaches(({ from, to }) => !from.startsWith('clients/') || !/^(?:spec|servers|harness|suites)\//.test(to) || to === 'spec/sse/decode.ts')).toEqual([])
})

test('servers import of spec only the contract, the model and the encoder; those that are wrong on purpose also the frames', () => {
  expect(breaches(({ from, to }) =>
    !from.startsWith('servers/') || (from.startsWith('servers/faulty/echo/') && /^spec\/(?:ws\/|bytes\.ts)/.test(to)) || !/^(?:spec|harness|suites)\//.test(to) || /^spec\/(?:contract\/contract|model|sse\/encode)\.ts$/.test(to))).toEqual([])
})

test('nothing but tests imports a test, and no file is longer than 300 lines without a reason in its head', () => {
  expect(breaches(({ from, to }) => isTest(from) || !isTest(to))).toEqual([])
  const long = files.filter((file) => {
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    return lines.length > 301 && !/longer than/i.test(lines.slice(0, 8).join('\n'))
  })
  expect(long).toEqual([])
})
