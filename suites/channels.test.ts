/** Channels come and go: what nobody uses is forgotten before it fills the memory of a reference server. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start } from '../servers/node-http.ts'

const mebibyte = 1024 * 1024
/** more than is kept of all of them together */
const many = 80

let url = ''
let stop: () => Promise<void>
beforeAll(async () => {
  const server = await start()
  url = server.url
  stop = () => server.close()
})
afterAll(() => stop())

const publish = (c: string, ...events: readonly { readonly id?: string; readonly data: string }[]): Promise<Response> =>
  fetch(`${url}channels/${c}/events`, { method: 'POST', body: JSON.stringify(events) })

/** What a stream brings up to the first event, and what leaves it. */
async function subscribed(c: string, lastEventId?: string): Promise<{ status: number; text: string; leave: () => void }> {
  const controller = new AbortController()
  const response = await fetch(`${url}channels/${c}`, {
    signal: controller.signal, headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
  })
  let text = ''
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  while (reader && !/^data/m.test(text) && lastEventId !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    text += value
  }
  return { status: response.status, text, leave: () => controller.abort() }
}

test('channels that nobody uses are forgotten, the oldest first, and no others', async () => {
  const large = 'x'.repeat(mebibyte)
  await publish('busy', { id: 'a', data: '1' }, { id: 'b', data: '2' })
  const busy = await subscribed('busy')
  await publish('over', { id: 'a', data: '1' })
  await fetch(`${url}channels/over`, { method: 'DELETE' })
  for (let n = 0; n < many; n++) expect((await publish(`c-${n}`, { id: 'a', data: large }, { id: 'b', data: `number ${n}` })).status).toBe(202)

  const seen = await Promise.all(['busy', 'c-0', `c-${many - 1}`].map((c) => subscribed(c, 'a')))
  expect(seen.map(({ text }) => /^event: reset$/m.test(text))).toEqual([false, true, false])
  expect(seen[2]?.text).toContain(`number ${many - 1}`)
  // what is over stays so
  expect((await subscribed('over')).status).toBe(204)
  expect((await publish('over', { data: '2' })).status).toBe(409)
  expect((await fetch(`${url}channels/over`, { method: 'PUT', body: '{}' })).status).toBe(409)
  for (const { leave } of [busy, ...seen]) leave()
})

test('so are those that were only opened, once there are a thousand', async () => {
  await publish('first', { id: 'a', data: '1' }, { id: 'b', data: '2' })
  for (let n = 0; n < 1000; n++) {
    const { leave } = await subscribed(`opened-${n}`)
    leave()
  }
  const { text, leave } = await subscribed('first', 'a')
  expect(text).toMatch(/^event: reset$/m)
  leave()
})
