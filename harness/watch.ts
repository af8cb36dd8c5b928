/**
 * Files that change, for `--watch`. One watcher for each directory: `recursive` of node:fs cannot leave out
 * node_modules on Linux, and a watcher of a single file ends when an editor replaces that file.
 */
import { EventEmitter, once } from 'node:events'
import { lstatSync, readdirSync, statSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Mistake } from './values.ts'

/** ms without a change after which a change is complete: an editor writes, renames and removes */
const quietMs = 100
const unwatchedDirectories = /^(?:\..+|node_modules|__pycache__)$/
const unwatchedFiles = /^(?:\..+|.*~|.*\.(?:log|tmp|sw[px])|4913)$/

/** What changes below some paths, from now until it is closed. */
export class FileChanges {
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #changed = new Set<string>()
  readonly #news = new EventEmitter()
  /** what the kit writes itself */
  readonly #own: readonly string[]

  /**
   * @param paths files and directories; the working directory when there are none
   * @param own files and directories whose changes mean nothing
   * @throws Mistake for a path that is not there, and for more directories than the system can watch
   */
  constructor(paths: readonly string[], own: readonly string[] = []) {
    this.#own = own.map((path) => resolve(path))
    for (const path of paths.length === 0 ? ['.'] : paths) this.#root(path)
  }

  /** The paths that have changed since the last call, as soon as there are any; none when the signal aborts. */
  async next(signal: AbortSignal): Promise<string[]> {
    try {
      if (this.#changed.size === 0) await once(this.#news, 'change', { signal })
      for (let before = -1; before !== this.#changed.size;) {
        before = this.#changed.size
        await pause(quietMs, undefined, { signal })
      }
    } catch (error) {
      if (!signal.aborted) throw error
      return []
    }
    const paths = [...this.#changed].map((path) => relative('', path)).toSorted()
    this.#changed.clear()
    return paths
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #root(path: string): void {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) throw new Mistake(`--watch-path ${path}: there is no such file`, 'a file or a directory', '--watch-path src')
    const place = resolve(path)
    if (stats.isDirectory()) this.#enter(place)
    else this.#watch(place, dirname(place), (name) => name === basename(place))
  }

  /** A directory and all below it. */
  #enter(directory: string): void {
    if (this.#watchers.has(directory)) return
    this.#watch(directory, directory, (name) => !unwatchedFiles.test(name) && !unwatchedDirectories.test(name))
    for (const entry of entriesOf(directory)) {
      if (entry.isDirectory() && !unwatchedDirectories.test(entry.name)) this.#enter(join(directory, entry.name))
    }
  }

  #watch(key: string, directory: string, isMeant: (name: string) => boolean): void {
    try {
      const watcher = watch(directory, (event, name) => {
        if (name !== null && isMeant(name)) this.#saw(event, join(directory, name))
      })
      // the directory is gone; its parent tells
      watcher.on('error', () => this.#leave(directory))
      this.#watchers.set(key, watcher)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (code !== 'ENOSPC' && code !== 'EMFILE') throw error
      this.close()
      throw new Mistake(`more directories to watch than the system can (${code})`, 'fewer directories', '--watch-path src')
    }
  }

  #saw(event: string, path: string): void {
    if (this.#own.some((own) => path === own || path.startsWith(`${own}${sep}`))) return
    const stats = lstatSync(path, { throwIfNoEntry: false })
    // one that is made again needs another watcher
    if (!stats) this.#leave(path)
    if (stats?.isDirectory()) {
      // what is in it has watchers of its own
      if (event !== 'rename') return
      this.#enter(path)
    }
    this.#changed.add(path)
    this.#news.emit('change')
  }

  #leave(directory: string): void {
    for (const [path, watcher] of this.#watchers) {
      if (path !== directory && !path.startsWith(`${directory}${sep}`)) continue
      watcher.close()
      this.#watchers.delete(path)
    }
  }
}

function entriesOf(directory: string): ReturnType<typeof readdir> {
  try {
    return readdir(directory)
  } catch {
    // it went in the meantime
    return []
  }
}

const readdir = (directory: string) => readdirSync(directory, { withFileTypes: true })

/**
 * Runs once, and again after every change, until the signal aborts.
 * @returns the exit code of the last run that was not interrupted
 */
export async function whenever(
  changes: FileChanges,
  run: () => Promise<number>,
  { signal, announce }: { readonly signal: AbortSignal; readonly announce: (line: string) => void },
): Promise<number> {
  let last: number | undefined
  try {
    for (;;) {
      const code = await run()
      if (signal.aborted) return last ?? code
      last = code
      announce('waiting for a change; Ctrl-C ends')
      const paths = await changes.next(signal)
      if (paths.length === 0) return last
      announce(`changed: ${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ` and ${paths.length - 5} more` : ''}`)
    }
  } finally {
    changes.close()
  }
}
