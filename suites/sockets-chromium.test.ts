/** The WebSockets of the reference servers and a browser: what the page sees of echo, streams, cancel, close and origins. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { executable, installed, launched } from '../clients/browser.ts'
import { Stand, countTo, names, start20, started } from './sockets/stand.ts'

const there = installed() !== undefined
const absent = `there is no ${executable}; CHROMIUM names another`

/** What a page saw of a socket, from open to close. */
interface Seen {
  readonly protocol: string
  readonly extensions: string
  readonly got: readonly (string | readonly number[])[]
  readonly code: number
  readonly wasClean: boolean
}

interface Script {
  readonly url: string
  readonly protocols?: readonly string[]
  /** arrays of numbers are sent as binary messages */
  readonly send: readonly (string | readonly number[])[]
  /** what is sent when so many messages have come */
  readonly next?: { readonly at: number; readonly send: string }
  /** the text in the last message that is awaited, or how many messages are; then the page closes with 1000 */
  readonly until: string | number
}

/** Runs in the page. */
function talk({ url, protocols, send, next, until }: Script): Promise<Seen> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [...protocols ?? []])
    const got: (string | number[])[] = []
    const say = (one: string | readonly number[]): void => socket.send(typeof one === 'string' ? one : new Uint8Array(one))
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () => send.forEach(say))
    socket.addEventListener('message', ({ data }) => {
      got.push(typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer)])
      if (next?.at === got.length) say(next.send)
      if (typeof until === 'number' ? got.length === until : String(data).includes(until)) socket.close(1000, 'seen')
    })
    socket.addEventListener('close', ({ code, wasClean }) => {
      resolve({ protocol: socket.protocol, extensions: socket.extensions, got, code, wasClean })
    })
  })
}

describe.skipIf(!there)(`Chromium${there ? '' : ` (${absent})`}`, () => {
  const stand = new Stand()
  let browser: Browser
  beforeAll(async () => {
    await stand.start()
    browser = await launched()
  }, 60_000)
  afterAll(() => Promise.all([browser?.close(), stand.end()]))

  describe.each(names)('with %s', (name) => {
    const at = ({ skip }: TestContext): ReturnType<Stand['at']> => stand.at(name, { skip: (note) => skip(note) })
    const socketUrl = (url: string): string => url.replace(/^http/, 'ws')

    async function seen(origin: string, script: Script): Promise<Seen> {
      const page: Page = await browser.newPage()
      try {
        await page.goto(origin)
        return await page.evaluate(talk, { ...script, url: socketUrl(script.url) })
      } finally {
        await page.close()
      }
    }

    test('echoes text, binary, nothing and 64 KiB, and closes cleanly', async (context) => {
      const { url } = at(context)
      const send = ['naïve 𝒳', [0, 255, 128], '', [], 'ß'.repeat(32 * 1024)]
      const { got, code, wasClean } = await seen(url, { url: `${url}echo`, send, until: send.length })
      expect(got).toEqual(send)
      expect({ code, wasClean }).toEqual({ code: 1000, wasClean: true })
    })

    test('compresses as the browser offers it', async (context) => {
      const { url } = at(context)
      const { extensions } = await seen(url, { url: `${url}echo`, send: ['a'], until: 1 })
      expect(extensions).toMatch(/^permessage-deflate(;|$)/)
    })

    test('streams chunks in order and one end', async (context) => {
      const { url, socket } = at(context)
      const { got } = await seen(url, { url: socket, send: [JSON.stringify(start20)], until: '"done"' })
      const replies = got.map((one) => JSON.parse(String(one)) as { readonly type: string; readonly n?: number })
      expect(replies.map(({ type, n }) => n ?? type)).toEqual([...countTo(20), 'done'])
    })

    test('stops in mid-stream when the page cancels, and says so once', async (context) => {
      const { url, socket } = at(context)
      const { got } = await seen(url, {
        url: socket,
        send: [JSON.stringify({ ...start20, count: 100_000 })],
        next: { at: 3, send: JSON.stringify({ type: 'cancel', stream: 's1' }) },
        until: '"cancelled"',
      })
      const types = got.map((one) => (JSON.parse(String(one)) as { readonly type: string }).type)
      expect(types.at(-1)).toBe('cancelled')
      expect(types.filter((type) => type === 'cancelled')).toHaveLength(1)
      expect(types.length).toBeLessThan(1000)
    })

    test('admits pages of its origins alone', async (context) => {
      // JSON, which has no policy of its own about where its page may connect to
      const [ours, foreign] = ['node-http', 'express'].map((one) => `${stand.at(one, context).url}streamproof`) as [string, string]
      const server = await started(name, ['--origin', new URL(ours).origin])
      if (typeof server === 'string') return context.skip(server)
      try {
        const script = { url: `${server.url}echo`, send: ['a'], until: 1 }
        expect(await seen(ours, script)).toMatchObject({ got: ['a'], code: 1000 })
        expect(await seen(foreign, script)).toMatchObject({ got: [], code: 1006 })
      } finally {
        await server.child.end()
      }
    })
  })
})
