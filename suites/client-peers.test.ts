/**
 * Clients of others, over real connections. What they do wrong stands here with its clause; what is mended, or newly
 * wrong, fails. A Chromium is judged where there is one: our vectors against a browser.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { executable, installed } from '../clients/browser.ts'
import { judgedClient } from '../harness/client.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const node = join(root, 'node_modules/.bin/node')

/** Slugs of the rules that a client fails, without those that take long and add nothing here. */
async function failures(adapter: string, atOnce: number): Promise<string[]> {
  const { incomplete, verdicts } = await judgedClient({
    command: `${node} ${join(root, 'clients', adapter)}`, keep: true, atOnce, failOn: 'must',
    only: [], skip: ['client/parser/chunk-invariance', 'client/parser/status-not-200', 'client/parser/mime', 'client/parser/bounded-memory'],
  })
  expect(incomplete).toBeUndefined()
  return verdicts.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule.slice('client/parser/'.length))
}

test.concurrent('undici', async () => {
  expect(await failures('undici.ts', 4)).toEqual([
    // Set the event type buffer to field value: also when that is empty
    'event-type',
    // process the field when its line is read
    'retry-immediate',
    // step 8 of dispatch: not when readyState is CLOSED
    'order',
  ])
}, 120_000)

test.concurrent('eventsource', async () => {
  expect(await failures('eventsource.ts', 4)).toEqual([
    // UTF-8 decode removes one byte order mark, at the start of the stream
    'bom-once',
  ])
}, 120_000)

const there = installed() !== undefined

test.concurrent(`Chromium${there ? '' : ` (there is no ${executable}; CHROMIUM names another)`}`, { skip: !there, timeout: 180_000 }, async () => {
  expect(await failures('chromium.ts', 2)).toEqual([
    // a charset other than UTF-8 closes the source; HTML decodes as UTF-8 whatever it says
    'utf8-always',
  ])
})
