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
 * V8 lets tens of MiB of dead buffers gather before it looks for them, and what a server holds for its clients would
 * drown in that. A small nursery and a heap that grows by a fifth at a time keep it in sight, for about 4 % of the speed.
 */
const frugal = ['--max-semi-space-size=2', '--heap-growing-percent=20'] as const

/** The command that runs a reference server, in the words of `npm start --`. */
export const program = (args: readonly string[]): readonly [file: string, ...args: string[]] =>
  [process.execPath, ...frugal, fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'serve.ts' : 'serve.js', import.meta.url)), ...args]

/** The same for programs: the server prints a `Ready` line, and ends on SIGTERM or when its stdin closes. */
export const command = (name: string, flags: readonly string[] = []): ReturnType<typeof program> => program([name, '--json', ...flags])
