/** A client that is a command: one process for each URL, or with `keep` a process that is given URL after URL. */
import { setTimeout as pause } from 'node:timers/promises'
import { start, type Child } from '../child.ts'
import { shellWord } from '../report/text.ts'
import { eventTypes } from '../../spec/client/index.ts'
import { readLine, type Client, type Opened, type Told } from './client.ts'
import { Log } from './log.ts'

export interface CommandOptions {
  /** a shell command line */
  readonly command: string
  /** give a process one URL after the other on its standard input; an empty line closes what is open */
  readonly keep: boolean
  /** URL of a page that a browser opens first */
  readonly page: string
}

/** @returns a client whose processes get STREAMPROOF_URL, STREAMPROOF_TYPES and STREAMPROOF_PAGE in their environment */
export function commandClient({ command, keep, page }: CommandOptions): Client {
  const running = new Set<Child>()
  const run = (line: string, env: Readonly<Record<string, string>>): Child => {
    const child = start(line, undefined, { ...env, STREAMPROOF_TYPES: eventTypes.join(','), STREAMPROOF_PAGE: page })
    running.add(child)
    void child.gone.then(() => running.delete(child))
    return child
  }
  const end = async (): Promise<void> => {
    await Promise.all([...running].map((child) => child.end()))
  }
  return { open: keep ? kept(() => run(command, {})) : alone(run, command), end }
}

/** ms in which what a process has written is read, when something it started still holds its standard output */
const readMs = 500

/** Told when a process is gone and all it wrote is read. */
async function ended(child: Child): Promise<Told> {
  const how = await child.gone
  await Promise.race([child.silent, pause(readMs)])
  return { kind: 'gone', how, said: child.output().join(' / ') }
}

function alone(run: (line: string, env: Readonly<Record<string, string>>) => Child, command: string): Client['open'] {
  return (url) => {
    const told = new Log<Told>()
    const child = run(`${command} ${shellWord(url)}`, { STREAMPROOF_URL: url })
    let over = false
    child.onLine((line) => over || told.add(readLine(line).told))
    void ended(child).then((gone) => over || told.add(gone))
    return {
      told,
      close: () => {
        over = true
        return child.end()
      },
    }
  }
}

interface Kept {
  readonly child: Child
  gone?: true
  current?: { readonly url: string; readonly told: Log<Told> } | undefined
}

function kept(run: () => Child): Client['open'] {
  const idle: Kept[] = []
  const another = (): Kept => {
    const one: Kept = { child: run() }
    one.child.onLine((line) => {
      const { told, url } = readLine(line)
      // a line of the URL before may come late
      if (one.current && (url === undefined || url === one.current.url)) one.current.told.add(told)
    })
    void one.child.gone.then(() => {
      one.gone = true
      if (idle.includes(one)) idle.splice(idle.indexOf(one), 1)
    })
    void ended(one.child).then((gone) => {
      one.current?.told.add(gone)
    })
    return one
  }
  return (url): Opened => {
    const one = idle.pop() ?? another()
    const told = new Log<Told>()
    one.current = { url, told }
    one.child.write(`${url}\n`)
    return {
      told,
      close: async () => {
        one.current = undefined
        one.child.write('\n')
        if (!one.gone) idle.push(one)
      },
    }
  }
}
