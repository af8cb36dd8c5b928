/** The reference servers, in the order in which they are shown. */
import { fileURLToPath } from 'node:url'
import type { Running, StartOptions } from './stream/service.ts'

export interface Reference {
  /** as `npm start -- NAME` takes it */
  readonly name: string
  /** as people read it */
  readonly label: string
  /** The transport; rejects where it cannot be loaded, as a native one without a binary for this Node. */
  readonly load: () => Promise<{ readonly start: (options?: StartOptions) => Promise<Running> }>
}

export const references: readonly Reference[] = [
  { name: 'node-http', label: 'node:http', load: () => import('./node-http.ts') },
  { name: 'express', label: 'Express', load: () => import('./express.ts') },
  { name: 'uws', label: 'uWebSockets.js', load: () => import('./uws.ts') },
]

/** What the server process prints on stdout, one line of JSON, once it listens. */
export interface Ready {
  readonly url: string
  readonly descriptor: string
  readonly name: string
  readonly version: string
}

/** Exit codes of the server process. `unavailable`: there is no binary of it for this Node. */
export const exits = { ended: 0, failed: 1, usage: 2, unavailable: 3 } as const

/**
 * The command that runs a reference server in a process of its own: it prints a `Ready` line and ends on SIGTERM or
 * when its stdin closes. `flags` as of `npm start`, `nodeFlags` as of node.
 */
export const command = (name: string, flags: readonly string[] = [], nodeFlags: readonly string[] = []): readonly [file: string, ...args: string[]] =>
  [process.execPath, ...nodeFlags, fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'serve.ts' : 'serve.js', import.meta.url)), name, '--json', ...flags]
