/**
 * The protocol of `streamproof client` on one page: a URL as last argument, or URL after URL on standard input; one
 * JSON line on standard output for whatever the client sees. Written for clients that look like an EventSource; for
 * others see README.md and print the lines yourself.
 */
import { createInterface } from 'node:readline'

/** What the protocol needs of an EventSource. */
export interface Source {
  readonly readyState: number
  onopen: ((event: never) => void) | null
  addEventListener(type: string, listener: (event: Message) => void): void
  close(): void
}

/** An event of the stream has data; one that tells of the connection has none. */
export interface Message {
  readonly type: string
  readonly data?: unknown
  readonly lastEventId?: string
  readonly origin?: string
}

/** Serves the protocol with sources that are made by `open`. */
export function serve(open: (url: string) => Source): void {
  let current: Source | undefined
  eachUrl((url) => {
    current?.close()
    current = url === '' ? undefined : watch(open(url), types, (line) => say({ url, ...line }))
  })
}

/** The types of events that a source listens to. */
export const types: readonly string[] = (process.env.STREAMPROOF_TYPES ?? 'message').split(',')

export function say(line: object): void {
  console.log(JSON.stringify(line))
}

/** Calls back for the URL of the command line, or for each of standard input; an empty one means: close what is open. */
export function eachUrl(begin: (url: string) => void): void {
  const url = process.argv[2] ?? ''
  if (url !== '') begin(url)
  else createInterface({ input: process.stdin }).on('line', begin).on('close', () => process.exit())
}

/**
 * Tells what a source does. Self-contained, so that its text can run in a browser.
 * @param forget lets go of the source without close(), where that can be done
 */
export function watch(source: Source, names: readonly string[], tell: (line: object) => void, forget?: () => void): Source {
  let closesOnError = false
  const close = (): void => {
    source.close()
    tell({ closed: true })
  }
  const heard = (event: Message): void => {
    // an event of the stream that is named `error` has data; the one that tells of the connection has none
    if (event.type === 'error' && typeof event.data !== 'string') {
      tell({ error: true, readyState: source.readyState })
      if (closesOnError) close()
      return
    }
    const { type, data, lastEventId, origin } = event
    tell({ type, data, lastEventId, origin })
    if (type === 'close' && data === 'now') close()
    if (type === 'close' && data === 'error') closesOnError = true
    if (type === 'forget' && forget) {
      forget()
      tell({ forgotten: true })
    }
  }
  source.onopen = () => tell({ open: true })
  for (const name of new Set([...names, 'error'])) source.addEventListener(name, heard)
  return source
}
