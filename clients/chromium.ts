/**
 * The EventSource of a real Chromium, without a window. The executable is CHROMIUM, or `chromium` of the path. Type:
 * npx streamproof client --keep --at-once 2 --cmd 'node clients/chromium.ts'
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { eachUrl, types, watch } from './adapter.ts'

const profile = mkdtempSync(join(tmpdir(), 'streamproof-chromium-'))

const browser = spawn(process.env.CHROMIUM ?? 'chromium', [
  '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-sandbox', '--disable-gpu', '--disable-quic',
  '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', 'about:blank',
], { stdio: ['ignore', 'ignore', 'pipe'] })
process.on('exit', () => {
  browser.kill('SIGKILL')
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit())
browser.on('error', (error) => {
  console.error(`Error: ${error.message}: install chromium, or set CHROMIUM to its path`)
  process.exit(1)
})

interface Answer {
  readonly id?: number
  readonly result?: Readonly<Record<string, string>>
  readonly method?: string
  readonly params?: { readonly payload: string }
}

/** What the page says goes to standard output. */
const heard: Record<string, (params: Answer['params']) => void> = { 'Runtime.bindingCalled': (params) => console.log(params?.payload) }

type Command = (method: string, params?: object, sessionId?: string) => Promise<Readonly<Record<string, string>>>

/** Commands of the DevTools protocol. */
async function connected(): Promise<Command> {
  let endpoint: string | undefined
  for await (const line of createInterface({ input: browser.stderr })) {
    endpoint = /DevTools listening on (\S+)/.exec(line)?.[1]
    if (endpoint !== undefined) break
  }
  if (endpoint === undefined) throw new Error('chromium ended before it listened')
  browser.stderr.resume()
  const socket = new WebSocket(endpoint)
  await once(socket, 'open')
  const answers = new Map<number, (result: Readonly<Record<string, string>>) => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result = {}, method = '', params } = JSON.parse(String(data)) as Answer
    if (id === undefined) heard[method]?.(params)
    else answers.get(id)?.(result)
  })
  let next = 0
  return (method, params = {}, sessionId) => new Promise((resolve) => {
    answers.set(++next, resolve)
    socket.send(JSON.stringify({ id: next, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
  })
}

/** In the page: each source lives in a frame of its own, so that it can be let go by removing the frame. */
const script = `
  const watch = ${watch}
  let current
  function begin(url) {
    if (current) current.close()
    current = undefined
    document.body.replaceChildren()
    if (url === '') return
    const frame = document.body.appendChild(document.createElement('iframe'))
    const source = new frame.contentWindow.EventSource(url)
    current = watch(source, ${JSON.stringify(types)}, (line) => say(JSON.stringify({ url, ...line })), () => frame.remove())
  }`

/** URLs that came while the browser started wait for it. */
const ready = (async () => {
  const command = await connected()
  const { targetId } = await command('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await command('Target.attachToTarget', { targetId, flatten: true })
  const inPage = (method: string, params?: object): Promise<unknown> => command(method, params, sessionId)
  await inPage('Page.enable')
  await inPage('Runtime.enable')
  await inPage('Runtime.addBinding', { name: 'say' })
  // what runs before the page has loaded is lost with about:blank
  const loaded = new Promise<void>((resolve) => (heard['Page.loadEventFired'] = () => resolve()))
  await inPage('Page.navigate', { url: process.env.STREAMPROOF_PAGE ?? 'about:blank' })
  await loaded
  await inPage('Runtime.evaluate', { expression: script })
  return (url: string) => inPage('Runtime.evaluate', { expression: `begin(${JSON.stringify(url)})` })
})()

let turn: Promise<unknown> = ready
eachUrl((url) => {
  turn = turn.then(async () => (await ready)(url))
})
